"""Write and read outputs/competition.json, the Competition that `make folds` used. All later stages read this file.

If competition.toml was changed after `make folds`, loading raises an error, because the folds, runs and blend belong to
the saved Competition.
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
    """Write outputs/competition.json. file: the path of the competition's competition.toml, or None without one."""
    value = {"competition": to_json(competition), "settings": _digest(file)}
    files.write_json(competition_file(outputs), value)


def load(outputs: Path, inputs: Path | None = None, file: Path | None = None) -> Competition:
    """Return the Competition saved in `outputs`.

    inputs, file: the arguments of `settings_file`, which finds competition.toml. Raises InputError if competition.json
    is missing, or if competition.toml has other settings than at the time of `make folds`.
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
        raise InputError(f"no {file}", "a competition.toml", "the same command with COMPETITION=<that file>")
    found = _digest(file)
    if found != frozen:
        raise InputError(
            f"{file} has other settings (hash {found}) than those of which {path} was made (hash {frozen or 'none'})",
            f"the {SETTINGS} that `make folds` used, or new folds",
            f"{RUN}, or undo the changes of {file}",
        )
