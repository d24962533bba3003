"""Train one fold with a recipe, and keep the weights of the best epoch. The training can be resumed.

The class `Fit`, at the end of the module, is the training loop. The parts that it uses come first: the resume file, the
checks that all numbers are finite, the scores of an epoch, the best epochs so far, and one pass over the training rows.

All random numbers of an epoch depend only on the seed and on the number of the epoch. So a training that was killed and
resumed gives exactly the same weights as a training that was never stopped. If several processes train together, a
number that is not finite in one of them raises an error in all of them, because the others would wait forever. This
module reads no command line, has no fixed paths, and prints nothing.
"""

import hashlib
import io
import math
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

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
from comp.recipes.automatic import resolved_recipe
from comp.recipes.recipe_settings import LAST, Recipe
from comp.training import optimizers
from comp.training.learner import Learner, start_head

Weights = dict[str, Tensor]

# ---- the resume file

SAVE_EVERY = 20  # wait so many times as long as the writing takes, since small competitions have many short epochs
SHA256 = 32  # the number of bytes of the checksum, which stands at the end of the file


def save_resume(path: Path, identity: dict, content: dict) -> None:
    """Write a file from which a killed training can be resumed.

    identity: a dictionary with the hashes of all files that the training depends on, such as folds.csv. `load_resume`
    refuses the file if they have changed. content: the state of the training, a dictionary of tensors and plain values.
    """
    with files.replacing(path) as temporary, open(temporary, "wb") as file:
        hashing = HashingFile(file)
        torch.save({"identity": identity, "content": content}, hashing)
        file.write(hashing.sha256.digest())


class HashingFile:
    """A file to write to, which knows the SHA-256 of what was written. So a large file need not lie in memory for it.

    sha256: the hash object of hashlib.
    """

    def __init__(self, file: BinaryIO):
        self.file, self.sha256 = file, hashlib.sha256()

    def write(self, data) -> int:
        self.sha256.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def _train_anew(path: Path) -> str:
    return f"first rm {quoted(path)}, then the same command, which trains the fold from the start"


def load_resume(path: Path, identity: dict, device: torch.device) -> dict:
    """Return the state of a training that `save_resume` has written, with its tensors on `device`.

    identity: a dictionary with the current hashes of all files that the training depends on, such as folds.csv. Raises
    InputError if the resume file is damaged, or if it has other hashes. Reading the file runs no code from it.
    """
    remedy = _train_anew(path)
    try:
        whole = memoryview(path.read_bytes())
        data, checksum = whole[:-SHA256], whole[-SHA256:]  # views, not copies
        if hashlib.sha256(data).digest() != checksum:
            raise ValueError("its checksum differs")
        saved = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
        made_with, content = saved["identity"], saved["content"]
    except torch.OutOfMemoryError:  # a RuntimeError, too, but the file is not damaged
        raise
    except (OSError, RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError, TypeError) as error:
        raise InputError(f"{path} does not load: {first_line(error)}", "a complete resume file", remedy) from None
    if made_with != identity:
        raise InputError(
            f"{path} was made with files that have changed, whose hashes were {made_with}",
            f"a resume file that was made with the current files, whose hashes are {identity}",
            remedy,
        )
    return content


# ---- checks that losses, weights and held-out probabilities are finite; an epoch that fails a check is not kept


def check_finite_losses(losses: list[Tensor], seen: list[Tensor], rows: Batches, learner: Learner, epoch: int) -> None:
    """Raise NotFinite if a loss is not finite. The error lists the photos of the first batch with such a loss.

    losses: the loss of each batch so far. seen: the positions of each batch's photos among the training rows. rows: the
    training rows. epoch: the number of the epoch, from 0.
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
    """Raise NotFinite if the weights of the model or of its EMA are not finite after an epoch.

    epoch: the number of the epoch, from 0.
    """
    for what, model in (("weights", learner.model), ("averaged weights", learner.scored)):
        if processes.anywhere(not all_finite(model.state_dict().values())):
            raise NotFinite(f"the {what} are not finite after {_epoch_name(epoch)}", learner.recipe)


def check_finite_scores(what: str, values: np.ndarray | float, learner: Learner, epoch: int) -> None:
    """Raise NotFinite if one of the values that were computed for the held-out photos after an epoch is not finite.

    what: a name for the values, with which the error begins. values: the values. epoch: the number of the epoch, from
    0.
    """
    if not np.isfinite(values).all():
        raise NotFinite(f"{what} is not finite after {_epoch_name(epoch)}", learner.recipe)


def _epoch_name(epoch: int) -> str:
    return f"epoch {epoch + 1}" + (" (resume.pt still holds an earlier epoch)" if epoch else "")


# ---- the scores of an epoch


def validation_scores(learner: Learner, held_out: Batches, probs: np.ndarray) -> dict[str, float]:
    """Score the predictions of the held-out rows. Return a dictionary with val_loss and the competition's metrics.

    probs: the predictions, with a row for each held-out row. If several photos share one id of the sample submission
    and get one answer, their predictions are combined before they are scored.
    """
    competition = learner.competition
    labels, probs = scored_ids(competition, held_out.labels, probs, held_out.ids)
    return {"val_loss": val_loss(learner, labels, probs), **scoring.scores(competition, labels, probs)}


def val_loss(learner: Learner, labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the loss of predictions, in the unit of the training loss.

    For classes and labels, this is the log loss; for a multilabel target, it is the mean over all labels. For a head
    that predicts a number, it is the recipe's loss. For head=bins and a number, it is the mean squared error, divided
    by the variance of the training numbers. labels: the true labels. probs: the predictions, with a row for each label
    in `labels`.
    """
    head, competition = learner.head, learner.competition
    if head.family == "number":
        values = scoring.expectation(probs) if competition.target == "ordinal" else probs[:, 0]
        outputs, targets = head.outputs_of(torch.tensor(values)), head.targets(torch.tensor(labels))
        return float(learner.loss(outputs, targets))
    if competition.target == "regression":
        variance = np.var(learner.rows.labels[: learner.rows.labelled], dtype=np.float64) or 1.0
        return float(np.mean((probs[:, 0] - labels) ** 2, dtype=np.float64) / variance)
    return named_metrics.log_loss(labels, probs)


def goodness(values: dict[str, float], best_by: str, competition: Competition) -> float:
    """Return a number by which epochs are compared: the higher it is, the better is the epoch.

    values: a dictionary with val_loss and the metrics of an epoch. best_by: the name of the value that is used. If
    lower values are better, its sign is changed. If the value is NaN, the result is minus infinity; the AUC, for
    example, is NaN if all rows have the same class.
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
    and weights (a state dict on the CPU).
    """

    history: list[dict] = field(default_factory=list)
    top: list[dict] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Return the number of finished epochs."""
        return len(self.history)

    @property
    def best(self) -> Weights:
        """Return the weights of the best epoch, or the averaged weights that `put_first` has stored."""
        return self.top[0]["weights"]

    @property
    def best_epoch(self) -> int:
        """Return the number of the best epoch, from 0."""
        return self.top[0]["epoch"]

    @property
    def stale(self) -> int:
        """Return how many epochs have ended since the best epoch."""
        return self.count - 1 - self.best_epoch

    def end(self, row: dict, score: float, model: nn.Module, keep: int) -> None:
        """Add a finished epoch to the history. Keep its weights if it is one of the best epochs.

        row: the row of history.csv, as a dictionary. score: the score of the epoch; higher is better. model: the model
        whose weights are kept. keep: how many of the best epochs keep their weights.
        """
        if len(self.top) < keep or score > self.top[-1]["score"]:
            entry = {"score": score, "epoch": self.count, "weights": copied_weights(model)}
            self.top = sorted([*self.top, entry], key=_best_first)[:keep]
        self.history.append(row)

    def put_first(self, score: float, weights: Weights) -> None:
        """Store averaged weights as the best weights, because they score better than the weights of every single epoch.

        score: the score of the averaged weights. weights: the averaged weights, a state dict on the CPU. They are
        stored with the number of the best epoch.
        """
        self.top.insert(0, {"score": score, "epoch": self.best_epoch, "weights": weights})


def _best_first(entry: dict) -> tuple[float, int]:
    """Return a key that sorts epochs from the best to the worst. Of two equally good epochs, the earlier is first.

    entry: a dictionary with the score and the number of an epoch.
    """
    return -entry["score"], entry["epoch"]


def copied_weights(model: nn.Module) -> Weights:
    """Return a copy of a model's state dict on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def average_weights(states: list[Weights]) -> Weights:
    """Return the mean of several state dicts of the same model (stochastic weight averaging, Izmailov et al. 2018).

    The statistics of batch norms are averaged, too. Tensors of whole numbers, such as counters, are copied from the
    first state dict.
    """
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }


# ---- one pass over the training rows

CHECK_EVERY = 64  # batches between two checks that losses are finite; a check of every batch would slow a GPU


def train_epoch(learner: Learner, loader: Loader, epoch: int, advance: Advance) -> tuple[float, float]:
    """Train for one epoch. Return the mean loss over all images, and the seconds that were spent waiting for photos.

    loader: the loader of the training batches. epoch: the number of the epoch, from 0. advance: a function that moves
    the progress bar; it is called after each batch with the number of images in the batch.
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

    losses: the mean loss of each batch. seen: the positions of each batch's photos among the training rows.
    """
    return float(np.average(torch.stack(losses).cpu().numpy(), weights=[len(positions) for positions in seen]))


def _train_batch(learner: Learner, loaded: Loaded, epoch: int, i: int, batches: int) -> Tensor:
    """Train on one batch, and return its loss.

    The gradients of several batches are added up (the setting `accumulate` of the recipe). The optimizer then changes
    the weights, and it also does so after the last batch of the epoch. loaded: the pixels, the labels and the positions
    of the batch. epoch: the number of the epoch, from 0. i: the number of the batch in the epoch, from 0. batches: how
    many batches the epoch has.
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

    model: the model with the weights from which the training starts. train: the training rows. val: the held-out rows,
    which are predicted and scored after each epoch. new_head: whether the head of the model starts at the prior, which
    is what is true of the training rows on average.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        train: Batches,
        val: Batches,
        competition: Competition,
        device: torch.device,
        new_head: bool = False,
    ):
        self.recipe, self.competition = resolved_recipe(recipe, competition), competition
        self.val, self.device = val, device
        size, sampler = recipe.batch_size, self.recipe.sampler
        order = Order(train.labels, size, sampler, recipe.seed, train.units, train.pseudo, recipe.pseudo_share)
        if new_head:
            start_head(model, self.recipe, train, order.rows(), competition)
        self.learner = Learner(model, self.recipe, train, competition, device)
        self.loader = Loader(train, order, recipe.workers, device)
        self.epochs = Epochs()

    @property
    def done(self) -> bool:
        """Return whether the training has ended.

        It ends after the last epoch of the recipe. If the recipe sets `patience`, it also ends after `patience` epochs
        without a new best epoch.
        """
        if not self.epochs.count:
            return False
        return self.epochs.count >= self.recipe.epochs or 0 < self.recipe.patience <= self.epochs.stale

    @property
    def chosen(self) -> dict:
        """Return the settings with which this training runs on its device, such as the number format, as a dictionary.

        They are printed, and saved with the weights.
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
        """Train to the end. Return the history of the epochs and the weights of the best epochs.

        path: the resume file. If it exists, the training goes on from it. The file is written after the first epoch. It
        is written again after an epoch only if at least SAVE_EVERY times as long has passed as the last writing took,
        and never after the last epoch. identity: a dictionary with the hashes of all files that the training depends
        on. InputError is raised if the resume file has other hashes. progress: a function that is called with a label
        and the number of images in an epoch, and returns a context manager for a progress bar. on_epoch: a function
        that is called after each epoch with the new row of the history.
        Raises NotFinite if numbers of an epoch are not finite. The resume file then still holds an earlier epoch.
        """
        if path.is_file():
            self._load(path, identity)
        next_save = 0.0
        while not self.done:
            on_epoch(self._epoch(progress))
            # after the last epoch the caller writes the weights; if it is killed before, some epochs are trained again
            if not self.done and processes.anywhere(time.monotonic() >= next_save):
                began = time.monotonic()
                self._save(path, identity)
                next_save = time.monotonic() + SAVE_EVERY * (time.monotonic() - began)
        if self.recipe.average_best > 1:
            self._average()
        return self.epochs

    def _epoch(self, progress: Callable) -> dict:
        """Train and score one epoch. Return its row of the history, as a dictionary.

        progress: a function that makes a progress bar, as described in `run`.
        """
        epoch, began, rows = self.epochs.count, time.monotonic(), len(self.loader.order.rows())
        # seeds dropout and stochastic depth
        torch.manual_seed(self.recipe.seed * 1_000_003 + epoch + processes.rank() * 7919)
        with progress(f"epoch {epoch + 1}/{self.recipe.epochs}", rows) as advance:
            train_loss, waited = train_epoch(self.learner, self.loader, epoch, advance)
        trained = time.monotonic() - began
        scores = self._scores()
        row = {"epoch": epoch + 1, "train_loss": train_loss, **scores}
        row["lr"] = self.recipe.lr * optimizers.lr_factor(self.recipe, epoch + 0.5)  # in the middle of the epoch
        row |= {"seconds": time.monotonic() - began, "images_per_second": rows / trained, "waiting": waited / trained}
        self.epochs.end(row, self._goodness(scores), self.learner.scored, self.recipe.average_best)
        return row

    def _scores(self) -> dict[str, float]:
        """Predict the held-out rows with the current weights. Return a dictionary with val_loss and the metrics.

        If the recipe has an EMA, its averaged weights are used. Raises NotFinite if the weights, the predictions or
        val_loss are not finite.
        """
        processes.same_everywhere(self.learner.scored)
        check_finite_epoch(self.learner, self.epochs.count)
        probs = predict(self.learner.scored, self.val, self.recipe, self.competition, self.device)
        check_finite_scores("a prediction of a held-out photo", probs, self.learner, self.epochs.count)
        scores = validation_scores(self.learner, self.val, probs)
        check_finite_scores("val_loss", scores["val_loss"], self.learner, self.epochs.count)
        return scores

    def _goodness(self, scores: dict[str, float]) -> float:
        if self.recipe.best_by == LAST:
            return float(self.epochs.count)
        return goodness(scores, self.recipe.best_by, self.competition)

    def _average(self) -> None:
        """Average the weights of the best epochs, and keep the average if it scores better than every epoch.

        With best_by=last, the average of the last epochs is always kept.
        """
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
        with explained_device_error(self.recipe, self.device):
            saved = load_resume(path, identity, self.device)
            self._take(path, saved)
        self.epochs = Epochs(saved["history"], saved["top"])
        for entry in self.epochs.top:
            entry["weights"] = {name: value.cpu() for name, value in entry["weights"].items()}

    def _take(self, path: Path, saved: dict) -> None:
        """Set the state of the learner to that of the resume file at `path`."""
        try:
            self.learner.load_state_dict(saved)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, KeyError, ValueError) as error:
            found = f"{path} was written by another version of this toolkit: {first_line(error)}"
            raise InputError(found, "a resume file of this version", _train_anew(path)) from None
