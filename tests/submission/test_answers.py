"""Answers of every form are made from probabilities, written, read back and voted among."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_competitions import FORMS, random_probs, ranking_metric, small

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.submission import answers
from comp.submission.answers import answers_from_text, answers_to_text


@pytest.mark.parametrize(("target", "answer"), FORMS)
def test_answers_are_read_back_as_they_were_written(target, answer):
    competition = small(target, answer)
    made = answers.from_probabilities(competition, random_probs(competition, 9))
    fields = answers_to_text(competition, made)
    assert list(fields) == list(competition.sample.columns)
    read = answers_from_text(competition, fields, range(9), "it", "")
    np.testing.assert_allclose(read, made, atol=1e-7)


def test_each_form_writes_what_it_says():
    probs = np.array([[0.2, 0.5, 0.3], [0.6, 0.4, 0.0]], np.float32)
    for target, answer, expected in (
        ("multiclass", "index", ["1", "0"]),
        ("multiclass", "label", ["b", "a"]),
        ("multiclass", "ranking", ["b c a", "a b c"]),
        ("multilabel", "labels", ["b", "a"]),
        ("ordinal", "number", ["1.1", "0.4"]),
    ):
        competition = small(target, answer)
        assert answers_to_text(competition, answers.from_probabilities(competition, probs)) == {"answer": expected}


GRADES, CERTAIN = ("1", "2", "5"), np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float32)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("label", ["5", "1", "2"]), ("number", ["5.0", "1.0", "2.0"]), ("ranking", ["5 1 2", "1 2 5", "2 1 5"])],
)
def test_grades_are_written_as_the_training_table_writes_them(answer, expected):
    competition = small("ordinal", answer, classes=GRADES)
    assert answers_to_text(competition, answers.from_probabilities(competition, CERTAIN)) == {"answer": expected}
    answers.check_range(competition, np.array([1.0, 5.0]), ["a", "b"], "")
    with pytest.raises(InputError, match="numbers from 1 to 5") if answer == "number" else contextlib.nullcontext():
        answers.check_range(competition, np.array([0.0, 5.0]), ["a", "b"], "")


@pytest.mark.parametrize("metric", ["mae", "rmse"])
@pytest.mark.parametrize("classes", [GRADES, ("0", "1", "2"), ("low", "middle", "high")])
def test_the_score_of_grades_is_that_of_the_numbers_that_are_submitted(metric, classes):
    competition = small("ordinal", "number", classes=classes, metric=named_metrics.get(metric))
    probs, labels = random_probs(competition, 20), np.arange(20) % 3
    text = answers_to_text(competition, answers.from_probabilities(competition, probs))["answer"]
    truth = np.array([1.0, 2.0, 5.0] if classes == GRADES else [0.0, 1.0, 2.0])[labels]
    expected = named_metrics.get(metric).function(truth, np.array(text, float))
    assert scoring.scores(competition, labels, probs)[metric] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("answer", ["label", "ranking"])
def test_answers_of_other_programs_may_write_a_number_in_another_way(answer):
    competition = small("multiclass", answer, classes=("1", "02", "é"))
    read = answers_from_text(competition, {"answer": ["1.0", "02", "e\u0301"]}, "abc", "it", "")
    assert read.ravel().tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="b: '2'"):
        answers_from_text(competition, {"answer": ["1", "2"]}, "ab", "it", "")


@pytest.mark.parametrize("scale", [1e-13, 1e-30, 1.0, 1e9, 1e30])
def test_small_and_large_numbers_come_back_from_the_text(scale):
    competition = small("regression", "number", limits=(scale, 5 * scale))
    made = answers.from_probabilities(competition, (np.array([[1.3], [4.7]]) * scale).astype(np.float32))
    text = answers_to_text(competition, made)
    np.testing.assert_array_equal(np.array(text["answer"], np.float32), made)
    read = answers_from_text(competition, text, "ab", "it", "")
    votes = answers.vote(competition, [read, read])
    np.testing.assert_array_equal(
        answers_from_text(competition, answers_to_text(competition, votes), "ab", "", ""), read
    )
    answers.check_range(competition, read, ["a", "b"], "")
    with pytest.raises(InputError, match="not allowed"):
        answers.check_range(competition, read * 9, ["a", "b"], "")


def test_a_photo_without_a_label_is_an_empty_field():
    competition = small("multilabel", "labels", at_least_one=False)
    assert answers_to_text(competition, np.array([[1, 0, 1], [0, 0, 0]])) == {"answer": ["a c", ""]}


def test_labels_are_separated_as_in_the_training_table():
    competition = small("multilabel", "labels", source={"separator": "|"})
    assert answers_to_text(competition, np.array([[1, 1, 0]])) == {"answer": ["a|b"]}


def test_a_ranking_is_as_long_as_the_metric_says():
    classes = tuple("abcdefgh")
    probs = random_probs(small(classes=classes), 4)
    for metric, length in ((ranking_metric(3), 3), (None, 5), (ranking_metric(20), 8)):
        competition = small("multiclass", "ranking", classes=classes, metric=metric)
        assert answers.from_probabilities(competition, probs).shape == (4, length)


def test_numbers_stay_within_the_limits_and_have_no_exponent():
    competition = small("regression", "number", limits=(1e-5, 100.0))
    made = answers.from_probabilities(competition, np.array([[-3.0], [1e9], [12.5]], np.float32))
    assert answers_to_text(competition, made) == {"answer": ["0.00001", "100.0", "12.5"]}


def test_numbers_without_limits_are_not_clipped_but_must_be_finite():
    competition = small("regression", "number", label_range=(0.0, 1.0))
    made = answers.from_probabilities(competition, np.array([[-3.0], [1e9]], np.float32))
    assert made.ravel().tolist() == [-3.0, 1e9]
    answers.check_range(competition, made, ["a", "b"], "")
    for wrong in (np.nan, np.inf, -np.inf):
        with pytest.raises(InputError, match="finite numbers"):
            answers.check_range(competition, np.array([0.5, wrong], np.float32), ["a", "b"], "")


@settings(deadline=None)
@given(st.floats(0, 1, width=32))
def test_a_probability_as_text_keeps_the_order_of_rows(value):
    competition = small("binary", "probability")
    text = answers_to_text(competition, np.array([value, np.nextafter(np.float32(value), np.float32(2))]))["answer"]
    assert "e" not in text[0]
    assert abs(float(text[0]) - value) < 1e-7 * value + 1e-12
    assert float(text[0]) <= float(text[1])


def test_a_form_that_does_not_fit_and_columns_that_are_no_class_are_refused():
    with pytest.raises(InputError, match=r'"labels" with target = "binary"[\s\S]*index, label, probability'):
        answers.form_of_answers(small("binary", "labels"))
    with pytest.raises(InputError, match="no sample submission"):
        answers.form_of_answers(Competition("binary", ("0", "1"), ranking_metric(1)))
    with pytest.raises(InputError, match=r"column\(s\) x of sample.csv are not classes"):
        answers.columns(small(answer="probabilities", columns=("a", "x", "c")))
    assert answers.columns(small(answer="probabilities", columns=("2", "0", "1"))) == [2, 0, 1]


@pytest.mark.parametrize(("target", "answer"), FORMS)
def test_columns_are_checked_before_there_is_any_prediction(target, answer):
    answers.check_columns(small(target, answer))
    if answer == "probabilities":
        with pytest.raises(InputError, match=r"x of sample\.csv are not classes"):
            answers.check_columns(small(target, answer, columns=("no", "x")))


# ---- votes


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=5))
def test_the_majority_has_the_most_votes_and_the_earliest_file_breaks_ties(lists):
    votes = np.array(lists)
    made = answers.vote(small(), list(votes))
    for column, winner in zip(votes.T.tolist(), made.tolist(), strict=True):
        most = max(column.count(c) for c in column)
        assert winner == next(c for c in column if column.count(c) == most)


def test_labels_of_more_than_half_of_the_files_and_the_most_frequent_one_where_there_is_none():
    votes = [np.array(rows, bool) for rows in ([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 0]], [[1, 1, 0], [1, 0, 0]])]
    assert answers.vote(small("multilabel", "labels"), votes).astype(int).tolist() == [[1, 1, 0], [0, 0, 1]]
    empty = small("multilabel", "labels", at_least_one=False)
    assert answers.vote(empty, votes).astype(int).tolist() == [[1, 1, 0], [0, 0, 0]]


def test_values_are_averaged():
    votes = [np.array([0.0, 1.0]), np.array([1.0, 1.0])]
    assert answers.vote(small("binary", "probability"), votes).tolist() == [0.5, 1.0]


def test_rankings_by_the_sum_of_one_over_rank():
    votes = [np.array([[0, 1, 2], [2, -1, -1]]), np.array([[1, 2, -1], [0, -1, -1]])]
    made = answers.vote(small("multiclass", "ranking"), votes)
    assert made.tolist() == [[1, 0, 2], [2, 0, -1]]  # 1: 1/2 + 1; 0: 1; 2: 1/3 + 1/2; a tie: the first file
