from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax
from test_calibration import ATTRIBUTES, drawn

from comp.competition import scoring
from comp.competition.competition import Attribute, Competition
from comp.decisions import expected, grade_cuts
from comp.decisions.decision import rule_for
from comp.metrics import named_metrics

COUNTED = ("macro_f1", "balanced_accuracy", "weighted_f1", "macro_f_beta@2", "micro_f1", "accuracy")
COMPETITION = Competition("multiclass", tuple("abcd"), named_metrics.get("macro_f1"))
WITH_ATTRIBUTES = replace(
    COMPETITION, attributes={name: Attribute(("0", "1"), tuple(map(int, v))) for name, v in ATTRIBUTES.items()}
)
LABELS = Competition("multilabel", tuple("abcd"), named_metrics.get("macro_f1"), at_least_one=False)
GRADES = Competition("ordinal", tuple("abcd"), named_metrics.get("quadratic_kappa"))
PRIOR = np.array([0.6, 0.25, 0.11, 0.04])


def true_chances(seed, rows=4000, skill=1.2):
    rng = np.random.default_rng(seed)
    return softmax(skill * rng.normal(size=(rows, 4)) + np.log(PRIOR), axis=1), rng


def case(seed, rows=4000):
    """Probabilities with a temperature and a bias, and labels of the true ones."""
    true, rng = true_chances(seed, rows)
    return softmax(1.6 * np.log(true) + [0.3, 0, 0, -0.3], axis=1).astype(np.float32), drawn(rng, true)


def fit(competition, probs, labels):
    """Parameters of the rule; every row is a group."""
    return rule_for("expected", competition).fit(probs, labels, np.arange(len(probs)), competition)


def adjusted(competition, probs, parameters):
    return rule_for("expected", competition).form.adjusted(probs, parameters, competition)


def gain(competition, fit_on, fresh):
    """What the rule adds on rows that it was not fitted to."""
    (probs, labels), parameters = fresh, fit(competition, *fit_on)
    changed = adjusted(competition, probs, parameters)
    return scoring.score(competition, labels, changed) - scoring.score(competition, labels, probs)


def expected_counts(chances, answers):
    return (*expected.expected_counts(chances, answers), chances.sum(0))


# ---- the expected value


@pytest.mark.parametrize("name", COUNTED)
def test_the_value_of_expected_counts_is_the_mean_value_over_drawn_labels(name):
    chances, rng = true_chances(0, 20_000)
    answers, metric = (chances * [1, 2, 3, 4]).argmax(1), named_metrics.get(name)
    drawn_values = [metric.value(drawn(rng, chances), answers, 4) for _ in range(10)]
    assert metric.of_counts(*expected_counts(chances, answers)) == pytest.approx(np.mean(drawn_values), abs=0.005)


@pytest.mark.parametrize("name", COUNTED)
@given(st.integers(0, 10_000))
def test_slopes_and_intercepts_are_what_one_more_answer_adds(name, seed):
    rng = np.random.default_rng(seed)
    actual, metric = rng.uniform(0.1, 50, 4), named_metrics.get(name)
    predicted = rng.integers(0, 40, 4).astype(float)
    right = np.minimum(predicted, actual) * rng.random(4)
    slope, intercept = expected.gains(metric, right, predicted, actual)
    before, one = metric.of_counts(right, predicted, actual), np.eye(4)
    added = [[metric.of_counts(right + r * e, predicted + e, actual) - before for e in one] for r in (0, 1)]
    scale = (np.array(added[1]) - added[0]).max()
    np.testing.assert_allclose(np.stack([intercept, slope + intercept]) * scale, added, atol=1e-9)


@pytest.mark.parametrize("name", COUNTED)
@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_the_rule_is_never_worse_than_argmax_in_expectation(name, seed):
    chances, _ = true_chances(seed, 200)
    metric = named_metrics.get(name)

    def counts(found):
        return expected.expected_counts(chances, expected.best_answers(chances, found))

    def value(found):
        return metric.of_counts(*counts(found), chances.sum(0))

    plain = np.stack([np.ones(4), np.zeros(4)])
    found = expected.maximise(metric, counts, chances.sum(0), plain)
    assert value(found) >= value(plain)
    factors = [np.stack([w, np.zeros(4)]) for w in np.exp(np.random.default_rng(seed).normal(size=(20, 4)))]
    assert value(found) >= max(map(value, factors)) - 0.005


def test_macro_f1_of_one_label_is_cut_at_half_of_the_best_value():
    chances = expit(np.random.default_rng(0).normal(-2, 1.5, (50_000, 1)))

    def counts(found):
        answered = chances * found[0] + found[1] > 0
        return np.stack([np.where(answered, chances, 0).sum(0), answered.sum(0)])

    half = np.array([[1.0], [-0.5]])
    slope, intercept = expected.maximise(named_metrics.get("macro_f1"), counts, chances.sum(0), half)
    ordered = -np.sort(-chances[:, 0])
    best = (2 * ordered.cumsum() / (np.arange(len(ordered)) + 1 + chances.sum())).max()
    assert -intercept / slope == pytest.approx(best / 2, abs=0.005)


# ---- one class


@pytest.mark.parametrize("name", ["macro_f1", "balanced_accuracy", "macro_f_beta@2"])
def test_more_than_argmax_on_other_rows(name):
    competition = replace(COMPETITION, metric=named_metrics.get(name))
    assert gain(competition, case(0), case(1)) > 0.03


def test_accuracy_gains_what_calibration_brings():
    assert gain(replace(COMPETITION, metric=named_metrics.get("accuracy")), case(0), case(1)) > -0.002


@pytest.mark.parametrize("competition", [COMPETITION, WITH_ATTRIBUTES])
def test_argmax_of_the_adjusted_probabilities_is_the_rules_answer(competition):
    probs, labels = case(2)
    parameters = fit(competition, probs, labels)
    changed = adjusted(competition, probs, parameters)
    np.testing.assert_allclose(changed.sum(1), 1, atol=1e-6)
    form = rule_for("expected", competition).form
    answers = form.predictions(probs, parameters, competition)
    np.testing.assert_array_equal(changed.argmax(1), answers)
    assert (answers != probs.argmax(1)).mean() > 0.02
    part = slice(100, 117)  # a row's answer does not depend on the other rows
    np.testing.assert_array_equal(adjusted(competition, probs[part], parameters), changed[part])
    assert len(form.named(parameters, competition)) == (1 + len(competition.attributes)) + 3 * 4


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_lifting_an_answer_changes_as_little_as_possible(seed):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(5, 0.5), 40).round(2)
    probs /= probs.sum(1, keepdims=True)
    answers = rng.integers(0, 5, 40)
    changed = expected.lifted(probs, answers)
    np.testing.assert_array_equal(changed.argmax(1), answers)
    np.testing.assert_allclose(changed.sum(1), 1, atol=1e-6)
    below = probs < changed[np.arange(40), answers][:, None] - 1e-4
    below[np.arange(40), answers] = False
    np.testing.assert_allclose(changed[below], probs[below], atol=1e-4)


def test_many_rows_are_fitted_on_whole_groups(monkeypatch):
    groups = np.arange(300) // 7
    rows = expected.some_groups(groups, 100)
    assert 60 < rows.sum() <= 107
    assert all(rows[groups == group].all() for group in np.unique(groups[rows]))
    assert expected.some_groups(groups, 300).all()
    monkeypatch.setattr(expected, "CELLS", 8000)
    assert gain(COMPETITION, case(0), case(1)) > 0.02


# ---- several labels


def rare(seed, rows=3000):
    """Labels of which three are rare, and probabilities that are too low for them."""
    rng = np.random.default_rng(seed)
    odds = 1.5 * rng.normal(size=(rows, 4)) + [0.0, -2.0, -3.0, -4.0]
    return expit(1.3 * odds - 0.5).astype(np.float32), (rng.random(odds.shape) < expit(odds)).astype(np.uint8)


@pytest.mark.parametrize("at_least_one", [False, True])
@pytest.mark.parametrize("name", ["macro_f1", "micro_f1", "macro_f_beta@2", "weighted_f1"])
def test_thresholds_for_rare_labels_score_more_than_half_on_other_rows(name, at_least_one):
    competition = replace(LABELS, metric=named_metrics.get(name), at_least_one=at_least_one)
    assert gain(competition, rare(0), rare(1)) > 0.01


def test_micro_f1_has_one_threshold_for_calibrated_probabilities():
    rng = np.random.default_rng(0)
    probs = expit(rng.normal(-1, 2, (30_000, 4))).astype(np.float32)
    labels = rng.random(probs.shape) < probs
    competition = replace(LABELS, metric=named_metrics.get("micro_f1"))
    offsets = fit(competition, probs, labels)
    assert np.ptp(offsets) < 0.15
    tried = np.linspace(-2, 2, 401)
    scores = [scoring.score(competition, labels, adjusted(competition, probs, np.full(4, each))) for each in tried]
    np.testing.assert_allclose(offsets, tried[int(np.argmax(scores))], atol=0.3)


def test_a_label_without_rows_and_one_without_information_are_decided():
    probs, labels = rare(0, 200)
    labels[:, 3] = 0
    probs[:, 2] = 0.5
    offsets = fit(LABELS, probs, labels)
    assert np.isfinite(adjusted(LABELS, probs, offsets)).all()


# ---- grades


def spread(seed, rows=4000):
    """Grades, most of them low, with probabilities that are flatter than the truth."""
    rng = np.random.default_rng(seed)
    true = softmax(
        -((np.arange(4) - rng.choice(4, rows, p=PRIOR)[:, None] + rng.normal(0, 0.6, (rows, 1))) ** 2), axis=1
    )
    return softmax(0.5 * np.log(true), axis=1).astype(np.float32), drawn(rng, true)


def test_cuts_of_the_best_expected_kappa_score_more_than_rounding_on_other_rows():
    assert gain(GRADES, spread(0), spread(1)) > 0.02


def test_the_expected_kappa_of_the_cuts_is_the_best_of_all_single_moves():
    chances = spread(2, 300)[0].astype(np.float64)
    expected = scoring.expectation(chances)
    cuts = grade_cuts.best_cuts(GRADES.metric, expected, chances)

    def value(cuts):
        answers = np.searchsorted(cuts, expected, side="right")
        of_grades = np.stack([GRADES.metric.rows(np.arange(4), np.full(4, grade)) for grade in range(4)])
        return GRADES.metric.of_means((chances[:, :, None] * of_grades[answers]).sum(1).mean(0))

    for k in range(3):
        for moved in np.linspace(max(cuts[k] - 0.3, k - 0.25), min(cuts[k] + 0.3, k + 1.25), 15):
            tried = np.where(np.arange(3) == k, moved, cuts)
            if (np.diff(tried) >= 0).all():
                assert value(tried) <= value(cuts) + 1e-9
