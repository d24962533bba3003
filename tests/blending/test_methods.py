import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comp.blending import combine, methods
from comp.blending.line_search import OpenRows
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.metrics import named_metrics

CLASSES = 4
COUNTED = ("macro_f1", "accuracy", "weighted_f1", "balanced_accuracy", "micro_f1", "macro_f_beta@0.5")
ONE_LABEL = (*COUNTED, "log_loss", "auc", "map@2", "top_k_accuracy@2")
LABEL_SETS = ("micro_f1", "macro_f1", "samples_f_beta@2", "log_loss", "auc", "average_precision")


def competition(metric="macro_f1", target="multiclass", classes=CLASSES):
    return Competition(target, tuple(map(str, range(classes))), named_metrics.get(metric))


METHODS = [method.name for method in methods.methods_for(competition())]


def runs(models=3, rows=240, seed=0, noise=1.5):
    """Noisy models of one truth: probs (M, N, C) and labels (N,)."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASSES, rows, p=[0.5, 0.3, 0.15, 0.05])
    shared = rng.normal(size=(rows, CLASSES))
    logits = 2.5 * np.eye(CLASSES)[labels] + shared + noise * rng.normal(size=(models, rows, CLASSES))
    probs = np.exp(logits)
    return (probs / probs.sum(2, keepdims=True)).astype(np.float32), labels


def label_sets(models=3, rows=240, seed=0):
    """Noisy models of several labels: probs (M, N, C) and labels (N, C)."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((rows, CLASSES)) < [0.5, 0.3, 0.2, 0.1]).astype(np.uint8)
    logits = 3.0 * labels - 2 + rng.normal(size=(rows, CLASSES)) + rng.normal(size=(models, rows, CLASSES))
    return (1 / (1 + np.exp(-logits))).astype(np.float32), labels


def numbers(models=3, rows=240, seed=0):
    """Noisy models of one number, each worse than the one before: values (M, N, 1) and labels (N,)."""
    rng = np.random.default_rng(seed)
    labels = rng.normal(50, 20, rows)
    noise = 5.0 * np.arange(1, models + 1)[:, None] * rng.normal(size=(models, rows))
    return (labels + noise)[:, :, None].astype(np.float32), labels


def fit(name, probs, labels, groups=None, of=None):
    """Weights (M,) for models in any order, some of them equal."""
    groups, of = np.arange(len(labels)) if groups is None else groups, of or competition()
    order, number = combine.distinct_models(probs)
    method = methods.method_for(name, of)
    return combine.shared_weights(methods.fit_methods([method], probs[order], labels, groups, of)[method], number)


def blended(name, probs, weights, of=None):
    of = of or competition()
    return methods.method_for(name, of).mean.blended(probs, weights, of)


@pytest.mark.parametrize("method", METHODS)
def test_weights_lie_on_the_simplex(method):
    weights = fit(method, *runs())
    assert weights.shape == (3,)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("method", METHODS)
def test_permuted_models_get_permuted_weights(method):
    probs, labels = runs(4)
    order = [2, 0, 3, 1]
    np.testing.assert_array_equal(fit(method, probs[order], labels), fit(method, probs, labels)[order])


@pytest.mark.parametrize("method", METHODS)
def test_a_copy_of_a_model_changes_no_prediction(method):
    probs, labels = runs()
    before = blended(method, probs, fit(method, probs, labels))
    more = np.concatenate([probs, probs[1:2]])
    after = blended(method, more, fit(method, more, labels))
    np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_shuffled_groups_change_nothing_but_rounding(method):
    probs, labels = runs()
    groups, order = np.arange(240) // 4, np.random.default_rng(1).permutation(240)
    shuffled = fit(method, probs[:, order], labels[order], groups[order])
    np.testing.assert_allclose(shuffled, fit(method, probs, labels, groups), atol=1e-4)


DRAWN = {"multiclass": runs, "ordinal": runs, "multilabel": label_sets, "regression": numbers}
OTHERS = [("ordinal", m) for m in ("quadratic_kappa", "mae", "accuracy")]
OTHERS += [("multilabel", m) for m in LABEL_SETS]
OTHERS += [("regression", m) for m in ("rmse", "mae")]


@pytest.mark.parametrize(("target", "metric"), [("multiclass", m) for m in ONE_LABEL] + OTHERS)
def test_every_usable_method_fits_every_metric_and_no_choice_of_models_is_worse_than_the_worst(target, metric):
    probs, labels = DRAWN[target](rows=120)
    scored = competition(metric, target, probs.shape[2])
    worst = min(scoring.score(scored, labels, one) for one in probs)
    for method in (each.name for each in methods.methods_for(scored)):
        weights = fit(method, probs, labels, of=scored)
        assert weights.sum() == pytest.approx(1)
        assert scoring.score(scored, labels, blended(method, probs, weights, scored)) > worst


@pytest.mark.parametrize(
    ("target", "metric", "there", "missing"),
    [
        ("multiclass", "micro_f1", {"search", "geometric"}, {"rank", "squares"}),
        ("multiclass", "map@5", {"greedy", "log_loss"}, {"rank", "search", "geometric_search"}),
        ("binary", "auc", {"rank", "geometric"}, {"search", "squares"}),
        ("multilabel", "auc", {"rank", "log_loss"}, {"search", "geometric", "squares"}),
        ("multilabel", "micro_f1", {"greedy", "log_loss"}, {"search", "geometric", "rank"}),
        ("ordinal", "quadratic_kappa", {"squares", "log_loss", "greedy"}, {"search", "rank"}),
        ("regression", "rmse", {"best", "equal", "squares", "greedy"}, {"log_loss", "geometric", "search", "rank"}),
    ],
)
def test_methods_follow_target_and_metric(target, metric, there, missing):
    known = {method.name for method in methods.methods_for(competition(metric, target))}
    assert there <= known
    assert not missing & known


def test_ranks_are_blended_within_columns():
    probs, labels = runs()
    two, labels = np.stack([1 - probs[..., 0], probs[..., 0]], 2), (labels == 0).astype(int)
    scored = competition("auc", "binary", 2)
    mixed = blended("rank", two, fit("rank", two, labels, of=scored), scored)
    np.testing.assert_allclose(mixed.sum(1), 1, atol=1e-6)
    assert named_metrics.auc_score(labels, mixed) > 0.7
    probs, labels = label_sets()
    scored = competition("auc", "multilabel")
    mixed = blended("rank", probs, np.array([1.0, 0, 0]), scored)
    assert ((mixed > 0) & (mixed < 1)).all()
    assert scoring.score(scored, labels, mixed) == pytest.approx(scoring.score(scored, labels, probs[0]))


def test_unknown_and_unusable_methods_are_refused():
    for method, metric in (("vote", "macro_f1"), ("search", "log_loss")):
        with pytest.raises(InputError, match="log_loss"):
            fit(method, *runs(), of=competition(metric))


def test_log_loss_weights_are_the_optimum():
    probs, labels = runs()
    true = probs[:, np.arange(240), labels]

    def loss(w):
        return -np.log(w @ true).mean()

    weights = fit("log_loss", probs, labels)
    for other in np.random.default_rng(0).dirichlet(np.ones(3), 200):
        assert loss(weights) <= loss(0.999 * weights + 0.001 * other) + 1e-9


@pytest.mark.parametrize(
    ("target", "method", "metric"), [("multilabel", "log_loss", "log_loss"), ("regression", "squares", "rmse")]
)
def test_convex_weights_are_the_optimum_for_other_targets(target, method, metric):
    probs, labels = DRAWN[target]()
    scored = competition(metric, target, probs.shape[2])
    weights = fit(method, probs, labels, of=scored)

    def score(w):
        return scoring.score(scored, labels, combine.apply_weights(probs.astype(np.float64), w))

    for other in np.random.default_rng(0).dirichlet(np.ones(3), 100):
        assert score(weights) >= score(0.99 * weights + 0.01 * other) - 1e-5


def test_a_weak_model_gets_little_weight():
    probs, labels = runs()
    chance = np.full_like(probs[:1], 1 / CLASSES)
    weights = fit("log_loss", np.concatenate([probs, chance]), labels)
    assert weights[3] < 0.05


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 5), st.integers(0, 10_000))
def test_the_open_rows_score_as_the_whole_does(models, seed):
    probs, labels = runs(models, 50, seed)
    weights = np.random.default_rng(seed).dirichlet(np.ones(models))
    part = np.random.default_rng(seed + 1).random(50) < 0.6
    for rows, of in ((slice(None), OpenRows.of(probs, labels)), (part, OpenRows.of(probs, labels).take(part))):
        for metric in COUNTED:
            whole = scoring.score(competition(metric), labels[rows], combine.apply_weights(probs[:, rows], weights))
            assert of.score(named_metrics.get(metric), weights) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("metric", COUNTED)
def test_climbing_never_ends_below_its_start(metric):
    probs, labels = runs(5)
    rows, start, metric = OpenRows.of(probs, labels), np.full(5, 0.2), named_metrics.get(metric)
    end = methods.climb(rows, metric, start, np.random.default_rng(0))
    assert rows.score(metric, end) > rows.score(metric, start)


def test_many_classes_need_no_table_of_classes_by_classes():
    """Sixty thousand classes: a matrix of classes by classes would have 3.6e9 numbers."""
    rng, size = np.random.default_rng(0), 60_000
    labels, probs = np.array([7, 59_999, 7]), rng.random((2, 3, size), np.float32)
    for metric in ("macro_f1", "accuracy"):
        scored = competition(metric, classes=size)
        assert fit("search", probs, labels, of=scored).sum() == pytest.approx(1)
        assert scoring.score(scored, labels, probs[0]) == 0
