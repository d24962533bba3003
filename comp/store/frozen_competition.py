"""Write and read outputs/competition.json, in which `make folds` saves the settings and classes of the competition.

All later commands read this file. If competition.toml was changed after `make folds`, `load` raises an error, because
the folds, the runs and the blend belong to the saved settings.
"""

from pathlib import Path

from comp import files
from comp.competition.competition import Competition, from_json, settings_digest, to_json
from comp.errors import InputError
from comp.inputs.loading import settings_file
from comp.store.paths import competition_file

RUN = "make folds"
SETTINGS = "competition.toml"


def save(outputs: Path, competition: Competition, file: Path | None = None) -> None:
    """Write outputs/competition.json. file: the path of competition.toml, or None if there is no such file."""
    value = {"competition": to_json(competition), "settings": _digest(file)}
    files.write_json(competition_file(outputs), value)


def load(outputs: Path, inputs: Path | None = None, file: Path | None = None) -> Competition:
    """Return the Competition that `make folds` saved in outputs/competition.json.

    file: the path of competition.toml, or None.
    inputs: the folder in which competition.toml is searched for if `file` is None, or None for no search.
    Raises InputError if competition.json is missing or damaged, or if competition.toml was changed after `make folds`.
    """
    path, settings = competition_file(outputs), file if inputs is None else settings_file(inputs, file)
    frozen = files.read_json(path, "the competition as `make folds` saved it", RUN)
    _check_settings(path, frozen.get("settings"), settings)
    try:
        return from_json(frozen["competition"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged: {error!r}", "the competition as `make folds` saved it", RUN) from None


def _digest(file: Path | None) -> str:
    return "" if file is None else settings_digest(file.read_bytes().decode("utf-8-sig", errors="replace"))


def _check_settings(path: Path, frozen: str, file: Path | None) -> None:
    if file is None:
        return
    if not file.is_file():
        run = "the same command with COMPETITION=<the path of competition.toml>"
        raise InputError(f"there is no file {file}", "the path of a competition.toml", run)
    found = _digest(file)
    if found != frozen:
        raise InputError(
            f"{file} has other settings (hash {found}) than the settings in {path} (hash {frozen or 'none'})",
            f"the settings of {SETTINGS} that `make folds` used, or new folds",
            f"{RUN}, or undo the changes in {file}",
        )
