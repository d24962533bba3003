"""Find the competition.toml for an inputs folder. This reads no table, so pandas is not imported."""

from pathlib import Path

from comp.competition import home

FILE = "competition.toml"


def settings_file(inputs: Path, file: Path | None = None) -> Path | None:
    """The competition.toml to use; None if there is none.

    If inputs has the home layout, a file in the working folder is ignored: it describes another competition.
    """
    if file:
        return Path(file)
    places = [Path(inputs) / FILE] + [Path(FILE)] * (not home.is_here(inputs))
    return next((place for place in places if place.is_file()), None)
