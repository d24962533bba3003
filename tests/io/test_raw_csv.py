"""Every byte that is not replaced stays; values are those of Python's own reader of CSV."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comp import tables
from comp.errors import InputError

MARKS = st.text(st.sampled_from('ab0,;\t|"\r\n é\ufeff'), max_size=30)


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=60), MARKS.map(str.encode), MARKS.map(lambda text: text.encode("utf-16"))))
def test_what_is_read_is_written_byte_for_byte(data):
    assert tables.parse_raw_csv(data).to_bytes() == data


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from('ab,"\r\n '), max_size=14))
def test_values_are_those_of_pythons_reader(text):
    found = [list(map(tables.field_value, record)) for record in tables.split_fields(text, ",")[0]]
    expected = csv.reader(io.StringIO(text, newline=""))
    assert [row for row in found if row != [""]] == [row for row in expected if row not in ([], [""])]


@given(st.text(max_size=20), st.booleans())
def test_a_quoted_value_is_the_value(text, always):
    assert tables.field_value(tables.quoted_field(text, ",", always)) == text


@pytest.mark.parametrize("separator", tables.SEPARATORS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_separator_is_the_one_that_gives_the_columns(separator, end):
    data = end.join([separator.join(row) for row in (("id", "x,y;z"), ("007", "0.10"))]).encode()
    if separator not in ",;":
        assert tables.parse_raw_csv(data, ("id", "x,y;z")).column("x,y;z") == ["0.10"]
    assert tables.parse_raw_csv(data, ("id",)).column("id") == ["007"]


def test_only_the_replaced_fields_change():
    data = b'\xef\xbb\xbf"id",n,"answer",\r\n\r\n"a""b",0.10,"0",NA\n007,,0,x'
    table = tables.parse_raw_csv(data, ("id", "answer"))
    assert table.column("id") == ['a"b', "007"]
    made = table.replaced({"answer": ["yes", "p, q"]})
    assert made == b'\xef\xbb\xbf"id",n,"answer",\r\n\r\n"a""b",0.10,"yes",NA\n007,,"p, q",x'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "columns"),
        (b"id,x\n1,2", "not answer"),
        (b"id,answer\n", "no rows"),
        (b"id,answer\n1,2,3", "row 1 has 3"),
        (b"id,answer\n1,2\n\n3\n", "row 2 has 1"),
    ],
)
def test_a_table_that_cannot_be_filled_is_refused(tmp_path, data, words):
    (tmp_path / "x.csv").write_bytes(data)
    with pytest.raises(InputError, match=words):
        tables.read_raw_csv(tmp_path / "x.csv", ("id", "answer"), "")
