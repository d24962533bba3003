"""Every classifier of every target gives predictions that are valid and better than chance."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from small_competitions import small

from comp.competition import scoring
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.store.predictions import value_problem
from comp.tabular import classifiers
from comp.tabular.classifiers import CLASSIFIERS, FITTING, Classifier, ClassifierSettings

METRICS = {
    "multiclass": "accuracy",
    "binary": "auc",
    "multilabel": "micro_f1",
    "ordinal": "quadratic_kappa",
    "regression": "rmse",
}
KINDS = [(target, kind) for target, kinds in FITTING.items() for kind in kinds]
VALUES = {"logistic": 1.0, "knn": 5, "boosting": 10, "ridge": 1.0}


def competition(target):
    return small(
        target,
        {"regression": "number", "multilabel": "labels"}.get(target, "index"),
        metric=named_metrics.get(METRICS[target]),
        limits=(0.0, 2.0),
    )


def drawn(target, rows=90, seed=0):
    """Values (rows, 4) and labels; the first columns tell the label under noise."""
    rng = np.random.default_rng(seed)
    grade = rng.integers(0, 2 if target == "binary" else 3, rows)
    x = np.hstack([np.eye(3)[grade], grade[:, None]]) + rng.normal(0, 0.3, (rows, 4))
    if target == "multilabel":
        return x.astype(np.float32), np.eye(3, dtype=np.uint8)[grade]
    return x.astype(np.float32), grade.astype(float) if target == "regression" else grade


@pytest.mark.parametrize(("target", "kind"), KINDS)
def test_predictions_are_valid_better_than_chance_and_the_same_twice(target, kind):
    made, (x, labels), (z, truth) = competition(target), drawn(target), drawn(target, seed=1)
    probs = Classifier(kind, made).predictions((VALUES[kind],), x, labels, z)[0]
    assert probs.shape == (len(z), made.size)
    assert value_problem(np.arange(len(z)).astype(str), probs.astype(np.float32), made) == ""
    shuffled = np.random.default_rng(2).permutation(len(truth))
    assert scoring.score(made, truth, probs) > scoring.score(made, truth, probs[shuffled])
    np.testing.assert_array_equal(probs, Classifier(kind, made).predictions((VALUES[kind],), x, labels, z)[0])


@pytest.mark.parametrize(("target", "kind"), KINDS)
def test_each_value_of_a_grid_is_predicted_as_alone(target, kind):
    made, (x, labels), (z, _) = competition(target), drawn(target), drawn(target, seed=1)
    grid = (VALUES[kind], 3)
    both = Classifier(kind, made).predictions(grid, x, labels, z)
    for value, one in zip(grid, both, strict=True):
        np.testing.assert_array_equal(one, Classifier(kind, made).predictions((value,), x, labels, z)[0])


@pytest.mark.parametrize("kind", FITTING["multiclass"])
@pytest.mark.parametrize("there", [(0, 2), (1,)])
def test_a_class_without_a_training_row_has_hardly_any_probability(kind, there):
    made, (x, labels) = competition("multiclass"), drawn("multiclass")
    rows = np.isin(labels, there)
    probs = Classifier(kind, made).predictions((VALUES[kind],), x[rows], labels[rows], x)[0]
    absent = [c for c in range(3) if c not in there]
    assert probs[:, absent].max() < 1e-5
    np.testing.assert_allclose(probs.sum(1), 1)


@pytest.mark.parametrize("kind", FITTING["multilabel"])
def test_a_label_of_no_training_row_is_predicted_for_none(kind):
    made, (x, labels) = competition("multilabel"), drawn("multilabel")
    labels[:, 1] = 0
    assert Classifier(kind, made).predictions((VALUES[kind],), x, labels, x)[0][:, 1].max() < 1e-5


def test_balanced_predictions_of_noise_are_equal_where_classes_are_not():
    made, rng = competition("multiclass"), np.random.default_rng(0)
    x, labels = np.zeros((60, 2), np.float32), rng.permutation([0] * 40 + [1] * 15 + [2] * 5)
    plain = Classifier("logistic", made).predictions((1.0,), x, labels, x[:1])[0]
    equal = Classifier("logistic", made, balanced=True).predictions((1.0,), x, labels, x[:1])[0]
    np.testing.assert_allclose(plain[0], np.array([40, 15, 5]) / 60, atol=0.01)
    np.testing.assert_allclose(equal[0], 1 / 3, atol=0.02)


@pytest.mark.parametrize("said", [True, False], ids=["limits", "range of the labels"])
def test_a_regression_stays_within_its_limits(said):
    made, (x, labels) = competition("regression"), drawn("regression")
    if not said:
        made = dataclasses.replace(made, limits=None, label_range=(0.0, 2.0))
    probs = Classifier("ridge", made).predictions((1.0,), x, labels, x * 1000)[0]
    assert probs.min() >= 0
    assert probs.max() <= 2


@pytest.mark.parametrize(
    ("target", "given", "advice"),
    [
        ("multiclass", dict(classifier="svm"), "classifier=logistic"),
        ("multiclass", dict(classifier="ridge"), "classifier=logistic"),
        ("regression", dict(classifier="logistic"), "classifier=ridge"),
        ("multilabel", dict(class_weights="balanced"), "class_weights=none"),
    ],
)
def test_settings_that_do_not_fit_are_refused_and_the_advice_is_taken(target, given, advice):
    made = competition(target)
    with pytest.raises(InputError) as error:
        classifiers.resolved_settings(ClassifierSettings(**given), made, "help")
    assert advice in error.value.run
    key, _, value = advice.partition("=")
    better = dataclasses.replace(ClassifierSettings(**given), **{key: value})
    assert classifiers.resolved_settings(better, made, "help").classifier in FITTING[target]


@pytest.mark.parametrize(("key", "choices"), [("class_weights", "auto, none, balanced"), ("best_by", "metric, loss")])
def test_a_value_that_is_no_choice_is_refused_with_the_choices(key, choices):
    with pytest.raises(InputError) as error:
        classifiers.resolved_settings(ClassifierSettings(**{key: "even"}), competition("multiclass"), "help")
    assert error.value.found == f"{key}=even is not allowed"
    assert choices in error.value.expected
    assert error.value.run == "help"


@pytest.mark.parametrize(
    "given", [dict(grid=(0.0,)), dict(grid=(float("nan"),)), dict(components=-2), dict(classifier="knn", grid=(2.5,))]
)
def test_numbers_that_cannot_be_are_refused(given):
    with pytest.raises(InputError):
        classifiers.resolved_settings(ClassifierSettings(**given), competition("binary"), "help")


def test_rare_classes_get_the_same_weight_where_the_metric_gives_it():
    def weights(metric, target="multiclass"):
        made = dataclasses.replace(competition(target), metric=named_metrics.get(metric))
        return classifiers.resolved_settings(ClassifierSettings(), made, "").class_weights

    assert weights("macro_f1") == weights("balanced_accuracy") == "balanced"
    assert weights("accuracy") == weights("log_loss") == weights("macro_f1", "multilabel") == "none"


def test_every_classifier_can_predict_each_of_its_targets():
    for kind in CLASSIFIERS.values():
        low, high = kind.bounds
        assert all(low <= value <= high for value in kind.grid)
        assert kind.numbers or "regression" not in kind.targets
        assert kind.probabilities or kind.votes or set(kind.targets) <= {"ordinal", "regression"}


def test_no_torch_in_this_room():
    room = Path(classifiers.__file__).parent
    assert not [file for file in room.glob("*.py") if "torch" in file.read_text(encoding="utf-8")]
