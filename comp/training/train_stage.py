"""Train one fold of a run: once, by one process at a time, and on from where it was killed."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from comp import console
from comp.competition import home
from comp.competition.home import class_attributes
from comp.data.rows import Data
from comp.errors import InputError
from comp.hardware import processes
from comp.io import files
from comp.models import models
from comp.models.trained import check_trained, identity
from comp.recipes.recipe import Recipe
from comp.store.paths import Run
from comp.training.engine import Fit

WAITING = 0.05  # share of an epoch spent waiting for photos that is worth a word


def train_fold(run: Run, recipe: Recipe, data: Data, k: int, inputs: Path, where: torch.device) -> None:
    """Train fold k unless it is trained already; resume it if it was begun. One process at a time."""
    with processes.first_holds(run.lock(k), f"fold {k} of {run.name}"):
        _train_fold(run, recipe, data, k, inputs, where)


def _train_fold(run: Run, recipe: Recipe, data: Data, k: int, inputs: Path, where: torch.device) -> None:
    resume = run.fold(k) / "resume.pt"
    if run.weights(k).is_file() and not resume.is_file():
        check_trained(run, data, k)
        console.say(f"{run.name} fold {k}: already trained, {run.weights(k)}")
        return
    train, val = data.training(k, recipe), data.held_out(k)
    _check_apart(data.folds["group"], train.rows, val.rows, k)
    torch.manual_seed(recipe.seed * 1000 + k)
    resumed = resume.is_file()
    model = models.create(
        recipe,
        len(home.CLASSES),
        class_attributes(),
        inputs / "weights",
        pretrained=recipe.pretrained and not resumed,
    )
    fit = Fit(model, recipe, train, val, class_attributes(), where)
    words = f"{len(train.labels)} training rows, {len(val.labels)} held out"
    console.say(f"{run.name} fold {k}: {words}" + (", resumed" if resumed else ""), style="bold")
    console.say(f"  {', '.join(f'{name} {value}' for name, value in fit.chosen.items())}")
    made_with = identity(run, data, k)
    epochs = fit.run(resume, made_with, console.progress, _say_epoch)
    if processes.rank() == 0:
        write_history(run.history(k), epochs.history)
        made_by = {"epoch": epochs.best_epoch + 1, "epochs": epochs.count, "engine": fit.chosen}
        models.save_weights(run.weights(k), epochs.best, made_with | made_by)
        resume.unlink(missing_ok=True)
    processes.wait()


def _check_apart(groups: pd.Series, train: np.ndarray, val: np.ndarray, k: int) -> None:
    """Raise InputError for persons on both sides: checked when the folds were written, but the file may be edited."""
    overlap = set(groups.iloc[train]) & set(groups.iloc[val])
    if overlap:
        raise InputError(f"{sorted(overlap)[:3]} on both sides of fold {k}", "each person in one fold", "make folds")


def _say_epoch(row: dict) -> None:
    console.say(
        f"  epoch {row['epoch']:3d}  train loss {row['train_loss']:.4f}  val loss {row['val_loss']:.4f}"
        f"  macro F1 {row['macro_f1']:.4f}  accuracy {row['accuracy']:.4f}  lr {row['lr']:.1e}"
        f"  {row['images_per_second']:,.0f} images/s  {row['seconds']:.0f} s"
        + (f"  {row['waiting']:.0%} of it waiting for photos" if row["waiting"] > WAITING else "")
    )


def write_history(path: Path, rows: list[dict]) -> None:
    with files.replacing(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False, float_format="%.6g")
