"""All layouts, rows 0 to 26 in order."""

from pathlib import Path

from layouts import (
    class_columns,
    coco,
    grades_and_numbers,
    herbarium,
    one_label,
    rankings,
    several_labels,
    two_classes,
    two_classes_in_groups,
)
from layouts.checking import filled, whole_number
from layouts.layout import Layout


def draw_home(folder: Path) -> None:
    """The home competition, which needs no competition.toml."""
    from conftest import draw_competition

    draw_competition(folder, test=12)


HOME = Layout(0, "home", "", draw_home, filled("eval/info.csv", ["ans"], whole_number(0, 17)))
PARTS = (
    two_classes,
    two_classes_in_groups,
    one_label,
    class_columns,
    rankings,
    several_labels,
    grades_and_numbers,
    coco,
    herbarium,
)
ROWS = sorted([HOME, *(row for part in PARTS for row in part.ROWS)], key=lambda row: row.number)
