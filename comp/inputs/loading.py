"""Which competition an inputs folder holds, and the one object that reads its tables.

`open_tables` is for a new competition (make folds, make init, make eda), `tables_of` for the Competition that `make
folds` saved. Both return InputTables if a competition.toml describes the competition, else MaskGenderAgeTables. Only
this module decides between the two. Both classes have the properties competition, training_rows, test_rows,
given_tables and shared_columns; each is read once, when it is first needed.
"""

from pathlib import Path

from comp.competition.competition import Competition
from comp.competition.competition_toml import read_settings
from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.inputs.input_tables import InputTables
from comp.inputs.mask_gender_age import MaskGenderAgeTables

FILE = "competition.toml"


def settings_file(inputs: Path, file: Path | None = None) -> Path | None:
    """The competition.toml to use: `file`, else the one in inputs, else the one in the working folder; None without.

    If inputs holds the competition of mask_gender_age.py, a file in the working folder describes another competition,
    so it is ignored.
    """
    if file:
        return Path(file)
    if (Path(inputs) / FILE).is_file():
        return Path(inputs) / FILE
    return Path(FILE) if Path(FILE).is_file() and not mask_gender_age.is_here(inputs) else None


def open_tables(inputs: Path, file: Path | None = None) -> InputTables | MaskGenderAgeTables:
    """The tables of the competition in inputs. file: its competition.toml, if it is not in its usual place.

    Raises InputError if no competition.toml is found and none can be done without, and for wrong keys in the file.
    """
    inputs, path = Path(inputs), settings_file(inputs, file)
    if path is not None:
        return InputTables(inputs, read_settings(path))
    if mask_gender_age.is_here(inputs):
        return MaskGenderAgeTables(inputs)
    if not inputs.is_dir():
        raise InputError(
            f"no folder {inputs}",
            "the competition's files there",
            "the same command with INPUTS=<that folder>, or make demo",
        )
    raise InputError(
        f"no {FILE} in {inputs} or here",
        "a file that describes the competition, as docs/competition.md shows",
        "make init, which writes one from the files there",
    )


def tables_of(competition: Competition, inputs: Path) -> InputTables | MaskGenderAgeTables:
    """The tables in inputs of a Competition that is already known: the one that `make folds` saved."""
    if not competition.source:
        return MaskGenderAgeTables(Path(inputs))
    return InputTables(inputs, competition.source, competition)
