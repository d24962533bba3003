import numpy as np
import pytest
from scipy.special import expit, softmax

from comp.competition import scoring
from comp.decisions import calibration
from comp.metrics.formulas import log_loss

ATTRIBUTES = {"row": np.array([0, 0, 1, 1]), "column": np.array([0, 1, 0, 1])}


def drawn(rng, chances):
    """A class (N,) for each row of probabilities (N, C)."""
    return (chances.cumsum(1) > rng.random((len(chances), 1))).argmax(1)


def calibrated(probs, labels, attributes=None):
    """The fitted parameters, and calibrated probabilities."""
    parts = calibration.parts_of_classes(probs, attributes or {})
    fitted = calibration.of_classes(parts, labels, attributes or {})
    return fitted, calibration.classes(parts, fitted)


def planted(seed, sharpness, bias, rows=20_000):
    """Probabilities that are distorted by a temperature and a bias, and labels of the true ones."""
    rng = np.random.default_rng(seed)
    true = softmax(1.5 * rng.normal(size=(rows, len(bias))), axis=1)
    distorted = softmax((np.log(true) - bias) / sharpness, axis=1)
    return distorted.astype(np.float32), drawn(rng, true), true


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0])
def test_a_planted_temperature_and_bias_are_found(sharpness):
    bias = np.array([0.6, 0.2, -0.3, -0.5])
    probs, labels, true = planted(0, sharpness, bias)
    found, made = calibrated(probs, labels)
    assert found.shape == (2, 4)
    np.testing.assert_allclose(found[0], sharpness, rtol=0.05)
    np.testing.assert_allclose(found[1] - found[1].mean(), bias, atol=0.06)
    np.testing.assert_allclose(made, true, atol=0.03)


def test_sums_of_calibrated_probabilities_are_the_counts_of_labels():
    probs, labels, _ = planted(1, 0.7, np.array([1.0, 0, 0, -1]))
    _, made = calibrated(probs, labels)
    np.testing.assert_allclose(made.sum(0), np.bincount(labels), rtol=0.01)


def test_an_attribute_that_a_model_is_too_sure_of_gets_less_weight():
    rng = np.random.default_rng(2)
    row, column = (softmax(1.5 * rng.normal(size=(8000, 2)), axis=1) for _ in range(2))
    labels = 2 * drawn(rng, row) + drawn(rng, column)
    sure = row**3 / (row**3).sum(1, keepdims=True)
    probs = np.float32((sure[:, :, None] * column[:, None]).reshape(-1, 4))
    found, made = calibrated(probs, labels, ATTRIBUTES)
    assert found.shape == (4, 4)
    true = (row[:, :, None] * column[:, None]).reshape(-1, 4)
    np.testing.assert_allclose(made, true, atol=0.06)
    assert log_loss(labels, made) < log_loss(labels, calibrated(probs, labels)[1]) - 0.02


def test_few_rows_and_rows_that_are_all_right_change_little():
    probs, labels, _ = planted(3, 1.0, np.zeros(4), rows=8)
    assert np.abs(calibrated(probs, labels)[0][1]).max() < 0.5
    certain = np.float32(np.eye(4))[labels]
    found, made = calibrated(certain, labels, ATTRIBUTES)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(made.argmax(1), labels)


def test_many_classes_share_a_temperature_without_biases():
    rng = np.random.default_rng(4)
    probs = softmax(rng.normal(size=(300, calibration.BIASED_CLASSES + 1)), axis=1).astype(np.float32)
    found, _ = calibrated(probs, probs.argmax(1))
    assert found[0, 0] > 1.5
    assert (found[1] == 0).all()


def test_probabilities_of_two_neighbours_are_spread_to_other_grades():
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 4, 6000)
    probs = scoring.two_points(labels + rng.normal(0, 0.8, 6000), 4)
    parts = calibration.parts_of_grades(probs)
    made = calibration.classes(parts, calibration.of_classes(parts, labels, {}))
    assert log_loss(labels, made) < log_loss(labels, calibrated(probs, labels)[1]) - 0.05
    far = np.abs(labels - scoring.expectation(probs)) > 1
    assert made[np.arange(6000), labels][far].mean() > 0.02


def test_each_label_gets_its_own_slope_and_bias():
    rng = np.random.default_rng(5)
    odds, sharpness, bias = rng.normal(0, 2, (20_000, 3)), np.array([0.5, 1.0, 2.0]), np.array([-3.0, 0.0, 1.0])
    labels = rng.random(odds.shape) < expit(sharpness * odds + bias)
    probs = expit(odds).astype(np.float32)
    found = calibration.of_labels(probs, labels)
    np.testing.assert_allclose(found, [sharpness, bias], atol=0.12)
    np.testing.assert_allclose(calibration.labels(probs, found).sum(0), labels.sum(0), rtol=0.03)
    alone = calibration.of_labels(probs[:, :1], labels[:, :1])
    np.testing.assert_allclose(alone, found[:, :1], atol=1e-3)


def test_a_label_that_never_occurs_stays_finite():
    found = calibration.of_labels(np.zeros((50, 2), np.float32), np.zeros((50, 2), np.uint8))
    assert np.isfinite(found).all()
