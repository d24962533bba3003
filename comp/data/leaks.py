"""Photos that are nearly the same, and whether train and test can be told apart; both from thumbnails.

A difference hash of 16 x 16 bits says whether each pixel is brighter than its right neighbour (Krawetz 2013): another
size, compression or light leave it as it is, and two pictures of one person in one pose are far apart in it.
"""

import numpy as np

from comp.competition import metrics
from comp.data.photos import Look

MOST = 60_000  # photos, above which comparing each with each takes minutes
BITS = 256
NEAR = 12  # bits of 256: a photo saved again differs in a few; pictures of two people were never nearer than 16
PLAIN = 6  # mean step between neighbours, in grey values, below which a thumbnail is too flat to be known again
BLOCK = 2048


def steps(looks: list[Look]) -> np.ndarray:
    """(N, 256) float32: each step to the right in the grey thumbnail. Their signs are the hash."""
    grey = np.array([look.thumbnail for look in looks], np.float32).mean(3)
    return np.diff(grey, axis=2).reshape(len(looks), -1)


def alike(looks: list[Look], groups: list[str]) -> list[tuple[int, int]] | None:
    """Pairs of positions of near-identical photos of different groups; None where there are too many to compare."""
    if len(looks) > MOST:
        return None
    right, group = steps(looks), np.unique(groups, return_inverse=True)[1]
    hashed, telling = np.where(right > 0, 1, -1).astype(np.float32), np.abs(right).mean(1) >= PLAIN
    pairs = []
    for i in range(0, len(looks), BLOCK):
        rows = slice(i, i + BLOCK)
        near = hashed[rows] @ hashed[i:].T >= BITS - 2 * NEAR
        near &= telling[rows, None] & telling[i:]
        near &= group[rows, None] != group[i:]
        first, second = np.nonzero(near)
        pairs += [(int(a) + i, int(b) + i) for a, b in zip(first, second, strict=True) if a < b]
    return pairs


def merged_groups(groups: list[str], pairs: list[tuple[int, int]]) -> list[str]:
    """Group names in which all that are linked by pairs have one: the first of theirs."""
    parent = {name: name for name in groups}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for a, b in pairs:
        first, second = sorted((root(groups[a]), root(groups[b])))
        parent[second] = first
    return [root(name) for name in groups]


def adversarial_auc(train: list[Look], test: list[Look], groups) -> float:
    """Cross-validated AUC of logistic regression on thumbnails, train against test: 0.5 where they are alike."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.array([look.thumbnail for look in [*train, *test]], np.float32).reshape(len(train) + len(test), -1)
    is_test = np.repeat([0, 1], [len(train), len(test)])
    # persons of train stay together; of the test photos none is known
    group = np.concatenate([np.unique(groups, return_inverse=True)[1], len(train) + np.arange(len(test))])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=200))
    made = cross_val_predict(model, x, is_test, groups=group, cv=GroupKFold(5), method="predict_proba")
    return metrics.auc_score(is_test, made)
