"""Pseudo-labelled test photos as further training rows.

Letters: N labelled rows, P pseudo-labelled rows, C classes.
"""

import dataclasses

import numpy as np
import pandas as pd

from comp.competition.auxiliary_columns import Auxiliary
from comp.competition.competition import ONE_LABEL, Competition
from comp.data.batches import Batches
from comp.store.predictions import Predictions


def joined(known: Batches, made: Predictions, test_ids: pd.Series, first: int, competition: Competition) -> Batches:
    """The labelled rows, then the photos of the pseudo-labelled ids. first: the row of the first test photo."""
    photos = np.flatnonzero(test_ids.isin(made.ids))
    probs = made.at(test_ids.iloc[photos])
    return Batches(
        known.photos,
        np.concatenate([known.rows, first + photos]),
        np.concatenate([known.labels, _labels(probs, competition).astype(known.labels.dtype)]),
        known.augment_name,
        known.seed,
        None if known.units is None else np.concatenate([known.units, np.full(len(photos), -1)]),
        soft=None if competition.target == "regression" else np.concatenate([_soft(known, competition), probs]),
        auxiliary=[_without_values(one, len(photos)) for one in known.auxiliary],
        pseudo=len(photos),
    )


def _labels(probs: np.ndarray, competition: Competition) -> np.ndarray:
    """The plain answer of each row, in the form of the target's labels."""
    if competition.target == "regression":
        return probs[:, 0]
    return probs.argmax(1) if competition.target in ONE_LABEL else probs >= 0.5


def _soft(known: Batches, competition: Competition) -> np.ndarray:
    """The labels (N, C) of the labelled rows as soft labels."""
    if known.soft is not None:
        return known.soft
    one_label = competition.target in ONE_LABEL
    return (np.eye(competition.size)[known.labels] if one_label else known.labels).astype(np.float32)


def _without_values(column: Auxiliary, count: int) -> Auxiliary:
    """The auxiliary targets with `count` more rows whose value is missing."""
    missing = np.zeros((count, column.values.shape[1]), np.float32)
    return dataclasses.replace(column, values=np.concatenate([column.values, missing]))
