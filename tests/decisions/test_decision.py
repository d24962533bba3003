from dataclasses import replace

import numpy as np
import pytest

from comp.competition import scoring
from comp.competition.competition import Attribute, Competition
from comp.decisions.decision import NAMES, rule_for, rules_for
from comp.metrics import named_metrics
from comp.metrics.metric import Metric, counted

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


def names(competition):
    return tuple(rule.name for rule in rules_for(competition))


def gain(name, competition, fit_on, fresh):
    """What a rule adds on rows that it was not fitted to."""
    rule = rule_for(name, competition)
    parameters = rule.fit(*fit_on, GROUPS, competition)
    probs, labels = fresh
    adjusted = rule.form.adjusted(probs, parameters, competition)
    return scoring.score(competition, labels, adjusted) - scoring.score(competition, labels, probs)


def test_which_rules_there_are_follows_target_and_metric():
    for competition, expected in (
        (COMPETITION, ("argmax", "expected")),
        (of("multiclass", "balanced_accuracy"), ("argmax", "expected")),
        (of("multiclass", "macro_f1", classes=tuple(map(str, range(5000)))), ("argmax", "expected")),
        (of("multiclass", "log_loss"), ("none",)),
        (of("multiclass", "map@5"), ("none",)),
        (of("multilabel", "micro_f1"), ("half", "expected")),
        (of("multilabel", "samples_f_beta@2"), ("half", "common")),
        (of("multilabel", "auc"), ("none",)),
        (of("ordinal", "quadratic_kappa"), ("round", "expected")),
        (of("ordinal", "mae"), ("round", "expected")),
        (of("ordinal", "accuracy"), ("argmax", "expected")),
        (of("regression", "rmse"), ("none",)),
    ):
        assert names(competition) == expected, competition.metric.name
        assert [rule.plain for rule in rules_for(competition)] == [True, False][: len(expected)]
        assert set(expected) <= {*NAMES, "none"}


def test_the_rules_of_a_users_metric_follow_its_fields():
    mine = Metric("mine", lambda labels, answers: 0.0, "answers", ("multiclass", "multilabel"))
    assert names(replace(COMPETITION, metric=mine)) == ("argmax",)
    assert names(replace(COMPETITION, target="multilabel", metric=mine)) == ("half", "common")
    fast = counted("fast", named_metrics.get("macro_f1").terms, ("multiclass",))
    with_terms = replace(COMPETITION, metric=fast)
    assert names(with_terms) == ("argmax", "expected")
    probs, labels = biased(np.zeros(4))
    parameters = [rule_for("expected", each).fit(probs, labels, GROUPS, each) for each in (with_terms, COMPETITION)]
    np.testing.assert_array_equal(*parameters)


@pytest.mark.parametrize("metric", ["macro_f1", "balanced_accuracy"])
def test_a_bias_against_rare_classes_is_found(metric):
    bias = np.array([0.8, 0.8, -0.8, -0.8])  # of the attribute "row"
    competition = replace(COMPETITION, metric=named_metrics.get(metric))
    assert gain("expected", competition, biased(bias), biased(bias, seed=1)) > 0.01


def test_without_a_bias_little_is_lost_on_other_rows():
    assert gain("expected", COMPETITION, biased(np.zeros(4)), biased(np.zeros(4), seed=1)) > -0.01


@pytest.mark.parametrize("rule", rules_for(COMPETITION), ids=lambda rule: rule.name)
def test_adjusted_probabilities_decide_the_same(rule):
    probs, labels = biased(np.zeros(4))
    parameters = rule.fit(probs, labels, GROUPS, COMPETITION)
    adjusted = rule.form.adjusted(probs, parameters, COMPETITION)
    np.testing.assert_allclose(adjusted.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(adjusted.argmax(1), rule.form.predictions(probs, parameters, COMPETITION))


@pytest.mark.parametrize("metric", ["log_loss", "auc", "map@2"])
def test_metrics_of_probabilities_leave_them_as_they_are(metric):
    competition = of("multiclass", metric)
    probs, labels = biased(np.zeros(4))
    rule = rule_for("none", competition)
    parameters = rule.fit(probs, labels, GROUPS, competition)
    assert parameters.shape == (0,)
    assert rule.form.adjusted(probs, parameters, competition) is probs
    assert rule.form.named(parameters, competition) == {}


def test_parameters_are_named():
    classes, grades = rule_for("argmax", COMPETITION).form, of("ordinal", "quadratic_kappa")
    assert list(classes.named(np.zeros(4), COMPETITION)) == ["a", "b", "c", "d"]
    assert list(rule_for("round", grades).form.named(np.zeros(3), grades)) == ["a | b", "b | c", "c | d"]
