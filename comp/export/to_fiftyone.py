"""Export the scored rows to a FiftyOne dataset, with the truth, fold, group and predictions of each row."""

import re
from pathlib import Path

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.pages.report.report_data import ReportData


def export(data: ReportData, target: Path) -> str:
    """Write the dataset to FiftyOne's own database, in place of an earlier one, and return the command that shows it.

    target is not used, because the database is elsewhere. The photos are not copied.
    """
    import fiftyone

    rows, several = samples(data), data.competition.target == "multilabel"
    name = "comp-" + re.sub(r"[^A-Za-z0-9]+", "-", str(data.outputs.resolve())).strip("-")
    dataset = fiftyone.Dataset(name, persistent=True, overwrite=True)
    dataset.add_samples([_sample(fiftyone, row, several) for row in rows])
    return f".venv/bin/fiftyone app launch {name}"


def samples(data: ReportData) -> list[dict]:
    """Return the plain values of each sample, one per scored row.

    A sample has the fields filepath, tags, fold and ground_truth, and a field with the predictions of each run and of
    the blend. Truth and predictions are lists of (label, confidence), or numbers for a regression. The confidence of
    the truth is None.
    """
    if not data.sources:
        raise InputError(
            f"no run with predictions in {data.outputs}", "predictions to export", "make train MODEL=<a model>"
        )
    fields = field_names([source.name for source in data.sources])
    predictions = {fields[source.name]: _answers(data.competition, source.probs) for source in data.sources}
    truths = [_named(data.competition, label, None) for label in data.rows.labels]
    return [
        {
            "filepath": str((Path(data.inputs) / image).resolve()),
            "tags": [f"group:{data.rows.groups[i]}"],
            "fold": int(data.rows.folds[i]),
            "ground_truth": truths[i],
            **{field: answers[i] for field, answers in predictions.items() if answers[i] is not None},
        }
        for i, image in enumerate(data.images)
    ]


def field_names(names: list[str]) -> dict[str, str]:
    """Return for each run name a different field name for FiftyOne, which allows only letters, digits and _."""
    fields: dict[str, str] = {}
    for name in names:
        field = "run_" + re.sub(r"[^A-Za-z0-9]", "_", name)
        while field in fields.values():
            field += "_"
        fields[name] = field
    return fields


def _answers(competition: Competition, probs: np.ndarray) -> list:
    """Return the plain decision and its probability for each row (S,), or None for a row without predictions."""
    known = np.isfinite(probs).all(1)
    answers = scoring.answers(competition, np.where(known[:, None], probs, 0))
    rows = zip(answers, probs, known, strict=True)
    return [_named(competition, answer, row) if predicted else None for answer, row, predicted in rows]


def _named(competition: Competition, label, probs) -> list[tuple[str, float | None]] | float:
    """Return the class names of a label, each with its probability (None without probs), or the number of a regression.

    label: a class, (C,) of 0 and 1, or a number; probs (C,): the probabilities of the row, or None.
    """
    if competition.target == "regression":
        return float(label)
    places = np.flatnonzero(label).tolist() if competition.target == "multilabel" else [int(label)]
    return [(competition.classes[i], None if probs is None else float(probs[i])) for i in places]


def _sample(fiftyone, row: dict, several: bool):
    plain = ("filepath", "tags", "fold")
    sample = fiftyone.Sample(**{key: row[key] for key in plain})
    for field, value in row.items():
        if field not in plain:
            sample[field] = value if isinstance(value, float) else _classified(fiftyone, value, several)
    return sample


def _classified(fiftyone, pairs: list, several: bool):
    labels = [fiftyone.Classification(label=label, confidence=confidence) for label, confidence in pairs]
    return fiftyone.Classifications(classifications=labels) if several else labels[0]
