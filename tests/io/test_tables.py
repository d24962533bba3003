"""Tables of every usual encoding and separator are the same table; line numbers are those of an editor."""

import pytest

from comp.errors import InputError
from comp.io import tables

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


def test_latin_1_is_read_where_nothing_else_fits(tmp_path):
    path = write(tmp_path / "t.csv", "id,name\n1,Käse é \n", "latin-1")
    assert tables.encoding_of(path) == "latin-1"
    assert tables.read_table(path, ("id",), "")["name"][0] == "Käse é "


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
        assert "rows of more fields than its header of 2: 2" in str(error.value)
        assert "line 4: 3 fields" in str(error.value)
        assert "line 6: 4 fields" in str(error.value)


def test_a_missing_column_lists_those_that_are_there(tmp_path):
    with pytest.raises(InputError, match=r"has columns a,b, not c[\s\S]*mend it"):
        tables.read_table(write(tmp_path / "t.csv", "a;b\n1;2\n"), ("a", "c"), "mend it")


def test_the_advice_names_the_encoding(tmp_path):
    assert "iconv -f latin-1" in tables.correct(write(tmp_path / "t.csv", "id,é \n1,2\n", "latin-1"))
    assert "iconv -f cp949" in tables.correct(write(tmp_path / "t.csv", "id,é \n1,2\n"))
