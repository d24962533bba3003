"""Predict the folds of a run with TTA: held-out photos by their fold's model, the test photos by all in one pass."""

import contextlib
from pathlib import Path

import numpy as np
import torch

from comp import console
from comp.competition.combining import by_id
from comp.competition.competition import Competition
from comp.data.rows import RunData
from comp.errors import InputError
from comp.hardware import device, precision, processes
from comp.io import files
from comp.models import factory, provenance, weights_file
from comp.models.finite import NotFinite, check_weights
from comp.prediction import tta
from comp.prediction.predict import predict, predict_all
from comp.recipes.recipe import Recipe
from comp.store import repair_commands
from comp.store.paths import ALL_DATA, Run
from comp.store.predictions import load_predictions, save_predictions


def predict_folds(run: Run, recipe: Recipe, data: RunData, numbers: list, views: str, where: torch.device) -> None:
    """Write oof.npz (a row per photo) and test.npz (a row per prediction id) of the folds; ALL_DATA has no oof.npz.

    Folds whose files were made by their weights, folds.csv and these views are left as they are. The test photos are
    read once for as many of the folds' models as fit in memory together.
    """
    for k in numbers:
        check_trained(run, data, k)
    pending = [k for k in numbers if not _is_predicted(run, data, k, views)]
    for k in numbers:
        if k not in pending:
            console.say(f"{run.name} fold {k}: already predicted with TTA {views}")
    processes.wait()  # every process has looked before one writes
    size = device.fitting(where, sum(run.weights(k).stat().st_size for k in pending), len(pending))
    for i in range(0, len(pending), size):
        _predict(run, recipe, data, pending[i : i + size], views, where)


def check_trained(run: Run, data: RunData, k: int | str) -> None:
    """Raise InputError where fold k has no weights, or weights of another recipe.json or folds.csv."""
    if not run.weights(k).is_file():
        raise InputError(f"no {run.weights(k)}", "the weights of a trained fold", repair_commands.train(run, k))
    provenance.check_current(run, data, k)


def _is_predicted(run: Run, data: RunData, k: int | str, views: str) -> bool:
    """Whether oof.npz and test.npz have the right ids and were made by the current files."""
    origin = _origin(run, data, k, views)  # hashes the weights: once for both files
    ids = {run.test(k): data.test["id"]} | ({} if k == ALL_DATA else {run.oof(k): data.held_out_images(k)})
    return all(_is_current(path, wanted, origin, data.competition) for path, wanted in ids.items())


def _is_current(path: Path, ids, origin: dict, competition: Competition) -> bool:
    try:
        made = load_predictions(path, competition)
    except InputError:
        return False
    return {name: made.meta.get(name) for name in origin} == origin and set(made.ids) == set(ids)


def _origin(run: Run, data: RunData, k: int | str, views: str) -> dict:
    """What a prediction is made with."""
    trained_with = provenance.trained_with(run, data, k)
    return {"run": run.name, "tta": views, **trained_with, "weights": files.digest(run.weights(k))}


def _predict(run: Run, recipe: Recipe, data: RunData, numbers: list, views: str, where: torch.device) -> None:
    """Predict and write folds whose models fit in memory together, while no other process may train them."""
    names = f"fold{'s' * (len(numbers) > 1)} {' '.join(map(str, numbers))}"
    with contextlib.ExitStack() as held:
        for k in numbers:
            held.enter_context(processes.first_holds(run.lock(k), f"fold {k} of {run.name}"))
        models = {k: trained_model(run, recipe, data.competition, k, where) for k in numbers}
        testing, held_out = data.testing(), {k: data.held_out(k) for k in numbers if k != ALL_DATA}
        total = len(testing.labels) + sum(len(part.labels) for part in held_out.values())
        with console.progress(f"{run.name} {names}: predicting", total) as advance:
            how = (recipe, data.competition, where)
            options = {"advance": advance, "views": views}
            made = {k: {"held-out": predict(models[k], part, *how, **options)} for k, part in held_out.items()}
            tests = predict_all(list(models.values()), testing, *how, **options)
        for k, test in zip(numbers, tests, strict=True):
            made.setdefault(k, {})["test"] = test
            _check_finite(run, recipe, k, made[k])
        if processes.rank() == 0:
            for k in numbers:
                _write(run, data, k, made[k], views)
        processes.wait()
    wrote = "oof.npz and test.npz" if held_out else "test.npz"
    console.say(f"{run.name} {names}: wrote {wrote}, TTA {views} ({tta.views(views)} views)")


def _check_finite(run: Run, recipe: Recipe, k: int | str, probs: dict[str, np.ndarray]) -> None:
    """Raise NotFinite before anything is written; probs (N, C) of which photos."""
    for which, made in probs.items():
        bad = int((~np.isfinite(made).all(1)).sum())
        if bad:
            found = f"{bad} of {len(made)} {which} photos have probabilities that are not finite, by {run.weights(k)}"
            raise NotFinite(found, recipe)


def trained_model(
    run: Run, recipe: Recipe, competition: Competition, k: int | str, where: torch.device
) -> torch.nn.Module:
    """The model of a trained fold, on the device."""
    model = factory.create(recipe, competition, Path(), pretrained=False)
    weights_file.load_weights(model, run.weights(k), f"rm {run.weights(k)}, then {repair_commands.train(run, k)}")
    check_weights(model.state_dict(), run.weights(k), recipe)
    return model.to(where, memory_format=precision.memory_format(recipe))


def _write(run: Run, data: RunData, k: int | str, probs: dict[str, np.ndarray], views: str) -> None:
    """probs (N, C) of fold k's photos ("held-out", not of ALL_DATA) and of all test photos ("test")."""
    origin = _origin(run, data, k, views)
    ids, combined = by_id(data.competition, data.test["id"], probs["test"])
    if "held-out" in probs:
        save_predictions(run.oof(k), data.held_out_images(k), probs["held-out"], data.competition, origin)
    save_predictions(run.test(k), ids, combined, data.competition, origin)
