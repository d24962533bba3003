"""THE contract: every path, key, dtype and check of what the stages exchange on disk.

| file                               | what                                                                          |
|------------------------------------|-------------------------------------------------------------------------------|
| folds.csv                          | image,group,label,fold + attributes; sorted by image, paths relative to inputs |
| <run>/recipe.json                  | everything the run is trained with; a run name belongs to one recipe           |
| <run>/fold<k>/model.safetensors    | weights of the best epoch                                                      |
| <run>/fold<k>/history.csv          | one row an epoch                                                               |
| <run>/fold<k>/oof.npz, test.npz    | ids (N,) str, probs (N, C) float32, classes (C,) str, meta: JSON text          |
| blend/weights.json, oof, test.npz  | the fitted blend; the same keys                                                |
| submission.csv                     | the sample submission with its answers filled                                  |

Everything is aligned by id, never by position. Every file is written under a temporary name and then renamed, so
a file that exists is whole. Nothing is ever unpickled: a teammate's file is untrusted input.
"""

import contextlib
import csv
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp.errors import InputError, listed

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
RESERVED = (BLEND, "cache", "bench")  # folders of outputs/ that are no run's


def check_run_name(name: str) -> None:
    """Raise InputError unless `name` is one plain folder name: it is joined to paths, and make splits at blanks."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", name) or name in RESERVED:
        raise InputError(
            f"RUN={name}",
            f"letters, digits and _ . + -, and none of {', '.join(RESERVED)}",
            "the same command with RUN=<a plain name>",
        )


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` once the block ends well, else delete it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _sweep(path)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # or a power cut leaves a renamed, empty file
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}", "a writable disk with room", "df -h"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Delete what killed processes left of earlier attempts at this file."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        process = left.name.split(".")[-2]
        if not (process.isdecimal() and Path("/proc", process).exists()):
            left.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value) -> None:
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path, expected: str, run: str) -> dict:
    """The JSON object in `path`; InputError where it is missing or is not one."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no {path}", expected, run) from None
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f"{path} is not readable: {error}", expected, run) from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a {type(value).__name__}", expected, run)
    return value


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, first 16 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def save_folds(path: Path, table: pd.DataFrame) -> None:
    """Write the fold table sorted by image, so that equal folds are equal bytes."""
    with replacing(path) as temporary:
        table.sort_values("image").to_csv(temporary, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)


def load_folds(path: Path, classes: int) -> pd.DataFrame:
    """The fold table; InputError where it is missing or breaks the contract (columns, unique images, ranges)."""
    run = "make folds"
    if not path.is_file():
        raise InputError(f"no {path}", "the fold of each training photo", run)
    try:
        table = pd.read_csv(path, dtype={"image": str, "group": str})
        problem = _folds_problem(table, classes)
    except (ValueError, UnicodeDecodeError) as error:
        problem = str(error)
    if problem:
        raise InputError(f"{path}: {problem}", f"columns {','.join(FOLDS_COLUMNS)} as `make folds` writes them", run)
    return table


def _folds_problem(table: pd.DataFrame, classes: int) -> str:
    missing = [column for column in FOLDS_COLUMNS if column not in table]
    if missing:
        return f"no column {','.join(missing)}"
    if table.empty or table.isna().any().any():
        return "no rows, or empty fields"
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
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(
            file, ids=made.ids, probs=probs, classes=np.asarray(classes, dtype=str), meta=np.asarray(json.dumps(meta))
        )


def load_predictions(path: Path, classes, run: str = "make predict MODEL=...") -> Predictions:
    """Read and check an npz of the contract. Raises InputError with `run` as the repair; never unpickles."""
    expected = "an npz with ids, probs, classes and meta (see comp/artifacts.py)"
    if not path.is_file():
        raise InputError(f"no {path}", expected, run)
    try:
        with np.load(path, allow_pickle=False) as file:
            ids, probs, names = file["ids"], file["probs"], file["classes"]
            meta = json.loads(str(file["meta"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError, MemoryError) as error:
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
