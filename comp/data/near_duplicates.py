"""Find equal and near-identical photos among the training and test photos. This module does not import torch.

1. `alike_pairs` finds near-identical photos by their difference hashes, which have 16 x 16 bits (Krawetz 2013). Each
   bit says whether a pixel of a thumbnail is darker than its right neighbour. The hash of a photo hardly changes with
   size, compression or brightness, but two scenes have very different hashes. `same_bytes` finds photos with equal
   bytes, and `merged_groups` merges the groups of photos that belong together.
2. `photo_pairs` makes a table of all pairs.
3. `near_pairs` finds all pairs of bit strings that differ in few bits, among hundreds of thousands of strings.

`near_pairs` is written here, because the package imagehash cannot search, and faiss would be a large package for one
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
    """Find near-identical photos that have different groups. Returns a sorted list of pairs (a, b) with a < b.

    a and b are the positions of two photos in `photos`. groups: the group of each photo. If there are more than
    MOST_PAIRS pairs, a pair (a, c) is left out if other pairs already link the two photos, such as (a, b) and (b, c).
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
    """Find photos that have equal bytes but different groups. Returns a list of pairs (a, b) with a < b.

    a and b are the positions of two photos in `photos`, and a is the first of all photos with these bytes. groups: the
    group of each photo.
    """
    first: dict[str, int] = {}
    pairs = [(first.setdefault(photo.digest, i), i) for i, photo in enumerate(photos)]
    return [(a, b) for a, b in pairs if a != b and groups[a] != groups[b]]


def merged_groups(groups: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Return the new group of each photo, after the groups of the photos in `pairs` were merged.

    groups: the old group of each photo. pairs: pairs of positions in `groups`; the groups at the two positions become
    one group. This group keeps the name that is first in the alphabet.
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
    """Return for N photos the difference hashes, (N, 256) bool, and which photos can be compared, (N,) bool.

    A photo cannot be compared if its thumbnail has too little detail.
    """
    hashed, detailed = np.zeros((len(photos), BITS), bool), np.zeros(len(photos), bool)
    for i in range(0, len(photos), BLOCK):
        grey = np.array([photo.thumbnail for photo in photos[i : i + BLOCK]], np.float32).mean(3)
        right = np.diff(grey, axis=2).reshape(len(grey), -1)
        hashed[i : i + BLOCK], detailed[i : i + BLOCK] = right > 0, np.abs(right).mean(1) >= FLAT
    return hashed, detailed


def _linking(pairs: np.ndarray, count: int) -> np.ndarray:
    """Return the fewest of the `pairs` that link the same photos as all pairs do (a spanning forest).

    pairs, and the result: an array with two columns, the positions of two photos in each row. count: the number of
    photos.
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

    facts: the properties of each photo, by its path; train: a table with the columns image, group and label; test: a
    table with the column image. Photos that cannot be read are left out.
    Columns of the result: first and second (the paths of the two photos), equal (whether their bytes are equal), side
    ("train", "test" or "train and test", for where the two photos come from), one_group (whether they have the same
    group) and labels_differ. The last two columns are false if a test photo is in the pair.
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

    Columns: a and b (the positions of two photos in `photos`, with a < b) and equal (whether their bytes are equal).
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

    bits (N, B): N rows of B bits, each 0 or 1; groups (N,) int: the group of each row. Yields arrays with two columns,
    the positions of two rows, the smaller position first. Each pair is yielded once. Pairs come in any order. The
    search takes about 1 kB of memory for each row.
    The method is multi-index hashing (Norouzi, Punjani & Fleet 2012). For example, if `most` is 12, each row is cut
    into 13 parts. If two rows differ in at most 12 bits, at least one of their parts is equal. So only rows with an
    equal part are compared, first by 64 of their bits and then by the others. If too many rows have an equal part (such
    as photos of one scene), each row is compared with every other row.
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
    """Return those of the given pairs of rows that differ in at most `most` bits and have different groups.

    first, second: the position of the first row and of the second row of each pair. The result is two such arrays.
    words: the bits of all rows, as `_words` returns them; groups: the group of each row.
    """
    changed = np.zeros(len(first), np.uint16)
    for word in words:
        changed += np.bitwise_count(word[first] ^ word[second])
        near = changed <= most
        first, second, changed = first[near], second[near], changed[near]
    other = groups[first] != groups[second]
    return first[other], second[other]


def _words(bits: np.ndarray) -> np.ndarray:
    """Pack the bits of each row into 64-bit words. Returns (W, N) uint64 for W words of N rows.

    bits (N, B): N rows of B bits.
    """
    packed = np.packbits(bits.astype(bool), axis=1)
    whole = np.zeros((len(bits), -(-packed.shape[1] // 8) * 8), np.uint8)
    whole[:, : packed.shape[1]] = packed
    return np.ascontiguousarray(whole.view(np.uint64).T)


def _parts(bits: np.ndarray, count: int) -> list[np.ndarray]:
    """Cut each of N rows of bits into `count` parts, and return a list of arrays (N,) int64, one for each part.

    Each part becomes a whole number. Part k has bit k and then every count-th bit. If the most informative bits come
    first in a row, they are thus spread evenly over the parts.
    """
    dealt = (bits[:, k::count].astype(np.int64) for k in range(count))  # one part in memory at a time
    return [part @ (1 << np.arange(part.shape[1])) for part in dealt]


def _sharing(part: np.ndarray) -> int:
    """Return the number of pairs of rows that have equal values in `part`, an array with one value for each row."""
    counts = np.unique(part, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def _sharing_pairs(part: np.ndarray, first_words: np.ndarray, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of rows that have equal values in `part` and whose first words differ in at most `most` bits.

    part (N,): a part of each of N rows, as a number; first_words (N,): the first 64 bits of each row. The pairs are
    yielded as two arrays: the positions of the first rows, and the positions of the second rows. The rows are sorted by
    their values in `part`. Neighbours in this order are compared first, then rows that are two places apart, and so on.
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
