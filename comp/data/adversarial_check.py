"""Adversarial validation: test whether a quick model can distinguish training photos from test photos."""

from collections.abc import Sequence

import numpy as np

from comp.data.photo_check import PhotoSummary
from comp.metrics import metrics

MOST_COMPARED = 20_000  # photos of train and of test in the adversarial check; more change its third digit


def adversarial_auc(train: Sequence[PhotoSummary], test: Sequence[PhotoSummary], groups: Sequence[str]) -> float:
    """Cross-validated AUC of a logistic regression on thumbnails, train against test: 0.5 if they are alike.

    From more than MOST_COMPARED photos, that many are drawn at random.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, test_rows = _drawn(len(train)), _drawn(len(test))
    train, test, groups = [train[i] for i in rows], [test[i] for i in test_rows], [groups[i] for i in rows]
    x = np.array([photo.thumbnail for photo in [*train, *test]], np.float32).reshape(len(train) + len(test), -1)
    is_test = np.repeat([0, 1], [len(train), len(test)])
    # groups of train stay together; groups of test are not known
    group = np.concatenate([np.unique(groups, return_inverse=True)[1], len(train) + np.arange(len(test))])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=200))
    made = cross_val_predict(model, x, is_test, groups=group, cv=GroupKFold(5), method="predict_proba")
    return metrics.auc_score(is_test, made)


def _drawn(count: int) -> np.ndarray:
    if count <= MOST_COMPARED:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MOST_COMPARED, replace=False))
