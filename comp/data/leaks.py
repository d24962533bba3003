"""Photos that are the same or nearly the same, and whether train and test can be told apart; both from thumbnails.

A difference hash of 16 x 16 bits says whether each pixel is brighter than its right neighbour (Krawetz 2013): another
size, compression or light leave it as it is, and pictures of two scenes are far apart in it.
"""

from collections.abc import Sequence

import numpy as np

from comp.data.near_pairs import near_pairs
from comp.data.photo_check import Look
from comp.metrics import metrics

BITS = 256  # of a hash
NEAR = 12  # bits of 256: a photo saved again differs in a few; pictures of two people were never nearer than 16
FLAT = 6  # mean step between neighbours, in grey values, below which a thumbnail is too flat to be known again
BLOCK = 8192  # photos whose thumbnails are in memory as floats at one time
MOST_PAIRS = 2_000_000  # beyond these only as many are kept as link the same photos
MOST_TOLD_APART = 20_000  # photos of each side of the adversarial check: more change its third digit


def alike(looks: Sequence[Look], groups: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (a, b), a < b, of positions of near-identical photos of different groups, sorted.

    Beyond MOST_PAIRS, a pair is left out where others link its photos: a is like b, and b is like c.
    """
    hashed, telling = _hashes(looks)
    group = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    position, found, count = np.flatnonzero(telling), [np.empty((0, 2), np.int64)], 0
    for pairs in near_pairs(hashed[telling], NEAR, group[telling]):
        found.append(pairs)
        count += len(pairs)
        if count > MOST_PAIRS:
            found = [_linking(np.concatenate(found), len(position))]
            count = len(found[0])
    pairs = position[np.concatenate(found)]
    return [(int(a), int(b)) for a, b in pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]]


def same_bytes(looks: Sequence[Look], groups: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (a, b), a < b, of positions of byte-identical photos of different groups; a is the first of its bytes."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(look.digest, i), i) for i, look in enumerate(looks)]
    return [(a, b) for a, b in pairs if a != b and groups[a] != groups[b]]


def merged_groups(groups: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Group names in which all that are linked by pairs have one: the first of theirs in alphabetical order."""
    from scipy.sparse.csgraph import connected_components

    if not len(pairs):
        return list(groups)
    names, group = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    links = group[np.asarray(pairs)]
    part = connected_components(_graph(links, len(names)), directed=False)[1]
    first = np.unique(part, return_index=True)[1]  # names are sorted: the first of a part is its smallest
    return names[first[part[group]]].tolist()


def adversarial_auc(train: Sequence[Look], test: Sequence[Look], groups: Sequence[str]) -> float:
    """Cross-validated AUC of logistic regression on thumbnails, train against test: 0.5 where they are alike.

    Of more than MOST_TOLD_APART photos, that many are drawn at random.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, test_rows = _drawn(len(train)), _drawn(len(test))
    train, test, groups = [train[i] for i in rows], [test[i] for i in test_rows], [groups[i] for i in rows]
    x = np.array([look.thumbnail for look in [*train, *test]], np.float32).reshape(len(train) + len(test), -1)
    is_test = np.repeat([0, 1], [len(train), len(test)])
    # groups of train stay together; of the test photos none is known
    group = np.concatenate([np.unique(groups, return_inverse=True)[1], len(train) + np.arange(len(test))])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=200))
    made = cross_val_predict(model, x, is_test, groups=group, cv=GroupKFold(5), method="predict_proba")
    return metrics.auc_score(is_test, made)


def _hashes(looks: Sequence[Look]) -> tuple[np.ndarray, np.ndarray]:
    """The difference hash of each photo, (N, 256) bool, and whether it is detailed enough to be known again, (N,)."""
    hashed, telling = np.zeros((len(looks), BITS), bool), np.zeros(len(looks), bool)
    for i in range(0, len(looks), BLOCK):
        grey = np.array([look.thumbnail for look in looks[i : i + BLOCK]], np.float32).mean(3)
        right = np.diff(grey, axis=2).reshape(len(grey), -1)
        hashed[i : i + BLOCK], telling[i : i + BLOCK] = right > 0, np.abs(right).mean(1) >= FLAT
    return hashed, telling


def _linking(pairs: np.ndarray, count: int) -> np.ndarray:
    """Of pairs (P, 2) as few as link the same positions: a spanning forest."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    tree = minimum_spanning_tree(_graph(pairs, count)).tocoo()
    return np.sort(np.stack([tree.row, tree.col], 1).astype(np.int64), axis=1)


def _graph(pairs: np.ndarray, count: int):
    from scipy.sparse import coo_matrix

    return coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()


def _drawn(count: int) -> np.ndarray:
    if count <= MOST_TOLD_APART:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MOST_TOLD_APART, replace=False))
