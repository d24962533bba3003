import numpy as np
import pytest
from drawn_models import competition, other

from comp.blending import diversity


def test_disagreement_and_correlation_of_every_target():
    for target, metric in (("multilabel", "micro_f1"), ("ordinal", "quadratic_kappa"), ("regression", "rmse")):
        given = other(target, metric)
        twice = np.concatenate([given.probs[:2], given.probs[:1]])
        for measure, same in ((diversity.disagreement, 0.0), (diversity.correlation, 1.0)):
            alike = measure(given.competition, twice, given.labels)
            assert alike.shape == (3, 3)
            assert alike[0, 2] == pytest.approx(same, abs=1e-6)
            np.testing.assert_allclose(np.diag(alike), same, atol=1e-6)
            assert abs(alike[0, 1] - same) > 0.02


def test_the_weakest_labels_are_those_of_least_f1():
    labels = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], np.uint8)
    good, poor = labels.astype(np.float32), labels.astype(np.float32)
    poor[:, 1] = [0, 1, 1, 0]
    weakest = diversity.weakest(competition("micro_f1", "multilabel", 3), poor, labels, np.stack([poor, good]))
    assert [weak["label"] for weak in weakest] == [1, 0]  # label c occurs nowhere
    assert weakest[0]["best_run"] == 1
    assert weakest[0]["best_score"] == pytest.approx(1)


def test_the_weakest_classes_say_what_they_are_taken_for():
    labels = np.array([0, 0, 1, 1, 1, 2])
    answers = np.array([0, 0, 0, 0, 1, 2])
    probs = np.eye(4, dtype=np.float32)
    weakest = diversity.weakest(competition(), probs[answers], labels, np.stack([probs[answers], probs[labels]]), 1)
    assert weakest == [
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
