"""Find all pairs of bit strings that differ in few bits, exactly, among hundreds of thousands of strings.

Multi-index hashing (Norouzi, Punjani & Fleet 2012): if a string has 13 parts, 12 changed bits leave at least one part
unchanged. So only strings that share a part are compared. If too many strings share a part (photos of one scene), each
string is compared with each other one, 64 bits first.
"""

from collections.abc import Iterator

import numpy as np

ROWS, COLUMNS = 64, 4096  # 2 MB of 64-bit words: fits the cache of the processor
DEARER = 10  # comparing a listed pair takes this many times longer than comparing a pair in a block


def near_pairs(bits: np.ndarray, most: int, groups: np.ndarray) -> Iterator[np.ndarray]:
    """Yield arrays (P, 2) of positions i < j of rows that differ in at most `most` bits and whose groups differ.

    bits: (N, B) of 0 and 1; groups: (N,) int. Each pair comes once, in any order. Memory: about 1 kB per row.
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
            # a pair that also shares an earlier part was yielded there
            fresh = np.ones(len(first), bool)
            for earlier in parts[:k]:
                fresh &= earlier[first] != earlier[second]
            if fresh.any():
                yield np.sort(np.stack([first, second], 1)[fresh], axis=1)


def _near(first: np.ndarray, second: np.ndarray, words: np.ndarray, most: int, groups: np.ndarray):
    """The pairs that differ in at most `most` bits and have different groups."""
    changed = np.zeros(len(first), np.uint16)
    for word in words:
        changed += np.bitwise_count(word[first] ^ word[second])
        near = changed <= most
        first, second, changed = first[near], second[near], changed[near]
    other = groups[first] != groups[second]
    return first[other], second[other]


def _words(bits: np.ndarray) -> np.ndarray:
    """The rows of bits as (ceil(B / 64), N) uint64."""
    packed = np.packbits(bits.astype(bool), axis=1)
    whole = np.zeros((len(bits), -(-packed.shape[1] // 8) * 8), np.uint8)
    whole[:, : packed.shape[1]] = packed
    return np.ascontiguousarray(whole.view(np.uint64).T)


def _parts(bits: np.ndarray, count: int) -> list[np.ndarray]:
    """`count` parts (N,) int64: part k has every count-th bit from bit k on, as one whole number per row.

    This spreads the informative bits evenly over the parts.
    """
    dealt = (bits[:, k::count].astype(np.int64) for k in range(count))  # one in memory at a time
    return [part @ (1 << np.arange(part.shape[1])) for part in dealt]


def _sharing(part: np.ndarray) -> int:
    """The number of pairs of rows with the same value."""
    counts = np.unique(part, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def _sharing_pairs(part: np.ndarray, first_words: np.ndarray, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of rows with the same value and similar first words.

    They are found among neighbours in the sorted order, then among rows two apart, and so on.
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
