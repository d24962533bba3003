import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comp.data import near_duplicates

MOST = 12


def found(bits, groups):
    parts = list(near_duplicates.near_pairs(bits, MOST, groups))
    pairs = [tuple(pair) for part in parts for pair in part.tolist()]
    assert len(pairs) == len(set(pairs))
    return set(pairs)


def expected(bits, groups):
    changed = (bits[:, None] != bits[None]).sum(2)
    first, second = np.nonzero((changed <= MOST) & (groups[:, None] != groups))
    return {(int(a), int(b)) for a, b in zip(first, second, strict=True) if a < b}


def hashes(seed, scenes, noise, rows=120):
    """Rows of a few scenes with some bits changed: some pairs are near, some just not."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (scenes, 256))[rng.integers(0, scenes, rows)] ^ (rng.random((rows, 256)) < noise)
    return bits.astype(bool), rng.integers(0, rows // 2, rows)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from([1, 3, 40]), st.sampled_from([0, 0.01, 0.025, 0.2, 0.5]))
def test_the_pairs_are_those_of_comparing_each_with_each(seed, scenes, noise):
    bits, groups = hashes(seed, scenes, noise)
    assert found(bits, groups) == expected(bits, groups)


@pytest.mark.parametrize("dearer", [0, 10**9])
def test_both_ways_find_the_same(monkeypatch, dearer):
    monkeypatch.setattr(near_duplicates, "DEARER", dearer)
    monkeypatch.setattr(near_duplicates, "COLUMNS", 50)  # several blocks, and one that is not full
    bits, groups = hashes(0, 5, 0.025, rows=300)
    pairs = expected(bits, groups)
    assert len(pairs) > 1000
    assert found(bits, groups) == pairs


def test_a_pair_that_differs_in_as_many_bits_as_allowed_is_found_wherever_they_lie():
    rng = np.random.default_rng(0)
    for _ in range(50):
        bits = np.zeros((2, 256), bool)
        bits[1, rng.choice(256, MOST, replace=False)] = True
        assert found(bits, np.arange(2)) == {(0, 1)}
        bits[1, np.flatnonzero(~bits[1])[0]] = True
        assert found(bits, np.arange(2)) == set()


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_to_compare(rows):
    assert found(np.zeros((rows, 256), bool), np.zeros(rows, int)) == set()


def test_planted_copies_are_found_among_many():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (40_000, 256)).astype(bool)
    bits[20_000:20_100] = bits[:100]
    bits[20_000:20_100, 5:17] ^= True
    assert found(bits, np.arange(len(bits))) == {(i, 20_000 + i) for i in range(100)}
