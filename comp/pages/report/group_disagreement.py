"""Groups whose photos are answered differently although they are alike. Letters: S rows, G groups."""

import numpy as np
import pandas as pd

from comp.pages.report import categories
from comp.pages.report.categories import NONE, Categories
from comp.pages.report.report_data import ReportData, Source

MOST = 25  # groups that are listed


def listed(data: ReportData, source: Source) -> list[tuple[str, int, int, int]]:
    """Group, its rows, its mistakes, and how many of its rows are answered unlike most of the group.

    Only groups of several rows. Unlike: in an attribute (the class, if there are none) whose true value is the same in
    the whole group, the answer is not the group's most frequent one. The worst first. Empty for several labels and
    numbers.
    """
    target = categories.of_target(data)
    if target is None or target.edges is not None:
        return []
    answers = target.answers(data.competition, source)
    known = answers != NONE
    group = pd.factorize(data.rows.groups[known])[0]
    unlike = np.zeros(len(group), bool)
    for truth, values in _compared(data, target, answers[known], known):
        unlike |= _unlike(group, truth, values)
    table = pd.DataFrame({"group": data.rows.groups[known], "wrong": target.truth[known] != answers[known]})
    counts = {"rows": ("wrong", "size"), "wrong": ("wrong", "sum"), "unlike": ("unlike", "sum")}
    sums = table.assign(unlike=unlike).groupby("group", sort=True).agg(**counts)
    sums = sums[(sums["rows"] > 1) & (sums["unlike"] > 0)]
    worst = sums.sort_values(["unlike", "wrong"], ascending=False, kind="stable").head(MOST)
    return [(str(row.Index), int(row.rows), int(row.wrong), int(row.unlike)) for row in worst.itertuples()]


def _compared(data: ReportData, target: Categories, answers: np.ndarray, known: np.ndarray):
    """Truth and answers of each attribute; of the class, if classes have no attributes."""
    attributes = categories.of_attributes(data)
    if not attributes:
        yield target.truth[known], answers
    for name, one in attributes.items():
        yield one.truth[known], categories.of_classes(data.competition.attributes[name].of_class, answers)


def _unlike(group: np.ndarray, truth: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Rows (S,) bool whose value is not the most frequent one of their group; False where truths differ in a group."""
    table = pd.DataFrame({"group": group, "truth": truth, "value": values})
    votes = table.groupby(["group", "value"]).size().rename("votes").reset_index().sort_values("votes", kind="stable")
    usual = votes.drop_duplicates("group", keep="last").set_index("group")["value"]
    same_truth = table.groupby("group")["truth"].transform("nunique") == 1
    return (same_truth & (table["value"] != table["group"].map(usual))).to_numpy()
