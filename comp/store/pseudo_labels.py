"""Write and read pseudo-labels: predictions for test photos that are used as soft labels in the training of one fold.

The file outputs/pseudo/<name>/fold<k>.npz has the pseudo-labels for the training of fold k. It has the same arrays as
oof.npz, and its ids are the ids of the chosen test photos. The pseudo-labels for fold k come only from models of fold
k. These models did not see the labels of the photos in fold k, so these labels do not leak into the pseudo-labels.
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
    """The pseudo-labels in outputs/pseudo/<name>/, with one file for each fold."""

    project: Project
    name: str

    @property
    def folder(self) -> Path:
        return pseudo_folder(self.project.outputs, self.name)

    def file(self, k: int) -> Path:
        return self.folder / f"fold{k}.npz"

    @property
    def command(self) -> str:
        """Return the command that deletes the pseudo-labels and makes them again."""
        return f"rm -r {quoted(self.folder)} && make pseudo RUN=<run>"

    def digest(self, k: int | str) -> str:
        """Return a hash of the pseudo-labels for the training of fold k, or "" if their file is missing.

        k: the number of the fold, or "all_data" for the training on all rows, which uses the pseudo-labels for all
        folds.
        """
        if k == ALL_DATA:
            return files.checksum([files.digest(file) for file in sorted(self.folder.glob("fold*.npz"))])
        return files.digest(self.file(k)) if self.file(k).is_file() else ""

    def save(self, k: int, ids, probs: np.ndarray, meta: dict) -> None:
        """Check the pseudo-labels for fold k and write them.

        ids (N,): the ids of the chosen test photos; probs (N, C): the probability of each class for these photos; meta:
        a dictionary that says how the pseudo-labels were made. It is written to the file together with the hash of
        folds.csv and the number k.
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
                f"pseudo-labels for fold {k} of the folds.csv with hash {digest}, "
                "because pseudo-labels for other folds would leak labels",
                self.command,
            )
        return labels

    def load_all(self, numbers: list[int]) -> Predictions:
        """Load and check the pseudo-labels for one or more folds. numbers: the numbers of these folds.

        If several folds have a pseudo-label for the same photo, the mean of these pseudo-labels is returned. Such means
        must be used only for the training on all rows.
        """
        labels = [self.load(k) for k in numbers]
        if len(labels) == 1:
            return labels[0]
        table = pd.concat([pd.DataFrame(fold.probs, index=fold.ids) for fold in labels])
        mean = table.groupby(level=0, sort=True).mean()
        classes = self.project.competition.classes
        return Predictions(mean.index.to_numpy(str), mean.to_numpy(np.float32), classes, labels[0].meta)
