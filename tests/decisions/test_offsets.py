import numpy as np
import pytest

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import offsets
from comp.decisions.decision import rule_for, rules_for
from comp.metrics import named_metrics


def classes(metric="macro_f1"):
    return Competition("multiclass", tuple("abcd"), named_metrics.get(metric))


def labels(metric, at_least_one=False):
    return Competition("multilabel", tuple("abcd"), named_metrics.get(metric), at_least_one=at_least_one)


# ---- one class for each row


def test_argmax_changes_nothing_but_ties():
    rng = np.random.default_rng(0)
    probs, truth = rng.dirichlet(np.ones(4), 2000).astype(np.float32), rng.choice(4, 2000, p=[0.1, 0.5, 0.3, 0.1])
    rule = rule_for("argmax", classes())
    ties = rule.fit(probs, truth, np.arange(2000), classes())
    assert (rule.form.predictions(probs, ties, classes()) == probs.argmax(1)).mean() > 0.999
    assert rule.form.predictions(np.array([[0.1, 0.4, 0.4, 0.1]], np.float32), ties, classes())[0] == 1


def test_a_tie_goes_to_the_class_with_more_rows_then_to_the_lower_one():
    tie, truth = np.full((1, 4), 0.25, np.float32), np.array([0, 1, 1, 2])
    rule = rule_for("argmax", classes())
    for rows, answer in ((truth, 1), (np.array([0, 1, 2, 3]), 0)):
        ties = rule.fit(np.repeat(tie, 4, 0), rows, np.arange(4), classes())
        assert rule.form.predictions(tie, ties, classes())[0] == answer
        assert rule.form.adjusted(tie, ties, classes()).argmax(1)[0] == answer


# ---- several labels


def too_low(seed, at_least_one, rows=3000):
    """Labels of four kinds, and probabilities that are too low, the rare labels' most of all."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((rows, 4)) < [0.5, 0.3, 0.1, 0.05]).astype(np.uint8)
    if at_least_one:
        truth[~truth.any(1), 0] = 1
    odds = 3.0 * truth - [1.5, 2.0, 3.5, 4.5] + rng.normal(size=(rows, 4))
    return (1 / (1 + np.exp(-odds))).astype(np.float32), truth


@pytest.mark.parametrize("at_least_one", [False, True])
@pytest.mark.parametrize("metric", ["micro_f1", "macro_f1", "samples_f_beta@2"])
def test_fitted_thresholds_score_more_on_other_rows(metric, at_least_one):
    competition, groups = labels(metric, at_least_one), np.arange(3000) // 3
    scores = []
    for rule in rules_for(competition):
        parameters = rule.fit(*too_low(0, at_least_one), groups, competition)
        assert parameters.shape == (4,)
        probs, truth = too_low(1, at_least_one)
        scores.append(scoring.score(competition, truth, rule.form.adjusted(probs, parameters, competition)))
    assert scores[1] > scores[0] + 0.001


def test_the_common_threshold_is_the_best_of_all_that_are_tried():
    """Where all groups are alike, the subsamples agree, and nothing is drawn toward 0.5."""
    probs = np.tile(np.array([[0.3, 0.25, 0.2, 0.1]], np.float32), (40, 1))
    truth = np.tile(np.array([[1, 1, 0, 0]], np.uint8), (40, 1))
    competition = labels("samples_f_beta@2")
    rule = rule_for("common", competition)
    found = rule.fit(probs, truth, np.arange(40), competition)
    assert np.ptp(found) == 0
    assert scoring.score(competition, truth, rule.form.adjusted(probs, found, competition)) == 1


def test_what_the_subsamples_do_not_agree_on_is_shrunk_to_zero():
    assert offsets.toward_zero(np.array([1.0, 1.1, 0.9])) == pytest.approx(1.0, abs=0.02)
    assert offsets.toward_zero(np.array([0.5, -0.5, 0.1])) == 0


def test_half_changes_nothing_and_sure_probabilities_stay():
    competition, (probs, truth) = labels("micro_f1"), too_low(0, False, 12)
    rule = rule_for("half", competition)
    assert rule.form.adjusted(probs, rule.fit(probs, truth, np.arange(12), competition), competition) is probs
    sure = np.array([[0.0, 1.0, 0.5, 0.5]], np.float32)
    adjusted = rule.form.adjusted(sure, np.array([3.0, -3.0, 0.1, 0.0]), competition)
    np.testing.assert_allclose(adjusted, [[0, 1, 0.525, 0.5]], atol=1e-4)


def test_half_of_the_groups_is_drawn_whole():
    groups = np.arange(300) // 7
    rows = offsets.half_of_groups(groups, np.random.default_rng(0), 1000)
    assert abs(len(np.unique(groups[rows])) - 22) <= 1
    assert all(rows[groups == group].all() for group in np.unique(groups[rows]))
    assert offsets.half_of_groups(groups, np.random.default_rng(0), 50).sum() <= 50 + 7
