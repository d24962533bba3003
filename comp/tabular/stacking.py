"""A second level: a classifier that learns from the OOF predictions of runs, cross-fitted on the same folds.

The classifier that predicts fold k learns from the rows of the other folds and never sees a row or label of fold k.
One indirect way remains, as in all usual stacking: the first-level predictions of the other folds were made by models
that were trained on fold k's labels, among others. So a stack's OOF score may be slightly too high; with few numbers
to fit the difference is small. The same holds for a blend with a stack in it: its cross-validated score chooses the
weights without fold k, but the stack's predictions on the other folds were fitted on labels of fold k. Believe a gain
that comes from a stack alone only if it is clearly larger than the blend's interval, or seen on the leaderboard too.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.competition.scored_rows import ScoredRows, scored_rows
from comp.errors import InputError
from comp.inputs import loading
from comp.store import out_of_fold, runs
from comp.store.predictions import Predictions
from comp.store.runs import Run
from comp.tabular.cross_fitting import LearningRows
from comp.tabular.derived_runs import Places
from comp.tabular.row_values import RowValues, chosen_columns

SMALLEST = 1e-5  # a probability; the logarithm of 0 would be far from all others
COMMAND = "make stack"


def sources(outputs: Path, run: Run, wanted: Sequence[str], folds: int) -> list[str]:
    """The runs to stack: those wanted, else all complete ones that are no stacks.

    Raises InputError for unknown runs, for a stack of itself, and where there is none.
    """
    runs.check_known(outputs, wanted)
    if run.name in wanted:
        raise InputError(
            f"RUNS={' '.join(wanted)} has {run.name} itself",
            "other runs to learn from",
            "the same command with another RUN",
        )
    complete = [name for name in runs.complete_runs(outputs, folds) if name != run.name]
    names = list(wanted) or [name for name in complete if not _is_stack(Run(outputs, name))]
    if not names:
        first = Run(outputs, next(name for name in runs.run_names(outputs)))
        raise InputError("no run is complete that is not a stack", "all folds of one", runs.repair_command(first))
    return names


def _is_stack(run: Run) -> bool:
    return runs.own_command(run).startswith(COMMAND)


def stacked(
    outputs: Path,
    inputs: Path,
    names: Sequence[str],
    columns: str,
    folds: pd.DataFrame,
    folds_digest: str,
    competition: Competition,
    test_ids=None,
) -> tuple[LearningRows, Places]:
    """The rows to learn from, one for each prediction id, and where their predictions go.

    names: the runs; columns: those of the tables to add, see chosen_columns.py. Raises InputError for runs that are not
    complete or stale.
    """
    rows = scored_rows(folds, competition)
    how = (folds, folds_digest, competition, test_ids)
    loaded = [out_of_fold.load_run(Run(outputs, name), *how) for name in names]
    ids = loaded[0][1].ids
    of_oof = np.hstack([as_vectors(competition, rows.combine(oof)) for oof, _ in loaded])
    of_test = np.hstack([as_vectors(competition, test.at(ids)) for _, test in _with_ids(loaded, ids)])
    added = _columns(columns, competition, inputs, folds, ids)
    values = [RowValues(*one) for one in zip((of_oof, of_test), added, strict=True)]
    made = LearningRows(competition, values[0], rows.labels, rows.folds, rows.groups, values[1], rows.ids)
    meta = {"runs": list(names), "sources": {name: runs.source_digest(Run(outputs, name)) for name in names}}
    return made, Places(folds["image"].to_numpy(), _row_of_image(rows), ids, folds_digest, meta)


def as_vectors(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """Predictions (N, C) as a linear model takes them: logarithms of probabilities, logits of labels, plain numbers."""
    if competition.target == "regression":
        return probs.astype(np.float32)
    clipped = probs.astype(np.float64).clip(SMALLEST, 1 - SMALLEST)
    if competition.target == "multilabel":
        return np.log(clipped / (1 - clipped)).astype(np.float32)
    return np.log(clipped).astype(np.float32)


def _with_ids(loaded: list[tuple[np.ndarray, Predictions]], ids: np.ndarray) -> list[tuple[np.ndarray, Predictions]]:
    """The same, after a check that all test files have these ids."""
    for _, test in loaded:
        out_of_fold.check_ids(test, ids)
    return loaded


def _row_of_image(rows: ScoredRows) -> np.ndarray:
    """The scored row (N,) of each photo."""
    if rows.photo_ids is None:
        return np.arange(len(rows.ids))
    return pd.Index(rows.ids).get_indexer(pd.Index(rows.photo_ids))


def _columns(text: str, competition: Competition, inputs: Path, folds: pd.DataFrame, ids: np.ndarray):
    """Columns of each scored row and each test id: those of its first photo."""
    first = folds.drop_duplicates("id") if competition.combine else folds
    if not text:
        return pd.DataFrame(index=range(len(first))), pd.DataFrame(index=range(len(ids)))
    test = loading.read_test(competition, inputs).drop_duplicates("id").set_index("id", drop=False)
    return chosen_columns(text, competition, inputs, first["image"], test.loc[ids].reset_index(drop=True))
