from dataclasses import replace

import numpy as np
import pytest

from comp.blending import blend_stage, bootstrap, diversity
from comp.blending.candidates import candidates_for, number_of_fits
from comp.blending.choice import OutOfFold, study
from comp.competition import scoring
from comp.competition.competition import Attribute, Competition
from comp.errors import InputError
from comp.metrics import named_metrics

VALUES = ("0", "1")
ATTRIBUTES = {"row": Attribute(VALUES, (0, 0, 1, 1)), "column": Attribute(VALUES, (0, 1, 0, 1))}


def competition(metric="macro_f1", target="multiclass", classes=4):
    attributes = ATTRIBUTES if target == "multiclass" else {}
    return Competition(target, tuple("abcd"[:classes]), named_metrics.get(metric), attributes=attributes)


def data(models=3, rows=400, seed=0, skill=2.5, metric="macro_f1", folds=4):
    """Noisy models of one class per row."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, rows, p=[0.4, 0.3, 0.2, 0.1])
    shared = rng.normal(size=(rows, 4))
    scores = np.exp(skill * np.eye(4)[labels] + shared + rng.normal(size=(models, rows, 4)))
    groups = np.arange(rows) // 4
    probs = (scores / scores.sum(2, keepdims=True)).astype(np.float32)
    return OutOfFold(competition(metric), probs, labels, groups % folds, groups)


def other(target, metric, rows=240, models=3, seed=0):
    """Noisy models of another kind of target."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(rows, 3)) + rng.normal(size=(models, rows, 3))
    if target == "multilabel":
        labels = (rng.random((rows, 3)) < [0.5, 0.3, 0.1]).astype(np.uint8)
        probs = 1 / (1 + np.exp(-(3 * labels - 2.5 + noise)))
    elif target == "regression":
        labels = rng.normal(50, 20, rows)
        probs = labels[:, None] + 8 * noise[..., :1]
    else:
        classes = 2 if target == "binary" else 3
        labels = rng.choice(3, rows, p=[0.5, 0.3, 0.2]) % classes
        scores = np.exp(2 * np.eye(classes)[labels] + noise[..., :classes])
        probs = scores / scores.sum(2, keepdims=True)
    groups = np.arange(rows) // 4
    made = competition(metric, target, probs.shape[2])
    return OutOfFold(made, probs.astype(np.float32), labels, groups % 4, groups)


@pytest.fixture(scope="module")
def made():
    return study(data(), candidates_for(competition()))


def test_blending_good_models_beats_the_best_of_them(made):
    assert {candidate.method for candidate in made.shares} != {"best"}
    assert made.beats["best single run"] > 0.7
    assert made.interval[0] < made.cross_validated < made.interval[1]
    assert made.weights.sum() == pytest.approx(1)


def test_the_cross_validated_probabilities_score_the_cross_validated_score(made):
    assert scoring.score(competition(), data().labels, made.oof) == pytest.approx(made.cross_validated)


def test_a_row_cannot_change_what_predicts_its_fold():
    before, changed = data(), data()
    inside = changed.folds == 2
    changed.labels[inside] = (changed.labels[inside] + 1) % 4
    search = candidates_for(competition(), method="search")
    first, second = study(before, search), study(changed, search)
    np.testing.assert_array_equal(first.oof[inside], second.oof[inside])
    assert not np.array_equal(first.oof, second.oof)


def test_pure_noise_does_not_beat_its_best_model_by_more_than_chance():
    gains = []
    for seed in range(3):
        noise = data(models=5, seed=seed, skill=0.0)
        made = study(noise, candidates_for(competition()))
        single = max(scoring.score(competition(), noise.labels, one) for one in noise.probs)
        gains.append(made.cross_validated - single)
    assert np.mean(gains) < 0.02  # the standard error of a score of 400 rows at chance


OTHERS = [
    ("multiclass", "log_loss"),
    ("multiclass", "auc"),
    ("multiclass", "map@2"),
    ("binary", "auc"),
    ("binary", "probabilistic_f1"),
    ("multilabel", "micro_f1"),
    ("multilabel", "auc"),
    ("multilabel", "samples_f_beta@2"),
    ("ordinal", "quadratic_kappa"),
    ("ordinal", "macro_f1"),
    ("regression", "rmse"),
]


@pytest.mark.parametrize(("target", "metric"), OTHERS)
def test_every_target_chooses_scores_and_reports(target, metric, capsys):
    given = data(rows=160, metric=metric) if target == "multiclass" else other(target, metric)
    made = study(given, candidates_for(given.competition))
    assert made.interval[0] <= made.cross_validated <= made.interval[1]
    value = given.competition.metric.shown(made.cross_validated)
    predicted = scoring.predictions(given.competition, given.competition.metric, made.oof)
    assert value == pytest.approx(given.competition.metric.function(given.labels, predicted))
    names = ["x", "y", "z"]
    summary = blend_stage.blend_summary(names, given, made, "digest")
    assert summary["cross_fitted"] == pytest.approx(value, abs=1e-6)
    assert summary["interval_95"] == sorted(summary["interval_95"])
    blend_stage.show_blend(names, given, made, summary)
    shown = capsys.readouterr().out
    assert metric in shown
    assert ("lower is better" in shown) == (not given.competition.metric.higher_is_better)


def test_a_users_metric_chooses_methods_and_rules():
    """Right answers less twice the mistakes for class d, given as a function alone: no search is offered."""

    def function(labels, answers):
        return np.mean(labels == answers) - 2 * np.mean((answers == 3) & (labels != 3))

    mine = named_metrics.Metric("mine", function, "answers", ("multiclass",))
    given = replace(data(rows=160), competition=replace(competition(), metric=mine))
    options = candidates_for(given.competition)
    assert {option.rule for option in options} == {"argmax"}
    assert not {"search", "geometric_search"} & {option.method for option in options}
    made = study(given, options)
    assert made.cross_validated == pytest.approx(function(given.labels, made.oof.argmax(1)))
    given = other("binary", "weighted_auc")
    assert study(given, candidates_for(given.competition, method="rank")).cross_validated > 0.6
    one_class = replace(competition(), metric=mine)
    with pytest.raises(InputError, match="METHOD=search"):
        candidates_for(one_class, method="search")
    with pytest.raises(InputError, match="RULE=classes"):
        candidates_for(one_class, rule="classes")


def test_it_is_deterministic_and_indifferent_to_the_order_of_models():
    whole, order = data(), [2, 0, 1]
    turned = replace(whole, probs=whole.probs[order])
    first, second = (study(each, candidates_for(competition())) for each in (whole, turned))
    assert (first.chosen, first.cross_validated) == (second.chosen, pytest.approx(second.cross_validated))
    np.testing.assert_allclose(first.weights[order], second.weights)


def test_two_folds_are_enough():
    assert 0 < study(data(folds=2), candidates_for(competition())).cross_validated <= 1


def test_progress_is_told_of_every_fit():
    done = []
    study(data(rows=80), candidates_for(competition(), method="equal", rule="argmax"), done.append)
    assert len(done) == number_of_fits(4) == 11


# ---- the bootstrap


def resampled(made, labels, group, predictions, rounds=200):
    groups = int(group.max()) + 1
    return bootstrap.bootstrap_scores(
        bootstrap.sums_of_predictions(made, labels, group, groups, predictions), groups, rounds
    )


def test_the_bootstrap_keeps_groups_together():
    """Rows of one group repeated change no interval; as groups of their own they would narrow it."""
    labels, group = np.arange(60) % 3, np.arange(60)
    answers = np.where(np.random.default_rng(0).random(60) < 0.6, labels, (labels + 1) % 3)
    made = competition(classes=3)
    once = resampled(made, labels, group, [answers], 1000)[0].std()
    seven = [np.repeat(part, 7) for part in (labels, group, answers)]
    together = resampled(made, seven[0], seven[1], [seven[2]], 1000)[0].std()
    apart = resampled(made, seven[0], np.arange(420), [seven[2]], 1000)[0].std()
    assert together == pytest.approx(once)
    assert apart < 0.6 * together


@pytest.mark.parametrize(
    ("target", "metric"),
    [
        ("multilabel", "macro_f1"),
        ("multilabel", "micro_f1"),
        ("multilabel", "log_loss"),
        ("multilabel", "auc"),
        ("multilabel", "samples_f_beta@2"),
        ("ordinal", "quadratic_kappa"),
        ("ordinal", "mae"),
        ("regression", "rmse"),
        ("binary", "probabilistic_f1"),
        ("ordinal", "accuracy"),
        ("ordinal", "weighted_f1"),
    ],
)
def test_sums_over_groups_give_what_the_drawn_rows_give(target, metric):
    given = other(target, metric, rows=60, models=1)
    made, group = given.competition, given.groups
    predictions = scoring.predictions(made, made.metric, given.probs[0])
    found = resampled(made, given.labels, group, [predictions], 5)[0]
    draws = next(bootstrap._draws(15, 5)).astype(int)
    for score, draw in zip(found, draws, strict=True):
        rows = np.repeat(np.arange(60), draw[group])
        assert score == pytest.approx(made.metric.score(given.labels[rows], predictions[rows], made.size), abs=1e-5)


@pytest.mark.parametrize(("target", "metric"), [("multilabel", "macro_f1"), ("ordinal", "macro_f1")])
def test_large_counts_are_kept_sparse_and_give_the_same(target, metric, monkeypatch):
    given = other(target, metric, rows=60, models=2)
    made = given.competition
    predictions = [scoring.predictions(made, made.metric, one) for one in given.probs]
    dense = resampled(made, given.labels, given.groups, predictions)
    monkeypatch.setattr(bootstrap, "DENSE_CELLS", 1)
    np.testing.assert_allclose(resampled(made, given.labels, given.groups, predictions), dense, atol=1e-6)
    sums = bootstrap.sums_of_predictions(made, given.labels, given.groups, 15, predictions)
    assert sums[0].score() == pytest.approx(made.metric.score(given.labels, predictions[0], made.size))
    both = sums[0] + sums[1].of_groups(np.arange(15))
    assert both.tables[2].sum() == 2 * sums[0].tables[2].sum()


def test_rows_of_some_groups_are_numbered_anew():
    given = other("binary", "auc", rows=60, models=1)
    rows = bootstrap.sums_of_predictions(given.competition, given.labels, given.groups, 15, list(given.probs))[0]
    some = rows.of_groups(np.array([2, 14]))
    assert some.group.tolist() == [0] * 4 + [1] * 4
    np.testing.assert_array_equal(some.labels, given.labels[[8, 9, 10, 11, 56, 57, 58, 59]])


# ---- what is said of runs


def test_disagreement_and_correlation_of_every_target():
    for target, metric in (("multilabel", "micro_f1"), ("ordinal", "quadratic_kappa"), ("regression", "rmse")):
        given = other(target, metric)
        twice = np.concatenate([given.probs[:2], given.probs[:1]])
        for measure, same in ((diversity.disagreement, 0.0), (diversity.correlation, 1.0)):
            found = measure(given.competition, twice, given.labels)
            assert found.shape == (3, 3)
            assert found[0, 2] == pytest.approx(same, abs=1e-6)
            np.testing.assert_allclose(np.diag(found), same, atol=1e-6)
            assert abs(found[0, 1] - same) > 0.02


def test_the_weakest_labels_are_those_of_least_f1():
    labels = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], np.uint8)
    good, poor = labels.astype(np.float32), labels.astype(np.float32)
    poor[:, 1] = [0, 1, 1, 0]
    found = diversity.weakest(competition("micro_f1", "multilabel", 3), poor, labels, np.stack([poor, good]))
    assert [weak["label"] for weak in found] == [1, 0]  # label c occurs nowhere
    assert found[0]["best_run"] == 1
    assert found[0]["best_score"] == pytest.approx(1)


def test_the_weakest_classes_say_what_they_are_taken_for():
    labels = np.array([0, 0, 1, 1, 1, 2])
    answers = np.array([0, 0, 0, 0, 1, 2])
    probs = np.eye(4, dtype=np.float32)
    found = diversity.weakest(competition(), probs[answers], labels, np.stack([probs[answers], probs[labels]]), 1)
    assert found == [
        {
            "label": 1,
            "rows": 3,
            "measure": "recall",
            "score": pytest.approx(1 / 3),
            "best_run": 1,
            "best_score": 1.0,
            "taken_for": 0,
        }
    ]
