"""Find the runs in outputs/, their kinds and their files, and the commands that make them.

A run is a folder outputs/<name>/ with out-of-fold (OOF) and test predictions. These are the kinds of runs:

| kind     | what it is                                                     | files             |
|----------|----------------------------------------------------------------|-------------------|
| trained  | a network that was trained on the folds                        | fold<k>/          |
| pseudo   | a network that was also trained on pseudo-labelled test photos | fold<k>/          |
| features | a classifier on features of a frozen network (`make embed`)    | fold<k>/          |
| stack    | a classifier on predictions of other runs (`make stack`)       | fold<k>/          |
| external | predictions that were made outside of this toolkit             | oof.*, test.*     |
| blend    | the blend of other runs                                        | oof.npz, test.npz |
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
DERIVED = (FEATURES, STACK)  # the kinds of runs whose predictions come from a classifier of scikit-learn
# the names of other folders in outputs/, which no run may have
RESERVED = (BLEND, "cache", "bench", "locks", "submissions", "chaos", "pseudo", "looks", "export")
EXTERNAL_SUFFIXES = (".npz", ".csv", ".csv.gz")  # the first suffix for which a file exists is used
OTHER_FORMATS = r"\.(npz|npy|csv|tsv|txt|parquet|feather|pkl|pickle|joblib|h5|hdf5|xlsx)(\.(gz|zip|bz2|xz))?|\.(zip|7z)"
EXPECTED_FILES = f"oof and test, each as {' or '.join(EXTERNAL_SUFFIXES)}"


@dataclass(frozen=True)
class Run:
    """A run, which is a folder with predictions in the outputs folder. The folder need not exist yet.

    outputs: the path of the outputs folder; name: the name of the run, and of its folder. In all methods, k is the
    number of a fold, or "all_data" for the training on all rows.
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
        """Return the folder of fold k, or of the training on all rows if k is "all_data"."""
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

    # ---- the kind and the settings of the run

    @property
    def kind(self) -> str:
        """Return the kind of the run: trained, pseudo, features, stack, external or blend.

        The kind of a run that does not exist yet is external.
        """
        if self.name == BLEND:
            return BLEND
        if not self.recipe.is_file():
            return EXTERNAL
        kind = self._content().get("kind", TRAINED)
        return PSEUDO if kind == TRAINED and self.setting("pseudo") else kind

    @property
    def has_folds(self) -> bool:
        """Return whether the run has a folder for each fold, unlike external predictions and the blend."""
        return self.name != BLEND and self.recipe.is_file()

    @property
    def model(self) -> str:
        """Return the run's value of MODEL, which names its model, or "<its model>" if recipe.json does not have it."""
        return str(self.setting("name") or "<its model>")

    @property
    def init(self) -> str:
        """Return the name of the run from whose weights the training started (option INIT), or "" if there is none."""
        return str(self.setting("init") or "")

    @property
    def wants_all_data(self) -> bool:
        """Return whether the settings ask for a training on all rows (all_data=true) in addition to the folds."""
        return self.setting("all_data") is True

    def setting(self, name: str):
        """Return the value of a setting in recipe.json, or None if the file or the setting does not exist."""
        recipe = self._content().get("recipe")
        return recipe.get(name) if isinstance(recipe, dict) else None

    def _content(self) -> dict:
        try:
            return files.read_json(self.recipe, "", "")
        except InputError:
            return {}

    # ---- the files that exist

    def is_trained(self, k: int | str) -> bool:
        """Return whether fold k is trained: it has weights, and no checkpoint of a stopped training."""
        return self.weights(k).is_file() and not self.resume(k).is_file()

    def predicted_folds(self, count: int) -> list[int]:
        """Return the numbers of the folds for which the run has OOF predictions. count: the number of all folds.

        For external predictions and for the blend, these are all folds.
        """
        return [k for k in range(count) if not self.has_folds or self.oof(k).is_file()]

    def missing_folds(self, count: int) -> list[int]:
        """Return the numbers of the folds that lack OOF predictions, test predictions or both.

        count: the number of all folds.
        For external predictions and for the blend, the result is [].
        """
        if not self.has_folds:
            return []
        return [k for k in range(count) if not (self.oof(k).is_file() and self.test(k).is_file())]

    def digest(self) -> str:
        """Return a hash of the run's predictions and of its recipe.json."""
        read = find_external_files(self.folder) or ()
        if self.has_folds:
            all_rows = sorted(self.fold(ALL_DATA).glob("*.npz"))
            read = [self.recipe, *sorted(self.folder.glob("fold*/*.npz")), *all_rows]
        return files.checksum([files.digest(path) for path in read])

    # ---- the commands that make the run

    @property
    def command(self) -> str:
        """Return the command that made the run. If recipe.json does not have it, return a `make train` command."""
        return str(self._content().get("command") or f"make train MODEL={self.model} RUN={self.name}")

    def train_command(self, k: int | str | None = None) -> str:
        """Return the command that trains fold k, or all folds if k is None.

        If the run is not of the kind "trained", the command always makes the whole run.
        """
        return self.command if k is None or self.kind != TRAINED else f"{self.command} FOLD={k}"

    def repair_command(self, k: int | str | None = None) -> str:
        """Return the command that makes the predictions of fold k again, or of all folds if k is None.

        For a run without weights, it is the same command as `train_command`.
        """
        weights = self.folder.glob("fold*/model.safetensors") if k is None else [self.weights(k)]
        if self.kind not in NETWORKS or not any(path.is_file() for path in weights):
            return self.train_command(k)
        return f"make predict MODEL={self.model} RUN={self.name}" + ("" if k is None else f" FOLD={k}")

    def restart_command(self, k: int | str) -> str:
        """Return the command that deletes fold k and makes it again.

        For the kinds "features" and "stack", it is the command that makes all folds again, and it deletes nothing.
        """
        if self.kind in DERIVED:
            return self.command
        return f"rm -r {quoted(self.fold(k))} && {self.train_command(k)}"


def make_command(target: str, **variables: object) -> str:
    """Return the command `make <target> NAME=value …`, in which the values are quoted for a shell.

    variables: the values by variable name. Variables whose value is empty, 0 or None are left out.
    """
    return " ".join(["make", target, *(f"{name}={quoted(value)}" for name, value in variables.items() if value)])


# ---- names


def check_run_name(name: str) -> None:
    """Raise InputError if `name` must not be the name of a run.

    A name has only letters, digits and _ . + -, because it becomes part of paths and of `make` commands. It must not be
    the name of another folder in outputs/, such as cache.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", name) or name in RESERVED:
        raise InputError(
            f"RUN={name} cannot be the name of a run",
            f"a name of letters, digits and _ . + - that begins with none of . + -, but not {', '.join(RESERVED)}",
            "the same command with another RUN, such as RUN=my_run",
        )


# ---- all runs of an outputs folder


def all_runs(outputs: Path) -> list[Run]:
    """Return all runs in `outputs`, including external predictions but without the blend, sorted by name."""
    folders = [folder for folder in _folders(outputs) if is_run(folder)]
    return [Run(Path(outputs), folder.name) for folder in folders]


def is_run(folder: Path) -> bool:
    return (folder / "recipe.json").is_file() or find_external_files(folder) is not None


def run_names(outputs: Path) -> list[str]:
    """Return the names of all runs in `outputs`, including external predictions but without the blend, sorted."""
    return [run.name for run in all_runs(outputs)]


def own_runs(outputs: Path) -> list[Run]:
    """Return all runs in `outputs` that this toolkit made, without external predictions and the blend."""
    return [run for run in all_runs(outputs) if run.has_folds]


def complete_runs(outputs: Path, count: int) -> list[str]:
    """Return the names of the runs that have predictions for all folds, including external predictions.

    count: the number of folds.
    """
    return [run.name for run in all_runs(outputs) if not run.missing_folds(count)]


def unused_folders(outputs: Path) -> dict[str, str]:
    """Find folders in `outputs` with files that look like predictions but are not used.

    Returns a dictionary from the name of each such folder to a text that says why its files are not used.
    """
    reasons = {folder.name: unused_files(folder) for folder in _folders(outputs)}
    return {name: reason for name, reason in reasons.items() if reason}


def warn_of_unused(outputs: Path, count: int, asked: Iterable[str]) -> None:
    """Print a warning about each run and each folder whose predictions are left out of the blend, with the reason.

    count: the number of folds; asked: the names of the runs that the user wants to blend, or () for all runs that have
    predictions for all folds. If the user names runs, there is no warning about other runs.
    """
    for reason in unused_folders(outputs).values():
        console.warn(reason)
    for run in all_runs(outputs) if not asked else ():
        if numbers := run.missing_folds(count):
            missing = f"{'fold' if len(numbers) == 1 else 'folds'} {', '.join(map(str, numbers))}"
            console.warn(f"{run.name} is left out of the blend, because it has no predictions for {missing} yet")


def _folders(outputs: Path) -> list[Path]:
    return sorted(folder for folder in Path(outputs).glob("*") if folder.is_dir() and folder.name not in RESERVED)


def check_known(outputs: Path, wanted: Iterable[str]) -> None:
    """Raise InputError if a name in `wanted` is not the name of a run, or if there are no runs at all.

    The error suggests the run with the most similar name. If there is a folder with the unknown name, the error says
    why this folder is not a run.
    """
    names = run_names(outputs)
    unknown = [name for name in wanted if name not in names]
    if not unknown and names:
        return
    reasons = [reason for name, reason in unused_folders(outputs).items() if name in unknown]
    nearest = difflib.get_close_matches(unknown[0], names, 1) if unknown else []
    found = ": ".join([f"no run{''.join(f' {name}' for name in unknown)} in {outputs}", *reasons])
    expected = f"an existing run: {', '.join(names) or 'none yet'}" + "".join(f"; nearest: {name}" for name in nearest)
    raise InputError(found, expected, f"correct the files in {outputs}" if reasons else _advice(names))


def no_trained_run(outputs: Path, name: str, model: str) -> InputError:
    """Return the error for a run `name` that is not there or was not trained by this toolkit.

    The error lists the trained runs in `outputs`, and advises to predict the one with the most similar name, or to
    train the run. model: the model of this training, or "" if it is not known.
    """
    trained = [run.name for run in all_runs(outputs) if run.kind in NETWORKS]
    given = f"MODEL={quoted(model)}" if model else "MODEL=<a model>"
    advice = f"make train {given}" + (f" RUN={quoted(name)}" if name != model else "")
    if nearest := (difflib.get_close_matches(name, trained, 1) or trained)[:1]:
        advice = f"{make_command('predict', MODEL=Run(outputs, nearest[0]).model, RUN=nearest[0])}; or {advice}"
    expected = f"a trained run: {', '.join(trained) or 'none yet'}"
    return InputError(f"there is no trained run {name} in {outputs}", expected, advice)


def _advice(names: list[str]) -> str:
    return "make train MODEL=<a model>" + (f", or the same command with one of {', '.join(names)}" if names else "")


# ---- files of external predictions


def find_external_files(folder: Path) -> tuple[Path, Path] | None:
    """Return the paths of the oof file and the test file in a folder, or None if one of the two files is missing."""
    oof, test = (_candidates(folder, role) for role in ("oof", "test"))
    return (oof[0], test[0]) if oof and test else None


def _candidates(folder: Path, role: str) -> list[Path]:
    """Return the paths of all oof files, or of all test files, in a folder. Only the first one is used.

    role: "oof" or "test".
    """
    names = [role + suffix for suffix in EXTERNAL_SUFFIXES]
    candidates = [file for file in _visible(folder) if file.name.lower() in names]
    return sorted(candidates, key=lambda file: (names.index(file.name.lower()), file.name))


def _visible(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*") if file.is_file() and not file.name.startswith("."))


def unused_files(folder: Path) -> str:
    """Return a text that says why files in a folder are not used although they look like predictions.

    The result is "" if the folder has no such files, or if it has a folds.csv and is therefore another outputs folder.
    """
    if (folder / "folds.csv").is_file():
        return ""
    if (folder / "recipe.json").is_file():
        return _not_read(folder, [], "the predictions in the fold folders")
    pair = find_external_files(folder)
    if pair:
        return _not_read(folder, list(pair), f"{pair[0].name} and {pair[1].name}")
    if list(folder.glob("fold*/*.npz")):
        return f"{folder} has fold folders but no recipe.json. Copy the recipe.json of the run into {folder}"
    similar = [file.name for file in _visible(folder) if re.search(f"(?:{OTHER_FORMATS})$", file.name.lower())]
    if similar:
        return f"{folder} has {', '.join(similar[:10])} and is not used, because it needs files {EXPECTED_FILES}"
    below = [inner for inner in sorted(folder.glob("*/")) if find_external_files(inner)]
    return f"the predictions in {below[0]} are not used, and must be moved up to {folder}" if below else ""


def _not_read(folder: Path, used: list[Path], instead: str) -> str:
    names = [file.name for file in (*_candidates(folder, "oof"), *_candidates(folder, "test")) if file not in used]
    verb = "is" if len(names) == 1 else "are"
    return f"{', '.join(names)} in {folder} {verb} not used, because {instead} are used" if names else ""
