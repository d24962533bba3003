"""A training on all rows (all_data), beside the folds: nothing is held out, so the folds say how long it lasts."""

import dataclasses

import torch
from torch import nn

from comp.competition.competition import Competition
from comp.data.batches import Batches
from comp.data.rows import RunData
from comp.errors import InputError
from comp.hardware import processes
from comp.models import init_check, provenance, weights_file
from comp.recipes.recipe import Recipe
from comp.store import repair_commands
from comp.store.fold_table import fold_count
from comp.store.paths import ALL_DATA, Run
from comp.training import finite_checks
from comp.training.engine import Fit


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
        finite_checks.check_weights(self.learner, self.epochs.count)
        return {}

    def _goodness(self, scores: dict[str, float]) -> float:
        return float(self.epochs.count)


def length(run: Run, data: RunData) -> int:
    """The mean of the folds' best epochs, rounded (a half up). Raises InputError as `check_folds`."""
    check_folds(run, fold_count(data.folds))
    best = []
    for k in range(fold_count(data.folds)):
        provenance.check_current(run, data, k)
        best.append(weights_file.weights_metadata(run.weights(k), repair_commands.again(run, k))["epoch"])
    return int(sum(best) / len(best) + 0.5)


def check_folds(run: Run, count: int) -> None:
    """Raise InputError unless all folds of the run are trained."""
    missing = [k for k in range(count) if not init_check.is_trained(run, k)]
    if missing:
        raise InputError(
            f"FOLD={ALL_DATA}: fold {', '.join(map(str, missing))} of {run.name} not trained",
            "all folds: the mean of their best epochs says how long to train on all rows",
            f"the same command with FOLD={missing[0] if len(missing) == 1 else 'all'}",
        )
