"""The epochs of a training so far: their history, and the weights of the best of them."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


@dataclass
class Epochs:
    """history: a row of scores for each epoch that is done; top: the best ones, each with score (higher is better),
    epoch (from 0) and weights (on the CPU)."""

    history: list[dict] = field(default_factory=list)
    top: list[dict] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Epochs that are done."""
        return len(self.history)

    @property
    def best(self) -> Weights:
        return self.top[0]["weights"]

    @property
    def best_epoch(self) -> int:
        return self.top[0]["epoch"]

    @property
    def stale(self) -> int:
        """Epochs since the best one."""
        return self.count - 1 - self.best_epoch

    def end(self, row: dict, score: float, model: nn.Module, keep: int) -> None:
        """One more epoch: its row of the history, and its weights if it is among the `keep` best."""
        if len(self.top) < keep or score > self.top[-1]["score"]:
            made = {"score": score, "epoch": self.count, "weights": copied(model)}
            self.top = sorted([*self.top, made], key=_best_first)[:keep]
        self.history.append(row)

    def put_first(self, score: float, weights: Weights) -> None:
        """Weights that beat those of every epoch; they count as of the best one."""
        self.top.insert(0, {"score": score, "epoch": self.best_epoch, "weights": weights})


def _best_first(kept: dict) -> tuple[float, int]:
    """Of equal scores the earlier epoch goes first."""
    return -kept["score"], kept["epoch"]


def copied(model: nn.Module) -> Weights:
    """A model's state dict, on the CPU and apart from it."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def average(states: list[Weights]) -> Weights:
    """The mean of state dicts of one model, as in stochastic weight averaging (Izmailov et al. 2018).

    Batch norm statistics are averaged like weights; counters are the first state's.
    """
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }
