"""Predict the folds of a run with TTA: held-out photos by their fold's model, the test photos by all in one pass."""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from comp import console
from comp.competition import home, metrics
from comp.competition.home import class_attributes
from comp.data.rows import Data
from comp.errors import InputError
from comp.hardware import device, processes
from comp.io import files
from comp.models import models
from comp.models.trained import check_trained, identity
from comp.prediction import tta
from comp.prediction.predict import predict, predict_all
from comp.recipes.recipe import Recipe
from comp.store.paths import Run
from comp.store.predictions import load_predictions, save_predictions


def predict_folds(run: Run, recipe: Recipe, data: Data, numbers: list[int], views: str, where: torch.device) -> None:
    """Write oof.npz and test.npz of the folds that have none made by their weights, folds.csv and these views.

    The test photos are read once for as many of the folds' models as fit in memory together.
    """
    pending = []
    for k in numbers:
        remedy = f"make train MODEL={recipe.name} RUN={run.name} FOLD={k}"
        if not run.weights(k).is_file():
            raise InputError(f"no {run.weights(k)}", "the weights of a trained fold", remedy)
        check_trained(run, data, k)
        ids = {run.oof(k): data.held_out_ids(k), run.test(k): data.test["id"]}
        origin = _origin(run, data, k, views)  # hashes the weights: once for both files
        if all(_is_made(path, wanted, origin) for path, wanted in ids.items()):
            console.say(f"{run.name} fold {k}: already predicted with TTA {views}")
        else:
            pending.append(k)
    processes.wait()  # all have looked before one writes
    size = device.fitting(where, sum(run.weights(k).stat().st_size for k in pending), len(pending))
    for i in range(0, len(pending), size):
        _predict(run, recipe, data, pending[i : i + size], views, where)


def _origin(run: Run, data: Data, k: int, views: str) -> dict:
    """What a prediction was made with."""
    return {"run": run.name, "tta": views, **identity(run, data, k), "weights": files.digest(run.weights(k))}


def _predict(run: Run, recipe: Recipe, data: Data, numbers: list[int], views: str, where: torch.device) -> None:
    with contextlib.ExitStack() as held:
        for k in numbers:
            held.enter_context(processes.first_holds(run.lock(k), f"fold {k} of {run.name}"))
        _predict_held(run, recipe, data, numbers, views, where)


def _predict_held(run: Run, recipe: Recipe, data: Data, numbers: list[int], views: str, where: torch.device) -> None:
    loaded = [_trained(run, recipe, k, where) for k in numbers]
    testing, held_out = data.testing(), [data.held_out(k) for k in numbers]
    total = len(testing.labels) + sum(len(part.labels) for part in held_out)
    names = f"fold{'s' * (len(numbers) > 1)} {' '.join(map(str, numbers))}"
    with console.progress(f"{run.name} {names}: predicting", total) as advance:
        how = {"advance": advance, "wrap": lambda model: tta.wrap(model, views)}
        oofs = [predict(m, part, recipe, where, **how) for m, part in zip(loaded, held_out, strict=True)]
        tests = predict_all(loaded, testing, recipe, where, **how)
    for k, oof, test in zip(numbers, oofs, tests, strict=True):
        if processes.rank() == 0:
            meta = _origin(run, data, k, views)
            save_predictions(run.oof(k), data.held_out_ids(k), oof, home.competition(), meta)
            save_predictions(run.test(k), data.test["id"], test, home.competition(), meta)
    processes.wait()
    console.say(f"{run.name} {names}: wrote oof.npz and test.npz, TTA {views} ({tta.views(views)} views)")


def _trained(run: Run, recipe: Recipe, k: int, where: torch.device) -> torch.nn.Module:
    """The model of a trained fold, on the device."""
    model = models.create(recipe, len(home.CLASSES), class_attributes(), Path(), pretrained=False)
    models.load_weights(model, run.weights(k), f"make train MODEL={recipe.name} RUN={run.name} FOLD={k}")
    return model.to(where, memory_format=device.memory_format(recipe))


def _is_made(path: Path, ids, meta: dict) -> bool:
    try:
        made = load_predictions(path, home.competition())
    except InputError:
        return False
    return {name: made.meta.get(name) for name in meta} == meta and set(made.ids) == set(ids)


def fold_table(run: Run, folds: pd.DataFrame, numbers: list[int]) -> None:
    """Print each predicted fold's scores (TTA included), then mean and spread."""
    rows = []
    for k in numbers:
        part = folds[folds["fold"] == k]
        made = load_predictions(run.oof(k), home.competition())
        scores = metrics.scores(part["label"].to_numpy(), made.at(part["image"]))
        trained = models.weights_metadata(run.weights(k), "") if run.weights(k).is_file() else {}
        best = f"{trained['epoch']} of {trained['epochs']}" if trained else "-"
        rows.append([f"fold {k}", scores["macro_f1"], scores["accuracy"], best])
    numbers_only = np.array([row[1:3] for row in rows], float)
    mean, spread = numbers_only.mean(0), numbers_only.std(0)
    if len(rows) > 1:
        rows.append(["mean ± sd", *[f"{m:.4f} ± {s:.4f}" for m, s in zip(mean, spread, strict=True)], ""])
    console.table(
        f"{run.name}: out of fold, TTA {made.meta.get('tta')}",
        ["fold", "macro F1", "accuracy", "best epoch"],
        rows,
    )
