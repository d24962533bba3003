"""The input audit of drawn competitions of several kinds: its counts are those of the tables, nothing is fatal."""

import re

import pandas as pd
import pytest
from conftest import tool
from html_tables import column, tables, tags, text
from layouts.drawing import Pen
from layouts.table import ROWS
from PIL import Image

from comp.competition.labels import to_array
from comp.inputs import loading

KINDS = (0, 2, 8, 21)  # several attributes, grades, several labels, numbers
TOML = """
target = "multiclass"
metric = "accuracy"
train = "train.csv"
train_images = "train/{id}.jpg"
test_images = "test/{id}.jpg"
test = "test.csv"
label = "label"
columns = ["x <i>", "size"]
"""
NASTY = ("</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>")


def eda(folder, *more):
    """The page of folder/in; what was printed is in the result."""
    done = tool("eda", "--inputs", folder / "in", "--outputs", folder / "out", *more)
    assert done.returncode == 0, done.stderr
    return folder / "out/eda.html", done


def numbers(cells):
    return [int(cell.replace(",", "")) for cell in cells]


@pytest.fixture
def nasty(tmp_path):
    return draw_nasty(tmp_path)


@pytest.fixture(scope="module")
def nasty_page(tmp_path_factory):
    return eda(draw_nasty(tmp_path_factory.mktemp("nasty")))[0]


def draw_nasty(folder):
    """Twelve training photos in two classes with markup in their names, four test photos, two more columns."""
    pen = Pen(folder / "in", 3)
    for i in range(16):
        pen.photo(f"{'train' if i < 12 else 'test'}/{i}.jpg", i % 2)
    rows = [[str(i), NASTY[i % 2], f"<b>{i % 3}</b>", i + 20] for i in range(16)]
    pen.table("train.csv", ["id", "label", "x <i>", "size"], rows[:12])
    pen.table("test.csv", ["id", "x <i>", "size"], [[row[0], *row[2:]] for row in rows[12:]])
    pen.table("sample_submission.csv", ["id", "label"], [[row[0], NASTY[0]] for row in rows[12:]])
    (folder / "in/competition.toml").write_text(TOML)
    return folder


def check_attributes(page_tables, train):
    """Attributes, and the number behind one of them, are counted."""
    for name in ("mask", "gender", "age"):
        assert (
            numbers(column(page_tables[f"photos by {name}"], "photos"))
            == train[name].value_counts().sort_index().tolist()
        )
    title = "years, which decides age (limits: 30, 60), by gender"
    for i, value in enumerate(("male", "female")):
        assert sum(numbers(column(page_tables[title], value))) == (train["gender"] == i).sum()


@pytest.mark.parametrize("number", KINDS)
def test_the_page_counts_what_the_tables_hold_before_and_after_folds(tmp_path, number):
    inputs = ROWS[number].write(tmp_path / "in")
    opened = loading.open_tables(inputs)
    competition, train, test = opened.competition, opened.training_rows, opened.test_rows
    page, done = eda(tmp_path)
    assert f"{len(train):,} training photos, {len(test):,} test photos" in done.stdout
    assert "make folds" in text(page)
    page_tables, values = tables(page), to_array(train["label"], competition)
    if competition.target == "regression":
        assert sum(numbers(column(page_tables["training photos by target"], "photos"))) == len(train)
    elif values.ndim == 2:
        assert numbers(column(page_tables["photos per label"], "photos")) == values.sum(0).tolist()
        together = [numbers(row[1:]) for row in page_tables["photos with both labels"][1:]]
        assert together == (values.T.astype(int) @ values).tolist()
    else:
        counts = [int((values == c).sum()) for c in range(competition.size)]
        assert numbers(column(page_tables["photos per class"], "photos")) == counts
    if number == 0:
        check_attributes(page_tables, train)
    assert sum(numbers(column(page_tables["sizes, in pixels"], "photos"))) == len(train) + len(test)
    assert tool("make_folds", "--inputs", inputs, "--outputs", tmp_path / "out", "--folds", 3).returncode == 0
    page, _ = eda(tmp_path)
    folds = pd.read_csv(tmp_path / "out/folds.csv")
    by_fold = next(rows for title, rows in tables(page).items() if title.endswith("by fold"))
    photos = next(row for row in by_fold if row[0] == "photos")
    assert numbers(photos[1:]) == [*folds["fold"].value_counts().sort_index(), len(folds)]


def test_damaged_photos_and_photos_that_vanished_after_folds_are_listed_and_the_rest_is_shown(nasty):
    inputs, outputs = nasty / "in", nasty / "out"
    assert tool("make_folds", "--inputs", inputs, "--outputs", outputs, "--folds", 2).returncode == 0
    data = (inputs / "train/3.jpg").read_bytes()
    (inputs / "train/3.jpg").write_bytes(data[: len(data) // 2])
    (inputs / "train/4.jpg").unlink()
    (inputs / "train/5.jpg").write_text("<html>")
    page, done = eda(nasty)
    bad = tables(page)["photos that cannot be read"]
    assert column(bad, "photo") == ["train/3.jpg", "train/4.jpg", "train/5.jpg"]
    assert "no such file" in column(bad, "problem")[1]
    assert "web page" in column(bad, "problem")[2]
    assert "3 photos that cannot be read" in done.stdout
    assert sum(numbers(column(tables(page)["sizes, in pixels"], "photos"))) == 13


def test_nothing_readable_and_a_missing_test_photo_are_named(nasty):
    for path in (nasty / "in/train").iterdir():
        path.write_bytes(b"\xff\xd8\xff no photo")
    (nasty / "in/test/12.jpg").unlink()
    page, done = eda(nasty)
    assert "the test photos are left out" in done.stderr
    assert "the test photos are left out" in text(page)
    assert "No photo can be read" in text(page)


def test_a_training_table_without_its_photos_is_one_clear_error(nasty):
    (nasty / "in/train/4.jpg").unlink()
    done = tool("eda", "--inputs", nasty / "in", "--outputs", nasty / "out")
    assert done.returncode == 2
    assert "train/4.jpg" in done.stderr
    assert "Traceback" not in done.stderr


def test_names_with_markup_are_text_and_run_nothing(nasty_page):
    page = nasty_page
    assert not [tag for tag, _ in tags(page) if tag in ("script", "i")]
    assert not [attributes for _, attributes in tags(page) if any(name.startswith("on") for name in attributes)]
    assert [row[0] for row in tables(page)["photos per class"][1:]] == sorted(NASTY)
    assert column(tables(page)["column x <i>"], "photos") == ["4"] * 3
    assert [row[0] for row in tables(page)["column x <i>"][1:]] == ["<b>0</b>", "<b>1</b>", "<b>2</b>"]


def test_every_picture_has_a_text_every_figure_a_name_and_nothing_is_loaded(nasty_page):
    page = nasty_page
    pictures = [attributes for tag, attributes in tags(page) if tag == "img"]
    assert pictures
    assert all(picture["alt"] and picture["src"].startswith("data:image/") for picture in pictures)
    drawn = [attributes for tag, attributes in tags(page) if tag == "svg"]
    assert drawn
    assert all(figure["role"] == "img" and figure["aria-label"] for figure in drawn)
    assert not re.search(r'(?:src|href)="(?!#|data:)', page.read_text())


def test_the_same_input_gives_the_same_page(nasty, nasty_page):
    assert eda(nasty)[0].read_bytes() == nasty_page.read_bytes()


def test_copies_are_found_within_and_across_and_with_different_labels(nasty):
    inputs = nasty / "in"
    (inputs / "train/1.jpg").write_bytes((inputs / "train/0.jpg").read_bytes())  # another label
    (inputs / "test/13.jpg").write_bytes((inputs / "train/2.jpg").read_bytes())
    page, done = eda(nasty)
    rows = {(row[0], row[1]): row[2:] for row in tables(page)["pairs"][1:]}
    assert rows["train/0.jpg", "train/1.jpg"] == ["the same bytes", "train", "two groups, different labels"]
    assert rows["train/2.jpg", "test/13.jpg"] == ["the same bytes", "train and test", ""]
    assert "1 equal or near-identical pairs of a training photo and a test photo" in done.stdout


def test_of_very_many_classes_the_ends_are_drawn_and_all_are_listed(tmp_path):
    pen = Pen(tmp_path / "in", 1)
    labels = [c for c in range(50) for _ in range(1 + c % 3)]
    for i, c in enumerate(labels):
        Image.new("RGB", (8, 8), (c * 5, 0, 0)).save(_with_folder(tmp_path / f"in/train/{i}.png"))
    pen.table("train.csv", ["id", "label"], [[i, f"c{c:02d}"] for i, c in enumerate(labels)])
    (tmp_path / "in/test").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "in/test/900.png")
    pen.table("sample_submission.csv", ["id", "label"], [["900", "c00"]])
    toml = re.sub(r"(?m)^(test|columns) = .*\n", "", TOML).replace(".jpg", ".png")
    (tmp_path / "in/competition.toml").write_text(toml)
    page_tables = tables(eda(tmp_path)[0])
    assert sum(numbers(column(page_tables["all 50 classes"], "photos"))) == len(labels)
    assert len(page_tables["photos per class: the 20 most frequent"]) == 21


def _with_folder(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
