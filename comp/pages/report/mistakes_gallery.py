"""Groups whose photos are answered differently although they are alike. Letters: S rows, G groups.

The rows of the gallery as plain values: truth, answers of each source, how wrong they are.

Letters: S scored rows, C classes.

| target         | truth and answers of a row   | confidence, in thousandths                                |
|----------------|------------------------------|-----------------------------------------------------------|
| one label      | a class                      | the probability of the answer                             |
| several labels | a list of labels             | how far the probability that is furthest off is from 0, 1 |
| number         | a range, and beside it the   | none                                                      |
|                | numbers themselves           |                                                           |

The gallery of mistakes: the data that gallery.js filters, and the thumbnails of the worst rows.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition import scoring
from comp.pages import thumbnails
from comp.pages.page import ReportSection
from comp.pages.report import categories
from comp.pages.report.categories import NONE, Categories
from comp.pages.report.report_data import ReportData, Source

MOST_GROUPS = 25  # groups that are listed


def disagreeing_groups(data: ReportData, source: Source) -> list[tuple[str, int, int, int]]:
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
    worst = sums.sort_values(["unlike", "wrong"], ascending=False, kind="stable").head(MOST_GROUPS)
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


MOST_OPINIONS = 12  # sources, the best ones: more make a card long
MOST_ANSWERS = 1_000_000  # of all sources together, 7 bytes each: of many rows fewer sources are shown


@dataclass(frozen=True)
class Opinion:
    """What one source says of each row: see the table above. Rows that are not predicted have NONE, or None."""

    name: str
    answers: list
    confidence: list[int]
    numbers: list[float | None] | None = None


def truths(data: ReportData) -> list:
    """The truth of each row: a category, or a list of labels."""
    target = categories.of_target(data)
    return _sets(data.rows.labels) if target is None else target.truth.tolist()


def opinions(data: ReportData) -> list[Opinion]:
    """What each source says, the main one first."""
    count = min(MOST_OPINIONS, max(2, MOST_ANSWERS // max(1, len(data.images))))
    return [_opinion(data, source) for source in data.sources[:count]]


def wrong(data: ReportData, source: Source) -> np.ndarray:
    """Which rows are answered wrong (S,) bool; for a number: in another range than the true one."""
    target, known = categories.of_target(data), source.known
    if target is not None:
        return known & (target.answers(data.competition, source) != target.truth)
    made = np.zeros(len(known), bool)
    made[known] = (scoring.answers(data.competition, source.probs[known]) != (data.rows.labels[known] > 0)).any(1)
    return made


def badness_of_rows(data: ReportData, source: Source) -> np.ndarray:
    """Sorts the rows (S,), the worst highest: mistakes by confidence, then right answers, the least sure first.

    A number: the absolute error. Rows that are not predicted have -inf.
    """
    known = source.known
    made = np.full(len(known), -np.inf)
    if data.competition.target == "regression":
        made[known] = np.abs(source.probs[known, 0] - data.rows.labels[known])
        return made
    sure, bad = _confidence(data, source), wrong(data, source)
    several = data.competition.target == "multilabel"
    made[known] = np.where(bad[known], sure[known], (sure[known] if several else 1 - sure[known]) - 1)
    return made


def _opinion(data: ReportData, source: Source) -> Opinion:
    target, known = categories.of_target(data), source.known
    if target is None:
        sets = iter(_sets(scoring.answers(data.competition, source.probs[known])))
        return Opinion(source.name, [next(sets) if one else None for one in known], _thousandths(data, source))
    answers = target.answers(data.competition, source).tolist()
    if target.edges is None:
        return Opinion(source.name, answers, _thousandths(data, source))
    numbers = [float(f"{value:.5g}") if one else None for value, one in zip(source.probs[:, 0], known, strict=True)]
    return Opinion(source.name, answers, [], numbers)


def _thousandths(data: ReportData, source: Source) -> list[int]:
    return np.rint(1000 * np.nan_to_num(_confidence(data, source))).astype(int).tolist()


def _confidence(data: ReportData, source: Source) -> np.ndarray:
    """The confidence (S,) of the table above, nan where a row is not predicted."""
    target, known = categories.of_target(data), source.known
    made = np.full(len(known), np.nan)
    if target is None:
        made[known] = np.abs(source.probs[known] - data.rows.labels[known]).max(1)
    else:
        answers = target.answers(data.competition, source)[known]
        made[known] = source.probs[known][np.arange(len(answers)), answers]
    return made


def _sets(labels: np.ndarray) -> list[list[int]]:
    """The labels of each row, from (S, C) of 0 and 1."""
    return [np.flatnonzero(row).tolist() for row in labels]


def chosen_rows(data: ReportData, source: Source, most: int) -> list[int]:
    """Up to `most` rows that get a thumbnail: half of them the worst of all, half the worst of each pair of truth and
    answer, so that each cell of a confusion matrix has photos."""
    order = np.argsort(-badness_of_rows(data, source), kind="stable")
    order, target = order[source.known[order]], categories.of_target(data)
    if target is None:
        return order[:most].tolist()
    worst, rest = order[: most // 2], order[most // 2 :]
    pair = target.truth * len(target.names) + target.answers(data.competition, source)
    by_place = rest[np.argsort(_place_within(pair[rest]), kind="stable")]
    return [*worst.tolist(), *by_place[: most - len(worst)].tolist()]


def _place_within(values: np.ndarray) -> np.ndarray:
    """How many equal values stand before each (S,)."""
    import pandas as pd

    return pd.Series(values).groupby(values).cumcount().to_numpy()


THUMBNAILS = 600  # about 2 kB each
BYTES = 5_000_000  # of thumbnails, at most


def section(data: ReportData) -> ReportSection | None:
    """Photos with truth, answers and confidence, the most confident mistakes first; None without predictions."""
    if not data.main:
        return None
    values = {
        "classes": _names(data),
        "attributes": {name: one.values for name, one in data.competition.attributes.items()},
        "columns": {name: np.unique(column).tolist() for name, column in data.columns.items()},
        "folds": int(data.rows.folds.max()) + 1,
        "number": data.competition.target == "regression",
        "source": data.main.name,
        "several_runs": len(data.runs) > 1,
        "groups": _groups(data),
        "rows": rows(data),
    }
    return ReportSection("gallery", "Mistakes", "report/gallery.html.j2", values, scripts=("gallery.js",))


def _names(data: ReportData) -> list[str]:
    target = categories.of_target(data)
    return list(data.competition.classes if target is None else target.names)


def _groups(data: ReportData) -> list[dict]:
    """The groups whose photos are answered differently, with their number in the rows."""
    numbers = {name: i for i, name in enumerate(pd.factorize(data.rows.groups)[1].astype(str))}
    keys = ("name", "rows", "mistakes", "unlike")
    found = [dict(zip(keys, one, strict=True)) for one in disagreeing_groups(data, data.main)]
    return [one | {"number": numbers[one["name"]]} for one in found]


def rows(data: ReportData) -> dict:
    """All rows as plain values for gallery.js, with thumbnails of some of them."""
    group, names = pd.factorize(data.rows.groups)
    badness = badness_of_rows(data, data.main)
    order = np.argsort(-badness, kind="stable")
    several, number = data.competition.target == "multilabel", data.competition.target == "regression"
    return {
        "several": several,
        "hasBlend": data.blend is not None,
        "hasGroups": len(names) < len(group),
        "classes": _names(data),
        "images": list(map(str, data.images)),
        "truth": truths(data),
        "numbers": [float(f"{value:.6g}") for value in data.rows.labels] if number else None,
        "sources": [vars(opinion) for opinion in opinions(data)],
        "wrong": wrong(data, data.main).astype(int).tolist(),
        "order": order[data.main.known[order]].tolist(),
        "folds": data.rows.folds.tolist(),
        "groups": names.astype(str).tolist(),
        "group": group.tolist(),
        "attributes": [{"ofClass": list(one.of_class)} for one in data.competition.attributes.values()],
        "columns": [{"codes": np.unique(column, return_inverse=True)[1].tolist()} for column in data.columns.values()],
        **_photos(data),
    }


def _photos(data: ReportData) -> dict:
    chosen = chosen_rows(data, data.main, THUMBNAILS)
    made = thumbnails.thumbnails(data.inputs, [data.images[row] for row in chosen], budget=BYTES)
    pairs = list(zip(chosen, made, strict=True))
    return {
        "photos": {str(row): one.uri for row, one in pairs if one.uri},
        "problems": {str(row): one.problem for row, one in pairs if not one.uri},
    }
