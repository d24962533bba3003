"""Train one fold of a run: once, by one process at a time, and on from where it was killed."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from comp import console
from comp.data.rows import RunData
from comp.errors import InputError
from comp.hardware import processes
from comp.io import files
from comp.models import factory, finite, init_check, provenance, weights_file
from comp.recipes import frozen
from comp.recipes.recipe import Recipe
from comp.store import diverged
from comp.store.fold_table import fold_count
from comp.store.paths import ALL_DATA, Run
from comp.training import all_rows
from comp.training.engine import Fit
from comp.training.epochs import Epochs

WAITING = 0.05  # share of an epoch spent waiting for photos that is worth a word
NOT_SHOWN = ("epoch", "train_loss", "val_loss", "lr", "seconds", "images_per_second", "waiting")  # the rest: metrics


def train_fold(run: Run, recipe: Recipe, data: RunData, k: int | str, inputs: Path, where: torch.device) -> None:
    """Train fold k unless it is trained already; resume it if it was begun. One process at a time.

    k: ALL_DATA for the training on all rows, which needs all folds.

    Raises NotFinite where it diverges, and at the next start, before it trains again.
    """
    resume = run.fold(k) / "resume.pt"
    with processes.first_holds(run.lock(k), f"fold {k} of {run.name}"):
        if init_check.is_trained(run, k):
            provenance.check_current(run, data, k)
            finite.check_file(run.weights(k), recipe)
            console.say(f"{run.name} fold {k}: already trained, {run.weights(k)}")
            return
        if k == ALL_DATA:
            all_rows.check_folds(run, fold_count(data.folds))
        made_with = provenance.made_with(run, data, k)
        diverged.check(run, k, made_with)
        fit = _prepare(run, recipe, data, k, inputs, where)
        with _remembered(run, k, made_with):
            epochs = fit.run(resume, made_with, console.progress, _say_epoch)
        if processes.rank() == 0:
            _write(run, k, epochs, made_with | {"engine": fit.chosen})
            resume.unlink(missing_ok=True)
            diverged.file(run, k).unlink(missing_ok=True)
        processes.wait()


@contextlib.contextmanager
def _remembered(run: Run, k: int | str, made_with: dict) -> Iterator[None]:
    """Keep the error of a training whose numbers are not finite, for its next start."""
    try:
        yield
    except finite.NotFinite as error:
        if processes.rank() == 0:
            diverged.keep(run, k, made_with, error)
        raise


def _prepare(run: Run, recipe: Recipe, data: RunData, k: int | str, inputs: Path, where: torch.device) -> Fit:
    """The fold's rows and model, and lines that say what will be trained on what."""
    torch.manual_seed(recipe.seed * 1000 + (fold_count(data.folds) if k == ALL_DATA else k))
    resumed = (run.fold(k) / "resume.pt").is_file()
    init = init_check.weights(run, recipe.init, k) if recipe.init and not resumed else None
    pretrained = recipe.pretrained and not recipe.init and not resumed
    built = factory.build(recipe, data.competition, inputs / "weights", pretrained, init)
    fit = _fit(built.model, run, recipe, data, k, where)
    train = fit.loader.batches
    rows = f"{train.labelled} training rows, " + (f"{train.pseudo} pseudo-labelled ones, " if train.pseudo else "")
    rows += f"{fit.length} epochs" if k == ALL_DATA else f"{len(fit.val.labels)} held out"
    console.say(f"{run.name} fold {k}: {rows}" + (", resumed" if resumed else ""), style="bold")
    console.say(f"  {', '.join(f'{name} {value}' for name, value in fit.chosen.items())}")
    if init:
        console.say(f"  begins with fold {k} of {recipe.init}" + "".join(f"; new: {line}" for line in built.new))
    if built.origin:
        frozen.check_pretrained(run, dataclasses.asdict(built.origin))
        console.say(f"  {built.origin}")
    return fit


def _fit(model: torch.nn.Module, run: Run, recipe: Recipe, data: RunData, k: int | str, where: torch.device) -> Fit:
    train = data.training(k, recipe)
    if k == ALL_DATA:
        return all_rows.AllRowsFit(model, recipe, train, data.competition, where, all_rows.length(run, data))
    val = data.held_out(k)
    _check_apart(data.folds["group"], train.rows[: train.labelled], val.rows, k)
    return Fit(model, recipe, train, val, data.competition, where)


def _check_apart(groups: pd.Series, train: np.ndarray, val: np.ndarray, k: int) -> None:
    """Raise InputError for groups on both sides: checked when the folds were written, but the file may be edited."""
    overlap = set(groups.iloc[train]) & set(groups.iloc[val])
    if overlap:
        raise InputError(f"{sorted(overlap)[:3]} on both sides of fold {k}", "each group in one fold", "make folds")


def _write(run: Run, k: int | str, epochs: Epochs, metadata: dict) -> None:
    write_history(run.history(k), epochs.history)
    metadata |= {"epoch": epochs.best_epoch + 1, "epochs": epochs.count}
    weights_file.save_weights(run.weights(k), epochs.best, metadata)


def write_history(path: Path, rows: list[dict]) -> None:
    """history.csv: one row per epoch with the losses, the metrics by name, and the times."""
    with files.replacing(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False, float_format="%.6g")


def _say_epoch(row: dict) -> None:
    metrics = {name: value for name, value in row.items() if name not in NOT_SHOWN}
    console.say(
        f"  epoch {row['epoch']:3d}  train loss {row['train_loss']:.4f}"
        + (f"  val loss {row['val_loss']:.4f}" if "val_loss" in row else "")
        + "".join(f"  {name} {value:.4f}" for name, value in metrics.items())
        + f"  lr {row['lr']:.1e}  {row['images_per_second']:,.0f} images/s  {row['seconds']:.0f} s"
        + (f"  {row['waiting']:.0%} of it waiting for photos" if row["waiting"] > WAITING else "")
    )
