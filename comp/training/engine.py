"""The training loop: one fold of one recipe, from a model to its best epoch, resumable after any epoch.

All randomness of an epoch is a function of (seed, epoch) and is set at its start, so a run that was killed and
resumed ends with the same bits as one that was not. No argparse, no fixed paths, nothing printed.
"""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from comp.competition.competition import Competition
from comp.data.batches import Batches, Order
from comp.data.loader import Loader
from comp.hardware import processes
from comp.models.finite import NotFinite, all_finite
from comp.prediction.predict import predict
from comp.recipes.recipe import Recipe
from comp.recipes.resolved import resolved
from comp.training import finite_checks, optim, resume, validation
from comp.training.epochs import Epochs, average
from comp.training.learner import Learner
from comp.training.one_epoch import train_epoch


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
        self.val, self.device = val, device
        self.learner = Learner(model, self.recipe, train, competition, device)
        size, sampler = recipe.batch_size, self.recipe.sampler
        order = Order(train.labels, size, sampler, recipe.seed, train.units, train.pseudo, recipe.pseudo_share)
        self.loader = Loader(train, order, recipe.workers, device)
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
            "workers": self.loader.workers,
        }

    def run(self, path: Path, identity: dict, progress: Callable, on_epoch: Callable[[dict], None]) -> Epochs:
        """Train to the end, from the resume file at `path` if there is one; write it after each epoch but the last.

        identity: what the file must have been made with; progress(label, total) is a context manager that yields an
        Advance; on_epoch is given each new row of the history. Raises NotFinite where an epoch ends in numbers that
        cannot be used; the resume file is then that of the epoch before.
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
        epoch, began, rows = self.epochs.count, time.monotonic(), len(self.loader.order.rows())
        # for dropout and stochastic depth
        torch.manual_seed(self.recipe.seed * 1_000_003 + epoch + processes.rank() * 7919)
        with progress(f"epoch {epoch + 1}/{self.recipe.epochs}", rows) as advance:
            train_loss, waited = train_epoch(self.learner, self.loader, epoch, advance)
        trained = time.monotonic() - began
        scores = self._scores()
        row = {"epoch": epoch + 1, "train_loss": train_loss, **scores}
        row["lr"] = self.recipe.lr * optim.lr_factor(self.recipe, epoch + 1e-9)
        row |= {"seconds": time.monotonic() - began, "images_per_second": rows / trained, "waiting": waited / trained}
        self.epochs.end(row, self._goodness(scores), self.learner.scored, self.recipe.average_best)
        return row

    def _scores(self) -> dict[str, float]:
        """val_loss and the metrics of the scored weights over every held-out row, all of it finite."""
        processes.same_everywhere(self.learner.scored)
        finite_checks.check_weights(self.learner, self.epochs.count)
        probs = predict(self.learner.scored, self.val, self.recipe, self.competition, self.device)
        finite_checks.check_scores("a held-out probability", probs, self.learner, self.epochs.count)
        scores = validation.scores(self.competition, self.val, probs)
        finite_checks.check_scores("val_loss", scores["val_loss"], self.learner, self.epochs.count)
        return scores

    def _goodness(self, scores: dict[str, float]) -> float:
        return validation.goodness(scores, self.recipe.best_by, self.competition)

    def _average(self) -> None:
        """Put the mean of the best epochs' weights first if it scores better than each of them."""
        weights = average([kept["weights"] for kept in self.epochs.top])
        self.learner.scored.load_state_dict(weights)
        try:
            score = self._goodness(self._scores())
        except NotFinite:  # the mean of large weights may overflow where none of them does
            return
        if score > self.epochs.top[0]["score"]:
            self.epochs.put_first(score, weights)

    def _save(self, path: Path, identity: dict) -> None:
        if processes.rank() == 0:
            resume.save(path, identity, {**self.learner.state_dict(), **vars(self.epochs)})
        processes.wait()

    def _load(self, path: Path, identity: dict) -> None:
        saved = resume.load(path, identity, self.device)
        kept = [saved["model"], saved["ema"], *(kept["weights"] for kept in saved["top"])]
        if not all_finite(value for weights in kept for value in weights.values()):  # of an earlier version
            raise NotFinite(f"{path} holds weights that are not finite", self.recipe, f"rm {path}, then ")
        self.learner.load_state_dict(saved)
        self.epochs = Epochs(saved["history"], saved["top"])
        for kept in self.epochs.top:
            kept["weights"] = {name: value.cpu() for name, value in kept["weights"].items()}
