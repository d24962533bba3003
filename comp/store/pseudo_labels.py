"""outputs/pseudo/<name>/fold<k>.npz: soft labels of test photos, for the training of fold k alone.

The keys are those of oof.npz; the ids are those of the test photos that are used. They were made by models of fold k
alone (see training/pseudo_labelling.py), so they hold no information about the labels of fold k.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp import files
from comp.errors import InputError
from comp.project import Project
from comp.store import made_of
from comp.store.paths import ALL_DATA, pseudo_folder
from comp.store.predictions import Predictions, load_predictions, save_predictions


@dataclass(frozen=True)
class PseudoLabels:
    """The pseudo-labels of one name, by fold."""

    project: Project
    name: str

    @property
    def folder(self) -> Path:
        return pseudo_folder(self.project.outputs, self.name)

    def file(self, k: int) -> Path:
        return self.folder / f"fold{k}.npz"

    @property
    def command(self) -> str:
        """The commands that make them again."""
        return f"rm -r {shlex.quote(str(self.folder))} && make pseudo RUN=<run>"

    def digest(self, k: int | str) -> str:
        """A hash of the labels for fold k, or of all (ALL_DATA): what the weights of fold k depend on."""
        if k == ALL_DATA:
            return files.checksum([files.digest(file) for file in sorted(self.folder.glob("fold*.npz"))])
        return files.digest(self.file(k)) if self.file(k).is_file() else ""

    def save(self, k: int, ids, probs: np.ndarray, meta: dict) -> None:
        """Check and write the labels for fold k."""
        meta = {**meta, "folds": self.project.folds_digest, "fold": k}
        save_predictions(self.file(k), ids, probs, self.project.competition, meta)

    def load(self, k: int) -> Predictions:
        """The labels for fold k. Raises InputError unless they were made for this fold of the current folds.csv."""
        labels, digest = (
            load_predictions(self.file(k), self.project.competition, self.command),
            self.project.folds_digest,
        )
        if made_of.changes(labels.meta, {"fold": k, "folds": digest}):
            raise InputError(
                f"{self.file(k)} was made for fold {labels.meta.get('fold')} of folds.csv {labels.meta.get('folds')}",
                f"fold {k} of folds.csv {digest}: other labels would leak",
                self.command,
            )
        return labels

    def load_all(self, numbers: list[int]) -> Predictions:
        """The labels for these folds, checked; of several folds the mean over those that use a photo.

        Labels of several folds serve only a training that holds nothing out.
        """
        labels = [self.load(k) for k in numbers]
        if len(labels) == 1:
            return labels[0]
        table = pd.concat([pd.DataFrame(fold.probs, index=fold.ids) for fold in labels])
        mean = table.groupby(level=0, sort=True).mean()
        classes = self.project.competition.classes
        return Predictions(mean.index.to_numpy(str), mean.to_numpy(np.float32), classes, labels[0].meta)
