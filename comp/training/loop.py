"""Train one fold with a recipe, and keep the weights of the best epoch. The training can be resumed after any epoch.

`Fit`, at the end of the module, is the training loop. The functions that it uses come first: the resume file, the
checks that all numbers are finite, the scores of an epoch, the history with the weights of the best epochs, and one
pass over the training rows.

All random numbers of an epoch depend only on the seed and on the number of the epoch. So a training that was killed and
resumed gives exactly the same weights as a training that was never stopped. If several processes train together, an
error is raised in all processes, because the others would wait forever for a process that stopped alone. This module
reads no command line, has no fixed paths, and prints nothing.
"""

import hashlib
import io
import math
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from comp import files
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.competition.scored_rows import scored_ids
from comp.data.batches import Batches, Order
from comp.data.loader import Loaded, Loader
from comp.errors import InputError, first_line, listed, quoted
from comp.hardware import processes
from comp.hardware.device import explained_device_error
from comp.metrics import named_metrics
from comp.metrics.named_metrics import Metric
from comp.models.weights_file import NotFinite, all_finite
from comp.prediction.predict import Advance, predict
from comp.recipes.recipe_settings import Recipe, resolved_recipe
from comp.training import optimizers
from comp.training.learner import Learner

Weights = dict[str, Tensor]

# ---- the resume file

SHA256 = 32  # the number of bytes of the checksum, which stands at the end of the file


def save_resume(path: Path, identity: dict, content: dict) -> None:
    """Write a resume file, from which a killed training can go on.

    content: the state of the training, as plain values and tensors. identity: the record of what the training depends
    on, such as the hashes of the recipe and the folds. `load_resume` compares this record with the current record.
    """
    stream = io.BytesIO()
    torch.save({"identity": identity, "content": content}, stream)
    data = stream.getvalue()
    files.write_bytes(path, data + hashlib.sha256(data).digest())


def load_resume(path: Path, identity: dict, device: torch.device) -> dict:
    """Return the content of a resume file that `save_resume` wrote, with its tensors on `device`.

    identity: the current record of what the training depends on. Raises InputError if the file is damaged, or if it was
    written with another record. The file is opened only if its checksum is right, and torch.load then reads only
    tensors and plain values (weights_only).
    """
    remedy = f"first rm {quoted(path)}, then the same command, which trains the fold from the start"
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[:-SHA256]).digest() != data[-SHA256:]:
            raise ValueError("its checksum differs")
        saved = torch.load(io.BytesIO(data[:-SHA256]), map_location=device, weights_only=True)
        made_with, content = saved["identity"], saved["content"]
    except (OSError, RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError, TypeError) as error:
        raise InputError(f"{path} does not load: {first_line(error)}", "a complete resume file", remedy) from None
    if made_with != identity:
        raise InputError(f"{path} was made with {made_with}", f"a file that was made with {identity}", remedy)
    return content


# ---- checks that losses, weights and held-out probabilities are finite; an epoch that fails a check is not kept


def check_finite_losses(losses: list[Tensor], seen: list[Tensor], rows: Batches, learner: Learner, epoch: int) -> None:
    """Raise NotFinite if a loss is not finite. The error lists the photos of the first batch with such a loss.

    losses: the loss of each batch. seen: for each batch, the positions of its photos in `rows`. rows: the training
    rows. epoch: the number of the epoch, from 0.
    """
    bad = (~torch.stack(losses).isfinite()).nonzero().flatten().cpu()
    if not processes.anywhere(len(bad) > 0):
        return
    if not len(bad):
        raise NotFinite(f"in {_epoch_name(epoch)}, another process has a loss that is not finite", learner.recipe)
    first = int(bad[0])
    photos = listed(rows.photos.images[row] for row in rows.rows[seen[first].numpy()])
    problem = (
        f"the loss is {float(losses[first]):g} in {_epoch_name(epoch)}, for the first time in the batch with these "
        f"photos:{photos}"
    )
    raise NotFinite(problem, learner.recipe, "first look at these photos, then ")


def check_finite_epoch(learner: Learner, epoch: int) -> None:
    """Raise NotFinite if the weights of the model or of its EMA are not finite.

    epoch: the number of the epoch that has just ended, from 0.
    """
    for what, model in (("weights", learner.model), ("averaged weights", learner.scored)):
        if processes.anywhere(not all_finite(model.state_dict().values())):
            raise NotFinite(f"the {what} are not finite after {_epoch_name(epoch)}", learner.recipe)


def check_finite_scores(what: str, values: np.ndarray | float, learner: Learner, epoch: int) -> None:
    """Raise NotFinite if `values`, which were computed on the held-out photos, are not finite.

    what: the name of the values, for the error. epoch: the number of the epoch that has just ended, from 0. All
    processes have the same values, so the error is raised in all of them.
    """
    if not np.isfinite(values).all():
        raise NotFinite(f"{what} is not finite after {_epoch_name(epoch)}", learner.recipe)


def _epoch_name(epoch: int) -> str:
    return f"epoch {epoch + 1}" + (f" (resume.pt still holds epoch {epoch})" if epoch else "")


# ---- the scores of an epoch


def validation_scores(competition: Competition, held_out: Batches, probs: np.ndarray) -> dict[str, float]:
    """Score the predictions of the held-out rows. Return a dictionary with val_loss and the metrics.

    The keys are "val_loss" and the names of the metrics that the competition shows. probs (N, C): the predictions of
    the N held-out rows. If several photos can share a prediction id, the predictions of such photos are combined before
    they are scored.
    """
    labels, probs = scored_ids(competition, held_out.labels, probs, held_out.ids)
    return {"val_loss": val_loss(competition, labels, probs), **scoring.scores(competition, labels, probs)}


def val_loss(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the log loss of predictions, or their mean squared error if the target is a number (regression).

    For a multilabel target, the log loss is the mean binary cross entropy over all labels. labels: the true labels.
    probs (N, C): the predictions.
    """
    if competition.target == "regression":
        return float(np.mean((probs[:, 0] - labels) ** 2, dtype=np.float64))
    return named_metrics.log_loss(labels, probs)


def goodness(values: dict[str, float], best_by: str, competition: Competition) -> float:
    """Return the value by which epochs are compared. A higher value is always better.

    values: val_loss and the metrics of one epoch, with their names as keys. best_by: the name of the value to use,
    "val_loss" or a metric. If a lower value is better, the sign of the value is changed. If the metric is NaN, because
    it is not defined for the rows (such as AUC for rows of one class), the result is minus infinity.
    """
    value = values[best_by]
    better_up = best_by != "val_loss" and _metric_of_epoch(best_by, competition).higher_is_better
    return -math.inf if math.isnan(value) else value if better_up else -value


def _metric_of_epoch(name: str, competition: Competition) -> Metric:
    return next(metric for metric in (competition.metric, *competition.also) if metric.name == name)


# ---- the epochs so far


@dataclass
class Epochs:
    """The history of a training, and the weights of its best epochs.

    history: a dictionary for each finished epoch, which becomes a row of history.csv. top: a dictionary for each of the
    best epochs, beginning with the best. Its keys are score (higher is better), epoch (the number of the epoch, from 0)
    and weights (on the CPU).
    """

    history: list[dict] = field(default_factory=list)
    top: list[dict] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Return the number of finished epochs."""
        return len(self.history)

    @property
    def best(self) -> Weights:
        """Return the weights of the best epoch, or averaged weights if these are better."""
        return self.top[0]["weights"]

    @property
    def best_epoch(self) -> int:
        """Return the number of the best epoch, from 0."""
        return self.top[0]["epoch"]

    @property
    def stale(self) -> int:
        """Return how many epochs have been finished since the best epoch."""
        return self.count - 1 - self.best_epoch

    def end(self, row: dict, score: float, model: nn.Module, keep: int) -> None:
        """Record a finished epoch: add its row to the history, and keep its weights if it is one of the best epochs.

        row: the row of history.csv. score: the score of the epoch; higher is better. model: the model with the weights.
        keep: how many of the best epochs are kept.
        """
        if len(self.top) < keep or score > self.top[-1]["score"]:
            entry = {"score": score, "epoch": self.count, "weights": copied_weights(model)}
            self.top = sorted([*self.top, entry], key=_best_first)[:keep]
        self.history.append(row)

    def put_first(self, score: float, weights: Weights) -> None:
        """Store weights as the best weights, because they have a better score than the weights of every single epoch.

        They get the number of the best epoch. score: the score of `weights`; higher is better.
        """
        self.top.insert(0, {"score": score, "epoch": self.best_epoch, "weights": weights})


def _best_first(entry: dict) -> tuple[float, int]:
    """Return a sort key that puts higher scores first, and the earlier epoch first if two scores are equal.

    entry: one of the best epochs, as in `Epochs.top`.
    """
    return -entry["score"], entry["epoch"]


def copied_weights(model: nn.Module) -> Weights:
    """Return a copy of a model's state dict on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def average_weights(states: list[Weights]) -> Weights:
    """Return the mean of several state dicts of one model (stochastic weight averaging, Izmailov et al. 2018).

    Batch norm statistics are averaged like weights. Tensors of whole numbers are copied from the first state dict.
    """
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }


# ---- one pass over the training rows

CHECK_EVERY = 64  # batches between two checks that losses are finite; a check of every batch would slow a GPU


def train_epoch(learner: Learner, loader: Loader, epoch: int, advance: Advance) -> tuple[float, float]:
    """Train for one epoch. Return the mean loss over all images, and the seconds that were spent waiting for photos.

    loader: the loader of the training batches. epoch: the number of the epoch, from 0. advance: a function that is
    called after each batch, with the number of images in the batch.
    """
    loader.order.epoch = epoch
    learner.start_epoch(epoch)
    losses, seen, waited = [], [], 0.0
    source, batches = iter(loader), len(loader.order)
    for i in range(batches):
        asked = time.monotonic()
        loaded = next(source)
        waited += time.monotonic() - asked
        losses.append(_train_batch(learner, loaded, epoch, i, batches))
        seen.append(loaded[2])
        if (i + 1) % CHECK_EVERY == 0 or i + 1 == batches:
            check_finite_losses(losses, seen, loader.batches, learner, epoch)
        advance(len(loaded[1]) * processes.world())
    return processes.mean(_mean(losses, seen)), waited


def _mean(losses: list[Tensor], seen: list[Tensor]) -> float:
    """Return the mean loss over all images, although batches may differ in size.

    losses: the mean loss of each batch. seen: for each batch, the positions of its photos.
    """
    return float(np.average(torch.stack(losses).cpu().numpy(), weights=[len(positions) for positions in seen]))


def _train_batch(learner: Learner, loaded: Loaded, epoch: int, i: int, batches: int) -> Tensor:
    """Train on one batch, and return its loss.

    The batch adds its gradients. The optimizer changes the weights after every `accumulate` batches (a setting of the
    recipe), and after the last batch of the epoch. loaded: the pixels, labels and positions of the batch. epoch: the
    number of the epoch, from 0. i: the number of the batch in the epoch, from 0. batches: how many batches the epoch
    has.
    """
    accumulate = learner.recipe.accumulate
    group = min(accumulate, batches - i + i % accumulate)
    stepping = (i + 1) % accumulate == 0 or i + 1 == batches
    learner.set_lr(epoch + i / batches)
    with explained_device_error(learner.recipe, learner.device):
        loss = learner.backward(loaded, epoch, i, group, sync=stepping)
        if stepping:
            learner.step(epoch * batches + i)
    return loss


# ---- the loop


class Fit:
    """The training of one fold. The method `run` trains to the end.

    model: the model with its first weights. train: the training rows. val: the held-out rows, which score each epoch.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        train: Batches,
        val: Batches,
        competition: Competition,
        device: torch.device,
    ):
        self.recipe, self.competition = resolved_recipe(recipe, competition), competition
        self.val, self.device = val, device
        self.learner = Learner(model, self.recipe, train, competition, device)
        size, sampler = recipe.batch_size, self.recipe.sampler
        order = Order(train.labels, size, sampler, recipe.seed, train.units, train.pseudo, recipe.pseudo_share)
        self.loader = Loader(train, order, recipe.workers, device)
        self.epochs = Epochs()

    @property
    def done(self) -> bool:
        """Return whether the training has ended.

        It ends after the last epoch, or earlier if the last `patience` epochs (a setting of the recipe) were no better
        than the best epoch.
        """
        if not self.epochs.count:
            return False
        return self.epochs.count >= self.recipe.epochs or 0 < self.recipe.patience <= self.epochs.stale

    @property
    def chosen(self) -> dict:
        """Return the settings that this training uses on its device, such as the number format, as a dictionary.

        The settings are printed, and they are stored in the metadata of the weights.
        """
        return {
            "device": str(self.device),
            "processes": processes.world(),
            "precision": str(self.learner.precision).removeprefix("torch."),
            "memory_format": str(self.learner.memory_format).removeprefix("torch."),
            "optimizer": self.recipe.optimizer + (" (fused)" if optimizers.is_fused(self.recipe, self.device) else ""),
            "compile": self.recipe.compile,
            "workers": self.loader.workers,
        }

    def run(self, path: Path, identity: dict, progress: Callable, on_epoch: Callable[[dict], None]) -> Epochs:
        """Train to the end, and return the history with the weights of the best epochs.

        path: the resume file. If it exists, the training goes on from it. The file is written after each epoch except
        the last. identity: the record of what the training depends on; a resume file with another record is an error.
        progress: a function that gets a label and a number of images. It returns a context manager that shows the
        progress of an epoch, and that yields a function for the number of images in each batch. on_epoch: a function
        that is called after each epoch with the new row of the history.
        Raises NotFinite if an epoch has numbers that are not finite. The resume file then still holds the epoch before.
        """
        if path.is_file():
            self._load(path, identity)
        while not self.done:
            on_epoch(self._epoch(progress))
            if not self.done:  # the caller writes the weights; if it is killed before, the last epoch is trained again
                self._save(path, identity)
        if self.recipe.average_best > 1:
            self._average()
        return self.epochs

    def _epoch(self, progress: Callable) -> dict:
        """Train and score one epoch, and return its row of the history. progress: as in `run`."""
        epoch, began, rows = self.epochs.count, time.monotonic(), len(self.loader.order.rows())
        # seeds dropout and stochastic depth
        torch.manual_seed(self.recipe.seed * 1_000_003 + epoch + processes.rank() * 7919)
        with progress(f"epoch {epoch + 1}/{self.recipe.epochs}", rows) as advance:
            train_loss, waited = train_epoch(self.learner, self.loader, epoch, advance)
        trained = time.monotonic() - began
        scores = self._scores()
        row = {"epoch": epoch + 1, "train_loss": train_loss, **scores}
        row["lr"] = self.recipe.lr * optimizers.lr_factor(self.recipe, epoch + 1e-9)
        row |= {"seconds": time.monotonic() - began, "images_per_second": rows / trained, "waiting": waited / trained}
        self.epochs.end(row, self._goodness(scores), self.learner.scored, self.recipe.average_best)
        return row

    def _scores(self) -> dict[str, float]:
        """Predict the held-out rows with the current weights (or their EMA), and return val_loss and the metrics.

        Raises NotFinite if the weights, the predictions or val_loss are not finite.
        """
        processes.same_everywhere(self.learner.scored)
        check_finite_epoch(self.learner, self.epochs.count)
        probs = predict(self.learner.scored, self.val, self.recipe, self.competition, self.device)
        check_finite_scores("a prediction of a held-out photo", probs, self.learner, self.epochs.count)
        scores = validation_scores(self.competition, self.val, probs)
        check_finite_scores("val_loss", scores["val_loss"], self.learner, self.epochs.count)
        return scores

    def _goodness(self, scores: dict[str, float]) -> float:
        return goodness(scores, self.recipe.best_by, self.competition)

    def _average(self) -> None:
        """Average the weights of the best epochs. If the average scores better than each epoch, keep it as the best."""
        weights = average_weights([entry["weights"] for entry in self.epochs.top])
        self.learner.scored.load_state_dict(weights)
        try:
            score = self._goodness(self._scores())
        except NotFinite:  # a model with the mean of large weights may overflow, although no single epoch does
            return
        if score > self.epochs.top[0]["score"]:
            self.epochs.put_first(score, weights)

    def _save(self, path: Path, identity: dict) -> None:
        if processes.rank() == 0:
            save_resume(path, identity, {**self.learner.state_dict(), **vars(self.epochs)})
        processes.wait()

    def _load(self, path: Path, identity: dict) -> None:
        saved = load_resume(path, identity, self.device)
        self.learner.load_state_dict(saved)
        self.epochs = Epochs(saved["history"], saved["top"])
        for entry in self.epochs.top:
            entry["weights"] = {name: value.cpu() for name, value in entry["weights"].items()}
