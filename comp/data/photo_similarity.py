"""Compare photos by their pixels, to find photos that show the same picture. This module does not import torch.

1. `candidates` finds, among hundreds of thousands of photos, the pairs whose coarse pictures are similar.
2. `differences` takes a second look at each of these pairs. It aligns the two pictures, and returns how much their
   detail differs. The difference is near 0 for photos that were saved again, resized, cropped by 3 % on each side, made
   brighter, or edited in one small place. Plain background does not count, because it has no detail.

Both use small grey pictures of PICTURE x PICTURE pixels. An edit of 1 % of a photo is 6 pixels wide there.
"""

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
WORTH_PROCESSES = 2_000  # pairs; with fewer, starting processes takes longer than comparing
CERTAIN = 0.005  # with a smaller difference, the pictures need no alignment
HOPELESS = 0.4  # with a larger difference after the first alignment, the second is left out
FLAT = 2.0  # least detail of a picture, in grey values; a flatter one cannot be told from other flat ones
BORDER = 3  # pixels at each side that do not count, because a cropped photo lacks them
PLACE = 12  # sides of the one place that may differ, in pixels
MOST_IN_PLACE = 0.3  # the place counts after all if more than this share of the detail of both pictures is in it
FINE, ROUGH = 0.7, 4.0  # detail is what a blur of FINE pixels keeps and a blur of ROUGH pixels removes
SMOOTH = 2.0  # pixels of the blur before an alignment; it is as wide as the pictures may be apart
STEPS = 4  # number of steps of an alignment
FARTHEST = 2.2  # pixels by which an alignment moves a picture, or each half of it, at most; 2 is a crop of 3 %

_INNER = np.zeros((PICTURE, PICTURE), np.float32)
_INNER[BORDER:-BORDER, BORDER:-BORDER] = 1
_Y, _X = np.mgrid[:PICTURE, :PICTURE].astype(np.float32)
_V, _U = 2 * _Y / (PICTURE - 1) - 1, 2 * _X / (PICTURE - 1) - 1  # from -1 to 1


def differences(pictures: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the `difference` of each of P pairs of photos, (P,) float.

    pictures (N, PICTURE, PICTURE) uint8: the small grey pictures of N photos; pairs (P, 2) int: positions in
    `pictures`.
    """
    starts = range(0, len(pairs), PAIRS_PER_TASK)
    tasks = (joblib.delayed(_differences)(pictures[pairs[i : i + PAIRS_PER_TASK]]) for i in starts)
    jobs, values = -1 if len(pairs) > WORTH_PROCESSES else 1, []
    with console.progress("comparing similar photos", len(pairs), "pairs") as advance:
        for part in joblib.Parallel(jobs, return_as="generator")(tasks):
            values += part
            advance(len(part))
    return np.array(values, float)


def _differences(pairs: np.ndarray) -> list[float]:
    return [difference(a, b) for a, b in pairs.astype(np.float32)]


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Return how much the detail of two small grey pictures differs: 1 minus the correlation of the detail.

    a, b (PICTURE, PICTURE) float32: the pictures. The result is 0 for equal pictures, and about 1 for pictures that
    have nothing in common. It is infinite if one of them has too little detail. It does not change with the brightness
    and the contrast of a picture. One place of PLACE x PLACE pixels may differ without counting.
    The pictures are compared as they are, then after an alignment, and then after an alignment that ignores the place
    that differs most. The lowest result is returned.
    """
    of_a = _detail(a)
    first, _ = _compared(of_a, _detail(b))
    if first < CERTAIN or np.isinf(first):
        return first
    second, rest = _compared(of_a, _detail(_aligned(a, b, _INNER)))
    if not CERTAIN <= second < HOPELESS:
        return min(first, second)
    return min(first, second, _compared(of_a, _detail(_aligned(a, b, rest)))[0])


def _compared(a: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the difference of the detail of two pictures, and the pixels without the place that differs most.

    a, b (PICTURE, PICTURE): the detail of each picture. The second result is (PICTURE, PICTURE): 0 in the place that
    differs most and at the border, and 1 elsewhere.
    """
    in_a, in_b = (float((x * x * _INNER).sum()) for x in (a, b))
    if min(in_a, in_b) < FLAT**2 * _INNER.sum():
        return np.inf, _INNER
    rest = _without_place((a * (in_b / in_a) ** 0.5 - b) ** 2 * _INNER)
    rest_a, rest_b = (float((x * x * rest).sum()) for x in (a, b))
    counts = _INNER if max(rest_a / in_a, rest_b / in_b) < 1 - MOST_IN_PLACE else rest
    size = float((a * a * counts).sum() * (b * b * counts).sum()) ** 0.5
    return 1 - float((a * b * counts).sum()) / max(size, 1e-6), rest


def _detail(picture: np.ndarray) -> np.ndarray:
    fine = cv2.GaussianBlur(picture, (0, 0), FINE)
    return fine - cv2.GaussianBlur(fine, (0, 0), ROUGH)


def _without_place(error: np.ndarray) -> np.ndarray:
    """Return 1 for the pixels that count, and 0 for those at the border and in the place with the most error."""
    sums = cv2.boxFilter(error, -1, (PLACE, PLACE), normalize=False, borderType=cv2.BORDER_CONSTANT)
    y, x = np.unravel_index(sums.argmax(), sums.shape)
    half, rest = PLACE // 2, _INNER.copy()
    rest[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1] = 0
    return rest


def _aligned(a: np.ndarray, b: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return picture b, moved and stretched along both axes so that it fits picture a best.

    counts: 1 for the pixels that count, and 0 for the others. The method is that of Lucas & Kanade (1981): each step
    solves for the motion, the gain and the offset that make the pictures equal, as if brightness changed evenly from
    pixel to pixel.
    """
    target, smooth = (cv2.GaussianBlur(x, (0, 0), SMOOTH) for x in (a, b))
    moved, motion = smooth, np.zeros(4, np.float32)
    for _ in range(STEPS):
        right, down = (cv2.Sobel(moved, cv2.CV_32F, x, 1 - x, scale=0.125) for x in (1, 0))
        terms = np.stack([right, right * _U, down, down * _V, -target, -np.ones_like(target)]).reshape(6, -1)
        weighted = terms * counts.ravel()
        square = weighted @ terms.T + np.diag(np.float32([1, 1, 1, 1, 1e-3, 1e-3]))  # solvable for a flat picture, too
        step = np.linalg.solve(square, -weighted @ moved.ravel())[:4]
        motion = np.clip(motion + step, -FARTHEST, FARTHEST).astype(np.float32)
        moved = _moved(smooth, motion)
    return _moved(b, motion)


def _moved(picture: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Return a picture moved by motion[0] and motion[2] pixels, and stretched by motion[1] and motion[3] pixels."""
    across, down = _X + motion[0] + motion[1] * _U, _Y + motion[2] + motion[3] * _V
    return cv2.remap(picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
