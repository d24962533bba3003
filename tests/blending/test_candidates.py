import numpy as np
import pytest

from comp.blending.candidates import Candidate, candidates_for
from comp.competition.competition import Attribute, Competition
from comp.metrics import named_metrics


def of(metric, target="multiclass", attributes=None):
    return Competition(target, tuple("abcd"), named_metrics.get(metric), attributes=attributes or {})


@pytest.mark.parametrize(
    ("competition", "plain"),
    [(of("macro_f1"), "argmax"), (of("micro_f1", "multilabel"), "half"), (of("quadratic_kappa", "ordinal"), "round")],
)
def test_the_rule_expected_is_the_only_fitted_one_that_is_tried(competition, plain):
    found = candidates_for(competition)
    assert {candidate.rule for candidate in found} == {plain, "expected"}
    assert {candidate.method for candidate in found if candidate.rule == plain} == {"best", "equal"}
    assert Candidate("greedy", "expected") in found
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("rule", ["argmax", "prior", "classes", "expected"])
def test_a_rule_that_is_given_is_the_only_one(rule):
    assert {candidate.rule for candidate in candidates_for(of("macro_f1"), rule=rule)} == {rule}
    assert candidates_for(of("macro_f1"), "geometric", rule) == [Candidate("geometric", rule)]


def test_a_method_that_is_given_is_tried_with_the_plain_decision_and_expected():
    assert [c.rule for c in candidates_for(of("macro_f1"), "search")] == ["argmax", "expected"]


@pytest.mark.parametrize(("metric", "target"), [("log_loss", "multiclass"), ("samples_f_beta@2", "multilabel")])
def test_metrics_without_an_expected_value_are_as_before(metric, target):
    found = candidates_for(of(metric, target))
    assert {"best", "equal", "log_loss", "greedy"} <= {candidate.method for candidate in found}
    assert "expected" not in {candidate.rule for candidate in found}


def test_runs_split_by_attribute_have_candidates():
    row = {"row": Attribute(("0", "1"), tuple(np.arange(4) // 2))}
    for competition in (of("macro_f1", attributes=row), of("quadratic_kappa", "ordinal", row)):
        found = candidates_for(competition, parts=True)
        assert found
        assert all(candidate.method.startswith("geometric") for candidate in found)
