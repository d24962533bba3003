"""The class Project, through which the scripts read the files of one competition on this machine.

Every script makes one Project from the command-line options INPUTS, OUTPUTS and COMPETITION, and passes it to other
functions. Most attributes are read from their files once, when they are first used. The lists of runs are read again
each time. A run is a set of out-of-fold (OOF) and test predictions with a name, such as those of a trained model.
"""

from functools import cached_property
from pathlib import Path

import numpy as np

from comp.competition.competition import Competition
from comp.store.paths import ALL_DATA, folds_file
from comp.store.runs import Run, all_runs, complete_runs, own_runs


class Project:
    """A competition on this machine, with its settings, its training and test photos, and its runs.

    inputs: the folder with the competition's files; outputs: the folder for all generated files; competition_file: the
    path of competition.toml, or None to search for this file in `inputs` and then in the working folder. An attribute
    raises InputError if the files that it reads are missing or damaged, or were changed after `make folds`.
    """

    def __init__(self, inputs: Path, outputs: Path, competition_file: Path | None = None):
        self.inputs, self.outputs, self.competition_file = Path(inputs), Path(outputs), competition_file

    @cached_property
    def competition(self) -> Competition:
        """The description of the competition, as `make folds` saved it in outputs/competition.json."""
        from comp.store import frozen_competition

        return frozen_competition.load(self.outputs, self.inputs, self.competition_file)

    @cached_property
    def tables(self):
        """The object that reads the training and test tables in the inputs folder.

        Its class depends on the competition (see comp/inputs/loading.py).
        """
        from comp.inputs import loading

        return loading.tables_of(self.competition, self.inputs)

    # ---- training rows

    @cached_property
    def folds(self):
        """The table folds.csv as a DataFrame, with one row for each training photo.

        Its columns are image, group, label, fold and others, which comp/store/fold_table.py explains.
        """
        from comp.store import fold_table

        return fold_table.load_folds(folds_file(self.outputs), self.competition)

    @cached_property
    def folds_digest(self) -> str:
        """The hash of folds.csv.

        Files with weights or predictions store this hash, so that a later change of the folds is noticed.
        """
        from comp import files

        return files.digest(folds_file(self.outputs))

    @cached_property
    def fold_count(self) -> int:
        from comp.store import fold_table

        return fold_table.fold_count(self.folds)

    @cached_property
    def scored_rows(self):
        """The rows on which scores are computed, as a ScoredRows, in the order of folds.csv.

        There is one row for each training photo or, if several photos share one id of the sample submission and get one
        answer, one row for each id.
        """
        from comp.competition import scored_rows

        return scored_rows.scored_rows(self.folds, self.competition)

    def fold_numbers(self, text: str) -> list[int | str]:
        """Return the list of folds for which `text`, the value of the option FOLD, stands.

        "all" gives the numbers of all folds, a number gives a list with this number only, and "all_data" (the training
        on all rows) gives ["all_data"]. Raises InputError for any other text.
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
        """The test photos as a DataFrame, in the order of the sample submission.

        The column id has the id of each photo in the sample submission, and the column image the path of the photo.
        """
        return self.tables.test_rows

    @cached_property
    def test_ids(self) -> list[str] | None:
        """The ids for which every run needs test predictions: those of the sample submission.

        The value is None if the inputs folder has no sample submission.
        """
        from comp.inputs import sample_submission

        return sample_submission.sample_ids_here(self.competition, self.inputs)

    # ---- runs and their predictions

    def run(self, name: str) -> Run:
        """Return the Run called `name`, which has the paths of the files of this run. The run need not exist yet."""
        return Run(self.outputs, name)

    @property
    def runs(self) -> list[Run]:
        """All runs in the outputs folder, sorted by name, including predictions that were made outside of this toolkit.

        The blend is not included.
        """
        return all_runs(self.outputs)

    @property
    def own_runs(self) -> list[Run]:
        """The runs that this toolkit made with folds.csv.

        Predictions that were made outside of this toolkit are left out.
        """
        return own_runs(self.outputs)

    @property
    def complete_runs(self) -> list[str]:
        """The names of the runs that have predictions for all folds.

        Predictions that were made outside of this toolkit are included.
        """
        return complete_runs(self.outputs, self.fold_count)

    def predictions(self, name: str) -> tuple:
        """Return the OOF probabilities and the test predictions of the run `name`.

        The OOF probabilities are an array (N, C) with a row for each of the N training photos, in the order of
        folds.csv, and a column for each of the C classes. The test predictions are a Predictions (see
        comp/store/predictions.py). The files of a run are read only once. Raises InputError if predictions are missing,
        or if a file from which they were made has changed since.
        """
        from comp.store import out_of_fold

        if name not in self._predictions:
            self._predictions[name] = out_of_fold.load_run(self, self.run(name))
        return self._predictions[name]

    @cached_property
    def _predictions(self) -> dict[str, tuple]:
        return {}

    def scored_oof(self, name: str) -> np.ndarray:
        """Return the OOF probabilities (S, C) of the run `name`, for the S rows of `scored_rows` and the C classes."""
        return self.scored_rows.combine(self.predictions(name)[0])

    @cached_property
    def blend(self):
        """The weights of the blend, and whether it is up to date, as a BlendState (see comp/store/blend_files.py)."""
        from comp.store import blend_files

        return blend_files.blend_state(self)
