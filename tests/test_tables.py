"""Encoding and separator do not matter, lines count as in an editor, and bytes that are not replaced stay."""

import csv
import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comp import tables
from comp.errors import InputError

ROWS = [["0001", "강아지"], ["0002", "고양이, 둘"], ["", 'a "b"']]


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_separator_and_line_ends_do_not_matter(tmp_path, encoding, separator, end):
    lines = [separator.join(['"' + field.replace('"', '""') + '"' for field in row]) for row in [["id", "이름"], *ROWS]]
    path = write(tmp_path / "t.csv", end.join(lines) + end, encoding)
    table = tables.read_table(path, ("id", "이름"), "")
    assert table.to_numpy().tolist() == ROWS
    assert tables.read_table(path, (), "").to_numpy().tolist() == ROWS


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_wide_letters_are_read_with_and_without_their_mark(tmp_path, encoding):
    path = write(tmp_path / "t.csv", "id\t이름\n0001\t강아지\n", encoding)
    assert tables.read_table(path, ("id", "이름"), "").to_numpy().tolist() == [["0001", "강아지"]]
    assert list(tables.read_raw_csv(path, ("이름",), "").column("이름")) == ["강아지"]


@pytest.mark.parametrize("name", ["Käse é", "Ärger Öl", "„Ä“ 5 €", "Ünal"])
def test_western_letters_are_not_taken_for_korean(tmp_path, name):
    path = write(tmp_path / "t.csv", f"id,name\n1,{name}\n", "cp1252")
    assert tables.table_encoding(path) == "cp1252"
    assert tables.read_table(path, ("id",), "")["name"][0] == name


def test_latin_1_is_read_where_nothing_else_fits(tmp_path):
    path = write(tmp_path / "t.csv", "id,name\n1,\x81 é\n", "latin-1")
    assert tables.table_encoding(path) == "latin-1"
    assert tables.read_table(path, ("id",), "")["name"][0] == "\x81 é"


@pytest.mark.parametrize(
    "text",
    [
        "id, x \n1,2\n",
        '\ufeff"id" ,"x"\n1,2\n',
        "id,x,\n1,2,\n",
        "id,x\n1,2,\n",
        "\n;\nid;x\n1;2",
        "id,x\n1,2\n,\n \n,,\n",
        "id|x\r1|2\r",
    ],
)
def test_blanks_around_names_and_empty_fields_at_the_ends_do_not_matter(tmp_path, text):
    path = write(tmp_path / "t.csv", text)
    table = tables.read_table(path, ("id", "x"), "")
    assert table[["id", "x"]].to_numpy().tolist() == [["1", "2"]]
    assert tables.read_table(path, ("id", "x"), "", text=("id",))[["id", "x"]].to_numpy().tolist() == [["1", 2]]
    assert tables.read_raw_csv(path, ("id", "x"), "").column("x") == ["2"]
    assert len(tables.line_numbers(path, 1)) == 1


def test_names_of_columns_are_the_same_in_both_unicode_forms(tmp_path):
    name = unicodedata.normalize("NFD", "이름")
    path = write(tmp_path / "t.csv", f"id,{name}\n1,2\n")
    assert tables.read_table(path, ("id", "이름"), "")["이름"].tolist() == ["2"]
    assert tables.read_raw_csv(path, ("이름",), "").column(name) == ["2"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"id,x\n1,2\n3,\x004\n", "NUL bytes, the first on line 3"),
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"id,x,id\n1,2,3\n", "column id twice"),
        (b"id,x\n", "no rows"),
        (b"id,x\n,\n", "no rows"),
        (b'id,x\n1,"2\n3,4\n', "EOF inside string"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, data, words):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=words) as error:
        tables.read_table(path, ("id", "x"), "mend it")
    assert error.value.run == "mend it"


def test_lines_count_as_in_an_editor(tmp_path):
    path = write(tmp_path / "t.csv", '\nid,x\n\na,"1\n2\n3"\n  \nb,2\r\n\r\nc,3\n')
    table = tables.read_table(path, ("id",), "")
    lines = tables.line_numbers(path, len(table))
    text = path.read_text().splitlines()
    assert [text[line - 1][0] for line in lines] == table["id"].tolist() == ["a", "b", "c"]


def test_rows_with_more_fields_are_named_with_their_lines(tmp_path):
    for text in ("a,b\n1,2\n\n1,2,3\n1,2\n1,2,3,4\n", "a,b\n\n\n1,2,3\n1,2\n1,2,3,4\n"):
        with pytest.raises(InputError) as error:
            tables.read_table(write(tmp_path / "t.csv", text), ("a",), "mend it")
        assert "rows with more fields than the 2 of its header: 2 row(s)" in str(error.value)
        assert "line 4: 3 fields" in str(error.value)
        assert "line 6: 4 fields" in str(error.value)


def test_a_missing_column_lists_those_that_are_there(tmp_path):
    with pytest.raises(InputError, match=r"has the columns a,b, but not c[\s\S]*mend it"):
        tables.read_table(write(tmp_path / "t.csv", "a;b\n1;2\n"), ("a", "c"), "mend it")


def test_the_advice_names_the_encoding_only_where_it_was_guessed(tmp_path):
    assert "if the encoding of the file is not cp1252" in tables.advice_to_correct(
        write(tmp_path / "t.csv", "id,é \n1,2\n", "latin-1")
    )
    for encoding in ("utf-8", "utf-16"):
        assert "iconv" not in tables.advice_to_correct(write(tmp_path / "t.csv", "id,é \n1,2\n", encoding))


# Tables whose bytes stay ----------------------------------------------------------------------------------------------

MARKS = st.text(st.sampled_from('ab0,;\t|"\r\n é\ufeff'), max_size=30)


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.binary(max_size=60), MARKS.map(str.encode), MARKS.map(lambda text: text.encode("utf-16"))))
def test_what_is_read_is_written_byte_for_byte(data):
    assert tables.parse_raw_csv(data).to_bytes() == data


@settings(deadline=None, max_examples=150)
@given(st.text(st.sampled_from('ab,"\r\n '), max_size=14))
def test_values_are_those_of_pythons_reader(text):
    records = [list(map(tables.field_value, record)) for record in tables.split_fields(text, ",")[0]]
    expected = csv.reader(io.StringIO(text, newline=""))
    assert [row for row in records if row != [""]] == [row for row in expected if row not in ([], [""])]


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


@pytest.mark.parametrize(
    ("text", "separator", "names"),
    [
        ("<b>Id&amp;,<b>Class&amp;\n20.jpg,0.5\n21.jpg,0.5\n", ",", ["<b>Id&amp;", "<b>Class&amp;"]),
        ("id;length, width, height\n1;0,5\n2;0,7", ";", ["id", "length, width, height"]),
        ("id,a|b|c\n1,2\n", ",", ["id", "a|b|c"]),
        ("id,a;b\n", ",", ["id", "a;b"]),  # no rows
        ("id,note\n1,2,3\n", ",", ["id", "note"]),  # no separator fits
    ],
)
def test_the_separator_fits_the_rows_too(tmp_path, text, separator, names):
    (tmp_path / "x.csv").write_text(text)
    read = tables.CsvText(tmp_path / "x.csv")
    assert (read.separator, read.names) == (separator, names)


def test_only_the_replaced_fields_change():
    data = b'\xef\xbb\xbf"id",n,"answer",\r\n\r\n"a""b",0.10,"0",NA\n007,,0,x'
    table = tables.parse_raw_csv(data, ("id", "answer"))
    assert table.column("id") == ['a"b', "007"]
    filled = table.replaced({"answer": ["yes", "p, q"]})
    assert filled == b'\xef\xbb\xbf"id",n,"answer",\r\n\r\n"a""b",0.10,"yes",NA\n007,,"p, q",x'


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
