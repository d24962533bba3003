"""Nothing of a held-out fold reaches the classifier that predicts it, nor the choice of its settings."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from small_competitions import small

from comp.tabular import classifiers
from comp.tabular.classifiers import FITTING, Classifier, ClassifierSettings
from comp.tabular.cross_fitting import CrossFitting, FoldResult, LearningRows
from comp.tabular.row_values import RowValues

GRIDS = {"logistic": (0.01, 1.0), "knn": (5, 3), "boosting": (2, 4), "ridge": (10.0, 1.0)}
COMPETITION = small()


def drawn(folds=3, rows=60, seed=0) -> LearningRows:
    """Rows of three classes in groups of two, with vectors, a number (some empty) and a category."""
    rng = np.random.default_rng(seed)
    group = np.arange(rows) // 2
    labels, of_group = rng.integers(0, 3, rows), rng.permutation(rows // 2) % folds

    def values(classes):
        vectors = np.eye(3)[classes] + rng.normal(0, 0.7, (len(classes), 3))
        number = np.where(rng.random(len(classes)) < 0.2, np.nan, classes + rng.normal(0, 1, len(classes)))
        words = np.array(["x", "y", ""])[rng.integers(0, 3, len(classes))]
        return RowValues(vectors.astype(np.float32), pd.DataFrame({"number": number, "word": words}))

    groups = np.array([f"g{i:02d}" for i in group])
    return LearningRows(COMPETITION, values(labels), labels, of_group[group], groups, values(rng.integers(0, 3, 8)))


def settings(kind, **more):
    given = ClassifierSettings(classifier=kind, grid=GRIDS[kind], **more)
    return classifiers.resolved_settings(given, COMPETITION, "")


def marked(rows: LearningRows, k: int) -> LearningRows:
    """The same rows; those of fold k have other labels, huge vectors and numbers, and a category of their own."""
    inside = rows.folds == k
    vectors = (np.where(inside[:, None], 1e6, 1) * rows.values.vectors).astype(np.float32)
    columns = rows.values.columns.assign(
        number=np.where(inside, 1e9, rows.values.columns["number"]),
        word=np.where(inside, "marker", rows.values.columns["word"]),
    )
    labels = np.where(inside, (rows.labels + 1) % 3, rows.labels)
    return dataclasses.replace(rows, values=RowValues(vectors, columns), labels=labels)


def results_of(rows: LearningRows, how: ClassifierSettings, folds: int) -> list[FoldResult]:
    fitting = CrossFitting(rows, how, 0)
    return [fitting.fold(k) for k in range(folds)]


@pytest.mark.parametrize("folds", [2, 3])
@pytest.mark.parametrize("kind", FITTING["multiclass"])
def test_a_marker_in_the_held_out_fold_changes_no_test_prediction_and_no_choice(kind, folds):
    rows, how = drawn(folds, rows=160), settings(kind, components=2)  # a tree's leaf has 20 rows
    plain = results_of(rows, how, folds)
    for k in range(folds):
        results = results_of(marked(rows, k), how, folds)  # the folds before k fit classifiers that k shares
        np.testing.assert_array_equal(results[k].test, plain[k].test)
        assert results[k].value == plain[k].value
        others = [j for j in range(folds) if j != k]
        assert any(not np.array_equal(results[j].test, plain[j].test) for j in others), "the marker marks nothing"


@pytest.mark.parametrize("best_by", ["metric", "loss"])
def test_the_same_bits_twice_and_one_fold_alone(best_by):
    rows, how = drawn(), settings("logistic", best_by=best_by)
    first, second = (results_of(rows, how, 3) for _ in range(2))
    alone = CrossFitting(rows, how, 0).fold(2)
    for a, b in [*zip(first, second, strict=True), (first[2], alone)]:
        np.testing.assert_array_equal(a.held_out, b.held_out)
        np.testing.assert_array_equal(a.test, b.test)
        assert a.value == b.value
        assert a.value in GRIDS["logistic"]


def test_the_folds_share_the_classifiers_of_their_inner_validation(monkeypatch):
    fits, own = [], Classifier.predictions

    def counted(self, grid, *more):
        fits.append(len(grid))
        return own(self, grid, *more)

    monkeypatch.setattr(Classifier, "predictions", counted)
    rows = drawn(folds=5)
    results_of(rows, settings("logistic"), 5)
    assert fits.count(2) == 5 * 4 / 2  # the whole grid, on each pair of folds
    assert fits.count(1) == 5  # the chosen value, on each fold


def test_a_better_value_is_chosen():
    rows = drawn(rows=120)
    how = dataclasses.replace(settings("logistic", best_by="loss"), grid=(1e-9, 0.1))
    assert all(result.value == 0.1 for result in results_of(rows, how, 3))


def test_columns_alone_and_empty_columns_are_enough():
    rows = drawn()
    columns = rows.values.columns.assign(empty=np.nan)
    none = np.zeros((len(columns), 0), np.float32)
    test = RowValues(none[:8], rows.test.columns.assign(empty=1.0))
    rows = dataclasses.replace(rows, values=RowValues(none, columns), test=test)
    assert np.isfinite(CrossFitting(rows, settings("knn"), 0).fold(0).test).all()
