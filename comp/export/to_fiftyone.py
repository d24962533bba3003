"""Export the training photos to a dataset of FiftyOne, with the true label, fold, group and predictions of each photo.

If several photos share one id of the sample submission and get one answer, only the first of them is exported.
"""

import re
from pathlib import Path

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.pages.report.report_data import ReportData


def export(data: ReportData, target: Path) -> str:
    """Write the dataset to the database of FiftyOne, and return the command that shows the dataset.

    data: the results in outputs/. An earlier dataset of the same outputs folder is replaced. The photos are not copied.
    `target` is not used, because FiftyOne decides where its database is.
    """
    import fiftyone

    rows, several = samples(data), data.competition.target == "multilabel"
    name = "comp-" + re.sub(r"[^A-Za-z0-9]+", "-", str(data.outputs.resolve())).strip("-")
    dataset = fiftyone.Dataset(name, persistent=True, overwrite=True)
    dataset.add_samples([_sample(fiftyone, row, several) for row in rows])
    return f".venv/bin/fiftyone app launch {name}"


def samples(data: ReportData) -> list[dict]:
    """Return a dictionary for each photo that is exported, with the values that FiftyOne stores.

    The keys are filepath, tags (the group), fold, ground_truth (the true label), and one key for the prediction of each
    run and of the blend. If a run has no prediction for the photo, its key is missing. The true label and each
    prediction are a list of pairs (class name, probability) or, for a regression, a number. For the true label, the
    probability is None. Raises InputError if no run has predictions.
    """
    if not data.sources:
        raise InputError(
            f"no run in {data.outputs} has predictions", "predictions to export", "make train MODEL=<a model>"
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
    """Return a different field name for each run, by the name of the run.

    FiftyOne allows only letters, digits and _ in field names.
    """
    fields: dict[str, str] = {}
    for name in names:
        field = "run_" + re.sub(r"[^A-Za-z0-9]", "_", name)
        while field in fields.values():
            field += "_"
        fields[name] = field
    return fields


def _answers(competition: Competition, probs: np.ndarray) -> list:
    """Return the answer of a run for each row, in the form that `_named` gives, or None for a row without predictions.

    `scoring.answers` decides which answer follows from the probabilities. probs: one row per photo and one column per
    class, with nan in a row without predictions.
    """
    known = np.isfinite(probs).all(1)
    answers = scoring.answers(competition, np.where(known[:, None], probs, 0))
    rows = zip(answers, probs, known, strict=True)
    return [_named(competition, answer, row) if predicted else None for answer, row, predicted in rows]


def _named(competition: Competition, label, probs) -> list[tuple[str, float | None]] | float:
    """Return the classes of a label as pairs (class name, probability) or, for a regression, the label as a number.

    label: the number of a class, or for several labels an array with 1 for each class that the photo has and 0 for all
    others, or the number of a regression. probs: the probability of each class, or None; then each pair has None in
    place of a probability.
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
