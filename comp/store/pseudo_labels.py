"""outputs/pseudo/<name>/fold<k>.npz: soft labels of test photos, for the training of fold k alone.

The keys are those of predictions.py; ids are the ids of the test photos that are used. They were made by models of
fold k alone (see blending/pseudo_labelling.py), so they say nothing about the labels of fold k.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp import files
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.store.predictions import Predictions, load_predictions, save_predictions
from comp.store.runs import ALL_DATA


@dataclass(frozen=True)
class PseudoLabels:
    """The pseudo-labels of one name, by fold."""

    outputs: Path
    name: str

    def file(self, k: int) -> Path:
        return self.outputs / "pseudo" / self.name / f"fold{k}.npz"

    @property
    def command(self) -> str:
        """The command that makes them again."""
        return f"rm -r {self.file(0).parent}, then make pseudo RUN=<run>"

    def digest(self, k: int | str) -> str:
        """A hash of the labels for fold k, or of all (ALL_DATA): what the weights of fold k depend on."""
        if k == ALL_DATA:
            return files.checksum([files.digest(file) for file in sorted(self.file(0).parent.glob("fold*.npz"))])
        return files.digest(self.file(k)) if self.file(k).is_file() else ""

    def save(self, k: int, ids, probs, competition: Competition, meta: dict) -> None:
        """Check and write the labels for fold k."""
        save_predictions(self.file(k), ids, probs, competition, {**meta, "fold": k})

    def load(self, k: int, folds_digest: str, competition: Competition) -> Predictions:
        """Read the labels for fold k. Raises InputError unless they were made for this fold of these folds."""
        made = load_predictions(self.file(k), competition, self.command)
        if (made.meta.get("fold"), made.meta.get("folds")) != (k, folds_digest):
            raise InputError(
                f"{self.file(k)} was made for fold {made.meta.get('fold')} of folds.csv {made.meta.get('folds')}",
                f"fold {k} of folds.csv {folds_digest}: other labels would leak",
                self.command,
            )
        return made

    def load_all(self, numbers: list[int], folds_digest: str, competition: Competition) -> Predictions:
        """The labels for these folds, as `load`; of several folds the mean over those that use a photo.

        Several go only into a training that holds nothing out.
        """
        made = [self.load(k, folds_digest, competition) for k in numbers]
        if len(made) == 1:
            return made[0]
        table = pd.concat([pd.DataFrame(one.probs, index=one.ids) for one in made])
        mean = table.groupby(level=0, sort=True).mean()
        return Predictions(mean.index.to_numpy(str), mean.to_numpy(np.float32), competition.classes, made[0].meta)
