"""Find equal and near-identical photos among the training and test photos. This module does not import torch.

1. `alike_pairs` finds near-identical photos by their difference hashes, which have 16 x 16 bits (Krawetz 2013). Each
   bit says whether a pixel of a thumbnail is darker than its right neighbour. The hash of a photo hardly changes with
   size, compression or brightness, but two scenes have very different hashes. `same_bytes` finds photos with equal
   bytes, and `merged_groups` merges the groups of such pairs.
2. `photo_pairs` makes a table of all pairs.
3. `near_pairs` finds all pairs of bit strings that differ in few bits, among hundreds of thousands of strings.

The search is written here, because the package imagehash has no search, and faiss would be a large package for one
function.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from comp.data.photo_check import PhotoFacts, PhotoSummary

# ---- photos that are alike

BITS = 256  # number of bits of a hash
NEAR = 12  # most bits that may differ; a photo that was saved again differs in few, another subject in 16 or more
FLAT = 6  # least mean difference of neighbouring grey values; below it, a thumbnail has too little detail
BLOCK = 8192  # number of thumbnails that are in memory as floats at one time
MOST_PAIRS = 2_000_000  # if there are more, only the pairs that are needed to link the photos are kept


def alike_pairs(photos: Sequence[PhotoSummary], groups: Sequence[str]) -> list[tuple[int, int]]:
    """Find near-identical photos that have different groups. Returns sorted pairs (a, b) with a < b.

    a and b are positions in `photos`. groups: the group of each photo. If there are more than MOST_PAIRS pairs, a pair
    (a, c) is left out if other pairs already link the two photos, such as (a, b) and (b, c).
    """
    hashed, detailed = _hashes(photos)
    group = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    position, parts, count = np.flatnonzero(detailed), [np.empty((0, 2), np.int64)], 0
    for pairs in near_pairs(hashed[detailed], NEAR, group[detailed]):
        parts.append(pairs)
        count += len(pairs)
        if count > MOST_PAIRS:
            parts = [_linking(np.concatenate(parts), len(position))]
            count = len(parts[0])
    pairs = position[np.concatenate(parts)]
    return [(int(a), int(b)) for a, b in pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]]


def same_bytes(photos: Sequence[PhotoSummary], groups: Sequence[str]) -> list[tuple[int, int]]:
    """Find photos that have equal bytes but different groups. Returns pairs (a, b) with a < b.

    a and b are positions in `photos`, and a is the first of all photos with these bytes. groups: the group of each
    photo.
    """
    first: dict[str, int] = {}
    pairs = [(first.setdefault(photo.digest, i), i) for i, photo in enumerate(photos)]
    return [(a, b) for a, b in pairs if a != b and groups[a] != groups[b]]


def merged_groups(groups: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Return the group of each photo after all groups that are linked by `pairs` are merged.

    groups: the group of each photo. pairs: pairs of positions of photos whose groups belong together. A merged group
    gets the alphabetically first of its names.
    """
    from scipy.sparse.csgraph import connected_components

    if not len(pairs):
        return list(groups)
    names, group = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    links = group[np.asarray(pairs)]
    part = connected_components(_graph(links, len(names)), directed=False)[1]
    first = np.unique(part, return_index=True)[1]  # names are sorted, so the first name of a part is the smallest
    return names[first[part[group]]].tolist()


def _hashes(photos: Sequence[PhotoSummary]) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays: the difference hash (N, 256) bool of each photo, and a flag (N,) bool.

    The flag says whether the photo has enough detail to be compared.
    """
    hashed, detailed = np.zeros((len(photos), BITS), bool), np.zeros(len(photos), bool)
    for i in range(0, len(photos), BLOCK):
        grey = np.array([photo.thumbnail for photo in photos[i : i + BLOCK]], np.float32).mean(3)
        right = np.diff(grey, axis=2).reshape(len(grey), -1)
        hashed[i : i + BLOCK], detailed[i : i + BLOCK] = right > 0, np.abs(right).mean(1) >= FLAT
    return hashed, detailed


def _linking(pairs: np.ndarray, count: int) -> np.ndarray:
    """Return the fewest of the `pairs` (P, 2) that link the same photos as all pairs do (a spanning forest).

    count: the number of photos.
    """
    from scipy.sparse.csgraph import minimum_spanning_tree

    tree = minimum_spanning_tree(_graph(pairs, count)).tocoo()
    return np.sort(np.stack([tree.row, tree.col], 1).astype(np.int64), axis=1)


def _graph(pairs: np.ndarray, count: int):
    from scipy.sparse import coo_matrix

    return coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()


# ---- a table of all pairs

SIDES = ("train", "test", "train and test")


def photo_pairs(facts: Mapping[str, PhotoFacts], train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Return a table with one row for each pair of equal or near-identical photos. Pairs with equal bytes come first.

    facts: the PhotoFacts of each image; train: a table with the columns image, group and label; test: a table with the
    column image. Photos that cannot be read are left out.
    Columns of the result: first and second (the two images), equal (whether their bytes are equal), side
    (one of SIDES, the sets from which the two photos come), one_group (whether they have the same group) and
    labels_differ. The last two columns are false if a test photo is in the pair.
    If several photos have equal bytes, each of them is paired only with the first photo. If there are very many pairs,
    some are left out as in `alike_pairs`.
    """
    both = pd.concat([train[["image", "group", "label"]], test[["image"]]], ignore_index=True)
    is_test = np.arange(len(both)) >= len(train)
    keep = both["image"].map(lambda image: not facts[image].problem).to_numpy(bool)
    both, is_test = both[keep].reset_index(drop=True), is_test[keep]
    return _described(_positions([facts[image] for image in both["image"]]), both, is_test)


def _positions(photos: list[PhotoFacts]) -> pd.DataFrame:
    """Return a table of all pairs of equal or near-identical photos.

    Columns: a and b (positions in `photos`, with a < b) and equal (whether the bytes of the two photos are equal).
    """
    each = list(map(str, range(len(photos))))  # each photo is a group, so that no pair is left out
    same = same_bytes(photos, each)
    near = [(a, b) for a, b in alike_pairs(photos, each) if photos[a].digest != photos[b].digest]
    rows = [(a, b, equal) for pairs, equal in ((same, True), (near, False)) for a, b in pairs]
    return pd.DataFrame(rows, columns=["a", "b", "equal"]).astype({"a": int, "b": int, "equal": bool})


def _described(pairs: pd.DataFrame, both: pd.DataFrame, is_test: np.ndarray) -> pd.DataFrame:
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    group = both["group"].to_numpy(object)
    label = both["label"].astype(object).where(both["label"].notna(), "").to_numpy()
    in_train = ~is_test[a] & ~is_test[b]
    return pd.DataFrame(
        {
            "first": both["image"].to_numpy(object)[a],
            "second": both["image"].to_numpy(object)[b],
            "equal": pairs["equal"].to_numpy(),
            "side": np.array(SIDES, object)[np.where(in_train, 0, np.where(is_test[a] & is_test[b], 1, 2))],
            "one_group": in_train & (group[a] == group[b]),
            "labels_differ": in_train & (label[a] != label[b]),
        }
    )


# ---- bit strings that differ in few bits

ROWS, COLUMNS = 64, 4096  # size of a block of comparisons; its 2 MB fit into the cache of the processor
DEARER = 10  # comparing a listed pair takes this many times as long as comparing a pair in a block


def near_pairs(bits: np.ndarray, most: int, groups: np.ndarray) -> Iterator[np.ndarray]:
    """Find all pairs of rows that differ in at most `most` bits and have different groups.

    bits: (N, B) of 0 and 1; groups (N,) int: the group of each row. Yields arrays (P, 2) of positions i < j. Each pair
    is yielded once, in any order. The search takes about 1 kB of memory for each row.
    The method is multi-index hashing (Norouzi, Punjani & Fleet 2012). For example, if most is 12, each row is cut into
    13 parts. If two rows differ in at most 12 bits, at least one part is equal, so only rows that share a part are
    compared. If too many rows share a part (photos of one scene), each row is compared with every other row. The first
    64 bits are compared before the others.
    """
    if len(bits) < 2:
        return
    bits = bits[:, np.argsort(np.abs(bits.mean(0) - 0.5), kind="stable")]  # the most informative bits first
    words, parts = _words(bits), _parts(bits, most + 1)
    listed = sum(_sharing(part) for part in parts)
    if listed * DEARER > len(bits) ** 2 / 2:
        yield from _each_with_each(words, most, groups)
        return
    for k, part in enumerate(parts):
        for pairs in _sharing_pairs(part, words[0], most):
            first, second = _near(*pairs, words, most, groups)
            # a pair that shares an earlier part, too, was already yielded with the earlier part
            fresh = np.ones(len(first), bool)
            for earlier in parts[:k]:
                fresh &= earlier[first] != earlier[second]
            if fresh.any():
                yield np.sort(np.stack([first, second], 1)[fresh], axis=1)


def _near(first: np.ndarray, second: np.ndarray, words: np.ndarray, most: int, groups: np.ndarray):
    """Return the pairs whose rows differ in at most `most` bits and have different groups, as two arrays of positions.

    first, second (P,): the positions of the two rows of each pair; words: the rows packed by `_words`; groups (N,): the
    group of each row.
    """
    changed = np.zeros(len(first), np.uint16)
    for word in words:
        changed += np.bitwise_count(word[first] ^ word[second])
        near = changed <= most
        first, second, changed = first[near], second[near], changed[near]
    other = groups[first] != groups[second]
    return first[other], second[other]


def _words(bits: np.ndarray) -> np.ndarray:
    """Return the rows of `bits` packed into 64-bit words, as (ceil(B / 64), N) uint64."""
    packed = np.packbits(bits.astype(bool), axis=1)
    whole = np.zeros((len(bits), -(-packed.shape[1] // 8) * 8), np.uint8)
    whole[:, : packed.shape[1]] = packed
    return np.ascontiguousarray(whole.view(np.uint64).T)


def _parts(bits: np.ndarray, count: int) -> list[np.ndarray]:
    """Cut each row of `bits` into `count` parts. Returns one array (N,) int64 for each part, a number for each row.

    Part k has bit k and then every count-th bit, which spreads the informative bits evenly over the parts.
    """
    dealt = (bits[:, k::count].astype(np.int64) for k in range(count))  # one part in memory at a time
    return [part @ (1 << np.arange(part.shape[1])) for part in dealt]


def _sharing(part: np.ndarray) -> int:
    """Return the number of pairs of rows that have equal values in `part` (N,)."""
    counts = np.unique(part, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def _sharing_pairs(part: np.ndarray, first_words: np.ndarray, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of rows that have equal values in `part` and whose first words differ in at most `most` bits.

    part (N,): a part of each row, as a number; first_words (N,): the first 64 bits of each row. The pairs are yielded
    as two arrays of positions. The rows are sorted by their values in `part`. Neighbours in this order are compared
    first, then rows that are two places apart, and so on.
    """
    order = np.argsort(part, kind="stable")
    ordered, word, starts, step = part[order], first_words[order], np.arange(len(order)), 0
    while len(starts):
        step += 1
        starts = starts[: np.searchsorted(starts, len(order) - step)]
        starts = starts[ordered[starts] == ordered[starts + step]]
        near = starts[np.bitwise_count(word[starts] ^ word[starts + step]) <= most]
        if len(near):
            yield order[near], order[near + step]


def _each_with_each(words: np.ndarray, most: int, groups: np.ndarray) -> Iterator[np.ndarray]:
    word = words[0]
    changed, count = np.empty((ROWS, COLUMNS), np.uint64), np.empty((ROWS, COLUMNS), np.uint8)
    for top in range(0, len(word), ROWS):
        for left in range(top, len(word), COLUMNS):
            rows, columns = word[top : top + ROWS, None], word[None, left : left + COLUMNS]
            shape = slice(len(rows)), slice(columns.shape[1])
            # reused buffers are three times as fast as new ones
            np.bitwise_count(np.bitwise_xor(rows, columns, out=changed[shape]), out=count[shape])
            first, second = np.divmod(np.flatnonzero(count[shape] <= most), columns.shape[1])
            later = first + top < second + left
            first, second = _near(first[later] + top, second[later] + left, words, most, groups)
            if len(first):
                yield np.stack([first, second], 1)
