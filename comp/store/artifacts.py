"""THE contract: every path, key, dtype and check of what the stages exchange on disk.

| file                               | what                                                                          |
|------------------------------------|-------------------------------------------------------------------------------|
| folds.csv, folds.json              | image,group,label,fold + attributes, sorted by image; its hash, what made it    |
| <run>/recipe.json                  | everything the run is trained with; a run name belongs to one recipe           |
| <run>/fold<k>/model.safetensors    | weights of the best epoch                                                      |
| <run>/fold<k>/history.csv          | one row an epoch                                                               |
| <run>/fold<k>/oof.npz, test.npz    | ids (N,) str, probs (N, C) float32, classes (C,) str, meta: JSON text          |
| blend/weights.json, oof, test.npz  | the fitted blend; the same keys                                                |
| submission.csv                     | the sample submission with its answers filled                                  |

Everything is aligned by id, never by position. Every file is written under a temporary name and then renamed, so
a file that exists is whole. Nothing is ever unpickled: a teammate's file is untrusted input.
"""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from comp.errors import InputError, listed
from comp.io import files
from comp.io.files import digest
from comp.io.tables import read_table

FOLDS_COLUMNS = ("image", "group", "label", "fold")
ROW_SUM_TOLERANCE = 1e-3  # float16 probabilities of a teammate sum to 1 within this


@dataclass(frozen=True)
class Predictions:
    """Probabilities by id: ids (N,) str unique, probs (N, C) float32 with rows that sum to 1, classes (C,) str."""

    ids: np.ndarray
    probs: np.ndarray
    classes: tuple[str, ...]
    meta: dict

    def at(self, ids) -> np.ndarray:
        """Rows of `probs` (len(ids), C) in the order of `ids`; raises InputError for ids that are not there."""
        found = pd.Index(self.ids).get_indexer(pd.Index(ids))
        if (found < 0).any():
            missing = np.asarray(ids)[found < 0]
            raise InputError(
                f"{len(missing)} id(s) have no prediction in {self.meta.get('file', 'it')}:{listed(missing)}",
                "a prediction for each",
                f"make predict MODEL={self.meta.get('run', '...')}",
            )
        return self.probs[found]


@dataclass(frozen=True)
class Run:
    """Where one run keeps its files: outputs/<name>/."""

    outputs: Path
    name: str

    @property
    def folder(self) -> Path:
        return self.outputs / self.name

    @property
    def recipe(self) -> Path:
        return self.folder / "recipe.json"

    def fold(self, k: int) -> Path:
        return self.folder / f"fold{k}"

    def lock(self, k: int) -> Path:
        return self.outputs / "locks" / f"{self.name}.fold{k}"

    def weights(self, k: int) -> Path:
        return self.fold(k) / "model.safetensors"

    def history(self, k: int) -> Path:
        return self.fold(k) / "history.csv"

    def oof(self, k: int) -> Path:
        return self.fold(k) / "oof.npz"

    def test(self, k: int) -> Path:
        return self.fold(k) / "test.npz"


def folds_file(outputs: Path) -> Path:
    return outputs / "folds.csv"


def submission_file(outputs: Path) -> Path:
    return outputs / "submission.csv"


BLEND = "blend"
RESERVED = (BLEND, "cache", "bench", "locks", "submissions", "chaos")  # folders of outputs/ that are no run's


def check_run_name(name: str) -> None:
    """Raise InputError unless `name` is one plain folder name: it is joined to paths, and make splits at blanks."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", name) or name in RESERVED:
        raise InputError(
            f"RUN={name}",
            f"letters, digits and _ . + -, and none of {', '.join(RESERVED)}",
            "the same command with RUN=<a plain name>",
        )


def folds_text(table: pd.DataFrame) -> str:
    """The fold table as CSV, sorted by image: equal folds are equal bytes."""
    return table.sort_values("image").to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)


def save_folds(path: Path, table: pd.DataFrame, made_with: dict | None = None) -> None:
    """Write the fold table, and beside it folds.json with its hash and what it was made with."""
    files.write_text(path, folds_text(table))
    files.write_json(path.with_suffix(".json"), {"csv": digest(path), **(made_with or {})})


def data_hash(path: Path) -> str | None:
    """The hash of all photos' bytes when folds.csv was made; None where that is not known."""
    beside = path.with_suffix(".json")
    return files.read_json(beside, "what `make folds` wrote", f"rm {beside}").get("data") if beside.is_file() else None


def load_folds(path: Path, classes: int) -> pd.DataFrame:
    """The fold table; InputError where it is missing, was changed since folds.json was written beside it, or breaks the
    contract (columns, unique images within inputs/, ranges)."""
    run = "make folds"
    table = read_table(path, FOLDS_COLUMNS, run, text=("image", "group"))
    problem = folds_problem(table, classes)
    if problem:
        raise InputError(f"{path}: {problem}", f"columns {','.join(FOLDS_COLUMNS)} as `make folds` writes them", run)
    beside = path.with_suffix(".json")
    if beside.is_file():
        made = files.read_json(beside, "what `make folds` wrote", run).get("csv")
        if made != digest(path):
            changed = f"{path} was changed since it was made: its hash is {digest(path)}, not {made}"
            raise InputError(changed, "the file as it was made", f"{run}; or rm {beside}, if the change is yours")
    return table


def folds_and_digest(outputs: Path, classes: int) -> tuple[pd.DataFrame, str]:
    """The fold table of `outputs` and the hash that names it in other artifacts."""
    path = folds_file(outputs)
    return load_folds(path, classes), digest(path)


def _leaves(image: str) -> bool:
    """Whether a path of the table would lead out of the folder that it is joined to."""
    path = PurePosixPath(image)
    return path.is_absolute() or ".." in path.parts or "\0" in image


def folds_problem(table: pd.DataFrame, classes: int) -> str:
    if table.isna().any().any() or (table[["image", "group"]] == "").any().any():
        return "empty fields"
    outside = table["image"].map(_leaves)
    if outside.any():
        return f"image {table['image'][outside].iloc[0]} is outside of inputs/"
    if table["image"].duplicated().any():
        return f"image {table['image'][table['image'].duplicated()].iloc[0]} twice"
    for column, top in (("label", classes), ("fold", len(table))):
        if not pd.api.types.is_integer_dtype(table[column]) or not table[column].between(0, top - 1).all():
            return f"{column} is not a whole number from 0 to {top - 1}"
    if set(table["fold"]) != set(range(table["fold"].max() + 1)):
        return f"folds {sorted(set(table['fold']))} are not 0 … K-1"
    return ""


def save_predictions(path: Path, ids, probs: np.ndarray, classes, meta: dict) -> None:
    """Write an npz of the contract after checking it: what is saved can be loaded."""
    probs = np.asarray(probs, np.float32)
    made = Predictions(np.asarray(ids, dtype=str), probs, tuple(classes), meta)
    check_predictions(made, path)
    arrays = {"ids": made.ids, "probs": probs, "classes": np.asarray(classes, dtype=str)}
    files.write_arrays(path, **arrays, meta=np.asarray(json.dumps(meta)))


def load_predictions(path: Path, classes, run: str = "make predict MODEL=...") -> Predictions:
    """Read and check an npz of the contract. Raises InputError with `run` as the repair; never unpickles."""
    expected = "an npz with ids, probs, classes and meta (see comp/artifacts.py)"
    if not path.is_file():
        raise InputError(f"no {path}", expected, run)
    try:
        arrays = files.read_arrays(path, ("ids", "probs", "classes", "meta"))
        ids, probs, names = arrays["ids"], arrays["probs"], arrays["classes"]
        meta = json.loads(str(arrays["meta"]))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not readable: {error}", expected, run) from None
    if not isinstance(meta, dict) or ids.dtype.kind != "U" or names.dtype.kind != "U" or probs.dtype.kind != "f":
        raise InputError(f"{path}: ids {ids.dtype}, probs {probs.dtype}, classes {names.dtype}", expected, run)
    loaded = Predictions(ids, probs.astype(np.float32, copy=False), tuple(names.tolist()), {**meta, "file": str(path)})
    check_predictions(loaded, path, run)
    if loaded.classes != tuple(classes):
        raise InputError(f"{path} has classes {list(loaded.classes)}", f"the competition's {list(classes)}", run)
    return loaded


def check_predictions(made: Predictions, path: Path, run: str = "") -> None:
    """Raise InputError where ids repeat or a row is not a distribution."""
    problem = ""
    if made.ids.ndim != 1 or made.probs.shape != (len(made.ids), len(made.classes)):
        problem = f"ids {made.ids.shape}, probs {made.probs.shape}, {len(made.classes)} classes"
    elif pd.Index(made.ids).has_duplicates:
        problem = f"id {made.ids[pd.Index(made.ids).duplicated()][0]} twice"
    elif not np.isfinite(made.probs).all() or (made.probs < 0).any():
        problem = "probabilities that are negative or not finite"
    elif np.abs(made.probs.sum(1, dtype=np.float64) - 1).max(initial=0) > ROW_SUM_TOLERANCE:
        problem = f"row {np.abs(made.probs.sum(1) - 1).argmax()} of probs sums to {made.probs.sum(1).max():.4g}"
    if problem:
        raise InputError(f"{path}: {problem}", "unique ids, and a row of probabilities that sums to 1 for each", run)
