from dataclasses import replace

import numpy as np
import pytest

from comp.competition import scoring
from comp.competition.competition import Attribute, Competition
from comp.decisions import class_offsets, decision
from comp.metrics import named_metrics

VALUES = ("0", "1")
ATTRIBUTES = {"row": Attribute(VALUES, (0, 0, 1, 1)), "column": Attribute(VALUES, (0, 1, 0, 1))}
COMPETITION = Competition("multiclass", tuple("abcd"), named_metrics.get("macro_f1"), attributes=ATTRIBUTES)
GROUPS = np.arange(4000) // 4


def biased(bias, rows=4000, seed=0):
    """Probabilities that are right up to a factor exp(bias_c) per class, and labels with a rare class."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05])
    prior = np.log([0.5, 0.3, 0.15, 0.05])
    scores = np.exp(2 * np.eye(4)[labels] + rng.normal(size=(rows, 4)) + prior + bias)
    return (scores / scores.sum(1, keepdims=True)).astype(np.float32), labels


def of(target, metric, **more):
    return replace(COMPETITION, target=target, metric=named_metrics.get(metric), attributes={}, **more)


def gain(rule, competition, fit_on, fresh):
    """What a rule adds on rows that it was not fitted to."""
    parameters = decision.fit(rule, *fit_on, GROUPS, competition)
    probs, labels = fresh
    made = decision.adjusted(probs, parameters, competition)
    return scoring.score(competition, labels, made) - scoring.score(competition, labels, probs)


def test_which_rules_there_are_follows_target_and_metric():
    assert decision.rules(COMPETITION) == ("argmax", "expected", "prior", "attributes", "classes")
    for competition, expected in (
        (of("multiclass", "balanced_accuracy"), ("argmax", "expected", "prior", "classes")),
        (of("multiclass", "macro_f1", classes=tuple(map(str, range(5000)))), ("argmax", "expected", "prior")),
        (of("multiclass", "log_loss"), ("none",)),
        (of("multiclass", "map@5"), ("none",)),
        (of("multilabel", "micro_f1"), ("half", "expected", "common", "labels")),
        (of("multilabel", "samples_f_beta@2"), ("half", "common")),
        (of("multilabel", "auc"), ("none",)),
        (of("ordinal", "quadratic_kappa"), ("round", "expected", "cuts")),
        (of("ordinal", "mae"), ("round", "expected", "cuts")),
        (of("ordinal", "accuracy"), ("argmax", "expected", "prior", "classes")),
        (of("regression", "rmse"), ("none",)),
    ):
        assert decision.rules(competition) == expected, competition.metric.name


def test_a_users_metric_of_answers_has_the_plain_decision_alone():
    mine = named_metrics.Metric("mine", lambda labels, answers: 0.0, "answers", ("multiclass", "multilabel"))
    assert decision.rules(replace(COMPETITION, metric=mine)) == ("argmax",)
    assert decision.rules(replace(COMPETITION, target="multilabel", metric=mine)) == ("half", "common")


# ---- one class


@pytest.mark.parametrize("rule", ["expected", "prior", "attributes", "classes"])
@pytest.mark.parametrize("metric", ["macro_f1", "balanced_accuracy"])
def test_a_bias_against_rare_classes_is_found(rule, metric):
    bias = np.array([0.8, 0.8, -0.8, -0.8])  # of the attribute "row", and about that of the prior
    competition = replace(COMPETITION, metric=named_metrics.get(metric))
    assert gain(rule, competition, biased(bias), biased(bias, seed=1)) > 0.01


@pytest.mark.parametrize("rule", ["expected", "classes"])
def test_without_a_bias_little_is_lost_on_other_rows(rule):
    assert gain(rule, COMPETITION, biased(np.zeros(4)), biased(np.zeros(4), seed=1)) > -0.01


def test_what_the_subsamples_do_not_agree_on_is_shrunk_to_zero():
    found = np.array([[1.0, 0.5, -0.5, -1.0], [1.1, -0.5, 0.5, -1.1], [0.9, 0.1, -0.1, -0.9]])
    for common in (0, 7):  # adding the same to all classes changes no decision
        shrunk = class_offsets.shrunk(found + common)
        assert shrunk[[0, 3]] == pytest.approx([1.0, -1.0], abs=0.02)
        assert shrunk[1:3].tolist() == [0, 0]


def test_argmax_changes_nothing_but_ties():
    probs, labels = biased(np.zeros(4))
    offsets = decision.fit("argmax", probs, labels, GROUPS, COMPETITION)
    assert (class_offsets.decide(probs, offsets) == probs.argmax(1)).mean() > 0.9999
    assert class_offsets.decide(np.array([[0.1, 0.4, 0.4, 0.1]], np.float32), offsets)[0] == 1


def test_a_tie_goes_to_the_class_with_more_rows():
    offsets = class_offsets.tie_breaks(np.array([0, 1, 1, 2]), 4)
    tie = np.full((1, 4), 0.25, np.float32)
    assert class_offsets.decide(tie, offsets)[0] == 1
    assert class_offsets.adjusted(tie, offsets).argmax(1)[0] == 1
    assert class_offsets.decide(tie, offsets - np.array([0, 1, 0, 0]))[0] == 0


@pytest.mark.parametrize("rule", decision.rules(COMPETITION))
def test_adjusted_probabilities_decide_the_same(rule):
    probs, labels = biased(np.zeros(4))
    offsets = decision.fit(rule, probs, labels, GROUPS, COMPETITION)
    made = decision.adjusted(probs, offsets, COMPETITION)
    np.testing.assert_allclose(made.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(made.argmax(1), decision.predictions(probs, offsets, COMPETITION))


@pytest.mark.parametrize("metric", ["log_loss", "auc", "map@2"])
def test_metrics_of_probabilities_leave_them_as_they_are(metric):
    competition = of("multiclass", metric)
    probs, labels = biased(np.zeros(4))
    parameters = decision.fit("none", probs, labels, GROUPS, competition)
    assert parameters.shape == (0,)
    assert decision.adjusted(probs, parameters, competition) is probs


def test_parameters_are_named():
    assert list(decision.named(np.zeros(4), COMPETITION)) == ["a", "b", "c", "d"]
    assert list(decision.named(np.zeros(3), of("ordinal", "quadratic_kappa"))) == ["a | b", "b | c", "c | d"]
    assert decision.named(np.zeros(0), of("regression", "rmse")) == {}
