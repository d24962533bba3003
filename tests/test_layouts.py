"""Rows 0 to 26 of the table of competitions: each goes from its files and a competition.toml to a checked submission.

The stages run in this process, as their own main would: torch is imported once.
"""

import csv
import tomllib

import pytest
from drawn_runs import run
from layouts.table import ROWS

# one epoch of a tiny network, then predictions
TINY = (
    "pretrained=false image_size=32 crop=0 epochs=1 batch_size=16 accumulate=1 patience=0 workers=0 lr=3e-3 "
    "mixup=0 cutmix=0 augment=flip tta=none"
)
STAGES = (
    ("make_folds", "--folds", "2"),
    ("train_fold", "--model", "test_resnet", "--run", "a", "--set", TINY, "--device", "cpu"),
    ("blend",),
    ("make_sub",),
)
MOST_LINES = 15  # of a competition.toml


def sample_of(folder):
    return next((path for path in folder.glob("*.csv") if "sample" in path.name), folder / "eval/info.csv")


def rewritten(path, target, change):
    """A copy of a CSV file whose lines, the header among them, went through `change`."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = change(list(csv.reader(file)))
    with open(target, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
    return target


def test_there_is_a_layout_for_each_row_and_each_file_is_short():
    assert [row.number for row in ROWS] == list(range(27))
    for row in ROWS:
        assert len(row.toml.strip().splitlines()) <= MOST_LINES
        assert bool(tomllib.loads(row.toml)) == (row.number > 0)


def test_drawing_twice_gives_the_same_files(tmp_path):
    for row in ROWS[8:20:5]:
        first, second = row.write(tmp_path / "a" / str(row)), row.write(tmp_path / "b" / str(row))
        names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
        assert names == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
        assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


WRONG = {
    "rows in another order": lambda lines: [lines[0], *lines[:0:-1]],
    "a row fewer": lambda lines: lines[:-1],
    "a row twice": lambda lines: [*lines, lines[-1]],
    "another header": lambda lines: [[*lines[0][:-1], "x"], *lines[1:]],
    "another answer": lambda lines: [lines[0], *[[*row[:-1], "-3.5"] for row in lines[1:]]],
    "another id": lambda lines: [lines[0], *[[f"0{row[0]}", *row[1:]] for row in lines[1:]]],
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_checkers_refuse_what_is_wrong(tmp_path, wrong):
    for row in ROWS[::4]:
        folder = row.write(tmp_path / str(row))
        with pytest.raises((AssertionError, ValueError)):
            row.check(folder, rewritten(sample_of(folder), tmp_path / "wrong.csv", WRONG[wrong]))


@pytest.mark.parametrize("layout", ROWS, ids=str)
def test_a_layout_goes_all_the_way_to_a_checked_submission(layout, tmp_path):
    layout.write(tmp_path / "in")
    for stage in STAGES:
        code, printed = run(tmp_path, *stage)
        assert code == 0, printed
    layout.check(tmp_path / "in", tmp_path / "out/submission.csv")


def test_the_file_may_lie_beside_a_folder_that_is_not_written_to(tmp_path):
    layout = ROWS[24]
    layout.draw(tmp_path / "in")
    (tmp_path / "plants.toml").write_text(layout.toml, encoding="utf-8")
    before = sorted((tmp_path / "in").rglob("*"))
    for stage in STAGES:
        code, printed = run(tmp_path, *stage, "--competition", tmp_path / "plants.toml")
        assert code == 0, printed
    assert sorted((tmp_path / "in").rglob("*")) == before
    layout.check(tmp_path / "in", tmp_path / "out/submission.csv")
