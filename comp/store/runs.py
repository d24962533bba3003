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

Which files of outputs/<name>/ are external predictions, and why others that look like predictions are not read.

The runs in outputs/: trained runs and external predictions.

The command that makes the predictions of a run again.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from comp import files
from comp.errors import InputError
from comp.files import digest

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


def submission_csv(outputs: Path) -> Path:
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


EXTERNAL_SUFFIXES = (".npz", ".csv", ".csv.gz")  # the first that is there is read
OTHER_FORMATS = r"\.(npz|npy|csv|tsv|txt|parquet|feather|pkl|pickle|joblib|h5|hdf5|xlsx)(\.(gz|zip|bz2|xz))?|\.(zip|7z)"
EXPECTED_FILES = f"oof and test, each as {', '.join(EXTERNAL_SUFFIXES)}"


def find_external_files(folder: Path) -> tuple[Path, Path] | None:
    """The oof and the test file of external predictions; None where one of them is not there."""
    oof, test = (_candidates(folder, role) for role in ("oof", "test"))
    return (oof[0], test[0]) if oof and test else None


def _candidates(folder: Path, role: str) -> list[Path]:
    """Files of a role, those first that are read first."""
    names = [role + suffix for suffix in EXTERNAL_SUFFIXES]
    found = [file for file in _visible(folder) if file.name.lower() in names]
    return sorted(found, key=lambda file: (names.index(file.name.lower()), file.name))


def _visible(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*") if file.is_file() and not file.name.startswith("."))


def unused_files(folder: Path) -> str:
    """Why files of a folder that look like predictions are not used; empty where there are none.

    A folder with folds.csv is another OUTPUTS, not predictions.
    """
    if (folder / "folds.csv").is_file():
        return ""
    if (folder / "recipe.json").is_file():
        return _not_read(folder, [], "its own folds are")
    pair = find_external_files(folder)
    if pair:
        return _not_read(folder, list(pair), f"{pair[0].name} and {pair[1].name} are")
    if list(folder.glob("fold*/*.npz")):
        return f"{folder} has folds but no recipe.json: copy that of the run into it"
    there = [file.name for file in _visible(folder) if re.search(f"(?:{OTHER_FORMATS})$", file.name.lower())]
    if there:
        return f"{folder} has {', '.join(there[:10])}, expected {EXPECTED_FILES}"
    below = [inner for inner in sorted(folder.glob("*/")) if find_external_files(inner)]
    return f"{below[0]} has the predictions: move them up, to {folder}" if below else ""


def _not_read(folder: Path, used: list[Path], instead: str) -> str:
    names = [file.name for file in (*_candidates(folder, "oof"), *_candidates(folder, "test")) if file not in used]
    return f"{', '.join(names)} in {folder} {'is' if len(names) == 1 else 'are'} not used: {instead}" if names else ""


def run_names(outputs: Path) -> list[str]:
    """The names of all runs and external predictions in `outputs`, sorted."""
    folders = _folders(outputs)
    return [f.name for f in folders if (f / "recipe.json").is_file() or find_external_files(f)]


def trained_runs(outputs: Path) -> list[str]:
    """The trained runs. folds.csv must not change while they exist."""
    return [name for name in run_names(outputs) if Run(Path(outputs), name).recipe.is_file()]


def unused_folders(outputs: Path) -> dict[str, str]:
    """Folder name to the reason why its files are not used, although they look like predictions."""
    reasons = {folder.name: unused_files(folder) for folder in _folders(outputs)}
    return {name: reason for name, reason in reasons.items() if reason}


def _folders(outputs: Path) -> list[Path]:
    return sorted(folder for folder in Path(outputs).glob("*") if folder.is_dir() and folder.name not in RESERVED)


def check_known(outputs: Path, wanted: Iterable[str]) -> None:
    """Raise InputError for unknown runs. It names a similar run, and why a folder of that name is not a run."""
    there = run_names(outputs)
    unknown = [name for name in wanted if name not in there]
    if not unknown and there:
        return
    reasons = [reason for name, reason in unused_folders(outputs).items() if name in unknown]
    nearest = difflib.get_close_matches(unknown[0], there, 1) if unknown else []
    found = ": ".join([f"no run{''.join(f' {name}' for name in unknown)} in {outputs}", *reasons])
    expected = f"trained runs: {', '.join(there) or 'none yet'}" + "".join(f"; nearest: {name}" for name in nearest)
    raise InputError(found, expected, "correct those files" if reasons else _advice(there))


def _advice(there: list[str]) -> str:
    return "make train MODEL=<a model>" + (f", or the same command with one of {', '.join(there)}" if there else "")


def source_digest(run: Run) -> str:
    """A hash of all files that a blend reads of a run or of external predictions: the predictions and the recipe."""
    external = find_external_files(run.folder) or ()
    own = [run.recipe, *sorted(run.folder.glob("fold*/*.npz")), *sorted(run.fold(ALL_DATA).glob("*.npz"))]
    return files.checksum([digest(path) for path in (own if run.recipe.is_file() else external)])


def missing_folds(run: Run, count: int) -> list[int]:
    """Which of the `count` folds of a run have no predictions; none for external predictions."""
    if not run.recipe.is_file():
        return []
    return [k for k in range(count) if not (run.oof(k).is_file() and run.test(k).is_file())]


def complete_runs(outputs: Path, count: int) -> list[str]:
    """The runs and external predictions that have predictions for all `count` folds, sorted."""
    return [name for name in run_names(outputs) if not missing_folds(Run(outputs, name), count)]


def model_of(run: Run) -> str:
    """The model in the recipe of a run; the name of the run if it has no recipe."""
    return str(_recipe(run).get("name") or run.name)


def init_of(run: Run) -> str:
    """The run whose weights a run began with (INIT); empty for none."""
    return str(_recipe(run).get("init", ""))


def wants_all_data(run: Run) -> bool:
    """Whether the recipe of a run also trains on all rows (all_data)."""
    return _recipe(run).get("all_data") is True


def _recipe(run: Run) -> dict:
    """The settings in recipe.json; none where there is no such file, or one of another form."""
    found = _content(run).get("recipe")
    return found if isinstance(found, dict) else {}


def _content(run: Run) -> dict:
    try:
        return files.read_json(run.recipe, "", "")
    except InputError:
        return {}


def own_command(run: Run) -> str:
    """The command that makes a run which is not trained (see derived_runs.py); empty for a trained run."""
    return str(_content(run).get("command", ""))


def train_command(run: Run, k: int | str | None = None) -> str:
    """The command that trains fold k, the training on all rows (ALL_DATA), or all folds."""
    words = ["make train", f"MODEL={model_of(run)}", f"RUN={run.name}"]
    words += [] if k is None else [f"FOLD={k}"]
    return " ".join(words + ([f"INIT={init_of(run)}"] if init_of(run) else []))


def repair_command(run: Run, k: int | str | None = None) -> str:
    """The command that makes the predictions of fold k, of the training on all rows, or of all folds, again."""
    if own_command(run):
        return own_command(run)
    numbers = run.folder.glob("fold*/model.safetensors") if k is None else [run.weights(k)]
    if not any(path.is_file() for path in numbers):
        return train_command(run, k)
    return f"make predict MODEL={model_of(run)} RUN={run.name}" + ("" if k is None else f" FOLD={k}")


def command_to_start_again(run: Run, k: int | str) -> str:
    """The commands that make fold k, or the training on all rows, anew."""
    return own_command(run) or f"rm -r {run.fold(k)} and {train_command(run, k)}"
