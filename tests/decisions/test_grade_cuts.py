import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import grade_cuts
from comp.decisions.decision import rule_for, rules_for
from comp.metrics import named_metrics


def competition(metric="quadratic_kappa", grades=4):
    return Competition("ordinal", tuple(map(str, range(grades))), named_metrics.get(metric))


def value(metric, expected, labels, cuts):
    return named_metrics.get(metric).score(labels, np.searchsorted(cuts, expected, side="right"))


@pytest.mark.parametrize("metric", ["quadratic_kappa", "mae", "rmse"])
@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_no_single_cut_can_be_moved_for_a_better_score(metric, seed):
    """Certain chances are labels, so the expected score is the score."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 15)
    expected = np.clip(labels + rng.normal(0, 0.7, 15), 0, 2).round(1)
    cuts = grade_cuts.best_cuts(named_metrics.get(metric), expected, np.eye(3)[labels])
    reached = value(metric, expected, labels, cuts)
    assert cuts[0] <= cuts[1]
    for k, other in itertools.product(range(2), np.arange(-0.225, 2.3, 0.05)):
        moved = cuts.copy()
        moved[k] = other
        if abs(other - k - 0.5) <= grade_cuts.REACH and moved[0] <= moved[1]:
            assert value(metric, expected, labels, moved) <= reached + 1e-9


@given(st.integers(0, 10_000))
def test_rounding_the_adjusted_expectation_gives_the_grade_between_the_cuts(seed):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(5, 0.5), 60).astype(np.float32)
    cuts = np.sort(np.arange(4) + rng.uniform(0.1, 0.9, 4))
    adjusted = grade_cuts.adjusted(probs, cuts, competition(grades=5))
    np.testing.assert_allclose(adjusted.sum(1), 1, atol=1e-6)
    expected = np.searchsorted(cuts, scoring.expectation(probs), side="right")
    np.testing.assert_array_equal(scoring.answers(competition(grades=5), adjusted), expected)


def timid(seed, rows=3000):
    """Grades, most of them 0, and predictions that are drawn to the middle as a regression's are."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, rows, p=[0.6, 0.2, 0.15, 0.05])
    return scoring.two_points(0.3 + 0.6 * labels + rng.normal(0, 0.3, rows), 4), labels


@pytest.mark.parametrize("metric", ["quadratic_kappa", "mae"])
def test_fitted_cuts_score_more_on_other_rows(metric):
    graded, scores = competition(metric), []
    for rule in rules_for(graded):
        cuts = rule.fit(*timid(0), np.arange(3000) // 2, graded)
        assert (np.diff(cuts) > 0).all()
        assert cuts.shape == (3,)
        probs, labels = timid(1)
        scores.append(scoring.score(graded, labels, rule.form.adjusted(probs, cuts, graded)))
    assert scores[1] > scores[0] + 0.01


def test_without_a_bias_cuts_lose_little():
    rng, graded = np.random.default_rng(0), competition()
    labels = rng.integers(0, 4, 4000)
    probs = scoring.two_points(labels + rng.normal(0, 0.4, 4000), 4)
    rule = rule_for("expected", graded)
    cuts = rule.fit(probs[:2000], labels[:2000], np.arange(2000), graded)
    adjusted = rule.form.adjusted(probs[2000:], cuts, graded)
    assert scoring.score(graded, labels[2000:], adjusted) > scoring.score(graded, labels[2000:], probs[2000:]) - 0.01


def test_round_changes_nothing():
    probs, labels = timid(0, 50)
    rule = rule_for("round", competition())
    cuts = rule.fit(probs, labels, np.arange(50), competition())
    assert rule.form.adjusted(probs, cuts, competition()) is probs
