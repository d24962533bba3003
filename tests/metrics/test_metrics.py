from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.metrics import named_metrics

CLASSES = 6
pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60)
seeds = st.integers(0, 10_000)


def value(name, labels, predictions):
    return named_metrics.get(name).value(labels, predictions)


# ---- of answers


@settings(deadline=None)
@given(pairs)
def test_metrics_of_one_class_per_row_are_scikit_learns(rows):
    labels, predicted = np.array(rows).T

    def fbeta(average, beta):
        return theirs.fbeta_score(labels, predicted, beta=beta, average=average, zero_division=0)

    recall = theirs.recall_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0)
    expected = {
        "macro_f1": fbeta("macro", 1),
        "micro_f1": fbeta("micro", 1),
        "weighted_f1": fbeta("weighted", 1),
        "macro_f_beta@2": fbeta("macro", 2),
        "micro_f_beta@0.5": fbeta("micro", 0.5),
        "accuracy": theirs.accuracy_score(labels, predicted),
        "balanced_accuracy": recall,
    }
    for name, theirs_is in expected.items():
        assert value(name, labels, predicted) == pytest.approx(theirs_is), name
        assert named_metrics.get(name).function(labels, predicted) == pytest.approx(theirs_is), name


@settings(deadline=None)
@given(pairs)
def test_right_answers_score_one_and_order_does_not_matter(rows):
    labels, predicted = np.array(rows).T
    for name in ("macro_f1", "accuracy", "weighted_f1", "balanced_accuracy", "micro_f_beta@2"):
        assert value(name, labels, labels) == 1
        assert value(name, labels[::-1], predicted[::-1]) == value(name, labels, predicted)


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_metrics_of_label_sets_are_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    labels, answers = rng.random((2, 25, 4)) < rng.random(4)
    labels = labels.astype(np.uint8)
    for name, average, beta in (
        ("macro_f1", "macro", 1),
        ("micro_f1", "micro", 1),
        ("weighted_f1", "weighted", 1),
        ("macro_f_beta@2", "macro", 2),
        ("micro_f_beta@0.5", "micro", 0.5),
        ("samples_f_beta@2", "samples", 2),
    ):
        absent = np.nan if average == "macro" else 0  # labels that occur nowhere do not count
        expected = theirs.fbeta_score(labels, answers, beta=beta, average=average, zero_division=absent)
        assert value(name, labels, answers) == pytest.approx(np.nan_to_num(expected)), name


@settings(deadline=None)
@given(pairs)
def test_quadratic_kappa_is_scikit_learns(rows):
    labels, predicted = np.array(rows).T
    if len(set(labels) | set(predicted)) == 1:
        assert value("quadratic_kappa", labels, predicted) == 1  # scikit-learn leaves it undefined
    else:
        expected = theirs.cohen_kappa_score(labels, predicted, weights="quadratic", labels=np.arange(CLASSES))
        assert value("quadratic_kappa", labels, predicted) == pytest.approx(expected)


# ---- of probabilities


def drawn(seed, rows=200, classes=3):
    """Labels and probabilities with ties."""
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, classes, rows), rng.integers(1, 6, (rows, classes)).astype(float)
    return labels, scores / scores.sum(1, keepdims=True)


def test_auc_is_scikit_learns_ties_included():
    labels, probs = drawn(0)
    expected = theirs.roc_auc_score(labels, probs, multi_class="ovr")
    assert value("auc", labels, probs) == pytest.approx(expected)
    labels, probs = drawn(1, classes=2)
    assert value("auc", labels, probs) == pytest.approx(theirs.roc_auc_score(labels, probs[:, 1]))


def test_metrics_of_several_labels_are_means_over_columns():
    rng = np.random.default_rng(0)
    labels, probs = (rng.random((300, 5)) < 0.3).astype(np.uint8), rng.uniform(0.01, 0.99, (300, 5)).round(2)
    assert value("auc", labels, probs) == pytest.approx(theirs.roc_auc_score(labels, probs))
    assert value("average_precision", labels, probs) == pytest.approx(theirs.average_precision_score(labels, probs))
    columns = [theirs.log_loss(labels[:, c], probs[:, c]) for c in range(5)]
    assert value("log_loss", labels, probs) == pytest.approx(np.mean(columns))
    empty = np.column_stack([labels, np.zeros(300, np.uint8)])
    more = np.column_stack([probs, probs[:, 0]])
    for name in ("auc", "average_precision"):
        assert value(name, empty, more) == pytest.approx(value(name, labels, probs))


def test_log_loss_is_scikit_learns_and_finite_where_a_model_is_sure_and_wrong():
    labels, probs = drawn(0)
    assert value("log_loss", labels, probs) == pytest.approx(theirs.log_loss(labels, probs))
    sure = np.eye(3, dtype=np.float32)[(labels + 1) % 3]
    assert value("log_loss", labels, sure) == pytest.approx(-np.log(named_metrics.FLOOR), rel=1e-6)


def test_average_precision_of_two_classes_is_scikit_learns():
    labels, probs = drawn(2, classes=2)
    assert value("average_precision", labels, probs) == pytest.approx(
        theirs.average_precision_score(labels, probs[:, 1])
    )


@given(seeds, st.integers(1, 4))
def test_map_at_k_and_top_k_follow_their_definitions(seed, k):
    labels, probs = drawn(seed, rows=30, classes=4)
    order = np.argsort(-probs, axis=1, kind="stable")
    precision = [
        next((1 / (i + 1) for i in range(k) if row[i] == label), 0) for row, label in zip(order, labels, strict=True)
    ]
    assert value(f"map@{k}", labels, probs) == pytest.approx(np.mean(precision))
    assert value(f"top_k_accuracy@{k}", labels, probs) == pytest.approx(np.mean(np.array(precision) > 0))
    several = np.eye(4, dtype=np.uint8)[labels]
    assert value(f"map@{k}", several, probs) == pytest.approx(np.mean(precision))


def test_map_at_k_of_several_labels_by_hand():
    labels, probs = np.array([[1, 0, 1, 1]], np.uint8), np.array([[0.9, 0.8, 0.7, 0.1]])
    assert value("map@3", labels, probs) == pytest.approx((1 + 2 / 3) / 3)


def test_top_k_is_scikit_learns_without_ties():
    rng = np.random.default_rng(0)
    labels, probs = rng.integers(0, 5, 100), rng.random((100, 5))
    expected = theirs.top_k_accuracy_score(labels, probs, k=2, labels=range(5))
    assert value("top_k_accuracy@2", labels, probs) == pytest.approx(expected)


def test_probabilistic_f1_is_f1_where_probabilities_are_sure():
    rng = np.random.default_rng(0)
    labels, answers = rng.integers(0, 2, (2, 50))
    assert value("probabilistic_f1", labels, np.eye(2)[answers]) == pytest.approx(theirs.f1_score(labels, answers))
    positive = rng.random(50)  # by the competition's definition: precision and recall of probabilities
    precision, recall = positive[labels == 1].sum() / positive.sum(), positive[labels == 1].sum() / labels.sum()
    expected = 2 * precision * recall / (precision + recall)
    assert value("probabilistic_f1", labels, np.stack([1 - positive, positive], 1)) == pytest.approx(expected)


@settings(deadline=None)
@given(seeds)
def test_errors_of_numbers_are_scikit_learns_and_better_down(seed):
    labels, values = np.random.default_rng(seed).normal(size=(2, 20))
    assert value("rmse", labels, values) == pytest.approx(theirs.root_mean_squared_error(labels, values))
    assert value("mae", labels, values) == pytest.approx(theirs.mean_absolute_error(labels, values))
    assert named_metrics.get("rmse").score(labels, values) == -value("rmse", labels, values)


# ---- names


def test_an_unknown_metric_is_refused_with_the_nearest_names():
    with pytest.raises(InputError, match=r"did you mean macro_f1[\s\S]*user_metrics.py"):
        named_metrics.get("macro_f2")
    for name in ("map", "map@0", "map@x", "top_k_accuracy@1.5", "macro_f_beta@-1", "macro_f_beta@nan"):
        with pytest.raises(InputError, match="above 0 after"):
            named_metrics.get(name)
    with pytest.raises(InputError):
        named_metrics.get("accuracy@3")


def test_every_listed_name_is_a_metric_with_a_target():
    for name in named_metrics.names():
        metric = named_metrics.get(name.replace("@b", "@2").replace("@k", "@3"))
        assert metric.targets
        for target in metric.targets:
            named_metrics.check_target(metric, target)


def test_a_metric_that_does_not_fit_the_target_is_refused_with_those_that_do():
    with pytest.raises(InputError, match=r"multilabel[\s\S]*samples_f_beta"):
        named_metrics.check_target(named_metrics.get("rmse"), "multilabel")


def test_weighted_auc_counts_the_lower_part_twice():
    labels = np.array([0, 0, 1, 1, 1, 1, 1])
    perfect, worst = labels.astype(float), 1.0 - labels
    assert value("weighted_auc", labels, np.stack([1 - perfect, perfect], 1)) == pytest.approx(1)
    assert value("weighted_auc", labels, np.stack([1 - worst, worst], 1)) == pytest.approx(0)
    chance = np.full((7, 2), 0.5)
    assert value("weighted_auc", labels, chance) == pytest.approx((2 * (0.4 - 0.08) + 0.6 * 0.3) / 1.4)


# ---- scores under a competition


def of(target, metric, classes=4, **more):
    return Competition(target, tuple(map(str, range(classes))), named_metrics.get(metric), **more)


def test_home_scores_are_those_of_the_most_probable_class():
    rng = np.random.default_rng(0)
    labels, probs = rng.integers(0, 18, 99), rng.dirichlet(np.ones(18), 99).astype(np.float32)
    expected = {
        "macro_f1": theirs.f1_score(labels, probs.argmax(1), average="macro", zero_division=0),
        "accuracy": np.mean(labels == probs.argmax(1)),
    }
    assert scoring.scores(mask_gender_age.competition(), labels, probs) == pytest.approx(expected)


def test_grades_are_rounded_for_kappa_and_the_most_probable_for_accuracy():
    probs, labels = np.array([[0.45, 0.0, 0.15, 0.4]]), np.array([1])
    kappa, accuracy = of("ordinal", "quadratic_kappa"), of("ordinal", "accuracy")
    assert scoring.answers(kappa, probs).tolist() == [2]  # 1.5: halves go up
    assert scoring.answers(accuracy, probs).tolist() == [0]
    both = replace(of("ordinal", "mae"), also=(named_metrics.get("accuracy"),))
    assert scoring.scores(both, labels, probs) == {"mae": 1.0, "accuracy": 0.0}
    assert scoring.score(both, labels, probs) == -1.0


@pytest.mark.parametrize("metric", ["mae", "rmse", "quadratic_kappa"])
def test_errors_of_grades_are_those_of_their_values(metric):
    rng, values = np.random.default_rng(0), np.array([1.0, 2.0, 5.0, 5.5])
    labels, grades = rng.integers(0, 4, 50), rng.integers(0, 4, 50)
    named = Competition("ordinal", ("1", "2", "5", "5.5"), named_metrics.get(metric))
    expected = named_metrics.get(metric).function(values[labels], values[grades])
    assert named.metric.value(labels, grades) == pytest.approx(expected)
    assert named.metric.of_means(named.metric.rows(labels, grades).mean(0)) == pytest.approx(expected)
    assert scoring.score(named, labels, np.eye(4)[grades]) == pytest.approx(named.metric.shown(expected))
    words = replace(named, classes=("none", "mild", "bad", "worst"))
    assert words.metric.value(labels, grades) == named_metrics.get(metric).function(labels, grades)
    assert replace(words, classes=named.classes) == named


def test_a_row_that_must_have_a_label_gets_its_most_probable_one():
    probs = np.array([[0.1, 0.4, 0.2, 0.1], [0.6, 0.5, 0.1, 0.1]])
    assert scoring.answers(of("multilabel", "micro_f1"), probs).tolist() == [[0, 1, 0, 0], [1, 1, 0, 0]]
    may_be_empty = of("multilabel", "micro_f1", at_least_one=False)
    assert scoring.answers(may_be_empty, probs).tolist() == [[0, 0, 0, 0], [1, 1, 0, 0]]


@pytest.mark.parametrize("metric", ["map@3", "top_k_accuracy@2", "log_loss", "auc"])
def test_metrics_of_probabilities_and_order_take_the_probabilities(metric):
    labels, probs = drawn(5, classes=4)
    competition = of("multiclass", metric)
    assert scoring.predictions(competition, competition.metric, probs) is probs
    assert scoring.scores(competition, labels, probs)[metric] == pytest.approx(
        competition.metric.function(labels, probs)
    )


@given(st.lists(st.floats(0, 4), min_size=1, max_size=20))
def test_two_points_have_the_value_as_expectation(values):
    probs = scoring.two_points(np.array(values), 5)
    assert ((probs > 0).sum(1) <= 2).all()
    np.testing.assert_allclose(probs.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(scoring.expectation(probs), values, atol=1e-6)
