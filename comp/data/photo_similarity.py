"""Compare photos by their pixels, to find photos that show the same picture. This module does not import torch.

1. `candidates` finds, among hundreds of thousands of photos, the pairs whose coarse pictures are similar.
2. `differences` takes a second look at each of these pairs. It aligns the two pictures, and returns how much their
   detail differs. The difference is near 0 for photos that were saved again, resized, cropped by 3 % on each side, made
   brighter, or edited in one small place. Plain background does not count, because it has no detail.

Both use small grey pictures of PICTURE x PICTURE pixels. An edit of 1 % of a photo is 6 pixels wide there.
"""

from collections.abc import Sequence
from functools import cached_property

import cv2
import joblib
import numpy as np

from comp import console

PICTURE = 64  # sides of a small grey picture, in pixels

# ---- pairs whose coarse pictures are similar

COARSE = 8  # sides of a coarse picture, in pixels
SIMILAR = 0.9  # least correlation of two coarse pictures; a photo cropped by 3 % on each side has 0.92 or more
NEIGHBOURS = 16  # each photo is compared with at most this many others, the most similar ones
BLOCK = 2_000_000  # number of correlations that are in memory at one time


def candidates(pictures: np.ndarray, groups: np.ndarray, within_groups: bool = False) -> np.ndarray:
    """Find pairs of photos from different groups whose coarse pictures are similar.

    pictures (N, PICTURE, PICTURE) uint8: the small grey pictures of N photos; groups (N,) int: their groups;
    within_groups: whether pairs of one group are found, too. Returns (P, 2) int, the sorted positions a < b of P pairs.
    Of each photo, the pairs with its NEIGHBOURS most similar photos of other groups are found, and as many of its own.
    The time grows with the square of N.
    """
    coarse, found = _coarse(pictures), [np.empty((0, 2), np.int64)]
    step = max(1, BLOCK // max(1, len(coarse)))
    with console.progress("searching for similar photos", len(coarse), "photos") as advance:
        for top in range(0, len(coarse), step):
            similar = coarse[top : top + step] @ coarse.T
            row, column = np.nonzero(similar >= SIMILAR)
            pairs, value = np.stack([row + top, column], 1), similar[row, column]
            other = groups[pairs[:, 0]] != groups[pairs[:, 1]]
            own = (pairs[:, 0] != pairs[:, 1]) & ~other & within_groups
            found += [pairs[part][_first_of_each(row[part], -value[part])] for part in (other, own)]
            advance(len(similar))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _coarse(pictures: np.ndarray) -> np.ndarray:
    """Return the coarse pictures of N photos, (N, COARSE**2) float32, so that a product of two is their correlation."""
    part = PICTURE // COARSE
    cells = pictures.reshape(len(pictures), COARSE, part, COARSE, part).mean((2, 4), dtype=np.float32)
    coarse = cells.reshape(len(pictures), -1)
    coarse -= coarse.mean(1, keepdims=True)
    return coarse / np.maximum(np.linalg.norm(coarse, axis=1, keepdims=True), 1e-6)


def _first_of_each(row: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the positions of the NEIGHBOURS entries of each row with the lowest `order`; both arrays are (E,)."""
    entry = np.lexsort((order, row))
    start = np.searchsorted(row[entry], row[entry])
    return entry[np.arange(len(entry)) - start < NEIGHBOURS]


# ---- how much the detail of two photos differs

PAIRS_PER_TASK = 200
WORTH_PROCESSES = 5_000  # pairs; with fewer, starting processes takes longer than comparing
CERTAIN = 0.005  # with a smaller difference, the pictures need no alignment
HOPELESS = 0.4  # with a larger difference after the first alignment, the second is left out
FLAT = 2.0  # least detail of a picture, in grey values; a flatter one cannot be told from other flat ones
BORDER = 3  # pixels at each side that do not count, because a cropped photo lacks them
PLACE = 12  # sides of the one place that may differ, in pixels
MOST_IN_PLACE = 0.3  # the place counts after all if more than this share of the detail of both pictures is in it
FINE, ROUGH = 0.7, 4.0  # detail is what a blur of FINE pixels keeps and a blur of ROUGH pixels removes
SMOOTH = 2.0  # pixels of the blur before an alignment; it is as wide as the pictures may be apart
STEPS = 3  # number of steps of an alignment
LEAST_GAIN = 0.2  # least ratio of contrast that an alignment believes; with a smaller one, the pictures do not fit
FARTHEST = 2.2  # pixels by which an alignment moves a picture, or each half of it, at most; 2 is a crop of 3 %

_INSIDE = slice(BORDER, PICTURE - BORDER)
_SIDE = PICTURE - 2 * BORDER
_PLACE_ON_AXIS = np.linspace(-1, 1, PICTURE, dtype=np.float32)  # of each column, and of each row
_V, _U = np.meshgrid(_PLACE_ON_AXIS, _PLACE_ON_AXIS, indexing="ij")


def differences(pictures: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the `difference` of each of P pairs of photos, (P,) float.

    pictures (N, PICTURE, PICTURE) uint8: the small grey pictures of N photos; pairs (P, 2) int: positions in
    `pictures`.
    """
    starts = range(0, len(pairs), PAIRS_PER_TASK)
    used = (np.unique(pairs[i : i + PAIRS_PER_TASK], return_inverse=True) for i in starts)
    tasks = (joblib.delayed(_differences)(pictures[photos], places.reshape(-1, 2)) for photos, places in used)
    jobs, values = -1 if len(pairs) > WORTH_PROCESSES else 1, []
    with console.progress("comparing similar photos", len(pairs), "pairs") as advance:
        for part in joblib.Parallel(jobs, return_as="generator")(tasks):
            values += part
            advance(len(part))
    return np.array(values, float)


def _differences(pictures: np.ndarray, pairs: np.ndarray) -> list[float]:
    prepared, values = [_Picture(picture) for picture in pictures], np.empty(len(pairs))
    for a in np.unique(pairs[:, 0]):
        of_a = pairs[:, 0] == a
        values[of_a] = _from_one(prepared[a], [prepared[b] for b in pairs[of_a, 1]])
    return values.tolist()


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Return how much the detail of two small grey pictures differs: 1 minus the correlation of the detail.

    a, b (PICTURE, PICTURE) uint8: the pictures. The result is 0 for equal pictures, and about 1 for pictures that have
    nothing in common. It is infinite if one of them has too little detail. It does not change with the brightness and
    the contrast of a picture. One place of PLACE x PLACE pixels may differ without counting.
    The pictures are compared as they are, then after an alignment, and then after an alignment that ignores the place
    that differs most. The lowest result is returned.
    """
    return float(_from_one(_Picture(a), [_Picture(b)])[0])


class _Picture:
    """A small grey picture with what all its comparisons need, which is computed once."""

    def __init__(self, grey: np.ndarray):
        self.grey = grey.astype(np.float32)
        self.detail = _detail(self.grey)

    @cached_property
    def smooth(self) -> np.ndarray:
        return cv2.GaussianBlur(self.grey, (0, 0), SMOOTH)

    @cached_property
    def terms(self) -> np.ndarray:
        """The six terms of an alignment to this picture, (6, _SIDE, _SIDE); see `_aligned`."""
        right, down = (cv2.Sobel(self.smooth, cv2.CV_32F, x, 1 - x, scale=0.125) for x in (1, 0))
        even = np.ones_like(right)
        terms = [right, right * _U, down, down * _V, self.smooth - self.smooth.mean(), even]
        return np.stack([term[_INSIDE, _INSIDE] for term in terms])


def _from_one(a: _Picture, others: Sequence[_Picture]) -> np.ndarray:
    """Return the `difference` of picture a from each of n other pictures, (n,)."""
    values, _ = _compared(a.detail, np.stack([b.detail for b in others]))
    moved = np.flatnonzero((values >= CERTAIN) & (values < np.inf))
    if not len(moved):
        return values
    second, places = _compared(a.detail, _aligned([others[i] for i in moved], a.terms))
    values[moved] = np.minimum(values[moved], second)
    for i, value, place in zip(moved, second, places, strict=True):
        if CERTAIN <= value < HOPELESS:
            terms = a.terms.copy()
            terms[:, *place] = 0
            third, _ = _compared(a.detail, _aligned([others[i]], terms))
            values[i] = min(values[i], third[0])
    return values


def _detail(picture: np.ndarray) -> np.ndarray:
    """Return the detail of a picture without its border, (_SIDE, _SIDE) float32."""
    fine = cv2.GaussianBlur(picture, (0, 0), FINE)
    return (fine - cv2.GaussianBlur(fine, (0, 0), ROUGH))[_INSIDE, _INSIDE]


def _compared(a: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, list[tuple[slice, slice]]]:
    """Return the difference of the detail of picture a from each of n others, (n,), and the place that differs most.

    a (_SIDE, _SIDE), others (n, _SIDE, _SIDE): the detail of each picture. A place is its rows and its columns.
    """
    counts = np.ones_like(others)
    in_a, in_b, shared = _products(a, others, counts)
    places = [_place(each) for each in (a * np.sqrt(in_b / np.maximum(in_a, 1e-6))[:, None, None] - others) ** 2]
    for each, place in zip(counts, places, strict=True):
        each[place] = 0
    rest_a, rest_b, rest_shared = _products(a, others, counts)
    without = np.maximum(rest_a / np.maximum(in_a, 1e-6), rest_b / np.maximum(in_b, 1e-6)) > 1 - MOST_IN_PLACE
    size = np.sqrt(np.where(without, rest_a * rest_b, in_a * in_b))
    values = 1 - np.where(without, rest_shared, shared) / np.maximum(size, 1e-6)
    return np.where(np.minimum(in_a, in_b) < FLAT**2 * _SIDE**2, np.inf, values), places


def _products(a: np.ndarray, others: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the products of picture a with itself, of n others with themselves, and of a with the others, (n,) each.

    counts (n, _SIDE, _SIDE): 1 for the pixels that count, and 0 for the others.
    """
    flat, kept, of_a = (x.reshape(len(x), -1) for x in (others, others * counts, a[None]))
    return counts.reshape(kept.shape) @ (of_a[0] ** 2), np.einsum("ij,ij->i", flat, kept), kept @ of_a[0]


def _place(error: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns of the place with the most error. error (_SIDE, _SIDE)."""
    sums = cv2.boxFilter(error, -1, (PLACE, PLACE), normalize=False, borderType=cv2.BORDER_CONSTANT)
    y, x = divmod(int(sums.argmax()), _SIDE)
    half = PLACE // 2
    return slice(max(0, y - half), y + half + 1), slice(max(0, x - half), x + half + 1)


def _aligned(pictures: Sequence[_Picture], terms: np.ndarray) -> np.ndarray:
    """Return the detail of n pictures, each moved and stretched along both axes so that it fits another picture best.

    terms (6, _SIDE, _SIDE): the terms of the other picture; they are 0 where it does not count. The result is
    (n, _SIDE, _SIDE).
    The method is that of Lucas & Kanade (1981), with the gradient of the picture that does not move (Baker & Matthews
    2004). Each step describes the moved pictures by the terms of the other one: its gradient times the distance from
    the best place, its values times a gain, and an offset.
    """
    flat, motion = terms.reshape(len(terms), -1), np.zeros((len(pictures), 4))
    square = flat @ flat.T + np.diag(np.float32([1, 1, 1, 1, 1e-3, 1e-3]))  # solvable for a flat picture, too
    inverse, moved = np.linalg.inv(square), [picture.smooth for picture in pictures]
    for _ in range(STEPS):
        factors = np.stack([picture[_INSIDE, _INSIDE] for picture in moved]).reshape(len(moved), -1) @ flat.T @ inverse
        motion = np.clip(motion - factors[:, :4] / np.maximum(factors[:, 4:5], LEAST_GAIN), -FARTHEST, FARTHEST)
        moved = [_moved(picture.smooth, by) for picture, by in zip(pictures, motion, strict=True)]
    return np.stack([_detail(_moved(picture.grey, by)) for picture, by in zip(pictures, motion, strict=True)])


def _moved(picture: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Return a picture moved by motion[0] and motion[2] pixels, and stretched by motion[1] and motion[3] pixels."""
    x, wider, y, higher = motion.tolist()
    scale = 2 / (PICTURE - 1)
    matrix = np.array([[1 + wider * scale, 0, x - wider], [0, 1 + higher * scale, y - higher]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix, picture.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
