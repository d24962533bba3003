"""True answers are read from a table like the sample, or with a column of labels."""

import numpy as np
import pytest
from small_competitions import small

from comp.errors import InputError
from comp.submission.true_answers import read_truth


@pytest.mark.parametrize(
    ("target", "answer", "text", "expected"),
    [
        ("multiclass", "index", "id,answer\n01,2\n2,0\n", [2, 0]),
        ("multiclass", "label", "id,answer\n01,c\n2,a\n", [2, 0]),
        ("multiclass", "index", "id,answer\n01,2.0\n2,0.0\n", [2, 0]),
        ("multiclass", "label", "id,label,Usage\n01,c,Public\n2,a,Private\n", [2, 0]),
        ("multiclass", "ranking", "id,answer\n01,c\n2,a\n", [2, 0]),
        ("multiclass", "probabilities", "id,c,a,b\n01,1,0,0\n2,0,1,0\n", [2, 0]),
        ("binary", "probability", "id,answer\n01,1\n2,0\n", [1, 0]),
        ("binary", "probability", "id,answer\n01,yes\n2,no\n", [1, 0]),
        ("multilabel", "labels", "id,answer\n01,a c\n2,\n", [[1, 0, 1], [0, 0, 0]]),
        ("multilabel", "probabilities", "id,c,a,b\n01,1,0,1\n2,0,0,0\n", [[0, 1, 1], [0, 0, 0]]),
        ("regression", "number", "id,answer\n01,1.5\n2,-3\n", [1.5, -3]),
    ],
)
def test_truth_is_read_in_the_samples_form_or_as_labels(tmp_path, target, answer, text, expected):
    (tmp_path / "x.csv").write_text(text)
    ids, labels = read_truth(tmp_path / "x.csv", small(target, answer))
    assert ids.tolist() == ["01", "2"]
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize(
    ("target", "answer", "text", "words"),
    [
        ("multiclass", "label", "id,answer\n1,x\n", r"1 label\(s\)[\s\S]*x"),
        ("multiclass", "index", "id,other\n1,0\n", "columns id, other"),
        ("multilabel", "probabilities", "id,a,b,c\n1,0,0.5,1\n", r"1 label\(s\)[\s\S]*0.5"),
        ("multilabel", "probabilities", "id,a,b\n1,0,1\n", "columns id, a, b"),
        ("regression", "number", "id,answer\n1,old\n", "old"),
    ],
)
def test_a_table_without_the_truth_is_refused(tmp_path, target, answer, text, words):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read_truth(tmp_path / "x.csv", small(target, answer))
