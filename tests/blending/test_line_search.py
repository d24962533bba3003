from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comp.blending.line_search import Rows, best_step, steps_along
from comp.metrics import named_metrics
from comp.metrics.metric import counted

METRICS = [
    named_metrics.get(name)
    for name in ("macro_f1", "accuracy", "micro_f1", "weighted_f1", "balanced_accuracy", "macro_f_beta@2")
] + [replace(counted("error", lambda right, predicted, actual: (actual - right, actual), ()), higher_is_better=False)]
every_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


def case(seed, rows, classes, digits):
    """Random lines, rounded so that many meet in one point, and their labels."""
    rng = np.random.default_rng(seed)
    start, slope = rng.normal(size=(2, rows, classes)).round(digits)
    labels = rng.integers(0, classes, rows)
    nothing = np.zeros(classes, int)
    candidates = np.tile(np.arange(classes), (rows, 1))
    return start, slope, Rows(candidates, labels, nothing, nothing, np.bincount(labels, minlength=classes))


CASES = (st.integers(0, 10_000), st.integers(1, 14), st.integers(2, 5), st.integers(1, 6))


@every_metric
@settings(deadline=None, max_examples=60)
@given(*CASES)
def test_it_equals_brute_force_over_all_breakpoints(metric, seed, rows, classes, digits):
    start, slope, made = case(seed, rows, classes, digits)
    low, high = -2.0, 3.0
    gaps, rates = start[:, :, None] - start[:, None, :], slope[:, None, :] - slope[:, :, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        points = (gaps / rates).ravel()
    points = np.unique(points[(points > low) & (points < high)])
    edges = np.concatenate([[low], points, [high]])
    wide = np.diff(edges) > 1e-5  # two breakpoints that differ by rounding have nothing between them
    middles = ((edges[1:] + edges[:-1]) / 2)[wide]
    brute = max(metric.score(made.labels, (start + t * slope).argmax(1), classes) for t in middles)
    step, value = best_step(made, metric, start, slope, low, high)
    assert low <= step <= high
    assert value == pytest.approx(metric.score(made.labels, (start + step * slope).argmax(1), classes), abs=1e-12)
    assert value >= brute - 1e-12


@every_metric
@settings(deadline=None, max_examples=10)
@given(*CASES)
def test_it_is_never_below_a_fine_grid(metric, seed, rows, classes, digits):
    start, slope, made = case(seed, rows, classes, digits)
    _, value = best_step(made, metric, start, slope, 0.0, 1.0)
    for t in np.linspace(0, 0.999, 500) + 1e-4 * np.pi:  # off the breakpoints, where a tie is decided by rounding
        assert value >= metric.score(made.labels, (start + t * slope).argmax(1), classes) - 1e-12


@every_metric
def test_every_step_has_its_value(metric):
    start, slope, made = case(0, 30, 4, 6)
    edges, values = steps_along(made, metric, start, slope, -1.0, 1.0)
    assert len(edges) == len(values) + 1 > 20
    for low, high, value in zip(edges, edges[1:], values, strict=False):
        if high - low > 1e-9:
            middle = start + (low + high) / 2 * slope
            assert value == pytest.approx(metric.score(made.labels, middle.argmax(1), 4), abs=1e-12)


def test_lines_that_never_cross_have_one_step():
    start, _, made = case(0, 5, 3, 6)
    assert len(steps_along(made, METRICS[0], start, np.zeros_like(start), 0.0, 1.0)[1]) == 1
