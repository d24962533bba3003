import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comp.blending import climb, combine, methods
from comp.blending.pool import Pool
from comp.competition import metrics
from comp.errors import InputError

METHODS = methods.usable("macro_f1", 4)
CLASSES = 4


def runs(models=3, rows=240, seed=0, noise=1.5):
    """Noisy models of one truth: probs (M, N, C) and labels (N,)."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASSES, rows, p=[0.5, 0.3, 0.15, 0.05])
    shared = rng.normal(size=(rows, CLASSES))
    logits = 2.5 * np.eye(CLASSES)[labels] + shared + noise * rng.normal(size=(models, rows, CLASSES))
    probs = np.exp(logits)
    return (probs / probs.sum(2, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize("method", METHODS)
def test_weights_lie_on_the_simplex(method):
    weights = methods.fit(method, *runs())
    assert weights.shape == (3,)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("method", METHODS)
def test_permuted_models_get_permuted_weights(method):
    probs, labels = runs(4)
    order = [2, 0, 3, 1]
    np.testing.assert_array_equal(methods.fit(method, probs[order], labels), methods.fit(method, probs, labels)[order])


@pytest.mark.parametrize("method", METHODS)
def test_a_copy_of_a_model_changes_no_prediction(method):
    probs, labels = runs()
    before = combine.blended(method, probs, methods.fit(method, probs, labels))
    more = np.concatenate([probs, probs[1:2]])
    np.testing.assert_allclose(combine.blended(method, more, methods.fit(method, more, labels)), before, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_shuffled_persons_change_nothing_but_rounding(method):
    probs, labels = runs()
    groups, order = np.arange(240) // 4, np.random.default_rng(1).permutation(240)
    shuffled = methods.fit(method, probs[:, order], labels[order], groups[order])
    np.testing.assert_allclose(shuffled, methods.fit(method, probs, labels, groups), atol=1e-4)


@pytest.mark.parametrize("metric", metrics.NAMES)
def test_every_usable_method_fits_every_metric(metric):
    probs, labels = runs(rows=120)
    for method in methods.usable(metric, CLASSES):
        weights = methods.fit(method, probs, labels, metric=metric)
        assert weights.sum() == pytest.approx(1)


def test_ranks_are_for_the_auc_of_two_classes():
    assert "rank" in methods.usable("auc", 2)
    probs, labels = runs()
    two = np.stack([1 - probs[..., 0], probs[..., 0]], 2)
    mixed = combine.blended("rank", two, methods.fit("rank", two, (labels == 0).astype(int), metric="auc"))
    np.testing.assert_allclose(mixed.sum(1), 1, atol=1e-6)
    assert metrics.auc_score((labels == 0).astype(int), mixed) > 0.7


def test_unknown_and_unusable_methods_are_refused():
    for method, metric in (("vote", "macro_f1"), ("search", "log_loss")):
        with pytest.raises(InputError, match="log_loss"):
            methods.fit(method, *runs(), metric=metric)


def test_log_loss_weights_are_the_optimum():
    probs, labels = runs()
    true = probs[:, np.arange(240), labels]
    loss = lambda w: -np.log(w @ true).mean()  # noqa: E731
    weights = methods.fit("log_loss", probs, labels)
    for other in np.random.default_rng(0).dirichlet(np.ones(3), 200):
        assert loss(weights) <= loss(0.999 * weights + 0.001 * other) + 1e-9


def test_a_weak_model_gets_little_weight():
    probs, labels = runs()
    chance = np.full_like(probs[:1], 1 / CLASSES)
    weights = methods.fit("log_loss", np.concatenate([probs, chance]), labels)
    assert weights[3] < 0.05


def test_runs_by_attribute_are_marginals_and_their_product_is_a_run_of_independent_attributes():
    attributes = {"row": np.array([0, 0, 1, 1]), "column": np.array([0, 1, 0, 1])}
    rows, columns = np.random.default_rng(0).dirichlet([1, 1], (2, 3, 9))
    probs = (rows[..., :, None] * columns[..., None, :]).reshape(3, 9, 4).astype(np.float32)
    parts = combine.by_attribute(probs, attributes)
    assert parts.shape == (6, 9, 4)
    np.testing.assert_allclose(parts[0][:, 0] / parts[0][:, 2], rows[0][:, 0] / rows[0][:, 1], rtol=1e-4)
    for m in range(3):
        whole = combine.blended("geometric", parts[2 * m : 2 * m + 2], np.array([0.5, 0.5]))
        np.testing.assert_array_equal(whole.argmax(1), probs[m].argmax(1))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 5), st.integers(0, 10_000))
def test_the_pool_scores_as_the_whole_does(models, seed):
    probs, labels = runs(models, 50, seed)
    weights = np.random.default_rng(seed).dirichlet(np.ones(models))
    part = np.random.default_rng(seed + 1).random(50) < 0.6
    for rows, pool in ((slice(None), Pool.of(probs, labels)), (part, Pool.of(probs, labels).take(part))):
        for metric in metrics.ARGMAX:
            whole = metrics.score(metric, labels[rows], combine.apply_weights(probs[:, rows], weights))
            assert pool.score(metric, weights) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("metric", list(metrics.ARGMAX))
def test_climbing_never_ends_below_its_start(metric):
    probs, labels = runs(5)
    pool, start = Pool.of(probs, labels), np.full(5, 0.2)
    end = climb.climb(pool, metric, start, np.random.default_rng(0))
    assert pool.score(metric, end) > pool.score(metric, start)
