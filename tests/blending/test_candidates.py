import pytest

from comp.blending.candidates import candidates_for
from comp.blending.methods import METHODS
from comp.competition.competition import Competition
from comp.decisions.decision import NAMES
from comp.metrics import named_metrics


def of(metric, target="multiclass"):
    return Competition(target, tuple("abcd"), named_metrics.get(metric))


@pytest.mark.parametrize(
    ("competition", "plain"),
    [(of("macro_f1"), "argmax"), (of("micro_f1", "multilabel"), "half"), (of("quadratic_kappa", "ordinal"), "round")],
)
def test_the_rule_expected_is_the_only_fitted_one_that_is_tried(competition, plain):
    found = candidates_for(competition)
    assert {candidate.rule.name for candidate in found} == {plain, "expected"}
    assert {candidate.method.name for candidate in found if candidate.rule.name == plain} == {"best", "equal"}
    assert "greedy + expected" in map(str, found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("rule", ["argmax", "expected"])
def test_a_rule_that_is_given_is_the_only_one(rule):
    assert {candidate.rule.name for candidate in candidates_for(of("macro_f1"), rule=rule)} == {rule}
    (only,) = candidates_for(of("macro_f1"), "geometric", rule)
    assert (only.method.name, only.rule.name) == ("geometric", rule)


def test_a_method_that_is_given_is_tried_with_the_plain_decision_and_expected():
    assert [c.rule.name for c in candidates_for(of("macro_f1"), "search")] == ["argmax", "expected"]


@pytest.mark.parametrize(("metric", "target"), [("log_loss", "multiclass"), ("samples_f_beta@2", "multilabel")])
def test_metrics_without_an_expected_value_are_as_before(metric, target):
    found = candidates_for(of(metric, target))
    assert {"best", "equal", "log_loss", "greedy"} <= {candidate.method.name for candidate in found}
    assert "expected" not in {candidate.rule.name for candidate in found}


ALL_TARGETS = [
    ("multiclass", ("macro_f1", "log_loss", "map@2")),
    ("binary", ("auc",)),
    ("multilabel", ("micro_f1", "auc", "samples_f_beta@2")),
    ("ordinal", ("quadratic_kappa",)),
    ("regression", ("rmse",)),
]


def test_every_method_and_rule_is_tried_for_some_target():
    tried = [c for target, metrics in ALL_TARGETS for metric in metrics for c in candidates_for(of(metric, target))]
    assert {candidate.method.name for candidate in tried} == {method.name for method in METHODS}
    assert {candidate.rule.name for candidate in tried} == {*NAMES, "none"}
