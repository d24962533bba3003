"""A submission differs from the sample in its answers only, byte for byte, whatever the sample looks like."""

import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_project import known_project
from small_competitions import FORMS, random_probs, small

from comp import tables
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.store.predictions import Predictions
from comp.submission import answers, submission_file

CHEAP = settings(deadline=None, max_examples=30)


def sample_of(competition, text):
    return tables.parse_raw_csv(text if isinstance(text, bytes) else text.encode(), competition.sample.columns)


def blank(competition, ids):
    """A sample submission without further columns, its answers 0."""
    lines = [["id", *competition.sample.columns], *[[i, *("0" for _ in competition.sample.columns)] for i in ids]]
    return sample_of(competition, "\n".join(map(",".join, lines)))


def made_from(competition, ids, seed=0):
    return Predictions(np.array(ids), random_probs(competition, len(ids), seed), competition.classes, {})


def submit(competition, sample, test):
    probs = submission_file.in_sample_order(sample, competition, test)
    return submission_file.fill(sample, competition, answers.from_probabilities(competition, probs))


@pytest.mark.parametrize(("target", "answer"), FORMS)
def test_rows_with_the_same_id_get_the_same_answer_and_are_read_back(tmp_path, target, answer):
    competition, ids = small(target, answer), ["x", "y", "x", "z", "x"]
    test = made_from(competition, ["z", "y", "x"])
    data = submit(competition, blank(competition, ids), test)
    once = submit(competition, blank(competition, ["x", "y", "z"]), test).decode().splitlines()
    header, *rows = data.decode().splitlines()
    assert [header, rows[0], rows[1], rows[3]] == once
    assert rows[0] == rows[2] == rows[4]
    path = tmp_path / "x.csv"
    path.write_text("\n".join([header, *reversed(rows)]))
    read = submission_file.read_answers(path, competition, ids)
    np.testing.assert_array_equal(read[0], read[2])
    np.testing.assert_array_equal(submission_file.fill(blank(competition, ids), competition, read), data)
    path.write_text("\n".join([header, *rows, rows[0]]))
    with pytest.raises(InputError, match=r"1 repeated id\(s\)"):
        submission_file.read_answers(path, competition, ids)
    path.write_text("\n".join([header, *rows[:-1]]))
    with pytest.raises(InputError, match=r"1 missing id\(s\)"):
        submission_file.read_answers(path, competition, ids)


FIELDS = st.sampled_from(["000", "0.10", "NA", "", '""', '"a,b"', '"x ""y"""', " 1 ", "é", "1e5", '"0"'])


@st.composite
def samples(draw, competition):
    """A sample submission with further columns, in any layout; its lines, and the places of its answers."""
    separator, end = draw(st.sampled_from([",", ";", "\t"])), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    names = draw(st.permutations(["id", *competition.sample.columns, "", "Usage"]))
    rows = draw(st.integers(1, 5))
    quote = draw(st.booleans())
    ids = [f'"{i:03d}"' if quote else f"{i:03d}" for i in range(rows)]
    lines = [names, *[[ids[i] if name == "id" else draw(FIELDS) for name in names] for i in range(rows)]]
    places = [i for i, name in enumerate(names) if name in competition.sample.columns]
    text = end.join(separator.join(line) for line in lines) + draw(st.sampled_from(["", end, end * 2]))
    return draw(st.sampled_from(["", "\ufeff"])) + text, lines, places, separator, end


@pytest.mark.parametrize(("target", "answer"), FORMS)
@CHEAP
@given(data=st.data())
def test_nothing_but_the_answers_changes(target, answer, data):
    competition = small(target, answer)
    text, lines, places, separator, end = data.draw(samples(competition))
    sample = sample_of(competition, text)
    ids = submission_file.sample_ids(sample, competition)
    assert ids == [f"{i:03d}" for i in range(len(lines) - 1)]
    written = submit(competition, sample, made_from(competition, ids)).decode()
    fields = tables.split_fields(written.removeprefix("\ufeff"), separator)[0]
    for i, line in enumerate(lines):
        assert len(fields[i]) == len(line)
        for k in set(range(len(line))) - (set(places) if i else set()):
            assert fields[i][k] == line[k]
    assert written.startswith("\ufeff") == text.startswith("\ufeff")
    assert re.findall(r"[\r\n]+$", written) == re.findall(r"[\r\n]+$", text)
    assert written.count(end) == text.count(end)


@pytest.mark.parametrize(("target", "answer"), FORMS)
@CHEAP
@given(st.integers(0, 1000))
def test_shuffled_predictions_give_the_same_file_and_it_is_read_back(tmp_path_factory, target, answer, seed):
    competition = small(target, answer)
    ids = [f"i{i}" for i in range(7)]
    sample = blank(competition, ids)
    test = made_from(competition, ids, seed)
    order = np.random.default_rng(seed).permutation(7)
    shuffled = Predictions(test.ids[order], test.probs[order], test.classes, {})
    data = submit(competition, sample, test)
    assert submit(competition, sample, shuffled) == data
    path = tmp_path_factory.mktemp("read") / "x.csv"
    path.write_bytes(data)
    wanted = answers.from_probabilities(competition, test.at(ids[::-1]))
    np.testing.assert_allclose(submission_file.read_answers(path, competition, ids[::-1]), wanted, atol=1e-7)


@CHEAP
@given(st.integers(2, 300), st.floats(0.001, 5), st.integers(0, 1000))
def test_printed_rows_sum_to_exactly_one(classes, alpha, seed):
    competition = small("multiclass", "probabilities", classes=tuple(f"class{c}" for c in range(classes)))
    probs = np.random.default_rng(seed).dirichlet(np.full(classes, alpha), 3).astype(np.float32)
    probs /= probs.sum(1, keepdims=True)
    made = probs[:, answers.columns(competition)]
    written = tables.parse_raw_csv(submission_file.fill(blank(competition, "xyz"), competition, made))
    for row in written.rows:
        printed = [Decimal(field) for field in row[1:]]
        assert sum(printed) == 1
        assert min(printed) >= 0


def test_columns_are_filled_by_name_and_a_subset_of_labels_is_enough():
    competition = small("multilabel", "probabilities", columns=("c", "a"))
    sample = sample_of(competition, "c,id,a\n0,x,0\n")
    data = submit(competition, sample, Predictions(np.array(["x"]), np.array([[0.25, 0.5, 1]], np.float32), "abc", {}))
    assert data == b"c,id,a\n1.0,x,0.25\n"


def test_log_loss_never_prints_a_probability_of_zero():
    for target, answer in (("binary", "probability"), ("multiclass", "probabilities")):
        competition = small(target, answer, metric=named_metrics.get("log_loss"))
        probs = np.eye(competition.size, dtype=np.float32)[:2]
        test = Predictions(np.array(["x", "y"]), probs, competition.classes, {})
        data = submit(competition, blank(competition, "xy"), test)
        values = [float(field) for row in tables.parse_raw_csv(data).rows for field in row[1:]]
        assert 0 < min(values) < 2e-7
        assert max(values) < 1


@pytest.mark.parametrize(
    ("ids", "kind"),
    [("ab", "missing"), ("abcd", "extra")],
)
def test_missing_and_extra_ids_are_refused_with_the_file_that_has_them(ids, kind):
    competition = small()
    sample = sample_of(competition, "id,answer\nc,0\na,0\nb,0\n")
    test = Predictions(np.array(list(ids)), random_probs(competition, len(ids)), competition.classes, {"file": "x.npz"})
    with pytest.raises(InputError, match=rf"1 {kind} id\(s\) in x.npz"):
        submission_file.in_sample_order(sample, competition, test)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.replace(b"c,0", b"c,18"), "not classes"),
        (lambda data: data.replace(b"c,0", b"c,0.5"), "not classes"),
        (lambda data: data.replace(b"c,0", b"c,x"), "not classes"),
        (lambda data: b"id,answer,n\na,0,7\nc,0,7\n", "other rows"),
        (lambda data: b"n,id,answer\n7,c,0\n7,a,0\n", "columns"),
        (lambda data: data.replace(b"0,7", b"0,8"), "other rows"),
        (lambda data: data + b"d,0,7\n", "other rows"),
    ],
)
def test_the_check_refuses_what_would_be_rejected(change, words):
    competition, data = small(), b"id,answer,n\nc,0,7\na,0,7\n"
    sample = sample_of(competition, data)
    submission_file.check_submission(data, sample, competition)
    with pytest.raises(InputError, match=words):
        submission_file.check_submission(change(data), sample, competition)


@pytest.mark.parametrize(
    ("target", "answer", "text", "words"),
    [
        ("multiclass", "probabilities", "id,a,b,c\nx,0.5,0.5,0.1\n", "sum to 1"),
        ("multiclass", "probabilities", "id,a,b,c\nx,1.5,-0.5,0\n", "from 0 to 1"),
        ("binary", "probability", "id,answer\nx,1.5\n", "not probabilities"),
        ("binary", "probability", "id,answer\nx,nan\n", "not probabilities"),
        ("regression", "number", "id,answer\nx,1.5\n", "from 0 to 1"),
        ("multilabel", "labels", "id,answer\nx,\n", "not classes"),
        ("multilabel", "labels", "id,answer\nx,a a\n", "not classes"),
        ("multiclass", "label", "id,answer\nx,d\n", "not classes"),
        ("multiclass", "ranking", "id,answer\nx,a d\n", "not classes"),
    ],
)
def test_answers_of_the_wrong_form_or_range_are_refused(target, answer, text, words):
    columns = ("a", "b", "c") if answer == "probabilities" else None
    competition = small(target, answer, columns=columns, limits=(0.0, 1.0))
    with pytest.raises(InputError, match=words):
        submission_file.check_submission(text.encode(), sample_of(competition, text), competition)


def test_an_empty_answer_is_right_where_a_photo_may_have_no_label():
    competition, text = small("multilabel", "labels", at_least_one=False), "id,answer\nx,\n"
    submission_file.check_submission(text.encode(), sample_of(competition, text), competition)


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "no .*sample.csv"), ("a,b\n1,2\n", "columns a,b, but not id")],
)
def test_a_sample_that_cannot_be_used_is_refused(tmp_path, text, words):
    if text:
        (tmp_path / "sample.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        submission_file.read_sample(known_project(tmp_path / "out", small(), inputs=tmp_path))


def test_labels_that_the_samples_encoding_lacks_are_one_clear_error():
    competition = small("multiclass", "label", classes=("ä", "가", "c"))
    sample = sample_of(competition, "id,answer,ü\n\xfc,0,0\n".encode("latin-1"))
    with pytest.raises(InputError, match="가"):
        submission_file.fill(sample, competition, np.array([1]))
