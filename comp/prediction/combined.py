"""From photos to prediction ids, where several photos make one prediction (competition.combine).

Letters: N photos, S prediction ids, C classes.
"""

import numpy as np
import pandas as pd

from comp.competition import scoring
from comp.competition.competition import Competition


def by_id(competition: Competition, ids, probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unique prediction ids (S,) in the order of their first photos, and their probs (S, C), from ids (N,), (N, C)."""
    if not competition.combine:
        return np.asarray(ids), probs
    return scoring.combine_rows(probs, np.asarray(ids), competition.combine)


def scored(competition: Competition, labels: np.ndarray, probs: np.ndarray, ids=None) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probs of what is scored: photos, or prediction ids with the label of their first photo.

    labels (N, …), probs (N, C); ids (N,) are needed only where the competition combines photos.
    """
    if not competition.combine:
        return labels, probs
    unique, combined = by_id(competition, ids, probs)
    return _first(labels, ids, unique), combined


def _first(labels: np.ndarray, ids, unique: np.ndarray) -> np.ndarray:
    """The label of each unique id's first photo."""
    first = pd.Series(np.arange(len(labels)), index=np.asarray(ids))
    return labels[first[~first.index.duplicated()].loc[unique].to_numpy()]
