import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from small_competitions import small

from comp.submission import vote


@given(st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=5))
def test_the_majority_has_the_most_votes_and_the_earliest_file_breaks_ties(lists):
    votes = np.array(lists)
    made = vote.vote(small(), list(votes))
    for column, winner in zip(votes.T.tolist(), made.tolist(), strict=True):
        most = max(column.count(c) for c in column)
        assert winner == next(c for c in column if column.count(c) == most)


def test_labels_of_more_than_half_of_the_files_and_the_most_frequent_one_where_there_is_none():
    votes = [np.array(rows, bool) for rows in ([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 0]], [[1, 1, 0], [1, 0, 0]])]
    assert vote.vote(small("multilabel", "labels"), votes).astype(int).tolist() == [[1, 1, 0], [0, 0, 1]]
    empty = small("multilabel", "labels", at_least_one=False)
    assert vote.vote(empty, votes).astype(int).tolist() == [[1, 1, 0], [0, 0, 0]]


def test_values_are_averaged():
    votes = [np.array([0.0, 1.0]), np.array([1.0, 1.0])]
    assert vote.vote(small("binary", "probability"), votes).tolist() == [0.5, 1.0]


def test_rankings_by_the_sum_of_one_over_rank():
    votes = [np.array([[0, 1, 2], [2, -1, -1]]), np.array([[1, 2, -1], [0, -1, -1]])]
    made = vote.vote(small("multiclass", "ranking"), votes)
    assert made.tolist() == [[1, 0, 2], [2, 0, -1]]  # 1: 1/2 + 1; 0: 1; 2: 1/3 + 1/2; a tie: the first file
