"""The section of the audit on equal and near-identical photos."""

from pathlib import Path

import pandas as pd

from comp.data.photo_pairs import SIDES
from comp.pages.eda_photos import pictures
from comp.pages.sections import Section, Strip
from comp.pages.tables import Table

SHOWN = 6  # pairs of each kind with their photos
LISTED = 200  # pairs in the table
KINDS = {True: "the same bytes", False: "near-identical"}
LABELS = {
    "train": "Pairs within train of two groups would leak between folds; make folds joins their groups. Pairs with "
             "different labels are probably wrong labels.",
    "test": "Pairs within test do no harm.",
    "train and test": "Pairs across train and test do not leak between folds, but the leaderboard rewards memory for "
                      "them: the out-of-fold score does not.",
}  # fmt: skip


def section(pairs: pd.DataFrame, inputs: Path) -> Section:
    """pairs: of photo_pairs.pairs."""
    made = Section("duplicates", "Duplicates")
    if pairs.empty:
        made.notes.append("No two photos are equal or near-identical.")
        return made
    made.tables.append(_counts(pairs))
    made.notes += [LABELS[side] for side in SIDES if (pairs["side"] == side).any()]
    ordered = pairs.sort_values(["labels_differ", "one_group", "equal"], ascending=[False, True, False], kind="stable")
    for side in SIDES:
        for equal, kind in KINDS.items():
            part = ordered[(ordered["side"] == side) & (ordered["equal"] == equal)]
            made.strips += [_strip(row, f"{kind}, {side}", inputs) for row in part.head(SHOWN).itertuples()]
    more = f": the first {LISTED} of {len(pairs):,}" if len(pairs) > LISTED else ""
    rows = [
        [row.first, row.second, KINDS[row.equal], row.side, _remark(row)] for row in ordered.head(LISTED).itertuples()
    ]
    made.tables.append(Table(["photo", "other photo", "how alike", "where", "remark"], rows, f"pairs{more}"))
    return made


def _counts(pairs: pd.DataFrame) -> Table:
    rows = []
    for side in SIDES:
        for equal, kind in KINDS.items():
            part = pairs[(pairs["side"] == side) & (pairs["equal"] == equal)]
            if len(part):
                apart = int((~part["one_group"]).sum()) if side == "train" else None
                differ = int(part["labels_differ"].sum()) if side == "train" else None
                rows.append([f"{side}: {kind}", len(part), apart, differ])
    return Table(["where", "pairs", "of two groups", "with different labels"], rows, "pairs of photos")


def _strip(row, title: str, inputs: Path) -> Strip:
    return Strip(title, pictures(inputs, [row.first, row.second]), _remark(row), captions=True)


def _remark(row) -> str:
    if row.side != "train":
        return ""
    return ("one group" if row.one_group else "two groups") + (", different labels" if row.labels_differ else "")
