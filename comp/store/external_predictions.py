"""External predictions, such as a teammate sends: oof and test as .npz, .csv or .csv.gz in outputs/<name>/.

A CSV has a column of ids, then a column per class, by the classes' names or by 0 … C-1. Of two classes the probability
of the positive one is enough; a regression has one column. Capitals in file names do not matter.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import arrays
from comp.store import external_files
from comp.store.external_csv import class_columns, read_csv
from comp.store.external_ids import matched
from comp.store.predictions import ROW_SUM_TOLERANCE, Predictions, check_predictions

ROUNDED = 0.01  # how far from 1 a row may sum that was rounded when it was written
NEARLY = 1e-6  # beyond 0 and 1, of numbers that were computed in another way


def load(
    folder: Path, folds: pd.DataFrame, folds_digest: str, competition: Competition, test_ids=None
) -> tuple[Predictions, Predictions]:
    """The oof and test predictions of a folder where `find` finds both. The caller checks their ids.

    Ids are matched to those of the folds, and to test_ids where they are given, as external_ids.py says. Where several
    photos make one prediction, oof may have a row per photo or a row per prediction id.
    """
    oof, test = (read(file, competition) for file in external_files.find(folder))
    made_with = oof.meta.get("folds", folds_digest)
    if made_with != folds_digest:
        raise InputError(
            f"{oof.meta['file']} was made with folds.csv {made_with}",
            f"out-of-fold predictions of this folds.csv, {folds_digest}: with other folds a blend would leak",
            f"send them this folds.csv, or move {folder} out of the outputs folder",
        )
    if competition.combine:
        by_id = _named_as(oof, folds["id"])
        if set(by_id.ids) == set(folds["id"]):
            oof = replace(by_id, ids=folds["image"].to_numpy(), probs=by_id.at(folds["id"]))
    return _named_as(oof, folds["image"]), test if test_ids is None else _named_as(test, test_ids)


def _named_as(made: Predictions, wanted) -> Predictions:
    return replace(made, ids=matched(made.ids, wanted))


def read(path: Path, competition: Competition) -> Predictions:
    """Checked predictions of an npz, a CSV or a gzipped CSV."""
    repair = f"correct {path}, or move {path.parent} out of the outputs folder"
    if path.suffix.lower() == ".npz":
        ids, probs, meta = _read_npz(path, competition, repair)
    else:
        ids, probs, meta = *read_csv(path, competition, repair), {}
    if probs.ndim == 1:
        probs = probs[:, None]
    if competition.target == "binary" and probs.shape[1:] == (1,):
        probs = np.hstack([1 - probs, probs])
    probs = _tidied(probs.astype(np.float32), competition)
    made = Predictions(ids, probs, competition.classes, {**meta, "file": str(path)}, repair)
    check_predictions(made, competition, path, _remedy(probs, competition, path) or repair)
    return made


def _tidied(probs: np.ndarray, competition: Competition) -> np.ndarray:
    """Probabilities (N, C) that rounding took beyond 0 … 1, or from a sum of 1, brought back."""
    if competition.target == "regression" or probs.ndim != 2:
        return probs
    near = (probs > -NEARLY) & (probs < 1 + NEARLY)
    probs = np.where(near, probs.clip(0, 1), probs)
    off = np.abs(probs.sum(1, dtype=np.float64) - 1)
    rounded = (off > ROW_SUM_TOLERANCE) & (off <= ROUNDED)
    if competition.sums_to_one and rounded.any():
        probs[rounded] /= probs[rounded].sum(1, keepdims=True)
    return probs


def _remedy(probs: np.ndarray, competition: Competition, path: Path) -> str:
    """What to do where the values are of a usual other kind than probabilities; "" where they are not."""
    if competition.target == "regression" or probs.ndim != 2 or not np.isfinite(probs).all():
        return ""
    if (probs < 0).any():
        how = "softmax over each row" if competition.sums_to_one else "the sigmoid"
        return f"these look like logits: write {how} of them to {path}"
    sums = probs.sum(1, dtype=np.float64)
    percent = np.abs(sums - 100).max() < 100 * ROUNDED if competition.sums_to_one else 2 < probs.max() <= 100
    return f"these look like percent: divide the probabilities of {path} by 100" if percent else ""


def _read_npz(path: Path, competition: Competition, repair: str) -> tuple[np.ndarray, np.ndarray, dict]:
    expected = "an npz with ids (N,) str, probs (N, C) float and classes (C,) str"
    try:
        made = arrays.read_arrays(path, ("ids", "probs", "classes"), optional=("meta",))
        meta = json.loads(str(made.get("meta", "{}")))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not readable: {error}", expected, repair) from None
    ids, probs, classes = made["ids"], made["probs"], made["classes"].reshape(-1).astype(str).tolist()
    if ids.dtype.kind == "S":
        ids = np.char.decode(ids, "utf-8", "replace")
    if ids.dtype.kind != "U" or probs.dtype.kind not in "fiub" or not isinstance(meta, dict):
        found = f"{path}: ids {ids.dtype}, probs {probs.dtype}, meta a {type(meta).__name__}"
        raise InputError(found, expected, f"save it again with ids.astype(str); or {repair}")
    if probs.ndim == 2 and probs.shape[1] == len(classes) > 1:
        order = class_columns(classes, competition)
        if order is None or len(order) != len(classes):
            raise InputError(f"{path} has classes {classes[:20]}", f"{list(competition.classes[:20])}", repair)
        probs = probs[:, [classes.index(name) for name in order]]
    return ids, probs.astype(np.float32), meta
