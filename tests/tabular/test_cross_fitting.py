"""Nothing of a held-out fold reaches the classifier that predicts it, nor the choice of its settings."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from small_competitions import small

from comp.tabular import classifiers
from comp.tabular.classifiers import CLASSIFIERS, FITTING, Classifier, ClassifierSettings
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


def test_no_classifier_is_fitted_twice_and_folds_share_those_of_their_inner_validation(monkeypatch):
    fits, own = [], Classifier.predictions

    def counted(self, grid, x, labels, x_new):
        fits.extend((value, x.tobytes()) for value in grid)
        return own(self, grid, x, labels, x_new)

    monkeypatch.setattr(Classifier, "predictions", counted)
    rows = drawn(folds=5)
    results_of(rows, settings("logistic"), 5)
    assert len(fits) == len(set(fits)), "a search that goes on fits no candidate again"
    del fits[:]
    alone = RowValues(rows.values.vectors, pd.DataFrame(index=range(60)))
    test = RowValues(rows.test.vectors, pd.DataFrame(index=range(8)))
    results_of(dataclasses.replace(rows, values=alone, test=test), settings("logistic"), 5)
    assert len(fits) == 2 * 5 * 4 / 2 + 5  # the whole grid on each pair of folds, and the chosen value on each fold


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


def clear(rows=90, noise=0, seed=0) -> LearningRows:
    """Rows whose three columns tell the class, and some vectors that tell nothing."""
    rng = np.random.default_rng(seed)

    def values(labels):
        columns = np.eye(3)[labels] + rng.normal(0, 0.2, (len(labels), 3))
        vectors = rng.normal(size=(len(labels), noise)).astype(np.float32)
        return RowValues(vectors, pd.DataFrame(columns).add_prefix("c"))

    labels, groups = rng.integers(0, 3, rows), np.arange(rows)
    return LearningRows(COMPETITION, values(labels), labels, groups % 3, groups, values(labels[:9]))


def own_grid(kind):
    return classifiers.resolved_settings(ClassifierSettings(classifier=kind, best_by="loss"), COMPETITION, "")


def test_the_search_goes_on_beyond_the_end_of_the_own_grid_but_of_no_other():
    rows, low = clear(), dataclasses.replace(own_grid("logistic"), grid=(0.001, 0.01))
    assert {result.value for result in results_of(rows, low, 3)} == {0.01}
    values = [result.value for result in results_of(rows, own_grid("logistic"), 3)]
    assert min(values) > max(CLASSIFIERS["logistic"].grid)
    assert max(values) <= CLASSIFIERS["logistic"].bounds[1]


def test_good_columns_do_not_drown_among_many_vectors():
    rows, how = clear(noise=200), own_grid("logistic")
    results = results_of(rows, how, 3)
    assert all(result.factor > 1 for result in results)

    def loss(results):
        chances = [result.held_out[np.arange(30), rows.labels[rows.folds == result.k]] for result in results]
        return -np.log(np.concatenate(chances)).mean()

    # the columns as further vectors get no factor
    joined = [np.hstack([one.vectors, one.columns.to_numpy(np.float32)]) for one in (rows.values, rows.test)]
    values = [RowValues(both, pd.DataFrame(index=range(len(both)))) for both in joined]
    same = results_of(dataclasses.replace(rows, values=values[0], test=values[1]), how, 3)
    assert loss(results) < 0.7 * loss(same)


def test_columns_of_noise_get_a_smaller_factor_than_good_columns():
    good, how = clear(noise=3), own_grid("knn")
    noise = RowValues(good.values.columns.to_numpy(np.float32), pd.DataFrame(good.values.vectors).add_prefix("c"))
    test = RowValues(good.test.columns.to_numpy(np.float32), pd.DataFrame(good.test.vectors).add_prefix("c"))
    factors = [result.factor for result in results_of(good, how, 3)]
    assert max(r.factor for r in results_of(dataclasses.replace(good, values=noise, test=test), how, 3)) < min(factors)


def test_there_is_no_factor_for_trees_or_without_columns():
    assert CrossFitting(drawn(), settings("boosting"), 0).fold(0).factor is None
    rows = drawn()
    values, test = (dataclasses.replace(one, columns=one.columns.iloc[:, :0]) for one in (rows.values, rows.test))
    without = dataclasses.replace(rows, values=values, test=test)
    assert CrossFitting(without, settings("logistic"), 0).fold(0).factor is None
