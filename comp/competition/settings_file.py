"""Which competition.toml describes an inputs folder. No table is read for it, so no pandas is imported."""

from pathlib import Path

from comp.competition import home

FILE = "competition.toml"


def settings_file(inputs: Path, file: Path | None = None) -> Path | None:
    """The competition.toml that is used; None where there is none.

    A file in the working folder does not describe inputs in the home layout: it is another competition's.
    """
    if file:
        return Path(file)
    places = [Path(inputs) / FILE] + [Path(FILE)] * (not home.is_here(inputs))
    return next((place for place in places if place.is_file()), None)
