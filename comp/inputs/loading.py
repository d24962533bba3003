"""Find out which competition an inputs folder holds, and return the object that reads its tables.

`open_tables` is for a new competition (`make folds`, `make init`, `make eda`). `tables_of` is for a competition whose
description `make folds` has saved. Both functions return InputTables if the competition has a competition.toml, and
otherwise MaskGenderAgeTables. These two classes have the same properties: competition, training_rows, test_rows,
given_tables and shared_columns. Each file is read once, when a property first needs it.
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

    This is `file` if it is not None. Otherwise it is the competition.toml in the folder `inputs` or, if there is none,
    the one in the working folder. If `inputs` holds the competition of mask_gender_age.py, a competition.toml in the
    working folder is ignored, because it describes another competition.
    """
    if file:
        return Path(file)
    if (Path(inputs) / FILE).is_file():
        return Path(inputs) / FILE
    return Path(FILE) if Path(FILE).is_file() and not mask_gender_age.is_here(inputs) else None


def open_tables(inputs: Path, file: Path | None = None) -> InputTables | MaskGenderAgeTables:
    """Return the object that reads the tables of the competition in the folder `inputs`.

    file: the path of competition.toml, or None to look for this file in `inputs` and in the working folder. Raises
    InputError if the folder or a needed competition.toml is missing, or if competition.toml has wrong keys.
    """
    inputs, path = Path(inputs), settings_file(inputs, file)
    if path is not None:
        return InputTables(inputs, read_settings(path))
    if mask_gender_age.is_here(inputs):
        return MaskGenderAgeTables(inputs)
    if not inputs.is_dir():
        raise InputError(
            f"there is no folder {inputs}",
            "the folder with the files of the competition",
            "the same command with INPUTS=<that folder>, or make demo",
        )
    raise InputError(
        f"there is no {FILE} in {inputs} or in the working folder",
        f"a {FILE} that describes the competition, as docs/competition.md shows",
        f"make init, which guesses the file from {inputs}",
    )


def tables_of(competition: Competition, inputs: Path) -> InputTables | MaskGenderAgeTables:
    """Return the object that reads the tables of a saved competition.

    competition: the Competition that `make folds` saved; inputs: the folder with the tables.
    """
    if not competition.source:
        return MaskGenderAgeTables(Path(inputs))
    return InputTables(inputs, competition.source, competition)
