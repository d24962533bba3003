import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import decision, label_thresholds
from comp.metrics import named_metrics

COUNTED = ("micro_f1", "macro_f1", "weighted_f1", "macro_f_beta@2", "micro_f_beta@0.5")


def competition(metric, classes=3, at_least_one=False):
    return Competition(
        "multilabel", tuple(map(str, range(classes))), named_metrics.get(metric), at_least_one=at_least_one
    )


def case(seed, rows=12, classes=3, digits=1):
    """Probabilities, many of them equal, and labels that go with them."""
    rng = np.random.default_rng(seed)
    probs = rng.random((rows, classes)).round(digits).astype(np.float32)
    return probs, (rng.random((rows, classes)) < probs).astype(np.uint8)


def between(probs):
    """Offsets between all log-odds that occur, and beyond both ends."""
    probs = np.clip(probs.astype(float), 1e-9, 1 - 1e-9)
    odds = np.unique(np.log(probs / (1 - probs)).round(6))
    odds = odds[np.abs(odds) < label_thresholds.LARGEST_THRESHOLD]
    edges = np.concatenate([[-label_thresholds.LARGEST_THRESHOLD], odds, [label_thresholds.LARGEST_THRESHOLD]])
    return -(edges[1:] + edges[:-1]) / 2


def score(made, probs, labels, offsets):
    return scoring.score(made, labels, label_thresholds.adjusted(probs, np.asarray(offsets)))


@pytest.mark.parametrize("at_least_one", [False, True])
@pytest.mark.parametrize("metric", COUNTED)
@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_the_common_threshold_equals_brute_force(metric, at_least_one, seed):
    probs, labels = case(seed)
    probs += np.float32(0.001) * np.arange(3, dtype=np.float32)  # no two labels of a row are equally probable
    probs = np.clip(probs, 0, 1)
    made = competition(metric, at_least_one=at_least_one)
    brute = max(score(made, probs, labels, np.full(3, b)) for b in between(probs))
    found = label_thresholds._common(probs, labels, made)
    assert score(made, probs, labels, np.full(3, found)) == pytest.approx(brute, abs=1e-12)


@pytest.mark.parametrize("metric", COUNTED)
@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_a_threshold_for_each_label_equals_brute_force(metric, seed):
    probs, labels = case(seed, rows=8)
    made = competition(metric)
    brute = max(score(made, probs, labels, b) for b in itertools.product(between(probs), repeat=3))
    found = label_thresholds.threshold_of_each(made.metric, label_thresholds.ThresholdCells.of(probs, labels))
    assert score(made, probs, labels, found) == pytest.approx(brute, abs=1e-12)


def test_the_widest_of_equally_good_intervals_is_cut_in_its_middle():
    probs, labels = np.array([[0.9], [0.2], [0.1]], np.float32), np.array([[1], [0], [0]])
    odds = np.log(probs[:2, 0] / (1 - probs[:2, 0]))
    cells = label_thresholds.ThresholdCells.of(probs, labels)
    for found in (
        label_thresholds.common_threshold(named_metrics.get("macro_f1"), cells),
        label_thresholds.threshold_of_each(named_metrics.get("macro_f1"), cells)[0],
    ):
        assert found == pytest.approx(-odds.mean(), abs=1e-5)


def biased(seed, at_least_one, rows=3000):
    """Labels of four kinds, and probabilities that are too low, the rare labels' most of all."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((rows, 4)) < [0.5, 0.3, 0.1, 0.05]).astype(np.uint8)
    if at_least_one:
        labels[~labels.any(1), 0] = 1
    odds = 3.0 * labels - [1.5, 2.0, 3.5, 4.5] + rng.normal(size=(rows, 4))
    return (1 / (1 + np.exp(-odds))).astype(np.float32), labels


@pytest.mark.parametrize("at_least_one", [False, True])
@pytest.mark.parametrize("metric", ["micro_f1", "macro_f1", "samples_f_beta@2"])
def test_fitted_thresholds_score_more_on_other_rows(metric, at_least_one):
    made, groups = competition(metric, 4, at_least_one), np.arange(3000) // 3
    scores = []
    for rule in decision.rules(made):
        parameters = decision.fit(rule, *biased(0, at_least_one), groups, made)
        assert parameters.shape == (4,)
        probs, labels = biased(1, at_least_one)
        scores.append(scoring.score(made, labels, decision.adjusted(probs, parameters, made)))
    assert scores[1] > scores[0] + 0.001
    assert scores[-1] > scores[1] - 0.005


def test_thresholds_of_labels_that_are_alike_are_drawn_to_the_common_one():
    rng = np.random.default_rng(0)
    labels = (rng.random((400, 30)) < 0.1).astype(np.uint8)
    probs = 1 / (1 + np.exp(-(2.0 * labels - 2 + rng.normal(size=labels.shape))))
    made = competition("macro_f1", 30)
    offsets = decision.fit("labels", probs.astype(np.float32), labels, np.arange(400), made)
    raw = label_thresholds.threshold_of_each(made.metric, label_thresholds.ThresholdCells.of(probs, labels))
    assert offsets.std() < 0.8 * raw.std()


def test_half_changes_nothing_and_sure_probabilities_stay():
    probs, labels = case(0)
    made = competition("micro_f1")
    assert decision.adjusted(probs, decision.fit("half", probs, labels, np.arange(12), made), made) is probs
    sure = np.array([[0.0, 1.0, 0.5]], np.float32)
    np.testing.assert_allclose(label_thresholds.adjusted(sure, np.array([3.0, -3.0, 0.1])), [[0, 1, 0.525]], atol=1e-4)
