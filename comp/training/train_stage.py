"""A training on all rows (all_data), beside the folds: nothing is held out, so the folds say how long it lasts.

Train one fold of a run: once, by one process at a time, and on from where it was killed.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from comp import console, files
from comp.competition.competition import Competition
from comp.data.batches import Batches
from comp.data.run_data import RunData
from comp.errors import InputError
from comp.hardware import processes
from comp.models import factory, init_weights, weights_file
from comp.recipes import recipe_json
from comp.recipes.recipe_settings import Recipe
from comp.store import history, runs
from comp.store.fold_table import fold_count
from comp.store.runs import ALL_DATA, Run
from comp.training import loop
from comp.training.loop import Epochs, Fit


class AllRowsFit(Fit):
    """A Fit without held-out rows: no scores, no early stop; its last epoch is kept.

    length: epochs. The schedule is that of the folds, whose best epochs it takes part in up to there: a cosine over
    fewer epochs would be another training than theirs.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        train: Batches,
        competition: Competition,
        device: torch.device,
        length: int,
    ):
        recipe = dataclasses.replace(recipe, patience=0, average_best=1)
        super().__init__(model, recipe, train, train, competition, device)
        self.length = length

    @property
    def done(self) -> bool:
        return self.epochs.count >= self.length

    def _scores(self) -> dict[str, float]:
        processes.same_everywhere(self.learner.scored)
        loop.check_finite_epoch(self.learner, self.epochs.count)
        return {}

    def _goodness(self, scores: dict[str, float]) -> float:
        return float(self.epochs.count)


def length_of_folds(run: Run, data: RunData) -> int:
    """The mean of the folds' best epochs, rounded (a half up). Raises InputError as `check_folds`."""
    check_folds_trained(run, fold_count(data.folds))
    best = []
    for k in range(fold_count(data.folds)):
        weights_file.check_weights_current(run, data, k)
        best.append(weights_file.weights_metadata(run.weights(k), runs.command_to_start_again(run, k))["epoch"])
    return int(sum(best) / len(best) + 0.5)


def check_folds_trained(run: Run, count: int) -> None:
    """Raise InputError unless all folds of the run are trained."""
    missing = [k for k in range(count) if not init_weights.is_trained(run, k)]
    if missing:
        raise InputError(
            f"FOLD={ALL_DATA}: fold {', '.join(map(str, missing))} of {run.name} not trained",
            "all folds: the mean of their best epochs says how long to train on all rows",
            f"the same command with FOLD={missing[0] if len(missing) == 1 else 'all'}",
        )


WAITING = 0.05  # share of an epoch spent waiting for photos that is worth a word
NOT_SHOWN = ("epoch", "train_loss", "val_loss", "lr", "seconds", "images_per_second", "waiting")  # the rest: metrics


def train_fold(run: Run, recipe: Recipe, data: RunData, k: int | str, inputs: Path, where: torch.device) -> None:
    """Train fold k unless it is trained already; resume it if it was begun. One process at a time.

    k: ALL_DATA for the training on all rows, which needs all folds.

    Raises NotFinite where it diverges, and at the next start, before it trains again.
    """
    resume = run.fold(k) / "resume.pt"
    with processes.first_holds(run.lock(k), f"fold {k} of {run.name}"):
        if init_weights.is_trained(run, k):
            weights_file.check_weights_current(run, data, k)
            weights_file.check_finite_file(run.weights(k), recipe)
            console.say(f"{run.name} fold {k}: already trained, {run.weights(k)}")
            return
        if k == ALL_DATA:
            check_folds_trained(run, fold_count(data.folds))
        made_with = weights_file.made_with(run, data, k)
        history.check_diverged(run, k, made_with)
        fit = _prepare(run, recipe, data, k, inputs, where)
        with _remembered(run, k, made_with):
            epochs = fit.run(resume, made_with, console.progress, _say_epoch)
        if processes.rank() == 0:
            _write(run, k, epochs, made_with | {"engine": fit.chosen})
            resume.unlink(missing_ok=True)
            history.diverged_file(run, k).unlink(missing_ok=True)
        processes.wait()


@contextlib.contextmanager
def _remembered(run: Run, k: int | str, made_with: dict) -> Iterator[None]:
    """Keep the error of a training whose numbers are not finite, for its next start."""
    try:
        yield
    except weights_file.NotFinite as error:
        if processes.rank() == 0:
            history.keep_divergence(run, k, made_with, error)
        raise


def _prepare(run: Run, recipe: Recipe, data: RunData, k: int | str, inputs: Path, where: torch.device) -> Fit:
    """The fold's rows and model, and lines that say what will be trained on what."""
    torch.manual_seed(recipe.seed * 1000 + (fold_count(data.folds) if k == ALL_DATA else k))
    resumed = (run.fold(k) / "resume.pt").is_file()
    init = init_weights.init_weights_of(run, recipe.init, k) if recipe.init and not resumed else None
    pretrained = recipe.pretrained and not recipe.init and not resumed
    built = factory.build_model(recipe, data.competition, inputs / "weights", pretrained, init)
    fit = _fit(built.model, run, recipe, data, k, where)
    train = fit.loader.batches
    rows = f"{train.labelled} training rows, " + (f"{train.pseudo} pseudo-labelled ones, " if train.pseudo else "")
    rows += f"{fit.length} epochs" if k == ALL_DATA else f"{len(fit.val.labels)} held out"
    console.say(f"{run.name} fold {k}: {rows}" + (", resumed" if resumed else ""), style="bold")
    console.say(f"  {', '.join(f'{name} {value}' for name, value in fit.chosen.items())}")
    if init:
        console.say(f"  begins with fold {k} of {recipe.init}" + "".join(f"; new: {line}" for line in built.new))
    if built.origin:
        recipe_json.check_pretrained(run, dataclasses.asdict(built.origin))
        console.say(f"  {built.origin}")
    return fit


def _fit(model: torch.nn.Module, run: Run, recipe: Recipe, data: RunData, k: int | str, where: torch.device) -> Fit:
    train = data.training(k, recipe)
    if k == ALL_DATA:
        return AllRowsFit(model, recipe, train, data.competition, where, length_of_folds(run, data))
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
