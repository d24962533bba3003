"""Runs, which are sets of predictions in outputs/<name>/: their kinds, their files and the commands that make them.

| kind     | what it is                                                    | files            |
|----------|---------------------------------------------------------------|------------------|
| trained  | a network, trained here on the folds                          | fold<k>/         |
| pseudo   | a trained network whose rows include pseudo-labelled photos   | fold<k>/         |
| features | a classifier on features of a frozen network (`make embed`)   | fold<k>/         |
| stack    | a classifier on predictions of other runs (`make stack`)      | fold<k>/         |
| external | predictions of other people                                   | oof.*, test.*    |
| blend    | the blend of other runs                                       | oof.npz, test.npz |
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from comp import console, files
from comp.errors import InputError, quoted
from comp.store.paths import ALL_DATA, BLEND

TRAINED, PSEUDO, FEATURES, STACK, EXTERNAL = "trained", "pseudo", "features", "stack", "external"
NETWORKS = (TRAINED, PSEUDO)  # the kinds of runs that have weights
DERIVED = (FEATURES, STACK)  # the kinds of runs that a classifier of scikit-learn makes
# names of folders in outputs/ that are not runs, which no run may have
RESERVED = (BLEND, "cache", "bench", "locks", "submissions", "chaos", "pseudo", "looks", "export")
EXTERNAL_SUFFIXES = (".npz", ".csv", ".csv.gz")  # the first suffix for which a file exists is used
OTHER_FORMATS = r"\.(npz|npy|csv|tsv|txt|parquet|feather|pkl|pickle|joblib|h5|hdf5|xlsx)(\.(gz|zip|bz2|xz))?|\.(zip|7z)"
EXPECTED_FILES = f"oof and test, each as {', '.join(EXTERNAL_SUFFIXES)}"


@dataclass(frozen=True)
class Run:
    """The run `name` in the folder `outputs`, which need not exist yet.

    In all methods, k is the number of a fold, or ALL_DATA for the training on all rows.
    """

    outputs: Path
    name: str

    # ---- files

    @property
    def folder(self) -> Path:
        return self.outputs / self.name

    @property
    def recipe(self) -> Path:
        return self.folder / "recipe.json"

    def fold(self, k: int | str) -> Path:
        """Return the folder of fold k, or of the training on all rows."""
        return self.folder / (ALL_DATA if k == ALL_DATA else f"fold{k}")

    def lock(self, k: int | str) -> Path:
        return self.outputs / "locks" / f"{self.name}.fold{k}"

    def weights(self, k: int | str) -> Path:
        return self.fold(k) / "model.safetensors"

    def history(self, k: int | str) -> Path:
        return self.fold(k) / "history.csv"

    def resume(self, k: int | str) -> Path:
        return self.fold(k) / "resume.pt"

    def diverged(self, k: int | str) -> Path:
        return self.fold(k) / "diverged.json"

    def oof(self, k: int) -> Path:
        return self.fold(k) / "oof.npz"

    def test(self, k: int | str) -> Path:
        return self.fold(k) / "test.npz"

    # ---- what it is

    @property
    def kind(self) -> str:
        """The kind of the run, as in the table above. A run that does not exist yet counts as external."""
        if self.name == BLEND:
            return BLEND
        if not self.recipe.is_file():
            return EXTERNAL
        kind = self._content().get("kind", TRAINED)
        return PSEUDO if kind == TRAINED and self.setting("pseudo") else kind

    @property
    def has_folds(self) -> bool:
        """Whether the run has a folder for each fold, as all runs do that were made in this outputs folder."""
        return self.name != BLEND and self.recipe.is_file()

    @property
    def model(self) -> str:
        """The MODEL argument that trains the run, or a placeholder if recipe.json is missing or cannot be read."""
        return str(self.setting("name") or "<its model>")

    @property
    def init(self) -> str:
        """The name of the run whose weights the training started from (INIT), or ""."""
        return str(self.setting("init") or "")

    @property
    def wants_all_data(self) -> bool:
        """Whether the recipe asks for a training on all rows (all_data) in addition to the folds."""
        return self.setting("all_data") is True

    def setting(self, name: str):
        """Return a setting of recipe.json, or None if the file or the setting does not exist."""
        recipe = self._content().get("recipe")
        return recipe.get(name) if isinstance(recipe, dict) else None

    def _content(self) -> dict:
        try:
            return files.read_json(self.recipe, "", "")
        except InputError:
            return {}

    # ---- what there is

    def is_trained(self, k: int | str) -> bool:
        """Whether the training of fold k is complete, which means that it has weights and no resume.pt."""
        return self.weights(k).is_file() and not self.resume(k).is_file()

    def predicted_folds(self, count: int) -> list[int]:
        """Return the folds with OOF predictions. count: the number of folds.

        External predictions and the blend have OOF predictions for all folds.
        """
        return [k for k in range(count) if not self.has_folds or self.oof(k).is_file()]

    def missing_folds(self, count: int) -> list[int]:
        """Return the folds, of all `count` folds, that lack OOF or test predictions; [] for external predictions."""
        if not self.has_folds:
            return []
        return [k for k in range(count) if not (self.oof(k).is_file() and self.test(k).is_file())]

    def digest(self) -> str:
        """Return a hash of all files of the run that a blend reads, which are its predictions and its recipe."""
        read = find_external_files(self.folder) or ()
        if self.has_folds:
            all_rows = sorted(self.fold(ALL_DATA).glob("*.npz"))
            read = [self.recipe, *sorted(self.folder.glob("fold*/*.npz")), *all_rows]
        return files.checksum([files.digest(path) for path in read])

    # ---- the commands that make it

    @property
    def command(self) -> str:
        """The command that made the run, from recipe.json, or the command that trains all folds of a trained run."""
        return str(self._content().get("command") or f"make train MODEL={self.model} RUN={self.name}")

    def train_command(self, k: int | str | None = None) -> str:
        """Return the command that trains fold k, or all folds if k is None."""
        return self.command if k is None or self.kind != TRAINED else f"{self.command} FOLD={k}"

    def repair_command(self, k: int | str | None = None) -> str:
        """Return the command that makes the predictions of fold k again, or of all folds if k is None."""
        weights = self.folder.glob("fold*/model.safetensors") if k is None else [self.weights(k)]
        if self.kind not in NETWORKS or not any(path.is_file() for path in weights):
            return self.train_command(k)
        return f"make predict MODEL={self.model} RUN={self.name}" + ("" if k is None else f" FOLD={k}")

    def restart_command(self, k: int | str) -> str:
        """Return the command that trains fold k from the start."""
        if self.kind in DERIVED:
            return self.command
        return f"rm -r {quoted(self.fold(k))} && {self.train_command(k)}"


def make_command(target: str, **variables: object) -> str:
    """The command `make <target>` with the variables that have a value, each as one word of a shell."""
    return " ".join(["make", target, *(f"{name}={quoted(value)}" for name, value in variables.items() if value)])


# ---- names


def check_run_name(name: str) -> None:
    """Raise InputError unless `name` is a plain folder name. It becomes part of paths, and make splits at spaces."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", name) or name in RESERVED:
        raise InputError(
            f"RUN={name}",
            f"a name of letters, digits and _ . + - other than {', '.join(RESERVED)}",
            "the same command with another RUN, such as RUN=my_run",
        )


# ---- all runs of a folder


def all_runs(outputs: Path) -> list[Run]:
    """Return all runs and external predictions in `outputs`, without the blend, sorted by name."""
    folders = [folder for folder in _folders(outputs) if is_run(folder)]
    return [Run(Path(outputs), folder.name) for folder in folders]


def is_run(folder: Path) -> bool:
    return (folder / "recipe.json").is_file() or find_external_files(folder) is not None


def run_names(outputs: Path) -> list[str]:
    """Return the sorted names of all runs and external predictions in `outputs`."""
    return [run.name for run in all_runs(outputs)]


def own_runs(outputs: Path) -> list[Run]:
    """Return the runs that were made on the folds of `outputs`. While such runs exist, folds.csv must not change."""
    return [run for run in all_runs(outputs) if run.has_folds]


def complete_runs(outputs: Path, count: int) -> list[str]:
    """Return the names of the runs and external predictions that have predictions for all `count` folds."""
    return [run.name for run in all_runs(outputs) if not run.missing_folds(count)]


def unused_folders(outputs: Path) -> dict[str, str]:
    """Return, by the name of a folder, why files in it that look like predictions are not used."""
    reasons = {folder.name: unused_files(folder) for folder in _folders(outputs)}
    return {name: reason for name, reason in reasons.items() if reason}


def warn_of_unused(outputs: Path, count: int, asked: Iterable[str]) -> None:
    """Print a warning for all predictions that are not blended, with the reason.

    count: the number of folds; asked: the names of the runs that were asked for, or () for all complete runs.
    """
    for reason in unused_folders(outputs).values():
        console.warn(reason)
    for run in all_runs(outputs) if not asked else ():
        if numbers := run.missing_folds(count):
            missing = f"{'fold' if len(numbers) == 1 else 'folds'} {', '.join(map(str, numbers))}"
            console.warn(f"{run.name} is left out, because it has no predictions for {missing} yet")


def _folders(outputs: Path) -> list[Path]:
    return sorted(folder for folder in Path(outputs).glob("*") if folder.is_dir() and folder.name not in RESERVED)


def check_known(outputs: Path, wanted: Iterable[str]) -> None:
    """Raise InputError for names that are not runs, with a similar run and the reason why a folder is not a run."""
    names = run_names(outputs)
    unknown = [name for name in wanted if name not in names]
    if not unknown and names:
        return
    reasons = [reason for name, reason in unused_folders(outputs).items() if name in unknown]
    nearest = difflib.get_close_matches(unknown[0], names, 1) if unknown else []
    found = ": ".join([f"no run{''.join(f' {name}' for name in unknown)} in {outputs}", *reasons])
    expected = f"trained runs: {', '.join(names) or 'none yet'}" + "".join(f"; nearest: {name}" for name in nearest)
    raise InputError(found, expected, f"correct the files in {outputs}" if reasons else _advice(names))


def _advice(names: list[str]) -> str:
    return "make train MODEL=<a model>" + (f", or the same command with one of {', '.join(names)}" if names else "")


# ---- files of external predictions


def find_external_files(folder: Path) -> tuple[Path, Path] | None:
    """Return the paths of the oof file and the test file of external predictions, or None if a file is missing."""
    oof, test = (_candidates(folder, role) for role in ("oof", "test"))
    return (oof[0], test[0]) if oof and test else None


def _candidates(folder: Path, role: str) -> list[Path]:
    """Return the paths of the files with a role, the preferred file first. role: "oof" or "test"."""
    names = [role + suffix for suffix in EXTERNAL_SUFFIXES]
    candidates = [file for file in _visible(folder) if file.name.lower() in names]
    return sorted(candidates, key=lambda file: (names.index(file.name.lower()), file.name))


def _visible(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*") if file.is_file() and not file.name.startswith("."))


def unused_files(folder: Path) -> str:
    """Return why files of a folder that look like predictions are not used, or "" if there are no such files.

    A folder with a folds.csv is ignored, because it is another outputs folder.
    """
    if (folder / "folds.csv").is_file():
        return ""
    if (folder / "recipe.json").is_file():
        return _not_read(folder, [], "the predictions in its fold folders")
    pair = find_external_files(folder)
    if pair:
        return _not_read(folder, list(pair), f"{pair[0].name} and {pair[1].name}")
    if list(folder.glob("fold*/*.npz")):
        return f"{folder} has fold folders but no recipe.json. Copy the recipe.json of the run into {folder}"
    similar = [file.name for file in _visible(folder) if re.search(f"(?:{OTHER_FORMATS})$", file.name.lower())]
    if similar:
        return f"{folder} has {', '.join(similar[:10])}, expected {EXPECTED_FILES}"
    below = [inner for inner in sorted(folder.glob("*/")) if find_external_files(inner)]
    return f"the predictions are in {below[0]}, and must be moved up to {folder}" if below else ""


def _not_read(folder: Path, used: list[Path], instead: str) -> str:
    names = [file.name for file in (*_candidates(folder, "oof"), *_candidates(folder, "test")) if file not in used]
    verb = "is" if len(names) == 1 else "are"
    return f"{', '.join(names)} in {folder} {verb} not used, because {instead} are used" if names else ""
