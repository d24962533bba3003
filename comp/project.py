"""The Project, which is one competition on this machine with everything that the stages know of it.

Every script makes one Project from INPUTS, OUTPUTS and COMPETITION and passes it to the functions. Each attribute is
read from its files when it is first needed, and only once.
"""

from functools import cached_property
from pathlib import Path

import numpy as np

from comp.competition.competition import Competition
from comp.store.paths import ALL_DATA, folds_file
from comp.store.runs import Run, all_runs, complete_runs, own_runs


class Project:
    """A competition on this machine.

    inputs: the folder of the competition's data; outputs: the folder of everything that is generated;
    competition_file: the competition.toml to use, or None to search for it in inputs and in the working folder. Every
    attribute raises InputError if its files are missing, damaged or changed since `make folds`.
    """

    def __init__(self, inputs: Path, outputs: Path, competition_file: Path | None = None):
        self.inputs, self.outputs, self.competition_file = Path(inputs), Path(outputs), competition_file

    @cached_property
    def competition(self) -> Competition:
        """The Competition that `make folds` saved."""
        from comp.store import frozen_competition

        return frozen_competition.load(self.outputs, self.inputs, self.competition_file)

    @cached_property
    def tables(self):
        """The tables in the inputs folder, which are an InputTables or a MaskGenderAgeTables."""
        from comp.inputs import loading

        return loading.tables_of(self.competition, self.inputs)

    # ---- training rows

    @cached_property
    def folds(self):
        """The content of folds.csv as a DataFrame with one row per training photo; fold_table.py lists the columns."""
        from comp.store import fold_table

        return fold_table.load_folds(folds_file(self.outputs), self.competition)

    @cached_property
    def folds_digest(self) -> str:
        """The hash of folds.csv, which is saved with everything that is made on these folds."""
        from comp import files

        return files.digest(folds_file(self.outputs))

    @cached_property
    def fold_count(self) -> int:
        """The number K of folds."""
        from comp.store import fold_table

        return fold_table.fold_count(self.folds)

    @cached_property
    def scored_rows(self):
        """The ScoredRows, on which scores are computed, in the order of folds.csv."""
        from comp.competition import scored_rows

        return scored_rows.scored_rows(self.folds, self.competition)

    def fold_numbers(self, text: str) -> list[int | str]:
        """Return the folds that a FOLD argument names: all folds for "all", [ALL_DATA] for "all_data", or one fold.

        Raises InputError for any other text.
        """
        from comp.errors import InputError

        if text == ALL_DATA:
            return [ALL_DATA]
        if text == "all":
            return list(range(self.fold_count))
        if not text.isdecimal() or int(text) >= self.fold_count:
            expected = f"all, {ALL_DATA}, or 0 … {self.fold_count - 1}, since folds.csv has {self.fold_count} folds"
            raise InputError(f"FOLD={text}", expected, "the same command with FOLD=all")
        return [int(text)]

    # ---- test rows

    @cached_property
    def test_rows(self):
        """The test photos as a DataFrame with the columns id and image, in the order of the sample submission."""
        return self.tables.test_rows

    @cached_property
    def test_ids(self) -> list[str] | None:
        """The ids that every run must predict, or None if the sample submission is not on this machine."""
        from comp.inputs import sample_submission

        return sample_submission.sample_ids_here(self.competition, self.inputs)

    # ---- runs and their predictions

    def run(self, name: str) -> Run:
        """Return the run with this name, which need not exist."""
        return Run(self.outputs, name)

    @property
    def runs(self) -> list[Run]:
        """All runs and external predictions without the blend, sorted by name."""
        return all_runs(self.outputs)

    @property
    def own_runs(self) -> list[Run]:
        """The runs that were made on the folds of this outputs folder."""
        return own_runs(self.outputs)

    @property
    def complete_runs(self) -> list[str]:
        """The names of the runs and external predictions that have predictions for all folds."""
        return complete_runs(self.outputs, self.fold_count)

    def predictions(self, name: str) -> tuple:
        """Return the OOF probabilities (N, C) of a run, in the order of folds.csv, and its test Predictions.

        The files of each run are read only once. Raises InputError for predictions that are not complete, or that were
        made of other files than the current files.
        """
        from comp.store import out_of_fold

        if name not in self._predictions:
            self._predictions[name] = out_of_fold.load_run(self, self.run(name))
        return self._predictions[name]

    @cached_property
    def _predictions(self) -> dict[str, tuple]:
        return {}

    def scored_oof(self, name: str) -> np.ndarray:
        """Return the OOF probabilities (S, C) of a run for the scored rows."""
        return self.scored_rows.combine(self.predictions(name)[0])

    @cached_property
    def blend(self):
        """The BlendState of the existing blend."""
        from comp.store import blend_files

        return blend_files.blend_state(self)
