"""Find out which competition an inputs folder holds, and return the object that reads its tables.

`open_tables` is for a new competition (make folds, make init, make eda). `tables_of` is for the Competition that `make
folds` saved. Both functions return InputTables if a competition.toml describes the competition, else
MaskGenderAgeTables. No other module decides between these two classes. Both classes have the properties competition,
training_rows, test_rows, given_tables and shared_columns. Each property is read once, when it is first needed.
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
    """Return the path of the competition.toml to use, or None if there is no such file.

    `file` comes first, then competition.toml in inputs, then competition.toml in the working folder. If inputs holds
    the competition of mask_gender_age.py, competition.toml in the working folder describes another competition and is
    ignored.
    """
    if file:
        return Path(file)
    if (Path(inputs) / FILE).is_file():
        return Path(inputs) / FILE
    return Path(FILE) if Path(FILE).is_file() and not mask_gender_age.is_here(inputs) else None


def open_tables(inputs: Path, file: Path | None = None) -> InputTables | MaskGenderAgeTables:
    """Return the tables of the competition in inputs. file: the path of competition.toml, if that is not in
    a usual place.

    Raises InputError for wrong keys in competition.toml, and if there is no such file although one is needed.
    """
    inputs, path = Path(inputs), settings_file(inputs, file)
    if path is not None:
        return InputTables(inputs, read_settings(path))
    if mask_gender_age.is_here(inputs):
        return MaskGenderAgeTables(inputs)
    if not inputs.is_dir():
        raise InputError(
            f"no folder {inputs}",
            "the folder of the competition's files",
            "the same command with INPUTS=<that folder>, or make demo",
        )
    raise InputError(
        f"no {FILE} in {inputs} or in the working folder",
        f"a {FILE} that describes the competition, as docs/competition.md shows",
        f"make init, which guesses the file from {inputs}",
    )


def tables_of(competition: Competition, inputs: Path) -> InputTables | MaskGenderAgeTables:
    """Return the tables in inputs of a Competition that `make folds` has saved."""
    if not competition.source:
        return MaskGenderAgeTables(Path(inputs))
    return InputTables(inputs, competition.source, competition)
