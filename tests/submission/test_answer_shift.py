import numpy as np

from comp.submission.answer_report import mean_shift, share_shifts


def test_shares_differ_as_the_counts_of_groups_say():
    """Against the plain formula over a table of groups by classes."""
    rng = np.random.default_rng(0)
    oof, test, groups = rng.integers(0, 4, 300), rng.integers(0, 3, 80), rng.integers(0, 40, 300)
    counts = np.zeros((40, 5))
    np.add.at(counts, (groups, oof), 1)
    share = np.bincount(oof, minlength=5) / 300
    variance = np.maximum(((counts - counts.sum(1, keepdims=True) * share) ** 2).sum(0) / 300, 1 / 300)
    expected = (np.bincount(test, minlength=5) / 80 - share) / np.sqrt(variance * (1 / 300 + 1 / 80))
    np.testing.assert_allclose(share_shifts(oof, groups, test, 5), expected, atol=1e-9)


def test_sets_of_one_label_each_are_classes():
    rng = np.random.default_rng(1)
    oof, test, groups = rng.integers(0, 4, 300), rng.integers(0, 4, 80), rng.integers(0, 40, 300).astype(str)
    sets = np.eye(4, dtype=bool)
    np.testing.assert_allclose(share_shifts(sets[oof], groups, sets[test], 4), share_shifts(oof, groups, test, 4))


def test_equal_spreads_are_near_zero_and_others_far():
    rng = np.random.default_rng(2)
    oof, same, groups = rng.random(2000), rng.random(500), np.arange(2000)
    assert abs(mean_shift(oof, groups, same)) < 4
    assert mean_shift(oof, groups, same + 0.5) > 10
    assert mean_shift(np.ones(9), np.arange(9), np.ones(4)) == 0


def test_rows_of_one_group_are_no_proof():
    """Ten copies of each row change nothing: the error comes from the spread over groups."""
    rng = np.random.default_rng(3)
    oof, groups = rng.random(200), np.arange(200)
    test = rng.random(10_000) + 0.1
    once, copied = mean_shift(oof, groups, test), mean_shift(np.tile(oof, 10), np.tile(groups, 10), test)
    assert copied < once * 1.5
