import numpy as np
import pytest

from comp.blending import decision
from comp.competition import metrics

ATTRIBUTES = {"row": np.array([0, 0, 1, 1]), "column": np.array([0, 1, 0, 1])}
GROUPS = np.arange(4000) // 4


def biased(bias, rows=4000, seed=0):
    """Probabilities that are right up to a factor exp(bias_c) a class, and labels with a rare class."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05])
    prior = np.log([0.5, 0.3, 0.15, 0.05])
    scores = np.exp(2 * np.eye(4)[labels] + rng.normal(size=(rows, 4)) + prior + bias)
    return (scores / scores.sum(1, keepdims=True)).astype(np.float32), labels


def fit(rule, probs, labels):
    return decision.fit(rule, probs, labels, GROUPS, "macro_f1", ATTRIBUTES)


@pytest.mark.parametrize("rule", decision.RULES[1:])
def test_a_bias_against_rare_classes_is_found(rule):
    bias = np.array([0.8, 0.8, -0.8, -0.8])  # of the attribute "row", and about that of the prior
    probs, labels = biased(bias)
    fresh, truth = biased(bias, seed=1)
    offsets = fit(rule, probs, labels)
    gain = metrics.macro_f1_score(truth, decision.decide(fresh, offsets), 4) - metrics.scores(truth, fresh)["macro_f1"]
    assert gain > 0.01


def test_without_a_bias_little_is_lost_on_other_rows():
    offsets = fit("classes", *biased(np.zeros(4)))
    fresh, truth = biased(np.zeros(4), seed=1)
    lost = metrics.scores(truth, fresh)["macro_f1"] - metrics.macro_f1_score(truth, decision.decide(fresh, offsets), 4)
    assert lost < 0.01


def test_what_the_bags_do_not_agree_on_is_not_said():
    found = np.array([[1.0, 0.5, -0.5, -1.0], [1.1, -0.5, 0.5, -1.1], [0.9, 0.1, -0.1, -0.9]])
    for common in (0, 7):  # what is added to all classes decides nothing
        shrunk = decision.shrunk(found + common)
        assert shrunk[[0, 3]] == pytest.approx([1.0, -1.0], abs=0.02)
        assert shrunk[1:3].tolist() == [0, 0]


def test_argmax_changes_nothing_but_ties():
    probs, labels = biased(np.zeros(4))
    offsets = fit("argmax", probs, labels)
    assert (decision.decide(probs, offsets) == probs.argmax(1)).mean() > 0.9999
    assert decision.decide(np.array([[0.1, 0.4, 0.4, 0.1]], np.float32), offsets)[0] == 1


def test_a_tie_goes_to_the_class_with_more_rows():
    offsets = decision.tie_breaks(np.array([0, 1, 1, 2]), 4)
    tie = np.full((1, 4), 0.25, np.float32)
    assert decision.decide(tie, offsets)[0] == 1
    assert decision.adjusted(tie, offsets).argmax(1)[0] == 1
    assert decision.decide(tie, offsets - np.array([0, 1, 0, 0]))[0] == 0


@pytest.mark.parametrize("rule", decision.RULES)
def test_adjusted_probabilities_decide_the_same(rule):
    probs, labels = biased(np.zeros(4))
    offsets = fit(rule, probs, labels)
    made = decision.adjusted(probs, offsets)
    np.testing.assert_allclose(made.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(made.argmax(1), decision.decide(probs, offsets))
