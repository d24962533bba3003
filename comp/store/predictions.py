"""Write, read and check oof.npz and test.npz, which have the predictions for each id.

The array probs (N, C) has one row for each of N ids and one column for each of C classes. Which values are allowed
depends on the target, which is the kind of label that the competition predicts:

| target                      | values in probs                                  |
|-----------------------------|--------------------------------------------------|
| multiclass, binary, ordinal | each at least 0, rows sum to 1                   |
| multilabel                  | each from 0 to 1                                 |
| regression                  | one column of finite values                      |
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp import files
from comp.competition.competition import Competition
from comp.errors import InputError, listed

ROW_SUM_TOLERANCE = 1e-3  # the sum of a row may differ from 1 by this much, which allows float16 probabilities
EXPECTED = "an npz file with the arrays ids, probs, classes and meta"


@dataclass(frozen=True)
class Predictions:
    """The predictions of one file: a row of probabilities for each id or, for a regression, one number for each id.

    ids (N,) str: the ids, which are all different.
    probs (N, C) float32: one row for each id, with the probability of each class or, for a regression, with one number.
    classes: the names of the classes.
    meta: a dictionary that says how the predictions were made, and from which path they were loaded (key "file").
    repair: what the user should run if ids are missing.
    """

    ids: np.ndarray
    probs: np.ndarray
    classes: tuple[str, ...]
    meta: dict
    repair: str = ""

    def at(self, ids) -> np.ndarray:
        """Return the rows of `probs` for `ids`, in the order of `ids`. Raises InputError if an id is missing."""
        found = pd.Index(self.ids).get_indexer(pd.Index(ids))
        if (found < 0).any():
            missing = np.asarray(ids)[found < 0]
            where = self.meta.get("file", "the predictions")
            raise InputError(
                f"{len(missing)} id(s) missing in {where}:{listed(missing)}", "a prediction for each id", self.repair
            )
        return self.probs[found]


def save_predictions(path: Path, ids, probs: np.ndarray, competition: Competition, meta: dict) -> None:
    """Check predictions and write them to an npz file.

    ids (N,): the ids; probs (N, C): the probabilities, with one row for each id and one column for each class; meta: a
    dictionary that says how the predictions were made. It is written to the file together with the competition's
    target.
    """
    meta = {**meta, "target": competition.target}
    predictions = Predictions(np.asarray(ids, dtype=str), np.asarray(probs, np.float32), competition.classes, meta)
    check_predictions(predictions, competition, path)
    classes = np.asarray(competition.classes, dtype=str)
    files.write_arrays(
        path, ids=predictions.ids, probs=predictions.probs, classes=classes, meta=np.asarray(json.dumps(meta))
    )


def load_predictions(path: Path, competition: Competition, run: str) -> Predictions:
    """Load and check the predictions in an npz file that `save_predictions` wrote. No pickled objects are loaded.

    Raises InputError if the file is missing or not valid. run: what the error tells the user to run.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}", EXPECTED, run)
    try:
        read = files.read_arrays(path, ("ids", "probs", "classes", "meta"))
        ids, probs, names = read["ids"], read["probs"], read["classes"]
        meta = json.loads(str(read["meta"]))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not readable: {error}", EXPECTED, run) from None
    if not isinstance(meta, dict) or ids.dtype.kind != "U" or names.dtype.kind != "U" or probs.dtype.kind != "f":
        types = f"ids {ids.dtype}, probs {probs.dtype}, classes {names.dtype}"
        raise InputError(f"{path} has arrays of wrong types: {types}", EXPECTED, run)
    file = {"file": str(path)}
    loaded = Predictions(ids, probs.astype(np.float32, copy=False), tuple(names.tolist()), {**meta, **file}, run)
    _check_competition(loaded, competition, path, run)
    check_predictions(loaded, competition, path, run)
    return loaded


def _check_competition(predictions: Predictions, competition: Competition, path: Path, run: str) -> None:
    target = predictions.meta.get("target")
    if target != competition.target:
        expected = f"predictions for the competition's target {competition.target}"
        raise InputError(f"{path} is for the target {target}", expected, run)
    if predictions.classes != competition.classes:
        raise InputError(
            f"{path} has classes {_few(predictions.classes)}",
            f"the classes of the competition: {_few(competition.classes)}",
            run,
        )


def _few(names, most: int = 20) -> str:
    return ", ".join(map(str, names[:most])) + (f", … ({len(names)})" if len(names) > most else "")


def check_predictions(predictions: Predictions, competition: Competition, path: Path, run: str = "") -> None:
    """Raise InputError if the shapes do not fit, if an id occurs twice, or if a value is not valid.

    path: the path of the file, for the error; run: what the error tells the user to run. If values are not valid, the
    error says how many rows are wrong, and names the first of these rows.
    """
    if predictions.ids.ndim != 1 or predictions.probs.shape != (len(predictions.ids), competition.size):
        shapes = f"ids {predictions.ids.shape} and probs {predictions.probs.shape}"
        problem = f"the file has {shapes}, but the competition has {competition.size} classes"
    elif pd.Index(predictions.ids).has_duplicates:
        problem = f"the file has id {predictions.ids[pd.Index(predictions.ids).duplicated()][0]} twice"
    else:
        problem = value_problem(predictions.ids, predictions.probs, competition)
    if problem:
        raise InputError(f"{path}: {problem}", f"ids that are all different, each with {_row_of(competition)}", run)


def _row_of(competition: Competition) -> str:
    if competition.target == "regression":
        return "one finite number"
    return "probabilities that sum to 1" if competition.sums_to_one else "probabilities from 0 to 1"


def value_problem(ids: np.ndarray, probs: np.ndarray, competition: Competition) -> str:
    """Return a text that says what is wrong with the predicted values, or "" if all values are valid.

    ids (N,): the ids; probs (N, C): the predicted values, with one row for each id. The text names the first wrong id.
    """
    bad = ~np.isfinite(probs).all(1)
    if bad.any():
        return f"{_first(ids, bad)} a value that is not finite"
    if competition.target == "regression":
        return ""
    bad = (probs < 0).any(1) if competition.sums_to_one else ((probs < 0) | (probs > 1)).any(1)
    if bad.any():
        return f"{_first(ids, bad)} a probability that is negative or above 1"
    sums = probs.sum(1, dtype=np.float64)
    bad = np.abs(sums - 1) > ROW_SUM_TOLERANCE
    if competition.sums_to_one and bad.any():
        return f"{_first(ids, bad)} probabilities that do not sum to 1; the first row sums to {sums[bad][0]:.4g}"
    return ""


def _first(ids: np.ndarray, bad: np.ndarray) -> str:
    return f"{bad.sum():,} of {len(ids):,} rows (the first: id {ids[bad][0]}) have"
