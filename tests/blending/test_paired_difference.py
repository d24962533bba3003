"""The difference of two sets of runs: its value, its interval and who is better, for every kind of target."""

from dataclasses import replace

import numpy as np
import pytest

from comp.blending import compare
from comp.blending.compare import Compared
from comp.competition import scoring
from comp.competition.competition import Attribute, Competition
from comp.metrics import named_metrics

KINDS = [
    ("multiclass", "macro_f1"),
    ("multiclass", "log_loss"),
    ("binary", "auc"),
    ("multilabel", "micro_f1"),
    ("multilabel", "auc"),
    ("ordinal", "quadratic_kappa"),
    ("regression", "rmse"),
]
COLOURS = {"colour": Attribute(("red", "blue"), (0, 0, 1))}


def drawn(target="multiclass", metric="macro_f1", first=(2.0,), second=(0.5,), rows=400, seed=0, also=()):
    """Two sets of runs; each run is the truth under noise of a standard deviation."""
    rng, classes = np.random.default_rng(seed), {"binary": "no yes", "regression": "value"}.get(target, "a b c").split()
    attributes = COLOURS if target == "multiclass" else {}
    competition = Competition(target, tuple(classes), named_metrics.get(metric), also, attributes)
    if target == "multilabel":
        labels = (rng.random((rows, 3)) < 0.4).astype(np.uint8)
    else:
        labels = rng.normal(size=rows) if target == "regression" else rng.integers(0, len(classes), rows)

    def run(noise: float) -> np.ndarray:
        if target == "regression":
            return (labels + noise * rng.normal(size=rows))[:, None].astype(np.float32)
        truth = labels if target == "multilabel" else np.eye(len(classes))[labels]
        raw = np.exp(3 * (truth - 0.5) + noise * rng.normal(size=(rows, len(classes))))
        return (raw / (1 + raw if target == "multilabel" else raw.sum(1, keepdims=True))).astype(np.float32)

    group = np.arange(rows) // 4
    return Compared(competition, labels, group % 4, group, [run(x) for x in first], [run(x) for x in second])


def main_difference(data: Compared):
    return compare.compared_metrics(data)[data.competition.metric.name]


def width(data: Compared) -> float:
    low, high = main_difference(data).interval
    return high - low


@pytest.mark.parametrize(("target", "metric"), KINDS)
def test_less_noise_is_better_and_exchanging_the_sets_mirrors_everything(target, metric):
    data = drawn(target, metric, (2.5,), (0.7, 0.8))
    found = main_difference(data)
    turned = main_difference(replace(data, first=data.second, second=data.first))
    sign = 1 if data.competition.metric.higher_is_better else -1
    assert found.better > 0.95
    assert sign * found.value > 0
    assert found.interval[0] < found.value < found.interval[1]
    assert found.first == pytest.approx(scoring.scores(data.competition, data.labels, data.first[0])[metric])
    assert turned.better == pytest.approx(1 - found.better)
    assert turned.value == -found.value
    np.testing.assert_allclose(turned.interval, [-found.interval[1], -found.interval[0]], atol=1e-12)


def test_equally_good_runs_are_not_told_apart():
    chances = [main_difference(drawn(first=(1.0,), second=(1.0,), seed=seed)).better for seed in range(20)]
    assert 0.2 < np.mean(chances) < 0.8
    assert min(chances) < 0.5 < max(chances)


def test_an_interval_of_a_part_of_the_groups_is_as_wide_as_one_of_all(monkeypatch):
    data = drawn("binary", "auc", (2.0,), (1.5,), rows=4000)
    whole = width(data)
    monkeypatch.setattr(compare, "MOST_CELLS", 2000)
    assert width(data) == pytest.approx(whole, rel=0.35)


def test_seeds_that_differ_widen_the_interval_and_more_equal_seeds_narrow_it():
    one_each = width(drawn(first=(1.5,), second=(1.5,)))
    alike = width(drawn(first=(1.5,) * 3, second=(1.5,) * 3))
    spread = width(drawn(first=(0.5, 1.5, 2.5), second=(1.5,) * 3))
    assert alike < one_each < spread


def test_several_seeds_are_averaged_and_each_is_known():
    found = main_difference(drawn(first=(1.0, 2.0), second=(0.5, 1.0, 1.5)))
    assert [len(values) for values in found.each] == [2, 3]
    assert found.first == pytest.approx(np.mean(found.each[0]))


def test_folds_other_metrics_and_attributes_are_compared_too():
    data = drawn(also=(named_metrics.get("accuracy"), named_metrics.get("log_loss")))
    found = compare.compared_metrics(data)
    assert list(found) == ["macro_f1", "accuracy", "log_loss", "macro_f1, colour"]
    right = [COLOURS["colour"].of_class[c] for c in data.labels]
    answers = np.array(COLOURS["colour"].of_class)[data.first[0].argmax(1)]
    assert found["macro_f1, colour"].first == pytest.approx(named_metrics.macro_f1_score(np.array(right), answers, 2))
    inside = data.folds == 2
    expected = scoring.scores(data.competition, data.labels[inside], data.second[0][inside])["macro_f1"]
    assert compare.compared_folds(data)[2][1] == pytest.approx(expected)


MEASURED = [
    ("multilabel", "micro_f1", "F1"),
    ("multilabel", "auc", "auc"),
    ("ordinal", "accuracy", "F1"),
    ("regression", "rmse", ""),
]


@pytest.mark.parametrize(("target", "metric", "measure"), MEASURED)
def test_every_label_is_measured_where_that_is_possible(target, metric, measure):
    data = drawn(target, metric)
    found, labels = compare.compared_labels(data)
    assert found == measure
    assert list(labels) == (["a", "b", "c"] if measure else [])
    assert all(one.better > 0.9 for one in labels.values())


def test_of_many_labels_those_that_differ_most_are_measured(monkeypatch):
    monkeypatch.setattr(compare, "SHOWN", 1)
    data = drawn("multilabel", "micro_f1", (1.0,), (1.0,))
    data.second[0][:, 1] = data.labels[:, 1]
    assert list(compare.compared_labels(data)[1]) == ["b"]
