"""Do the work of the command `make train`: check a run, then train and predict each of its folds.

A lock prevents two commands from training the same fold at the same time. If a training was killed, the same command
resumes it after the last saved epoch. A training on all rows (all_data) comes after the folds. It has no held-out
rows, so the best epochs of the folds decide how many epochs it takes.
"""

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from torch import nn

from comp import console
from comp.competition.competition import Competition
from comp.console import score_text
from comp.data.batches import Batches
from comp.data.run_data import RunData
from comp.errors import InputError
from comp.hardware import device, processes
from comp.models import factory, init_weights, weights_file
from comp.prediction import predict
from comp.project import Project
from comp.recipes import recipe_json
from comp.recipes.recipe_settings import Recipe
from comp.store import history
from comp.store.paths import ALL_DATA
from comp.store.runs import Run
from comp.tabular import beside_networks
from comp.training import checks_before_training as before
from comp.training import loop
from comp.training.loop import Epochs, Fit

WAITING = 0.05  # if an epoch spends more than this share of its time waiting for photos, the share is printed


def train_run(
    project: Project,
    run: Run,
    recipe: Recipe,
    command: str,
    fold: str = "all",
    where: str = "auto",
    predicts: bool = True,
) -> None:
    """Train the folds of a run, and predict each fold after its training. All checks are done before a file is written.

    command: the command that makes the run again; it is saved in recipe.json. fold: the number of a fold, "all", or
    "all_data" for the training on all rows. where: the name of a device, such as "cuda:1", or "auto". predicts: whether
    the folds are predicted.
    """
    competition = project.competition
    before.check_names(recipe, competition)
    numbers = project.fold_numbers(fold)
    numbers += [ALL_DATA] if recipe.all_data and fold == "all" else []
    where = processes.start(device.choose_device(where))
    recipe = before.with_chosen_settings(project, run, recipe, where)
    recipe = before.with_statistics(run, recipe, competition)
    before.check_begun(project, run, recipe, numbers)
    data = RunData(project, recipe)
    data.check_training()
    before.check_init(project, run, recipe, numbers)
    origin = before.first_weights(project, run, recipe, where)
    data.training(numbers[0])  # the photos are decoded before recipe.json is written
    with processes.first_alone(project.outputs):
        recipe_json.claim_run(run, recipe, competition, command, origin)
    train_folds(data, run, numbers, where, predicts)
    if processes.rank() == 0:
        beside_networks.say_untried(project, run, recipe)
    processes.stop()


def train_folds(data: RunData, run: Run, numbers: list[int | str], where: torch.device, predicts: bool = True) -> None:
    """Train some folds of a run that has a recipe.json, predict each fold after its training, and print the scores.

    numbers: the numbers of the folds; "all_data" in this list stands for the training on all rows. where: the device.
    predicts: whether the folds are predicted and scored.
    """
    for k in numbers:
        train_fold(data, run, k, where)
        if predicts:
            predict.predict_folds(data, run, [k], data.recipe.tta, where)
    if predicts:
        predict.show_fold_scores(data, run, numbers)


def train_fold(data: RunData, run: Run, k: int | str, where: torch.device) -> None:
    """Train one fold of a run. A training that was killed is resumed. A fold that is already trained is only checked.

    k: the number of the fold, or "all_data" for the training on all rows. Raises NotFinite if numbers of the training
    become infinite or NaN. The error is saved. If the same training is started again unchanged, the saved error is
    raised at once as an InputError.
    """
    with processes.first_holds(run.lock(k), f"fold {k} of {run.name}"):
        if run.is_trained(k):
            weights_file.check_weights_current(data, run, k)
            weights_file.check_finite_file(run.weights(k), data.recipe)
            console.say(f"{run.name} fold {k}: already trained, the weights are in {run.weights(k)}")
            return
        if k == ALL_DATA:
            before.check_folds_trained(data.project, run)
        record = weights_file.training_record(data, run, k)
        history.check_diverged(run, k, record)
        fit = _prepare(data, run, k, where)
        with _divergence_kept(run, k, record):
            epochs = fit.run(run.resume(k), record, console.progress, _say_epoch)
        if processes.rank() == 0:
            _write(run, k, epochs, record | {"engine": fit.chosen})
            run.resume(k).unlink(missing_ok=True)
            run.diverged(k).unlink(missing_ok=True)
        processes.wait()


@contextlib.contextmanager
def _divergence_kept(run: Run, k: int | str, record: dict) -> Iterator[None]:
    """Context manager: if a NotFinite error is raised in it, save the error for the next start of this training.

    The error is then raised as usual. k: the number of the fold, or "all_data" for the training on all rows. record:
    the hashes of all files that the training depends on; they are saved with the error.
    """
    try:
        yield
    except weights_file.NotFinite as error:
        if processes.rank() == 0:
            history.keep_divergence(run, k, record, error)
        raise


def _prepare(data: RunData, run: Run, k: int | str, where: torch.device) -> Fit:
    """Build the model and return the Fit, which trains fold k. Print what the training starts with.

    k: the number of the fold, or "all_data" for the training on all rows. The number of rows, the settings of the
    device, and the origin of the first weights are printed.
    """
    recipe, resumed = data.recipe, run.resume(k).is_file()
    torch.manual_seed(recipe.seed * 1000 + (data.project.fold_count if k == ALL_DATA else k))
    init = init_weights.init_weights_of(run, recipe.init, k) if recipe.init and not resumed else None
    pretrained = recipe.pretrained and not recipe.init and not resumed
    built = factory.build_model(recipe, data.competition, data.project.inputs / "weights", pretrained, init)
    fit = _fit(built.model, data, run, k, where, built.new_head)
    train = fit.loader.batches
    rows = f"{train.labelled} training rows, " + (f"{train.pseudo} pseudo-labelled rows, " if train.pseudo else "")
    rows += f"{fit.length} epochs" if k == ALL_DATA else f"{len(fit.val.labels)} held-out rows"
    console.say(f"{run.name} fold {k}: {rows}" + (", resumed" if resumed else ""), style="bold")
    console.say(f"  {', '.join(f'{name} {value}' for name, value in fit.chosen.items())}")
    if train.auxiliary:
        console.say(f"  learns also {', '.join(map(str, train.auxiliary))}")
    if init:
        new = "".join(f"; new tensor: {line}" for line in built.new)
        console.say(f"  starts with the weights of fold {k} of {recipe.init}{new}")
    if built.origin:
        recipe_json.check_pretrained(run, dataclasses.asdict(built.origin))
        console.say(f"  {built.origin}")
    return fit


def _fit(model: nn.Module, data: RunData, run: Run, k: int | str, where: torch.device, new_head: bool) -> Fit:
    train = data.training(k)
    if k == ALL_DATA:
        return AllRowsFit(model, data.recipe, train, data.competition, where, mean_best_epoch(data, run), new_head)
    val = data.held_out(k)
    _check_apart(data.project.folds["group"], train.rows[: train.labelled], val.rows, k)
    return Fit(model, data.recipe, train, val, data.competition, where, new_head)


def _check_apart(groups: pd.Series, train: np.ndarray, val: np.ndarray, k: int) -> None:
    """Raise InputError if a group has rows both inside and outside of fold k, for example because folds.csv was edited.

    groups: the group of each row of folds.csv. train: the positions of the training rows in folds.csv. val: the
    positions of the held-out rows. k: the number of the fold, for the error.
    """
    overlap = set(groups.iloc[train]) & set(groups.iloc[val])
    if overlap:
        found = f"these groups have rows inside and outside of fold {k}: {', '.join(map(str, sorted(overlap)[:3]))}"
        raise InputError(found, "all rows of a group in one fold of folds.csv", "make folds")


def _write(run: Run, k: int | str, epochs: Epochs, metadata: dict) -> None:
    history.write_history(run.history(k), epochs.history)
    metadata |= {"epoch": epochs.best_epoch + 1, "epochs": epochs.count}
    weights_file.save_weights(run.weights(k), epochs.best, metadata)


def _say_epoch(row: dict) -> None:
    console.say(
        f"  epoch {row['epoch']:3d}  train loss {score_text(row['train_loss'])}"
        + (f"  val loss {score_text(row['val_loss'])}" if "val_loss" in row else "")
        + "".join(f"  {name} {score_text(row[name])}" for name in history.metric_names(row))
        + f"  lr {row['lr']:.1e}  {row['images_per_second']:,.0f} images/s  {row['seconds']:.0f} s"
        + (f"  {row['waiting']:.0%} of the time waiting for photos" if row["waiting"] > WAITING else "")
    )


# ---- a training on all rows


class AllRowsFit(Fit):
    """A training on all rows. It has no held-out rows, so it has no scores and keeps the weights of the last epoch.

    length: the number of epochs. The learning rate changes from epoch to epoch as in the training of a fold, and the
    training stops after `length` epochs.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        train: Batches,
        competition: Competition,
        device: torch.device,
        length: int,
        new_head: bool = False,
    ):
        recipe = dataclasses.replace(recipe, patience=0, average_best=1)
        super().__init__(model, recipe, train, train, competition, device, new_head)
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


def mean_best_epoch(data: RunData, run: Run) -> int:
    """Return the mean of the folds' best epochs, counted from 1 and rounded to a whole number. A half is rounded up.

    Raises InputError if a fold is not trained, or if its weights are out of date.
    """
    before.check_folds_trained(data.project, run)
    best = []
    for k in range(data.project.fold_count):
        weights_file.check_weights_current(data, run, k)
        best.append(weights_file.weights_metadata(run.weights(k), run.restart_command(k))["epoch"])
    return int(sum(best) / len(best) + 0.5)
