"""Which files of outputs/<name>/ are external predictions, and why others that look like predictions are not read."""

import re
from pathlib import Path

SUFFIXES = (".npz", ".csv", ".csv.gz")  # the first that is there is read
OTHER_FORMATS = r"\.(npz|npy|csv|tsv|txt|parquet|feather|pkl|pickle|joblib|h5|hdf5|xlsx)(\.(gz|zip|bz2|xz))?|\.(zip|7z)"
EXPECTED = f"oof and test, each as {', '.join(SUFFIXES)}"


def find(folder: Path) -> tuple[Path, Path] | None:
    """The oof and the test file of external predictions; None where one of them is not there."""
    oof, test = (_candidates(folder, role) for role in ("oof", "test"))
    return (oof[0], test[0]) if oof and test else None


def _candidates(folder: Path, role: str) -> list[Path]:
    """Files of a role, those first that are read first."""
    names = [role + suffix for suffix in SUFFIXES]
    found = [file for file in _visible(folder) if file.name.lower() in names]
    return sorted(found, key=lambda file: (names.index(file.name.lower()), file.name))


def _visible(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*") if file.is_file() and not file.name.startswith("."))


def unused(folder: Path) -> str:
    """Why files of a folder that look like predictions are not used; empty where there are none.

    A folder with folds.csv is another OUTPUTS, not predictions.
    """
    if (folder / "folds.csv").is_file():
        return ""
    if (folder / "recipe.json").is_file():
        return _not_read(folder, [], "its own folds are")
    pair = find(folder)
    if pair:
        return _not_read(folder, list(pair), f"{pair[0].name} and {pair[1].name} are")
    if list(folder.glob("fold*/*.npz")):
        return f"{folder} has folds but no recipe.json: copy that of the run into it"
    there = [file.name for file in _visible(folder) if re.search(f"(?:{OTHER_FORMATS})$", file.name.lower())]
    if there:
        return f"{folder} has {', '.join(there[:10])}, expected {EXPECTED}"
    below = [inner for inner in sorted(folder.glob("*/")) if find(inner)]
    return f"{below[0]} has the predictions: move them up, to {folder}" if below else ""


def _not_read(folder: Path, used: list[Path], instead: str) -> str:
    names = [file.name for file in (*_candidates(folder, "oof"), *_candidates(folder, "test")) if file not in used]
    return f"{', '.join(names)} in {folder} {'is' if len(names) == 1 else 'are'} not used: {instead}" if names else ""
