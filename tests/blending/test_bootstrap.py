import numpy as np
import pytest
from drawn_models import competition, other

from comp.blending import bootstrap
from comp.competition import scoring


def resampled(given, labels, group, predictions, rounds=200):
    groups = int(group.max()) + 1
    return bootstrap.bootstrap_scores(
        bootstrap.sums_of_predictions(given, labels, group, groups, predictions), groups, rounds
    )


def test_the_bootstrap_keeps_groups_together():
    """Rows of one group repeated change no interval; as groups of their own they would narrow it."""
    labels, group = np.arange(60) % 3, np.arange(60)
    answers = np.where(np.random.default_rng(0).random(60) < 0.6, labels, (labels + 1) % 3)
    of = competition(classes=3)
    once = resampled(of, labels, group, [answers], 1000)[0].std()
    seven = [np.repeat(part, 7) for part in (labels, group, answers)]
    together = resampled(of, seven[0], seven[1], [seven[2]], 1000)[0].std()
    apart = resampled(of, seven[0], np.arange(420), [seven[2]], 1000)[0].std()
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
    of, group = given.competition, given.groups
    predictions = scoring.predictions(of, of.metric, given.probs[0])
    draws = np.random.default_rng(0).multinomial(15, np.full(15, 1 / 15), size=5)
    scores = bootstrap.sums_of_predictions(of, given.labels, group, 15, [predictions])[0].drawn(
        draws.astype(np.float32)
    )
    for score, draw in zip(scores, draws, strict=True):
        rows = np.repeat(np.arange(60), draw[group])
        assert score == pytest.approx(of.metric.score(given.labels[rows], predictions[rows], of.size), abs=1e-5)


def test_all_predictions_are_scored_on_the_same_draws():
    given = other("ordinal", "macro_f1", rows=60, models=1)
    predictions = scoring.predictions(given.competition, given.competition.metric, given.probs[0])
    first, second = resampled(given.competition, given.labels, given.groups, [predictions, predictions])
    np.testing.assert_array_equal(first, second)
    assert first.std() > 0


@pytest.mark.parametrize(("target", "metric"), [("multilabel", "macro_f1"), ("ordinal", "macro_f1")])
def test_large_counts_are_kept_sparse_and_give_the_same(target, metric, monkeypatch):
    given = other(target, metric, rows=60, models=2)
    of = given.competition
    predictions = [scoring.predictions(of, of.metric, run) for run in given.probs]
    dense = resampled(of, given.labels, given.groups, predictions)
    monkeypatch.setattr(bootstrap, "DENSE_CELLS", 1)
    np.testing.assert_allclose(resampled(of, given.labels, given.groups, predictions), dense, atol=1e-6)
    sums = bootstrap.sums_of_predictions(of, given.labels, given.groups, 15, predictions)
    assert sums[0].score() == pytest.approx(of.metric.score(given.labels, predictions[0], of.size))
    both = sums[0] + sums[1].of_groups(np.arange(15))
    assert both.tables[2].sum() == 2 * sums[0].tables[2].sum()


def test_rows_of_some_groups_are_numbered_anew():
    given = other("binary", "auc", rows=60, models=1)
    rows = bootstrap.sums_of_predictions(given.competition, given.labels, given.groups, 15, list(given.probs))[0]
    some = rows.of_groups(np.array([2, 14]))
    assert some.group.tolist() == [0] * 4 + [1] * 4
    np.testing.assert_array_equal(some.labels, given.labels[[8, 9, 10, 11, 56, 57, 58, 59]])
