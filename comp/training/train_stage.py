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
from comp.models import factory, finite, provenance, weights_file
from comp.recipes import frozen
from comp.recipes.recipe import Recipe
from comp.store import diverged
from comp.store.paths import Run
from comp.training.engine import Fit
from comp.training.epochs import Epochs

WAITING = 0.05  # share of an epoch spent waiting for photos that is worth a word
NOT_SHOWN = ("epoch", "train_loss", "val_loss", "lr", "seconds", "images_per_second", "waiting")  # the rest: metrics


def train_fold(run: Run, recipe: Recipe, data: RunData, k: int, inputs: Path, where: torch.device) -> None:
    """Train fold k unless it is trained already; resume it if it was begun. One process at a time.

    Raises NotFinite where it diverges, and at the next start, before it trains again.
    """
    resume = run.fold(k) / "resume.pt"
    with processes.first_holds(run.lock(k), f"fold {k} of {run.name}"):
        if run.weights(k).is_file() and not resume.is_file():
            provenance.check_current(run, data, k)
            finite.check_file(run.weights(k), recipe)
            console.say(f"{run.name} fold {k}: already trained, {run.weights(k)}")
            return
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
def _remembered(run: Run, k: int, made_with: dict) -> Iterator[None]:
    """Keep the error of a training whose numbers are not finite, for its next start."""
    try:
        yield
    except finite.NotFinite as error:
        if processes.rank() == 0:
            diverged.keep(run, k, made_with, error)
        raise


def _prepare(run: Run, recipe: Recipe, data: RunData, k: int, inputs: Path, where: torch.device) -> Fit:
    """The fold's rows and model, and a line that says what will be trained on what."""
    train, val = data.training(k, recipe), data.held_out(k)
    _check_apart(data.folds["group"], train.rows[: train.labelled], val.rows, k)
    torch.manual_seed(recipe.seed * 1000 + k)
    resumed = (run.fold(k) / "resume.pt").is_file()
    built = factory.build(recipe, data.competition, inputs / "weights", pretrained=recipe.pretrained and not resumed)
    fit = Fit(built.model, recipe, train, val, data.competition, where)
    pseudo = f", {train.pseudo} pseudo-labelled ones" if train.pseudo else ""
    rows = f"{train.labelled} training rows{pseudo}, {len(val.labels)} held out"
    console.say(f"{run.name} fold {k}: {rows}" + (", resumed" if resumed else ""), style="bold")
    console.say(f"  {', '.join(f'{name} {value}' for name, value in fit.chosen.items())}")
    if built.origin:
        frozen.check_pretrained(run, dataclasses.asdict(built.origin))
        console.say(f"  {built.origin}")
    return fit


def _check_apart(groups: pd.Series, train: np.ndarray, val: np.ndarray, k: int) -> None:
    """Raise InputError for groups on both sides: checked when the folds were written, but the file may be edited."""
    overlap = set(groups.iloc[train]) & set(groups.iloc[val])
    if overlap:
        raise InputError(f"{sorted(overlap)[:3]} on both sides of fold {k}", "each group in one fold", "make folds")


def _write(run: Run, k: int, epochs: Epochs, metadata: dict) -> None:
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
        f"  epoch {row['epoch']:3d}  train loss {row['train_loss']:.4f}  val loss {row['val_loss']:.4f}"
        + "".join(f"  {name} {value:.4f}" for name, value in metrics.items())
        + f"  lr {row['lr']:.1e}  {row['images_per_second']:,.0f} images/s  {row['seconds']:.0f} s"
        + (f"  {row['waiting']:.0%} of it waiting for photos" if row["waiting"] > WAITING else "")
    )
