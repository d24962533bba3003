import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from comp.competition import metrics

pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60)


@given(pairs)
def test_macro_f1_is_scikit_learns(rows):
    labels, predicted = np.array(rows).T
    expected = f1_score(labels, predicted, average="macro", zero_division=0)
    assert metrics.macro_f1_score(labels, predicted, 6) == pytest.approx(expected)


@given(pairs)
def test_right_answers_score_one_and_order_does_not_matter(rows):
    labels, predicted = np.array(rows).T
    assert metrics.macro_f1_score(labels, labels, 6) == 1
    assert metrics.accuracy_score(labels, labels) == 1
    assert metrics.macro_f1_score(labels[::-1], predicted[::-1], 6) == metrics.macro_f1_score(labels, predicted, 6)


def test_auc_is_scikit_learns_ties_included():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 3, 200), rng.integers(1, 6, (200, 3)).astype(float)
    probs = scores / scores.sum(1, keepdims=True)
    expected = roc_auc_score(labels, probs, multi_class="ovr", average="macro")
    assert metrics.auc_score(labels, probs) == pytest.approx(expected)
