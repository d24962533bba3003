"""A FiftyOne dataset: for each scored row a sample with its truth, each run's prediction, its fold and its group."""

import re
from pathlib import Path

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.pages.report.report_data import ReportData


def export(data: ReportData, target: Path) -> str:
    """Replace the persistent dataset in FiftyOne's own database; returns the command that shows it.

    target is not used: the data lie in that database, and the photos stay in their place.
    """
    import fiftyone

    rows, several = samples(data), data.competition.target == "multilabel"
    name = "comp-" + re.sub(r"[^A-Za-z0-9]+", "-", str(data.outputs.resolve())).strip("-")
    dataset = fiftyone.Dataset(name, persistent=True, overwrite=True)
    dataset.add_samples([_sample(fiftyone, row, several) for row in rows])
    return f".venv/bin/fiftyone app launch {name}"


def samples(data: ReportData) -> list[dict]:
    """Plain values of each sample: filepath, tags, fold, ground_truth, and a field for each run and the blend.

    Truth and predictions are lists of (label, confidence), or a number for a regression. The truth has no confidence:
    it is None.
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
    """Run name to its field of FiftyOne, which has only letters, digits and _. No two fields are the same."""
    fields: dict[str, str] = {}
    for name in names:
        field = "run_" + re.sub(r"[^A-Za-z0-9]", "_", name)
        while field in fields.values():
            field += "_"
        fields[name] = field
    return fields


def _answers(competition: Competition, probs: np.ndarray) -> list:
    """The plain decision of each row (S,), with its probability; None where it is not predicted."""
    known = np.isfinite(probs).all(1)
    answers = scoring.answers(competition, np.where(known[:, None], probs, 0))
    rows = zip(answers, probs, known, strict=True)
    return [_named(competition, answer, row) if predicted else None for answer, row, predicted in rows]


def _named(competition: Competition, label, probs) -> list[tuple[str, float | None]] | float:
    """The names of a label and their probabilities, if there are any; the number of a regression."""
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
