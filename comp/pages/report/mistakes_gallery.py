"""The section of the report with the gallery of mistakes: photos with their true label and the predictions of all runs.

The reader of the page can filter the photos. `gallery_rows` returns the data for gallery.js. Below the gallery is a
list of the groups whose photos have the same true label but different predictions. A group is a set of photos that must
be in the same fold. Letters in the shapes: S rows, C classes. A row is a photo or, if several photos share one id and
get one prediction, that id. What a prediction is, and how its confidence is measured, depends on the target:

| target     | true label and prediction    | confidence, in thousandths                                       |
|------------|------------------------------|------------------------------------------------------------------|
| one label  | a class                      | the probability of the predicted class                           |
| multilabel | a list of labels             | the largest difference between a probability and the true 0 or 1 |
| regression | a range, and also the number | none                                                             |
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

MOST_THUMBNAILS = 600  # at most this many photos have a thumbnail, of about 2 kB each
BYTES = 5_000_000  # all thumbnails together have at most this many bytes
MOST_SOURCES = 12  # the card of a photo shows at most this many runs, the best ones
MOST_ANSWERS = 1_000_000  # most answers in the page, of 7 bytes each; if there are many rows, fewer runs are shown
MOST_GROUPS = 25  # the list of groups has at most this many groups


def section(data: ReportData) -> Section | None:
    """Return the section with the gallery of photos, the worst mistakes first. Return None if there are no predictions.

    Below the gallery, it lists the groups whose photos have the same true label but different predictions.
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
    """The predictions of one run or of the blend for all S rows, and how confident each prediction is.

    name: the name of the run, or "blend". answers: for each row, the number of the predicted class or range, or -1 if
    there is no prediction; for a multilabel target, a list of label numbers, or None if there is no prediction.
    confidence: for each row, in thousandths, as in the table at the top of this module; empty for a regression.
    numbers: for a regression, the predicted number of each row; else None.
    """

    name: str
    answers: list
    confidence: list[int]
    numbers: list[float | None] | None = None


def gallery_rows(data: ReportData) -> dict:
    """Return the data for gallery.js as a dictionary of JSON values: all rows, and the thumbnails of some rows.

    Entries such as "images" and "truth" are lists with one value for each row, in the same order.
    """
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
    """Return for each row a list of its label numbers. labels (S, C): 1 if a row has a label, else 0."""
    return [np.flatnonzero(row).tolist() for row in labels]


def _photos(data: ReportData) -> dict:
    """Return the entries "photos" and "problems" of `gallery_rows`. Their keys are row numbers as texts.

    The values of "photos" are the thumbnails as data URIs. The values of "problems" say why a thumbnail could not be
    made.
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
    """Return a bool array (S,), True for the rows whose prediction is wrong.

    It is False for a row without a prediction. source: the run or the blend that made the predictions. For a
    regression, a prediction is wrong if it is in another range than the true number. For a multilabel target, one wrong
    label makes the prediction wrong.
    """
    target, known = categories.of_target(data), source.known
    if target is not None:
        return known & (target.answers(data.competition, source) != target.truth)
    wrong = np.zeros(len(known), bool)
    wrong[known] = (scoring.answers(data.competition, source.probs[known]) != (data.rows.labels[known] > 0)).any(1)
    return wrong


def badness(data: ReportData, source: Source) -> np.ndarray:
    """Return for each of S rows a number that is higher for a worse prediction, as float (S,).

    A row without a prediction gets -inf. Every wrong prediction has a higher number than every right prediction. The
    most confident wrong prediction has the highest number, and the most confident right prediction has the lowest
    number. For a regression, the number is the absolute error. source: the run or the blend that made the predictions.
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
    """Return the confidence of each of S predictions of a run or of the blend, as float (S,); nan without a prediction.

    The confidence is the probability of the predicted class or, for a multilabel target, the largest difference between
    a probability and the true 0 or 1. source: the run or the blend. The target must not be a regression.
    """
    target, known = categories.of_target(data), source.known
    confidence = np.full(len(known), np.nan)
    if target is None:
        confidence[known] = np.abs(source.probs[known] - data.rows.labels[known]).max(1)
    else:
        answers = target.answers(data.competition, source)[known]
        confidence[known] = source.probs[known][np.arange(len(answers)), answers]
    return confidence


def thumbnail_rows(data: ReportData, source: Source, most: int) -> list[int]:
    """Return the numbers of the rows that get a thumbnail, at most `most` rows.

    Half of them are the rows with the worst predictions. The others are the worst of the remaining rows in each cell of
    the confusion matrix, so that each cell has photos. For a multilabel target, which has no confusion matrix, all of
    them are the rows with the worst predictions. source: the run or the blend that made the predictions.
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
    """Return the groups whose rows have the same true label but different predictions, the worst group first.

    A group is a set of photos that must be in the same fold. For each group, the result has its name, its number of
    rows, its number of mistakes, and the number of rows whose prediction is not the most frequent prediction of the
    group. If the classes have attributes (properties such as a colour), the values of each attribute are compared
    instead of the classes. The list is empty for a multilabel target and for a regression. source: the run or the blend
    that made the predictions.
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
    """Yield the true and the predicted values of each attribute (a property of the classes, such as a colour).

    If the classes have no attributes, yield the true and the predicted classes. Both are arrays of only the rows with a
    prediction. target: the classes, and the true class of each of S rows. answers: the predicted classes of the rows
    with a prediction. known (S,) bool: True for these rows.
    """
    attributes = categories.of_attributes(data)
    if not attributes:
        yield target.truth[known], answers
    for name, attribute in attributes.items():
        of_class = data.competition.attributes[name].of_class
        yield attribute.truth[known], categories.attribute_values(of_class, answers)


def unlike_their_group(group: np.ndarray, truth: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return a bool array (S,), True for the rows whose predicted value is not the most frequent one of their group.

    It is False for all rows of a group whose true values differ. group (S,), truth (S,), values (S,): the group, the
    true value and the predicted value of each row.
    """
    table = pd.DataFrame({"group": group, "truth": truth, "value": values})
    votes = table.groupby(["group", "value"]).size().rename("votes").reset_index().sort_values("votes", kind="stable")
    usual = votes.drop_duplicates("group", keep="last").set_index("group")["value"]
    same_truth = table.groupby("group")["truth"].transform("nunique") == 1
    return (same_truth & (table["value"] != table["group"].map(usual))).to_numpy()


def _groups(data: ReportData) -> list[dict]:
    """Return the result of `disagreeing_groups` as dictionaries for the template gallery.html.j2.

    The entry "number" is the position of the group in the list "groups" of `gallery_rows`.
    """
    numbers = {name: i for i, name in enumerate(pd.factorize(data.rows.groups)[1].astype(str))}
    return [
        {"name": name, "rows": rows, "mistakes": mistakes, "unlike": unlike, "number": numbers[name]}
        for name, rows, mistakes, unlike in disagreeing_groups(data, data.main)
    ]
