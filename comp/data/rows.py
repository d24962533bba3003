"""The rows for training, scoring and prediction of a run, with their tables and photos."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp import console
from comp.competition import labels, tables
from comp.competition.auxiliary_columns import auxiliary_targets
from comp.competition.competition import Competition
from comp.competition.soft_labels import soft_labels
from comp.competition.training_label_policy import training_policy
from comp.data import photo_cache, photos, pseudo_rows
from comp.data.batches import Batches
from comp.errors import InputError
from comp.hardware import processes
from comp.recipes.recipe import Recipe
from comp.store import fold_table
from comp.store.pseudo_labels import PseudoLabels


@dataclass(frozen=True)
class RunData:
    """The tables and photos of a run: first the photos of folds.csv, then those of the test table (id, image).

    pseudo: the pseudo-labels to train with, if the recipe names some.
    """

    competition: Competition
    folds: pd.DataFrame
    folds_digest: str
    test: pd.DataFrame
    photos: photos.Photos
    pseudo: PseudoLabels | None = None

    def training(self, k: int, recipe: Recipe) -> Batches:
        """All folds except k, with the label policy of the recipe."""
        rows = self.folds.assign(row=np.arange(len(self.folds)))[self.folds["fold"] != k]
        rows = training_policy(rows, self.competition, recipe.edges, recipe.drop)
        if rows.empty:
            raise InputError(f"drop={recipe.drop} leaves no training row", "rows to train on", "correct drop in SET")
        units = rows.groupby(["group", "label"], sort=False, dropna=False).ngroup()  # photos of one group and class
        values = labels.to_array(rows["label"], self.competition)
        fine = recipe.bin_edges if recipe.head == "bins" else ""
        soft = soft_labels(rows, self.competition, recipe.soften, recipe.edges, fine) if recipe.soften else None
        further = auxiliary_targets(rows, recipe.auxiliary)
        known = Batches(self.photos, rows["row"], values, recipe.augment, recipe.seed, units, None, soft, further)
        return self._with_pseudo(known, k) if self.pseudo else known

    def _with_pseudo(self, known: Batches, k: int) -> Batches:
        """Training rows and, after them, the test photos that are pseudo-labelled for fold k."""
        made = self.pseudo.load(k, self.folds_digest, self.competition)
        return pseudo_rows.joined(known, made, self.test["id"], len(self.folds), self.competition)

    def held_out(self, k: int) -> Batches:
        """Every row of fold k with its official label, and its prediction id if several photos share one."""
        rows = self.folds_rows(k)
        values = labels.to_array(self.folds["label"].iloc[rows], self.competition)
        ids = self.folds["id"].iloc[rows] if self.competition.combine else None
        return Batches(self.photos, rows, values, "none", 0, ids=ids)

    def held_out_images(self, k: int) -> pd.Series:
        """The images of fold k in the order of `held_out`: the ids in oof.npz."""
        return self.folds["image"].iloc[self.folds_rows(k)]

    def folds_rows(self, k: int) -> np.ndarray:
        """Positions of fold k in folds.csv."""
        return np.flatnonzero(self.folds["fold"] == k)

    def testing(self) -> Batches:
        """The test photos, one row each. Their labels are not known; 0 takes their place."""
        rows = np.arange(len(self.folds), len(self.folds) + len(self.test))
        return Batches(self.photos, rows, np.zeros(len(rows), int), "none", 0)


def load_data(inputs: Path, outputs: Path, recipe: Recipe, competition: Competition) -> RunData:
    """Read the tables and open the photos. Builds the photo cache if the recipe uses it and it is missing."""
    folds, digest = fold_table.folds_and_digest(outputs, competition)
    test = tables.read_test(competition, inputs)
    pixels = open_photos(inputs, outputs, recipe, [*folds["image"], *test["image"]])
    pseudo = PseudoLabels(outputs, recipe.pseudo) if recipe.pseudo else None
    return RunData(competition, folds, digest, test, pixels, pseudo)


def open_photos(inputs: Path, outputs: Path, recipe: Recipe, images: list[str]) -> photos.Photos:
    """The photos at the recipe's size: from the cache, which is built if it is missing, or from the files."""
    crop, size = recipe.crop, recipe.image_size
    if not recipe.cache:
        return photos.Photos(inputs, images, crop, size, fit=recipe.fit)
    with processes.first_alone(), console.progress("decoding photos", len(images)) as advance:
        return photo_cache.cached(
            outputs / "cache", inputs, images, crop, size, advance, say=console.say, fit=recipe.fit
        )


def fold_numbers(text: str, folds: pd.DataFrame) -> list[int]:
    """The folds for FOLD="all" or one number. Raises InputError for any other text."""
    count = fold_table.fold_count(folds)
    if text == "all":
        return list(range(count))
    if not text.isdecimal() or int(text) >= count:
        expected = f"all, or 0 … {count - 1}: folds.csv has {count} folds"
        raise InputError(f"FOLD={text}", expected, "the same command with FOLD=all")
    return [int(text)]
