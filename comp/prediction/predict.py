"""Probabilities of rows from one model or several, in one pass over the photos; every row once, over all processes.

Predict the folds of a run with TTA: held-out photos by their fold's model, the test photos by all in one pass.

What is printed after folds were predicted: the score of each, TTA included.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from comp import console, files
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.competition.scored_rows import combine_by_id, scored_ids
from comp.data.batches import Batches, Order, to_model
from comp.data.loader import Loader
from comp.data.run_data import RunData
from comp.errors import InputError
from comp.hardware import device, processes
from comp.hardware.device import autocast, explained_device_error, memory_format, precision
from comp.models import factory, heads, weights_file
from comp.models.weights_file import NotFinite, check_finite_weights
from comp.prediction import tta
from comp.recipes.recipe_settings import Recipe
from comp.store import runs
from comp.store.predictions import load_predictions, save_predictions
from comp.store.runs import ALL_DATA, Run

Advance = Callable[[int], None]  # told how many images are done


def predict(
    model: nn.Module, batches: Batches, recipe: Recipe, competition: Competition, device: torch.device, **options
) -> np.ndarray:
    """Probabilities (N, C) of one model: see `predict_all`."""
    return predict_all([model], batches, recipe, competition, device, **options)[0]


def predict_all(
    models: Sequence[nn.Module],
    batches: Batches,
    recipe: Recipe,
    competition: Competition,
    device: torch.device,
    batch_size: int = 0,
    advance: Advance = lambda count: None,
    views: str = "none",
) -> np.ndarray:
    """Probabilities (M, N, C) float32 of every row in its order, no batch dropped, in one pass over the photos.

    views: the TTA set to average over. batch_size 0: four times that of training, because no layer's output is kept for
    a backward pass. Models that overflow in a half precision are predicted again in float32: weights of a GPU with bf16
    may do so in another's fp16.
    """
    size = batch_size or 4 * recipe.batch_size
    probs = _one_pass(models, batches, recipe, competition, device, size, advance, views)
    half = precision(recipe, device)
    bad = [i for i in range(len(models)) if half != torch.float32 and not np.isfinite(probs[i]).all()]
    if bad:
        console.warn(f"{half} overflows in {len(bad)} of {len(models)} model(s): predicting again in float32")
        plain, again = dataclasses.replace(recipe, amp="off"), [models[i] for i in bad]
        probs[bad] = _one_pass(again, batches, plain, competition, device, size, lambda count: None, views)
    return probs


def _one_pass(
    models: Sequence[nn.Module],
    batches: Batches,
    recipe: Recipe,
    competition: Competition,
    device: torch.device,
    batch_size: int,
    advance: Advance,
    views: str,
) -> np.ndarray:
    head = heads.build_head(recipe, competition)
    wrapped = [tta.wrap(model.eval(), head, views) for model in models]
    mine = batches.only(processes.rows(len(batches.labels)))
    loader = Loader(mine, Order(mine.labels, batch_size, "none", 0), recipe.workers, device)
    half, layout = precision(recipe, device), memory_format(recipe)
    parts = []
    with torch.inference_mode(), explained_device_error(recipe, device):
        for pixels, labels, _ in loader:
            images = to_model(pixels, recipe.mean, recipe.std, device).contiguous(memory_format=layout)
            with autocast(half, device):
                parts.append(torch.stack([probabilities(images).float() for probabilities in wrapped]))
            advance(len(labels) * processes.world())
    probs = torch.cat(parts, 1).double().cpu().numpy()
    if competition.sums_to_one:
        probs = probs / probs.sum(2, keepdims=True)
    return np.stack([processes.gather(one, len(batches.labels)) for one in probs.astype(np.float32)])


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
        _predict_and_write(run, recipe, data, pending[i : i + size], views, where)


def check_trained(run: Run, data: RunData, k: int | str) -> None:
    """Raise InputError where fold k has no weights, or weights of another recipe.json or folds.csv."""
    if not run.weights(k).is_file():
        raise InputError(f"no {run.weights(k)}", "the weights of a trained fold", runs.train_command(run, k))
    weights_file.check_weights_current(run, data, k)


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
    trained_with = weights_file.trained_with(run, data, k)
    return {"run": run.name, "tta": views, **trained_with, "weights": files.digest(run.weights(k))}


def _predict_and_write(run: Run, recipe: Recipe, data: RunData, numbers: list, views: str, where: torch.device) -> None:
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
    model = factory.create_model(recipe, competition, Path(), pretrained=False)
    weights_file.load_weights(model, run.weights(k), f"rm {run.weights(k)}, then {runs.train_command(run, k)}")
    check_finite_weights(model.state_dict(), run.weights(k), recipe)
    return model.to(where, memory_format=device.memory_format(recipe))


def _write(run: Run, data: RunData, k: int | str, probs: dict[str, np.ndarray], views: str) -> None:
    """probs (N, C) of fold k's photos ("held-out", not of ALL_DATA) and of all test photos ("test")."""
    origin = _origin(run, data, k, views)
    ids, combined = combine_by_id(data.competition, data.test["id"], probs["test"])
    if "held-out" in probs:
        save_predictions(run.oof(k), data.held_out_images(k), probs["held-out"], data.competition, origin)
    save_predictions(run.test(k), ids, combined, data.competition, origin)


def show_fold_scores(run: Run, data: RunData, numbers: list) -> None:
    """Print the competition's metrics for each predicted fold, then their mean and spread. ALL_DATA has no scores."""
    numbers = [k for k in numbers if k != ALL_DATA]
    if not numbers:
        return
    rows = [_row(run, data, k) for k in numbers]
    values = np.array([row[1:-1] for row in rows], float)
    if len(rows) > 1:
        spread = zip(values.mean(0), values.std(0), strict=True)
        rows.append(["mean ± sd", *[f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in spread], ""])
    views = load_predictions(run.oof(numbers[-1]), data.competition).meta.get("tta")
    columns = ["fold", *scoring.titles(data.competition), "best epoch"]
    console.table(f"{run.name}: out of fold, TTA {views}", columns, rows)


def _row(run: Run, data: RunData, k: int) -> list:
    held_out = data.held_out(k)
    made = load_predictions(run.oof(k), data.competition)
    probs = made.at(data.held_out_images(k))
    values = scoring.scores(data.competition, *scored_ids(data.competition, held_out.labels, probs, held_out.ids))
    trained = weights_file.weights_metadata(run.weights(k), "") if run.weights(k).is_file() else {}
    best = f"{trained['epoch']} of {trained['epochs']}" if trained else "-"
    return [f"fold {k}", *values.values(), best]
