"""Photos are combined to prediction ids in the order of their first photos."""

import numpy as np

from comp.competition import scored_rows
from comp.competition.competition import Competition
from comp.metrics import named_metrics

COMPETITION = Competition("binary", ("no", "yes"), named_metrics.get("log_loss"), combine="mean")


def test_photos_of_one_prediction_id_become_one_row_in_order_of_first_appearance():
    probs = np.array([[0.2, 0.8], [0.9, 0.1], [0.6, 0.4]], np.float32)
    for how, first in (("mean", 0.6), ("max", 0.8)):
        ids, made = scored_rows.combine_rows(probs, ["b", "a", "b"], how)
        assert ids.tolist() == ["b", "a"]
        np.testing.assert_allclose(made, [[1 - first, first], [0.9, 0.1]], atol=1e-6)
    three = np.random.default_rng(0).dirichlet(np.ones(3), 6).astype(np.float32)
    _, made = scored_rows.combine_rows(three, [0, 0, 1, 1, 2, 2], "max")
    np.testing.assert_allclose(made.sum(1), 1, atol=1e-6)
    _, labels = scored_rows.combine_rows(np.array([[0.9, 0.2], [0.1, 0.7]]), ["x", "x"], "max")
    assert labels.tolist() == [[0.9, 0.7]]
    _, numbers = scored_rows.combine_rows(np.array([[3.0], [5.0]]), ["x", "x"], "mean")
    assert numbers.tolist() == [[4.0]]


def test_labels_of_combined_photos_are_those_of_the_first_in_the_order_of_the_ids():
    ids, labels = np.array(["b", "a", "b", "c"]), np.array([1, 0, 1, 1])
    probs = np.array([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6], [0.3, 0.7]], np.float32)
    found, made = scored_rows.scored_ids(COMPETITION, labels, probs, ids)
    assert found.tolist() == [1, 0, 1]
    np.testing.assert_allclose(made[:, 1], [0.7, 0.1, 0.7], atol=1e-6)
