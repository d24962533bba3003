"""What make_sub prints, for answers of every form; the spread of answers; how alike two submissions are."""

import numpy as np
import pytest
from small_competitions import FORMS, random_probs, small

from comp.submission import answer_report, answers, submission_file
from comp.submission.answer_report import mean_shift, share_shifts, similarity

GROUPS = np.arange(300) // 3


@pytest.mark.parametrize(("target", "answer"), FORMS)
def test_every_form_is_shown_and_only_a_shift_is_warned_of(capfd, target, answer):
    competition = small(target, answer)
    oof, test = random_probs(competition, 300), random_probs(competition, 90, seed=1)
    answer_report.show_answers(competition, oof, GROUPS, test)
    assert capfd.readouterr().err == ""
    shifted = np.zeros_like(test)
    shifted[:, -1] = 1
    answer_report.show_answers(competition, oof, GROUPS, shifted)
    assert "more than chance" in capfd.readouterr().err


def test_of_many_classes_those_that_differ_most_are_shown(capfd):
    competition = small(classes=tuple(f"class{c}" for c in range(100)))
    test = np.zeros((90, 100), np.float32)
    test[:, 77] = 1
    answer_report.show_answers(competition, random_probs(competition, 300), GROUPS, test)
    said = capfd.readouterr()
    assert "the 10 of 100 classes that differ most" in said.out
    assert "class77 is 100.0% of the test answers" in said.err


@pytest.mark.parametrize(("target", "answer"), FORMS)
def test_agreement_with_earlier_submissions_and_those_that_cannot_be_compared(tmp_path, capfd, target, answer):
    competition = small(target, answer)
    made = answers.from_probabilities(competition, random_probs(competition, 5))
    submission_file.keep_submission(tmp_path, b"id,answer\nother,0\n", {"run": "a"})
    answer_report.show_earlier(tmp_path, competition, list("vwxyz"), made)
    assert "not comparable" in capfd.readouterr().out


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


@pytest.mark.parametrize(("target", "answer"), FORMS)
def test_a_submission_is_like_itself(target, answer):
    competition = small(target, answer)
    submission = answers.from_probabilities(competition, random_probs(competition, 9))
    assert similarity(competition, submission, submission) == pytest.approx(1)


def test_similarity_is_a_share_of_rows_or_a_correlation():
    assert similarity(small(), np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])) == 0.75
    sets = small("multilabel", "labels")
    assert similarity(sets, np.eye(3, dtype=bool), np.eye(3, dtype=bool)[[0, 2, 2]]) == pytest.approx(2 / 3)
    numbers, values = small("regression", "number"), np.array([0.1, 0.4, 0.9])
    assert similarity(numbers, values, values / 2) == pytest.approx(1)
    assert similarity(numbers, values, np.ones(3)) == 0.0
