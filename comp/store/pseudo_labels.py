"""Write and read pseudo-labels, which are soft labels of test photos for the training of one fold.

The file outputs/pseudo/<name>/fold<k>.npz has the pseudo-labels for fold k, with the keys of oof.npz. Its ids are the
ids of the chosen test photos. Only models of fold k made these labels (see training/pseudo_labelling.py), so the labels
contain no information about the labels of fold k.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp import files
from comp.errors import InputError, quoted
from comp.project import Project
from comp.store import made_of
from comp.store.paths import ALL_DATA, pseudo_folder
from comp.store.predictions import Predictions, load_predictions, save_predictions


@dataclass(frozen=True)
class PseudoLabels:
    """The pseudo-labels in outputs/pseudo/<name>/, one file for each fold."""

    project: Project
    name: str

    @property
    def folder(self) -> Path:
        return pseudo_folder(self.project.outputs, self.name)

    def file(self, k: int) -> Path:
        return self.folder / f"fold{k}.npz"

    @property
    def command(self) -> str:
        """The commands that make the pseudo-labels again."""
        return f"rm -r {quoted(self.folder)} && make pseudo RUN=<run>"

    def digest(self, k: int | str) -> str:
        """Return a hash of the pseudo-labels on which the weights of fold k depend, or "" if the file is missing.

        The weights of the training on all rows (k is ALL_DATA) depend on the pseudo-labels for all folds.
        """
        if k == ALL_DATA:
            return files.checksum([files.digest(file) for file in sorted(self.folder.glob("fold*.npz"))])
        return files.digest(self.file(k)) if self.file(k).is_file() else ""

    def save(self, k: int, ids, probs: np.ndarray, meta: dict) -> None:
        """Check the pseudo-labels for fold k and write them. probs (N, C): the probabilities of the test ids (N,)."""
        meta = {**meta, "folds": self.project.folds_digest, "fold": k}
        save_predictions(self.file(k), ids, probs, self.project.competition, meta)

    def load(self, k: int) -> Predictions:
        """Return the pseudo-labels for fold k. Raises InputError if they were made for another fold or folds.csv."""
        labels, digest = (
            load_predictions(self.file(k), self.project.competition, self.command),
            self.project.folds_digest,
        )
        if made_of.changes(labels.meta, {"fold": k, "folds": digest}):
            raise InputError(
                f"{self.file(k)} was made for fold {labels.meta.get('fold')} of folds.csv {labels.meta.get('folds')}",
                f"pseudo-labels for fold {k} of folds.csv {digest}, because other pseudo-labels would leak",
                self.command,
            )
        return labels

    def load_all(self, numbers: list[int]) -> Predictions:
        """Return the checked pseudo-labels for the folds `numbers`.

        With several folds, each photo gets the mean of its labels in the folds that have the photo. Such labels are
        only for a training on all rows.
        """
        labels = [self.load(k) for k in numbers]
        if len(labels) == 1:
            return labels[0]
        table = pd.concat([pd.DataFrame(fold.probs, index=fold.ids) for fold in labels])
        mean = table.groupby(level=0, sort=True).mean()
        classes = self.project.competition.classes
        return Predictions(mean.index.to_numpy(str), mean.to_numpy(np.float32), classes, labels[0].meta)
