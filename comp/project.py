"""The class Project, through which all stages read the files of one competition on this machine.

Every script makes one Project from its options INPUTS, OUTPUTS and COMPETITION, and passes it to other functions. Most
attributes are read from their files once, when they are first used. The lists of runs are read again each time.
"""

from functools import cached_property
from pathlib import Path

import numpy as np

from comp.competition.competition import Competition
from comp.store.paths import ALL_DATA, folds_file
from comp.store.runs import Run, all_runs, complete_runs, own_runs


class Project:
    """A competition on this machine, with its settings, its training and test rows, and its runs.

    inputs: the folder with the competition's files; outputs: the folder for all generated files; competition_file: the
    competition.toml to use, or None to search for this file in `inputs` and in the working folder. An attribute raises
    InputError if the files that it reads are missing or damaged, or were changed after `make folds`.
    """

    def __init__(self, inputs: Path, outputs: Path, competition_file: Path | None = None):
        self.inputs, self.outputs, self.competition_file = Path(inputs), Path(outputs), competition_file

    @cached_property
    def competition(self) -> Competition:
        """The Competition that `make folds` saved in the outputs folder."""
        from comp.store import frozen_competition

        return frozen_competition.load(self.outputs, self.inputs, self.competition_file)

    @cached_property
    def tables(self):
        """The tables in the inputs folder, as an InputTables or a MaskGenderAgeTables (see comp/inputs/)."""
        from comp.inputs import loading

        return loading.tables_of(self.competition, self.inputs)

    # ---- training rows

    @cached_property
    def folds(self):
        """The content of folds.csv as a DataFrame, with one row for each training photo.

        comp/store/fold_table.py lists the columns.
        """
        from comp.store import fold_table

        return fold_table.load_folds(folds_file(self.outputs), self.competition)

    @cached_property
    def folds_digest(self) -> str:
        """The hash of folds.csv.

        Weights and predictions are saved with this hash, so that a later change of the folds is noticed.
        """
        from comp import files

        return files.digest(folds_file(self.outputs))

    @cached_property
    def fold_count(self) -> int:
        """The number of folds."""
        from comp.store import fold_table

        return fold_table.fold_count(self.folds)

    @cached_property
    def scored_rows(self):
        """The rows on which scores are computed, as a ScoredRows in the order of folds.csv."""
        from comp.competition import scored_rows

        return scored_rows.scored_rows(self.folds, self.competition)

    def fold_numbers(self, text: str) -> list[int | str]:
        """Return the list of folds that `text`, the value of the option FOLD, stands for.

        "all" stands for all folds, "all_data" for [ALL_DATA] (a training on all rows), and a number for one fold.
        Raises InputError for any other text.
        """
        from comp.errors import InputError

        if text == ALL_DATA:
            return [ALL_DATA]
        if text == "all":
            return list(range(self.fold_count))
        if not text.isdecimal() or int(text) >= self.fold_count:
            expected = f"all, {ALL_DATA}, or 0 to {self.fold_count - 1}, since folds.csv has {self.fold_count} folds"
            raise InputError(f"FOLD={text} is not a fold in folds.csv", expected, "the same command with FOLD=all")
        return [int(text)]

    # ---- test rows

    @cached_property
    def test_rows(self):
        """The test photos as a DataFrame with the columns id and image (the path of the photo).

        The rows are in the order of the sample submission.
        """
        return self.tables.test_rows

    @cached_property
    def test_ids(self) -> list[str] | None:
        """The ids that every run must predict, or None if this machine does not have the sample submission."""
        from comp.inputs import sample_submission

        return sample_submission.sample_ids_here(self.competition, self.inputs)

    # ---- runs and their predictions

    def run(self, name: str) -> Run:
        """Return the Run called `name`. The run need not exist."""
        return Run(self.outputs, name)

    @property
    def runs(self) -> list[Run]:
        """All runs and external predictions, but not the blend, sorted by name."""
        return all_runs(self.outputs)

    @property
    def own_runs(self) -> list[Run]:
        """The runs that were made on the folds of this outputs folder, without external predictions."""
        return own_runs(self.outputs)

    @property
    def complete_runs(self) -> list[str]:
        """The names of the runs and external predictions that have predictions for all folds."""
        return complete_runs(self.outputs, self.fold_count)

    def predictions(self, name: str) -> tuple:
        """Return a run's OOF probabilities (N, C), in the order of folds.csv, and the run's test Predictions.

        The files of each run are read only once. Raises InputError if predictions are incomplete, or if files that they
        were made from have changed since.
        """
        from comp.store import out_of_fold

        if name not in self._predictions:
            self._predictions[name] = out_of_fold.load_run(self, self.run(name))
        return self._predictions[name]

    @cached_property
    def _predictions(self) -> dict[str, tuple]:
        return {}

    def scored_oof(self, name: str) -> np.ndarray:
        """Return a run's OOF probabilities (S, C), with one row for each of the S scored rows."""
        return self.scored_rows.combine(self.predictions(name)[0])

    @cached_property
    def blend(self):
        """The state of the existing blend, as a BlendState (see comp/store/blend_files.py)."""
        from comp.store import blend_files

        return blend_files.blend_state(self)
