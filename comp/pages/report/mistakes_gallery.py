"""The section of the report with the gallery of mistakes: photos with their true label and the answer of each run.

The reader can filter the photos. `gallery_rows` has all scored rows as plain values for gallery.js, and thumbnails of
some rows. Below the gallery are the groups that have one true label but different answers. Letters: S scored rows, C
classes.

| target         | truth and answers of a row         | confidence, in thousandths                          |
|----------------|------------------------------------|-----------------------------------------------------|
| one label      | a class                            | the probability of the answer                       |
| several labels | a list of labels                   | largest difference of a probability from true 0/1   |
| number         | a range; also the numbers          | none                                                |
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition import scoring
from comp.pages import thumbnails
from comp.pages.page import Section
from comp.pages.report import categories
from comp.pages.report.categories import NONE, Categories
from comp.pages.report.report_data import ReportData, Source

MOST_THUMBNAILS = 600  # most thumbnails, of about 2 kB each
BYTES = 5_000_000  # most bytes of all thumbnails
MOST_SOURCES = 12  # most sources on a card, which are the best ones: more sources make the card long
MOST_ANSWERS = 1_000_000  # most answers of all sources, of 7 bytes each; with many rows, fewer sources are shown
MOST_GROUPS = 25  # most groups in the list


def section(data: ReportData) -> Section | None:
    """The section with the gallery, the most confident mistakes first, and the groups that disagree.

    Returns None without predictions.
    """
    if not data.main:
        return None
    values = {
        "classes": _names(data),
        "attributes": {name: attribute.values for name, attribute in data.competition.attributes.items()},
        "columns": {name: np.unique(column).tolist() for name, column in data.columns.items()},
        "folds": int(data.rows.folds.max()) + 1,
        "number": data.competition.target == "regression",
        "source": data.main.name,
        "several_runs": len(data.runs) > 1,
        "groups": _groups(data),
        "rows": gallery_rows(data),
    }
    return Section("gallery", "Mistakes", template="gallery.html.j2", values=values, scripts=("gallery.js",))


def _names(data: ReportData) -> list[str]:
    target = categories.of_target(data)
    return list(data.competition.classes if target is None else target.names)


# ---- the rows


@dataclass(frozen=True)
class Opinion:
    """The answers and confidences of one source, as in the table above. name: the name of the source.

    The answer in a row that is not predicted is NONE, or None for several labels. numbers: the predicted numbers of a
    regression, else None.
    """

    name: str
    answers: list
    confidence: list[int]
    numbers: list[float | None] | None = None


def gallery_rows(data: ReportData) -> dict:
    """All scored rows as plain values for gallery.js, and thumbnails of some rows."""
    group, names = pd.factorize(data.rows.groups)
    order = np.argsort(-badness(data, data.main), kind="stable")
    target, number = categories.of_target(data), data.competition.target == "regression"
    attributes = data.competition.attributes.values()
    return {
        "several": data.competition.target == "multilabel",
        "hasBlend": data.blend is not None,
        "hasGroups": len(names) < len(group),
        "classes": _names(data),
        "images": list(map(str, data.images)),
        "truth": _label_lists(data.rows.labels) if target is None else target.truth.tolist(),
        "numbers": [float(f"{value:.6g}") for value in data.rows.labels] if number else None,
        "sources": [vars(_opinion(data, source)) for source in _shown_sources(data)],
        "wrong": is_wrong(data, data.main).astype(int).tolist(),
        "order": order[data.main.known[order]].tolist(),
        "folds": data.rows.folds.tolist(),
        "groups": names.astype(str).tolist(),
        "group": group.tolist(),
        "attributes": [{"ofClass": list(attribute.of_class)} for attribute in attributes],
        "columns": [{"codes": np.unique(column, return_inverse=True)[1].tolist()} for column in data.columns.values()],
        **_photos(data),
    }


def _shown_sources(data: ReportData) -> list[Source]:
    return data.sources[: min(MOST_SOURCES, max(2, MOST_ANSWERS // max(1, len(data.images))))]


def _opinion(data: ReportData, source: Source) -> Opinion:
    target, known = categories.of_target(data), source.known
    if target is None:
        lists = iter(_label_lists(scoring.answers(data.competition, source.probs[known])))
        answers = [next(lists) if predicted else None for predicted in known]
        return Opinion(source.name, answers, _thousandths(data, source))
    answers = target.answers(data.competition, source).tolist()
    if target.edges is None:
        return Opinion(source.name, answers, _thousandths(data, source))
    values = zip(source.probs[:, 0], known, strict=True)
    numbers = [float(f"{value:.5g}") if predicted else None for value, predicted in values]
    return Opinion(source.name, answers, [], numbers)


def _thousandths(data: ReportData, source: Source) -> list[int]:
    return np.rint(1000 * np.nan_to_num(_confidence(data, source))).astype(int).tolist()


def _label_lists(labels: np.ndarray) -> list[list[int]]:
    """The list of labels of each row. labels (S, C): 0 or 1."""
    return [np.flatnonzero(row).tolist() for row in labels]


def _photos(data: ReportData) -> dict:
    """Two entries for gallery.js: "photos" has thumbnails, and "problems" has the reasons for missing thumbnails.

    The keys of both are row numbers as texts.
    """
    rows = thumbnail_rows(data, data.main, MOST_THUMBNAILS)
    drawn = thumbnails.thumbnails(data.inputs, [data.images[row] for row in rows], budget=BYTES)
    pairs = list(zip(rows, drawn, strict=True))
    return {
        "photos": {str(row): small.uri for row, small in pairs if small.uri},
        "problems": {str(row): small.problem for row, small in pairs if not small.uri},
    }


# ---- their order


def is_wrong(data: ReportData, source: Source) -> np.ndarray:
    """Return whether the answer of each row is wrong, (S,) bool.

    For a regression, an answer is wrong if it is in another range than the true number. Rows that are not predicted are
    not wrong.
    """
    target, known = categories.of_target(data), source.known
    if target is not None:
        return known & (target.answers(data.competition, source) != target.truth)
    wrong = np.zeros(len(known), bool)
    wrong[known] = (scoring.answers(data.competition, source.probs[known]) != (data.rows.labels[known] > 0)).any(1)
    return wrong


def badness(data: ReportData, source: Source) -> np.ndarray:
    """A number (S,) for each row that is higher for a worse answer, and -inf for a row that is not predicted.

    All mistakes are worse than all right answers. The most confident mistake is the worst, and the most confident right
    answer is the best. For a regression, the number is the absolute error.
    """
    known = source.known
    worse = np.full(len(known), -np.inf)
    if data.competition.target == "regression":
        worse[known] = np.abs(source.probs[known, 0] - data.rows.labels[known])
        return worse
    confidence, wrong = _confidence(data, source)[known], is_wrong(data, source)[known]
    of_right = confidence if data.competition.target == "multilabel" else 1 - confidence
    worse[known] = np.where(wrong, confidence, of_right - 1)
    return worse


def _confidence(data: ReportData, source: Source) -> np.ndarray:
    """The confidence (S,) of each row, as in the table above; nan if the row is not predicted."""
    target, known = categories.of_target(data), source.known
    confidence = np.full(len(known), np.nan)
    if target is None:
        confidence[known] = np.abs(source.probs[known] - data.rows.labels[known]).max(1)
    else:
        answers = target.answers(data.competition, source)[known]
        confidence[known] = source.probs[known][np.arange(len(answers)), answers]
    return confidence


def thumbnail_rows(data: ReportData, source: Source, most: int) -> list[int]:
    """At most `most` rows that get a thumbnail.

    Half of them are the worst rows of all. The other half are the worst rows of each pair of truth and answer, so that
    each cell of a confusion matrix has photos. For several labels, all of them are the worst rows.
    """
    order = np.argsort(-badness(data, source), kind="stable")
    order, target = order[source.known[order]], categories.of_target(data)
    if target is None:
        return order[:most].tolist()
    worst, rest = order[: most // 2], order[most // 2 :]
    cell = target.truth * len(target.names) + target.answers(data.competition, source)
    place_in_cell = pd.Series(cell[rest]).groupby(cell[rest]).cumcount().to_numpy()
    by_place = rest[np.argsort(place_in_cell, kind="stable")]
    return [*worst.tolist(), *by_place[: most - len(worst)].tolist()]


# ---- groups that disagree


def disagreeing_groups(data: ReportData, source: Source) -> list[tuple[str, int, int, int]]:
    """The groups that have one truth but different answers, the worst group first.

    For each group, return its name and its numbers of rows, of mistakes, and of rows whose answer is not the most
    frequent answer of the group. Answers are compared attribute by attribute, or by class if there are no attributes.
    The list is empty for several labels and for numbers.
    """
    target = categories.of_target(data)
    if target is None or target.edges is not None:
        return []
    answers = target.answers(data.competition, source)
    known = answers != NONE
    group = pd.factorize(data.rows.groups[known])[0]
    unlike = np.zeros(len(group), bool)
    for truth, values in _truths_and_answers(data, target, answers[known], known):
        unlike |= unlike_their_group(group, truth, values)
    table = pd.DataFrame({"group": data.rows.groups[known], "wrong": target.truth[known] != answers[known]})
    counts = {"rows": ("wrong", "size"), "wrong": ("wrong", "sum"), "unlike": ("unlike", "sum")}
    sums = table.assign(unlike=unlike).groupby("group", sort=True).agg(**counts)
    sums = sums[(sums["rows"] > 1) & (sums["unlike"] > 0)]
    worst = sums.sort_values(["unlike", "wrong"], ascending=False, kind="stable").head(MOST_GROUPS)
    return [(str(row.Index), int(row.rows), int(row.wrong), int(row.unlike)) for row in worst.itertuples()]


def _truths_and_answers(
    data: ReportData, target: Categories, answers: np.ndarray, known: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the truths and the answers in the predicted rows, for each attribute or else for the class."""
    attributes = categories.of_attributes(data)
    if not attributes:
        yield target.truth[known], answers
    for name, attribute in attributes.items():
        of_class = data.competition.attributes[name].of_class
        yield attribute.truth[known], categories.attribute_values(of_class, answers)


def unlike_their_group(group: np.ndarray, truth: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return whether the value of each row is not the most frequent value of its group, (S,) bool.

    The result is False for all rows of a group that has several truths.
    """
    table = pd.DataFrame({"group": group, "truth": truth, "value": values})
    votes = table.groupby(["group", "value"]).size().rename("votes").reset_index().sort_values("votes", kind="stable")
    usual = votes.drop_duplicates("group", keep="last").set_index("group")["value"]
    same_truth = table.groupby("group")["truth"].transform("nunique") == 1
    return (same_truth & (table["value"] != table["group"].map(usual))).to_numpy()


def _groups(data: ReportData) -> list[dict]:
    """The groups that disagree, as values for the template. number: the number of the group in `gallery_rows`."""
    numbers = {name: i for i, name in enumerate(pd.factorize(data.rows.groups)[1].astype(str))}
    return [
        {"name": name, "rows": rows, "mistakes": mistakes, "unlike": unlike, "number": numbers[name]}
        for name, rows, mistakes, unlike in disagreeing_groups(data, data.main)
    ]
