"""A metric of the user's that sets the fields of a built-in one is treated as that one, whatever its name is."""

import math
from dataclasses import replace

import numpy as np
import pytest
from small_competitions import small

from comp.blending.candidates import candidates_for
from comp.errors import InputError
from comp.metrics import named_metrics, user_metrics
from comp.metrics.metric import Metric
from comp.recipes.automatic import resolved_recipe
from comp.recipes.recipe_settings import Recipe
from comp.submission import answers, leaderboard
from comp.tabular import classifiers
from comp.tabular.classifiers import ClassifierSettings


def both(name):
    """A built-in metric, and the same under another name."""
    metric = named_metrics.get(name)
    return metric, replace(metric, name="mine")


def test_it_is_found_by_its_name(monkeypatch):
    mine = Metric("mine", lambda labels, answers: 0.25, "answers", ("multiclass",), higher_is_better=False)
    monkeypatch.setattr(user_metrics, "METRICS", [mine])
    assert named_metrics.get("mine").score(np.zeros(3, int), np.zeros(3, int)) == -0.25
    assert "mine" in named_metrics.names()
    with pytest.raises(InputError, match="did you mean mine"):
        named_metrics.get("mines")


def test_a_function_and_what_it_needs_are_enough():
    mine = Metric("mine", lambda labels, answers: 0.0, "answers", ("multiclass",))
    assert mine.limits == (-math.inf, math.inf)
    assert (mine.classes_alike, mine.number_loss, mine.ranked, mine.lowest_probability) == (False, "mse", 0, 0.0)


@pytest.mark.parametrize(("name", "sampler"), [("macro_f1", "balanced"), ("accuracy", "shuffle")])
def test_training_balances_classes_for_it(name, sampler):
    for metric in both(name):
        competition = small("multiclass", metric=metric)
        assert resolved_recipe(Recipe(), competition).sampler == sampler
        weights = classifiers.resolved_settings(ClassifierSettings(), competition, "").class_weights
        assert (weights == "balanced") == (sampler == "balanced")


@pytest.mark.parametrize(("name", "loss"), [("mae", "mae"), ("rmse", "mse")])
def test_numbers_are_trained_with_its_loss(name, loss):
    for metric in both(name):
        assert resolved_recipe(Recipe(), small("regression", metric=metric)).loss == loss


@pytest.mark.parametrize("name", ["macro_f1", "log_loss", "map@5"])
def test_the_blend_tries_the_same_for_it(name):
    first, second = (candidates_for(small("multiclass", metric=metric)) for metric in both(name))
    assert first == second


def test_the_submission_has_its_lowest_probability_and_its_ranking():
    probs = np.array([[0.0, 1.0]], np.float32)
    for metric in both("log_loss"):
        competition = small("binary", "probability", metric=metric)
        (text,) = answers.answers_to_text(competition, answers.from_probabilities(competition, 1 - probs))["answer"]
        assert float(text) == pytest.approx(named_metrics.FLOOR)
    for metric in both("map@2"):
        ranking = small("multiclass", "ranking", classes=tuple("abcd"), metric=metric)
        assert answers.from_probabilities(ranking, np.full((3, 4), 0.25)).shape == (3, 2)


def test_a_score_outside_of_its_limits_is_refused():
    for metric in both("quadratic_kappa"):
        assert leaderboard.parsed_score("SCORE", "-0.5", metric) == -0.5
        with pytest.raises(InputError, match="not a possible value"):
            leaderboard.parsed_score("SCORE", "-1.5", metric)
