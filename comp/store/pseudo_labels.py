"""Write and read pseudo-labels, which are soft labels of test photos for the training of one fold.

The file outputs/pseudo/<name>/fold<k>.npz has the pseudo-labels for fold k. It has the same arrays as oof.npz, and its
ids are the ids of the chosen test photos. Only models of fold k made the pseudo-labels (training/pseudo_labelling.py).
These models did not see the labels of fold k, so the pseudo-labels contain no information about them.
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
        """Return the commands that make the pseudo-labels again."""
        return f"rm -r {quoted(self.folder)} && make pseudo RUN=<run>"

    def digest(self, k: int | str) -> str:
        """Return a hash of the pseudo-labels with which fold k is trained, or "" if their file is missing.

        If k is ALL_DATA, for the training on all rows, the hash is that of the pseudo-labels for all folds.
        """
        if k == ALL_DATA:
            return files.checksum([files.digest(file) for file in sorted(self.folder.glob("fold*.npz"))])
        return files.digest(self.file(k)) if self.file(k).is_file() else ""

    def save(self, k: int, ids, probs: np.ndarray, meta: dict) -> None:
        """Check the pseudo-labels for fold k and write them.

        ids (N,), probs (N, C): the ids of the chosen test photos, and the probabilities of each photo; meta: a record
        of how the pseudo-labels were made, to which the hash of folds.csv and the number k are added.
        """
        meta = {**meta, "folds": self.project.folds_digest, "fold": k}
        save_predictions(self.file(k), ids, probs, self.project.competition, meta)

    def load(self, k: int) -> Predictions:
        """Load and check the pseudo-labels for fold k.

        Raises InputError if they were made for another fold or with another folds.csv.
        """
        labels, digest = (
            load_predictions(self.file(k), self.project.competition, self.command),
            self.project.folds_digest,
        )
        if made_of.changes(labels.meta, {"fold": k, "folds": digest}):
            raise InputError(
                f"{self.file(k)} was made for fold {labels.meta.get('fold')} of the folds.csv with hash "
                f"{labels.meta.get('folds')}",
                f"pseudo-labels for fold {k} of the folds.csv with hash {digest}, because others would leak labels",
                self.command,
            )
        return labels

    def load_all(self, numbers: list[int]) -> Predictions:
        """Load and check the pseudo-labels for one or several folds. numbers: the numbers of the folds.

        For several folds, the pseudo-label of a photo is the mean over the folds that have the photo. Such means are
        only for the training on all rows.
        """
        labels = [self.load(k) for k in numbers]
        if len(labels) == 1:
            return labels[0]
        table = pd.concat([pd.DataFrame(fold.probs, index=fold.ids) for fold in labels])
        mean = table.groupby(level=0, sort=True).mean()
        classes = self.project.competition.classes
        return Predictions(mean.index.to_numpy(str), mean.to_numpy(np.float32), classes, labels[0].meta)
