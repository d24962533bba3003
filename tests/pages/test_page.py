"""Pages are one file, load nothing, and show any name as text; figures and thumbnails say what they cannot show."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from comp.pages import figures, page, thumbnails
from comp.pages.figures import Table, shown

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


@pytest.fixture
def text(tmp_path):
    """A page made of nasty names."""
    (tmp_path / "t").mkdir()
    drawn = figures.bars(NASTY[0], NASTY[3], dict.fromkeys(NASTY, 1.0))
    values = {"nasty": NASTY, "drawn": drawn, "table": Table(NASTY, [NASTY], NASTY[0])}
    template = page._environment().from_string(
        "{% extends 'base.html.j2' %}{% block content %}{{ parts.table(table) }}{{ parts.figure(drawn) }}"
        "{{ parts.missing(nasty[0], nasty[3]) }}{{ data_block('data', nasty) }}{% endblock %}"
    )
    return template.render(title=NASTY[0], policy="", scripts=[], **values)


def test_names_with_markup_are_text_everywhere(text):
    assert "<script>alert" not in text
    assert "<i>" not in text
    assert "<!--" not in text
    assert text.count("<script") == 1


def test_data_comes_back_as_it_was(text):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1]
    assert json.loads(found) == NASTY
    assert found.isascii()


def test_numbers_that_json_does_not_have_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        page._data_block("data", [float("nan")])


def test_a_page_is_written_whole_and_links_to_nothing(tmp_path):
    page.write_page(tmp_path / "a/page.html", "A title", "base.html.j2")
    made = (tmp_path / "a/page.html").read_text()
    assert "<title>A title</title>" in made
    assert "default-src 'none'" in made.replace("&#39;", "'")
    assert not re.search(r'(src|href)="(?!#|data:)', made)


def test_a_figure_is_the_same_twice_in_the_colours_of_the_page_and_its_ids_are_its_own():
    def draw(title):
        return figures.lines(title, "x", "y", {"a": ([1, 2], [3.0, float("nan")]), "b": ([2, 3], [1, 1])})

    first, second, other = draw("one"), draw("one"), draw("two")
    assert first.svg == second.svg
    assert figures.INK not in first.svg
    assert "currentColor" in first.svg
    ids = [set(re.findall(r' id="([^"]+)"', drawn.svg)) for drawn in (first, other)]
    assert ids[0].isdisjoint(ids[1])
    assert set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", first.svg)) <= ids[0]
    assert first.numbers.rows == [["1", 3.0, None], ["2", None, 1.0], ["3", None, 1.0]]


def test_every_kind_of_figure_has_a_label_and_its_numbers():
    numbers = Table(["x"], [["1"]])
    made = [
        figures.bars("bars", "score", {"a": 0.5, "b": 0.7}, intervals=[(0.4, 0.6), (0.5, 0.75)]),
        figures.histogram("histogram", "size", [0, 1, 2], {"train": [3, 4], "test": [1, 0]}),
        figures.scatter("scatter", "truth", "answer", [1, 2], [2, 1], numbers, diagonal=True),
        figures.scatter("no points", "truth", "answer", [], [], numbers, diagonal=True),
    ]
    for drawn in made:
        assert f'role="img" aria-label="{drawn.title}"' in drawn.svg
        assert drawn.numbers.rows
    assert made[0].numbers.rows == [["a", 0.5, 0.4, 0.6], ["b", 0.7, 0.5, 0.75]]
    assert made[1].numbers.rows == [["0 to 1", 3, 1], ["1 to 2", 4, 0]]


def test_thumbnails_keep_their_order_and_their_budget_and_say_what_is_wrong(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(rng.integers(0, 255, (60, 300, 3), dtype=np.uint8)).save(tmp_path / name)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff not a photo")
    made = thumbnails.thumbnails(tmp_path, ["a.png", "gone.jpg", "broken.jpg", "b.png"])
    assert [bool(one.uri) for one in made] == [True, False, False, True]
    assert "no such file" in made[1].problem
    assert made[0] == thumbnails.thumbnail(tmp_path / "a.png")
    few = thumbnails.thumbnails(tmp_path, ["a.png", "b.png", "c.png"], budget=int(1.5 * len(made[0].uri)))
    assert [bool(one.uri) for one in few] == [True, False, False]
    assert few[1].problem == thumbnails.OVER_BUDGET


def test_numbers_are_written_as_people_read_them():
    assert [shown(cell) for cell in (None, 18900, 0.47361, 25.0, 1234.5, "x")] == [
        "–",
        "18,900",
        "0.4736",
        "25",
        "1,234",
        "x",
    ]
    assert shown(np.int64(3)) == "3"
