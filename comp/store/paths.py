"""All files that the stages exchange, and their paths in outputs/.

| file                               | content                                                                      | module                    |
|------------------------------------|------------------------------------------------------------------------------|---------------------------|
| competition.json                   | the Competition that `make folds` used                                       | frozen_competition.py     |
| folds.csv, folds.json              | one row per training photo, sorted by image; its hash and settings           | fold_table.py             |
| <run>/recipe.json                  | all settings of the run; a run name belongs to one recipe                    | frozen.py, derived_runs.py |
| <run>/fold<k>/model.safetensors    | weights of the best epoch                                                    | models/                   |
| <run>/fold<k>/history.csv          | one row per epoch                                                            | training/                 |
| <run>/fold<k>/diverged.json        | why the last training of the fold was stopped, and what to change            | diverged.py               |
| <run>/all_data/                    | the same of a training on all rows: no oof.npz                               | training/all_rows.py      |
| <run>/fold<k>/oof.npz, test.npz    | ids (N,) str, probs (N, C) float32, classes (C,) str, meta: JSON text        | predictions.py            |
| <name>/oof.*, test.*               | external predictions: .npz, .csv or .csv.gz                                  | external_files.py         |
| blend/weights.json, oof, test.npz  | the fitted blend and what it is made of; the same keys                       | blend_record.py           |
| pseudo/<name>/fold<k>.npz          | soft labels of test photos for fold k; the keys of oof.npz                   | pseudo_labels.py          |
| report.html, look.html             | the pages of `make report` and `make look`                                   | pages/                    |
| looks/<run>-<hash>.json, .png      | where a run's models look in a photo, for look.html and report.html          | looks.py                  |
| export/<tool>/                     | what `make export` wrote, for other tools; never read back                   | export/                   |
| submission.csv                     | the sample submission with its answers filled in                             | submission.py             |
| submission.json                    | its hash and the sources it is made of                                       | submission_record.py      |
| submissions/<hash>.csv, .json      | every submission so far, and how it was made                                 | submission_history.py     |
| submissions/leaderboard.json       | leaderboard scores that were noted, by the hash of the submission            | leaderboard_scores.py     |

Rows are matched by id, never by position. Every file is written under a temporary name and then renamed, so a file that
exists is complete. Nothing is ever unpickled: files from other people are untrusted input.
"""  # noqa: E501  a table

import re
from dataclasses import dataclass
from pathlib import Path

from comp.errors import InputError

BLEND = "blend"
ALL_DATA = "all_data"  # stands for the number of a fold where a run trains on all rows
# folders of outputs/ that are not runs
RESERVED = (BLEND, "cache", "bench", "locks", "submissions", "chaos", "pseudo", "looks", "export")


@dataclass(frozen=True)
class Run:
    """The paths of one run: outputs/<name>/."""

    outputs: Path
    name: str

    @property
    def folder(self) -> Path:
        return self.outputs / self.name

    @property
    def recipe(self) -> Path:
        return self.folder / "recipe.json"

    def fold(self, k: int | str) -> Path:
        """The folder of fold k, or of the training on all rows (ALL_DATA)."""
        return self.folder / (ALL_DATA if k == ALL_DATA else f"fold{k}")

    def lock(self, k: int | str) -> Path:
        return self.outputs / "locks" / f"{self.name}.fold{k}"

    def weights(self, k: int | str) -> Path:
        return self.fold(k) / "model.safetensors"

    def history(self, k: int | str) -> Path:
        return self.fold(k) / "history.csv"

    def oof(self, k: int) -> Path:
        return self.fold(k) / "oof.npz"

    def test(self, k: int | str) -> Path:
        return self.fold(k) / "test.npz"


def folds_file(outputs: Path) -> Path:
    return outputs / "folds.csv"


def competition_file(outputs: Path) -> Path:
    return outputs / "competition.json"


def submission_file(outputs: Path) -> Path:
    return outputs / "submission.csv"


def leaderboard_file(outputs: Path) -> Path:
    return outputs / "submissions" / "leaderboard.json"


def report_file(outputs: Path) -> Path:
    return outputs / "report.html"


def look_file(outputs: Path) -> Path:
    return outputs / "look.html"


def looks_folder(outputs: Path) -> Path:
    return outputs / "looks"


def export_folder(outputs: Path) -> Path:
    return outputs / "export"


def check_run_name(name: str) -> None:
    """Raise InputError unless `name` is a plain folder name: it becomes part of paths, and make splits at spaces."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", name) or name in RESERVED:
        raise InputError(
            f"RUN={name}",
            f"letters, digits and _ . + -, and not one of {', '.join(RESERVED)}",
            "the same command with another RUN, such as RUN=my_run",
        )
