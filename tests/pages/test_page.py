"""A page is one file, loads nothing, and shows any name as text."""

import json
import re

import pytest
from html_tables import tables, tags, text

from comp.pages import figures, page, thumbnails
from comp.pages.figures import Table
from comp.pages.page import Section, Strip

NASTY = [
    "</script><script>alert(1)</script>",
    "<!--",
    "\u2028",
    "a \"b\" 'c' & <i>",
    "$x_1$",
    "_hidden",
    "한글 ☃",
    "]]>",
]


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    """A page whose every text is a nasty name."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    section = Section(
        "s",
        NASTY[0],
        list(NASTY),
        [(NASTY[0], NASTY[3])],
        [figures.bars(NASTY[0], NASTY[3], dict.fromkeys(NASTY, 1.0))],
        [Table(NASTY, [NASTY], NASTY[0])],
        [Strip(NASTY[0], [(thumbnails.Thumbnail("", NASTY[1]), NASTY[3])], NASTY[3], captions=True)],
    )
    top = {"lead": NASTY[0], "tiles": [(NASTY[0], NASTY[1])], "missing": [(NASTY[3], NASTY[0])]}
    page.write_page(path, NASTY[0], [section, Section("t", NASTY[3])], **top)
    return path


def test_names_with_markup_are_text_everywhere(nasty):
    assert not [tag for tag, _ in tags(nasty) if tag in ("script", "i")]
    assert "<!--" not in nasty.read_text()
    assert tables(nasty)[NASTY[0]] == [NASTY, NASTY]
    assert all(name in text(nasty) for name in NASTY if name.strip())


def test_data_comes_back_as_it_was():
    block = page.data_block("data", NASTY)
    content = re.fullmatch(r'<script type="application/json" id="data">(.*?)</script>', block, re.DOTALL)[1]
    assert json.loads(content) == NASTY
    assert content.isascii()


def test_numbers_that_json_does_not_have_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        page.data_block("data", [float("nan")])


def test_a_page_is_written_whole_and_links_to_nothing(tmp_path):
    page.write_page(tmp_path / "a/page.html", "A title", [])
    written = (tmp_path / "a/page.html").read_text()
    assert "<title>A title</title>" in written
    assert "default-src 'none'" in written.replace("&#39;", "'")
    assert not re.search(r'(src|href)="(?!#|data:)', written)


def test_a_script_is_allowed_by_its_hash_and_is_there_once(tmp_path):
    sections = [Section(name, name, scripts=("gallery.js",)) for name in ("a", "b")]
    page.write_page(tmp_path / "page.html", "A title", sections)
    written = tags(tmp_path / "page.html")
    assert [tag for tag, _ in written].count("script") == 1
    policy = next(attributes["content"] for _, attributes in written if "http-equiv" in attributes)
    assert policy.count("'sha256-") == 1


def test_a_column_with_words_is_aligned_to_the_left_also_where_it_has_no_value(tmp_path):
    table = Table(["run", "score", "words"], [["a", 0.5, None], ["b", None, "x"]])
    page.write_page(tmp_path / "page.html", "A title", [Section("s", "S", tables=[table])])
    cells = [attributes.get("class") for tag, attributes in tags(tmp_path / "page.html") if tag in ("th", "td")]
    assert cells == [None, "number", None] * 3
