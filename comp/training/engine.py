"""The training loop: one fold of one recipe, from a model to its best epoch, resumable after any epoch.

All randomness of an epoch is a function of (seed, epoch) and is set at its start, so a run that was killed and
resumed ends with the same bits as one that was not. No argparse, no fixed paths, nothing printed.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from comp.competition.competition import Competition
from comp.data.batches import Batches, Order, loader, worker_count
from comp.errors import InputError, listed
from comp.hardware import processes
from comp.hardware.device import explained
from comp.prediction.predict import Advance, predict
from comp.recipes.recipe import Recipe
from comp.recipes.resolved import resolved
from comp.training import optim, resume, validation
from comp.training.epochs import Epochs, average
from comp.training.learner import Learner

CHECK_EVERY = 64  # steps between two checks that losses are finite: reading each loss would stall a GPU


class Fit:
    """One fold's training: build it, then `run`. Everything is chosen by the recipe and the competition."""

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        train: Batches,
        val: Batches,
        competition: Competition,
        device: torch.device,
    ):
        self.recipe, self.competition = resolved(recipe, competition), competition
        self.train, self.val, self.device = train, val, device
        self.learner = Learner(model, self.recipe, train, competition, device)
        self.order = Order(train.labels, recipe.batch_size, self.recipe.sampler, recipe.seed, train.units)
        self.loader = loader(train, self.order, recipe.workers, device)
        self.epochs = Epochs()

    @property
    def done(self) -> bool:
        """Whether the last epoch was reached, or patience ran out."""
        if not self.epochs.count:
            return False
        return self.epochs.count >= self.recipe.epochs or 0 < self.recipe.patience <= self.epochs.stale

    @property
    def chosen(self) -> dict:
        """What `auto` became on this device, for the terminal and the record."""
        return {
            "device": str(self.device),
            "processes": processes.world(),
            "precision": str(self.learner.precision).removeprefix("torch."),
            "memory_format": str(self.learner.memory_format).removeprefix("torch."),
            "optimizer": self.recipe.optimizer + (" (fused)" if optim.is_fused(self.recipe, self.device) else ""),
            "compile": self.recipe.compile,
            "workers": worker_count(self.recipe.workers, self.train, self.device),
        }

    def run(self, path: Path, identity: dict, progress: Callable, on_epoch: Callable[[dict], None]) -> Epochs:
        """Train to the end, from the resume file at `path` if there is one; write it after each epoch but the last.

        identity: what the file must have been made with; progress(label, total) is a context manager that yields an
        Advance; on_epoch is given each new row of the history.
        """
        if path.is_file():
            self._load(path, identity)
        while not self.done:
            on_epoch(self._epoch(progress))
            if not self.done:  # the caller writes the weights; killed before that, the last epoch is done again
                self._save(path, identity)
        if self.recipe.average_best > 1:
            self._average()
        return self.epochs

    def _epoch(self, progress: Callable) -> dict:
        """Train and score one epoch; its row of the history."""
        epoch, began, rows = self.epochs.count, time.monotonic(), len(self.order.rows())
        # for dropout and stochastic depth
        torch.manual_seed(self.recipe.seed * 1_000_003 + epoch + processes.rank() * 7919)
        with progress(f"epoch {epoch + 1}/{self.recipe.epochs}", rows) as advance:
            train_loss, waited = self.train_epoch(epoch, advance)
        trained = time.monotonic() - began
        scores = self._scores()
        row = {"epoch": epoch + 1, "train_loss": train_loss, **scores}
        row["lr"] = self.recipe.lr * optim.lr_factor(self.recipe, epoch + 1e-9)
        row |= {"seconds": time.monotonic() - began, "images_per_second": rows / trained, "waiting": waited / trained}
        self.epochs.end(row, self._goodness(scores), self.learner.scored, self.recipe.average_best)
        return row

    def train_epoch(self, epoch: int, advance: Advance) -> tuple[float, float]:
        """One pass over the training rows; the mean loss, and the seconds spent waiting for data."""
        self.order.epoch = epoch
        self.learner.start_epoch(epoch)
        losses, seen, waited = [], [], 0.0
        source, batches = iter(self.loader), len(self.order)
        for i in range(batches):
            asked = time.monotonic()
            loaded = next(source)
            waited += time.monotonic() - asked
            losses.append(self._train_batch(loaded, epoch, i, batches))
            seen.append(loaded[2])
            if (i + 1) % CHECK_EVERY == 0 or i + 1 == batches:
                self._check_finite(losses, seen)
            advance(len(loaded[1]) * processes.world())
        sizes = [len(positions) for positions in seen]
        return processes.mean(float(np.average(torch.stack(losses).cpu().numpy(), weights=sizes))), waited

    def _train_batch(self, loaded: tuple[Tensor, Tensor, Tensor], epoch: int, i: int, batches: int) -> Tensor:
        """Batch i of an epoch: gradients, and a step after each `accumulate` batches and after the last."""
        accumulate = self.recipe.accumulate
        group = min(accumulate, batches - i + i % accumulate)
        stepping = (i + 1) % accumulate == 0 or i + 1 == batches
        self.learner.set_lr(epoch + i / batches)
        with explained(self.recipe, self.device):
            loss = self.learner.backward(loaded, epoch, i, group, sync=stepping)
            if stepping:
                self.learner.step(epoch * batches + i)
        return loss

    def _scores(self) -> dict[str, float]:
        """val_loss and the metrics of the scored weights over every held-out row."""
        processes.same_everywhere(self.learner.scored)
        probs = predict(self.learner.scored, self.val, self.recipe, self.competition, self.device)
        return validation.scores(self.competition, self.val, probs)

    def _goodness(self, scores: dict[str, float]) -> float:
        return validation.goodness(scores, self.recipe.best_by, self.competition)

    def _average(self) -> None:
        """Put the mean of the best epochs' weights first if it scores better than each of them."""
        weights = average([kept["weights"] for kept in self.epochs.top])
        self.learner.scored.load_state_dict(weights)
        score = self._goodness(self._scores())
        if score > self.epochs.top[0]["score"]:
            self.epochs.put_first(score, weights)

    def _check_finite(self, losses: list[Tensor], seen: list[Tensor]) -> None:
        """Raise InputError with the photos of the first batch whose loss is not finite."""
        bad = (~torch.stack(losses).isfinite()).nonzero().flatten().cpu()
        if not len(bad):
            return
        rows = self.train.rows[seen[int(bad[0])].numpy()]
        kept = f"; epoch {self.epochs.count} is kept in resume.pt" if self.epochs.count else ""
        value = float(losses[int(bad[0])])
        raise InputError(
            f"the loss is {value:g} in epoch {self.epochs.count + 1}{kept}, first in the batch of:"
            + listed(self.train.photos.images[row] for row in rows),
            "a finite loss",
            "look at those photos; or lower lr, set clip_grad=1, or amp=off (under another RUN)",
        )

    def _save(self, path: Path, identity: dict) -> None:
        if processes.rank() == 0:
            resume.save(path, identity, {**self.learner.state_dict(), **vars(self.epochs)})
        processes.wait()

    def _load(self, path: Path, identity: dict) -> None:
        saved = resume.load(path, identity, self.device)
        self.learner.load_state_dict(saved)
        self.epochs = Epochs(saved["history"], saved["top"])
        for kept in self.epochs.top:
            kept["weights"] = {name: value.cpu() for name, value in kept["weights"].items()}
