"""The training loop. It trains one fold of one recipe, keeps the best epoch, and can be resumed after any epoch.

`Fit`, at the end of the module, is the loop. The parts of the loop come before it: the resume file, the checks that all
numbers are finite, the scores of an epoch, the history with the weights of the best epochs, and one pass over the
training rows.

All randomness of an epoch is a function of (seed, epoch) and is set at the start of the epoch, so a run that was killed
and resumed ends with the same bits as a run that was never stopped. An error is raised by all processes of a training
together, because the other processes would wait forever for a process that raised alone. The module has no argparse and
no fixed paths, and prints nothing.
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
from comp.errors import InputError, listed, quoted
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

SHA256 = 32  # bytes of the checksum at the end of the file


def save_resume(path: Path, identity: dict, content: dict) -> None:
    """Write a resume file. content: plain values and tensors.

    identity: what the content was made with, such as the hashes of recipe and folds; `load_resume` compares it.
    """
    stream = io.BytesIO()
    torch.save({"identity": identity, "content": content}, stream)
    data = stream.getvalue()
    files.write_bytes(path, data + hashlib.sha256(data).digest())


def load_resume(path: Path, identity: dict, device: torch.device) -> dict:
    """Return the content that `save_resume` wrote, with its tensors on `device`.

    Raises InputError if the file is damaged or was made with another identity. The checksum is compared first, then
    torch.load reads only tensors and plain values (weights_only).
    """
    remedy = f"rm {quoted(path)}, then the same command, which starts the fold again"
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[:-SHA256]).digest() != data[-SHA256:]:
            raise ValueError("its checksum differs")
        saved = torch.load(io.BytesIO(data[:-SHA256]), map_location=device, weights_only=True)
        made_with, content = saved["identity"], saved["content"]
    except (OSError, RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError, TypeError) as error:
        first_line = str(error).splitlines()[0]
        raise InputError(f"{path} does not load: {first_line}", "a complete checkpoint", remedy) from None
    if made_with != identity:
        raise InputError(f"{path} was made with {made_with}", f"{identity}", remedy)
    return content


# ---- checks that losses, weights and held-out probabilities are finite; an epoch that fails a check is not kept


def check_finite_losses(losses: list[Tensor], seen: list[Tensor], rows: Batches, learner: Learner, epoch: int) -> None:
    """Raise NotFinite if a loss is not finite. The error lists the photos of the first batch with such a loss.

    losses: the loss of each batch. seen: the positions of each batch's photos among `rows`. epoch: the number of the
    epoch, from 0.
    """
    bad = (~torch.stack(losses).isfinite()).nonzero().flatten().cpu()
    if not processes.anywhere(len(bad) > 0):
        return
    if not len(bad):
        raise NotFinite(f"a loss is not finite in {_epoch_name(epoch)}, on another process", learner.recipe)
    first = int(bad[0])
    photos = listed(rows.photos.images[row] for row in rows.rows[seen[first].numpy()])
    problem = (
        f"the loss is {float(losses[first]):g} in {_epoch_name(epoch)}, first in the batch of these photos:{photos}"
    )
    raise NotFinite(problem, learner.recipe, "look at those photos, or use ")


def check_finite_epoch(learner: Learner, epoch: int) -> None:
    """Raise NotFinite if the model's weights or its averaged weights are not finite. epoch: its number, from 0."""
    for what, model in (("weights", learner.model), ("averaged weights", learner.scored)):
        if processes.anywhere(not all_finite(model.state_dict().values())):
            raise NotFinite(f"the {what} are not finite after {_epoch_name(epoch)}", learner.recipe)


def check_finite_scores(what: str, values: np.ndarray | float, learner: Learner, epoch: int) -> None:
    """Raise NotFinite if `values`, computed on the held-out photos, are not finite.

    what: the name of the values, for the error. All processes have the same values, so all of them raise.
    """
    if not np.isfinite(values).all():
        raise NotFinite(f"{what} is not finite after {_epoch_name(epoch)}", learner.recipe)


def _epoch_name(epoch: int) -> str:
    return f"epoch {epoch + 1}" + (f" (epoch {epoch} is kept in resume.pt)" if epoch else "")


# ---- the scores of an epoch


def validation_scores(competition: Competition, held_out: Batches, probs: np.ndarray) -> dict[str, float]:
    """Return val_loss and the value of each shown metric, by name.

    probs (N, C): the predictions of the held-out rows. If the competition combines photos, prediction ids are scored
    and not photos.
    """
    labels, probs = scored_ids(competition, held_out.labels, probs, held_out.ids)
    return {"val_loss": val_loss(competition, labels, probs), **scoring.scores(competition, labels, probs)}


def val_loss(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the log loss, or the mean squared error if the target is a number.

    The log loss of a multilabel target is its mean binary cross entropy.
    """
    if competition.target == "regression":
        return float(np.mean((probs[:, 0] - labels) ** 2, dtype=np.float64))
    return named_metrics.log_loss(labels, probs)


def goodness(values: dict[str, float], best_by: str, competition: Competition) -> float:
    """Return the value that decides which epoch is best, so that higher is always better.

    best_by: "val_loss", or the name of a metric. The sign of a value that is better when lower is changed. A metric
    that is not defined on these rows, such as AUC with one class, is NaN and counts as the worst value.
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

    history: the row of scores of each finished epoch. top: the best epochs, in the order of their scores. Each of them
    has a score (higher is better), an epoch (its number, from 0) and weights (on the CPU).
    """

    history: list[dict] = field(default_factory=list)
    top: list[dict] = field(default_factory=list)

    @property
    def count(self) -> int:
        """The number of finished epochs."""
        return len(self.history)

    @property
    def best(self) -> Weights:
        """The weights of the best epoch."""
        return self.top[0]["weights"]

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch, from 0."""
        return self.top[0]["epoch"]

    @property
    def stale(self) -> int:
        """The number of epochs since the best epoch."""
        return self.count - 1 - self.best_epoch

    def end(self, row: dict, score: float, model: nn.Module, keep: int) -> None:
        """Add an epoch's row to the history, and its weights to the best epochs if it is among the `keep` best."""
        if len(self.top) < keep or score > self.top[-1]["score"]:
            entry = {"score": score, "epoch": self.count, "weights": copied_weights(model)}
            self.top = sorted([*self.top, entry], key=_best_first)[:keep]
        self.history.append(row)

    def put_first(self, score: float, weights: Weights) -> None:
        """Put weights that score better than every epoch first, under the number of the best epoch."""
        self.top.insert(0, {"score": score, "epoch": self.best_epoch, "weights": weights})


def _best_first(entry: dict) -> tuple[float, int]:
    """The sort key that puts higher scores first, and the earlier epoch first if two scores are equal."""
    return -entry["score"], entry["epoch"]


def copied_weights(model: nn.Module) -> Weights:
    """A copy of a model's state dict, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def average_weights(states: list[Weights]) -> Weights:
    """Return the mean of several state dicts of one model, as in stochastic weight averaging (Izmailov et al. 2018).

    Batch norm statistics are averaged like weights. Counters are copied from the first state dict.
    """
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }


# ---- one pass over the training rows

CHECK_EVERY = 64  # batches between two checks that losses are finite, since reading each loss would stall a GPU


def train_epoch(learner: Learner, loader: Loader, epoch: int, advance: Advance) -> tuple[float, float]:
    """Train one epoch. Returns the mean loss over the images, and the seconds spent waiting for photos.

    epoch: the number of the epoch, from 0. advance: a function that is called with the number of images in each batch.
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
    """The mean loss over images; batches may differ in size. seen: the positions of each batch's photos."""
    return float(np.average(torch.stack(losses).cpu().numpy(), weights=[len(positions) for positions in seen]))


def _train_batch(learner: Learner, loaded: Loaded, epoch: int, i: int, batches: int) -> Tensor:
    """Add the gradients of batch i, and return its loss.

    The optimizer steps after every `accumulate` batches and after the last batch.
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
    """The training of one fold. `run` trains it to the end.

    train: the training rows. val: the held-out rows.
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
        """Whether the last epoch is finished, or the last `patience` epochs were no better than the best epoch."""
        if not self.epochs.count:
            return False
        return self.epochs.count >= self.recipe.epochs or 0 < self.recipe.patience <= self.epochs.stale

    @property
    def chosen(self) -> dict:
        """The settings that were in effect on this device, for the terminal and for the metadata of the weights."""
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
        """Train to the end, and return the history with the best epochs.

        path: the resume file. The training goes on from this file if it exists, and writes it after each epoch but the
        last. identity: what the resume file must have been made with. progress(label, total): a function that returns a
        context manager, which yields an Advance. on_epoch: a function that is called with each new row of the history.
        Raises NotFinite if an epoch ends in numbers that are not finite. The resume file then still holds the epoch
        before.
        """
        if path.is_file():
            self._load(path, identity)
        while not self.done:
            on_epoch(self._epoch(progress))
            if not self.done:  # the caller writes the weights; if killed before that, it trains the last epoch again
                self._save(path, identity)
        if self.recipe.average_best > 1:
            self._average()
        return self.epochs

    def _epoch(self, progress: Callable) -> dict:
        """Train and score one epoch, and return its row of the history."""
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
        """Return val_loss and the metrics of the scored weights on the held-out rows.

        Raises NotFinite if the weights, the probabilities or val_loss are not finite.
        """
        processes.same_everywhere(self.learner.scored)
        check_finite_epoch(self.learner, self.epochs.count)
        probs = predict(self.learner.scored, self.val, self.recipe, self.competition, self.device)
        check_finite_scores("a held-out probability", probs, self.learner, self.epochs.count)
        scores = validation_scores(self.competition, self.val, probs)
        check_finite_scores("val_loss", scores["val_loss"], self.learner, self.epochs.count)
        return scores

    def _goodness(self, scores: dict[str, float]) -> float:
        return goodness(scores, self.recipe.best_by, self.competition)

    def _average(self) -> None:
        """Score the mean of the best epochs' weights, and put it first if it beats each of these epochs."""
        weights = average_weights([entry["weights"] for entry in self.epochs.top])
        self.learner.scored.load_state_dict(weights)
        try:
            score = self._goodness(self._scores())
        except NotFinite:  # the mean of large weights may overflow although none of the epochs does
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
