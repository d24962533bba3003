"""Find photos that are (nearly) the same, and test whether train and test photos differ; both from thumbnails.

A difference hash has 16 x 16 bits: whether each pixel is brighter than its right neighbour (Krawetz 2013). It hardly
changes with size, compression or brightness, but differs much between two scenes.
"""

from collections.abc import Sequence

import numpy as np

from comp.data.hamming_search import near_pairs
from comp.data.photo_check import PhotoSummary

BITS = 256  # of a hash
NEAR = 12  # bits of 256: a photo that was saved again differs in a few; photos of two subjects in 16 or more
FLAT = 6  # mean difference of neighbours, in grey values; a thumbnail with less is too flat to compare
BLOCK = 8192  # thumbnails in memory as floats at one time
MOST_PAIRS = 2_000_000  # if there are more, only pairs that are needed to link the same photos are kept


def alike(photos: Sequence[PhotoSummary], groups: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (a, b), a < b, of positions of near-identical photos of different groups, sorted.

    If there are more than MOST_PAIRS, a pair is left out if other pairs link its photos (a with b, b with c).
    """
    hashed, telling = _hashes(photos)
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


def same_bytes(photos: Sequence[PhotoSummary], groups: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (a, b), a < b, of positions of photos with equal bytes and different groups; a is the first such photo."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(photo.digest, i), i) for i, photo in enumerate(photos)]
    return [(a, b) for a, b in pairs if a != b and groups[a] != groups[b]]


def merged_groups(groups: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Group names after merging all groups that pairs link: the first name in alphabetical order is kept."""
    from scipy.sparse.csgraph import connected_components

    if not len(pairs):
        return list(groups)
    names, group = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    links = group[np.asarray(pairs)]
    part = connected_components(_graph(links, len(names)), directed=False)[1]
    first = np.unique(part, return_index=True)[1]  # names are sorted: the first one of a part is the smallest
    return names[first[part[group]]].tolist()


def _hashes(photos: Sequence[PhotoSummary]) -> tuple[np.ndarray, np.ndarray]:
    """The difference hash of each photo, (N, 256) bool, and whether it has enough detail to compare, (N,) bool."""
    hashed, telling = np.zeros((len(photos), BITS), bool), np.zeros(len(photos), bool)
    for i in range(0, len(photos), BLOCK):
        grey = np.array([photo.thumbnail for photo in photos[i : i + BLOCK]], np.float32).mean(3)
        right = np.diff(grey, axis=2).reshape(len(grey), -1)
        hashed[i : i + BLOCK], telling[i : i + BLOCK] = right > 0, np.abs(right).mean(1) >= FLAT
    return hashed, telling


def _linking(pairs: np.ndarray, count: int) -> np.ndarray:
    """The fewest pairs among (P, 2) that link the same positions: a spanning forest."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    tree = minimum_spanning_tree(_graph(pairs, count)).tocoo()
    return np.sort(np.stack([tree.row, tree.col], 1).astype(np.int64), axis=1)


def _graph(pairs: np.ndarray, count: int):
    from scipy.sparse import coo_matrix

    return coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()
