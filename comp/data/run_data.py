"""Pseudo-labelled test photos as further training rows.

Letters: N labelled rows, P pseudo-labelled rows, C classes.

The rows for training, scoring and prediction of a run, with their tables and photos.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp import console
from comp.competition import labels
from comp.competition.auxiliary_targets import Auxiliary, auxiliary_targets
from comp.competition.competition import ONE_LABEL, Competition
from comp.competition.label_policy import training_policy
from comp.competition.soft_labels import soft_labels
from comp.data import photo_cache, photos
from comp.data.batches import Batches
from comp.errors import InputError
from comp.hardware import processes
from comp.inputs import loading
from comp.recipes.recipe_settings import Recipe
from comp.store import fold_table
from comp.store.predictions import Predictions
from comp.store.pseudo_labels import PseudoLabels
from comp.store.runs import ALL_DATA


def joined_pseudo_rows(
    known: Batches, made: Predictions, test_ids: pd.Series, first: int, competition: Competition
) -> Batches:
    """The labelled rows, then the photos of the pseudo-labelled ids. first: the row of the first test photo."""
    photos = np.flatnonzero(test_ids.isin(made.ids))
    probs = made.at(test_ids.iloc[photos])
    return Batches(
        known.photos,
        np.concatenate([known.rows, first + photos]),
        np.concatenate([known.labels, _labels(probs, competition).astype(known.labels.dtype)]),
        known.augment_name,
        known.seed,
        None if known.units is None else np.concatenate([known.units, np.full(len(photos), -1)]),
        soft=None if competition.target == "regression" else np.concatenate([_soft(known, competition), probs]),
        auxiliary=[_without_values(one, len(photos)) for one in known.auxiliary],
        pseudo=len(photos),
    )


def _labels(probs: np.ndarray, competition: Competition) -> np.ndarray:
    """The plain answer of each row, in the form of the target's labels."""
    if competition.target == "regression":
        return probs[:, 0]
    return probs.argmax(1) if competition.target in ONE_LABEL else probs >= 0.5


def _soft(known: Batches, competition: Competition) -> np.ndarray:
    """The labels (N, C) of the labelled rows as soft labels."""
    if known.soft is not None:
        return known.soft
    one_label = competition.target in ONE_LABEL
    return (np.eye(competition.size)[known.labels] if one_label else known.labels).astype(np.float32)


def _without_values(column: Auxiliary, count: int) -> Auxiliary:
    """The auxiliary targets with `count` more rows whose value is missing."""
    missing = np.zeros((count, column.values.shape[1]), np.float32)
    return dataclasses.replace(column, values=np.concatenate([column.values, missing]))


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

    def training(self, k: int | str, recipe: Recipe) -> Batches:
        """All folds except k (all of them for ALL_DATA), with the label policy of the recipe."""
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

    def _with_pseudo(self, known: Batches, k: int | str) -> Batches:
        """Training rows and, after them, the test photos that are pseudo-labelled for fold k, or for any (ALL_DATA)."""
        numbers = range(fold_table.fold_count(self.folds)) if k == ALL_DATA else [k]
        made = self.pseudo.load_all(list(numbers), self.folds_digest, self.competition)
        return joined_pseudo_rows(known, made, self.test["id"], len(self.folds), self.competition)

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
    test = loading.read_test(competition, inputs)
    pixels = open_photos(inputs, outputs, recipe, list(folds["image"]), list(test["image"]))
    pseudo = PseudoLabels(outputs, recipe.pseudo) if recipe.pseudo else None
    return RunData(competition, folds, digest, test, pixels, pseudo)


def open_photos(inputs: Path, outputs: Path, recipe: Recipe, *lists: Sequence[str]) -> photos.Photos:
    """The photos of all lists, one list after the other, at the recipe's size: from the cache or from the files.

    Each list has its own file in the cache, which is built if it is missing and has room.
    """
    crop, size, count = recipe.crop, recipe.image_size, sum(map(len, lists))
    if not recipe.cache:
        images = [image for images in lists for image in images]
        return photos.Photos(inputs, images, crop, size, fit=recipe.fit)
    with processes.first_alone(), console.progress("decoding photos", count) as advance:
        return photo_cache.cached(
            outputs / "cache", inputs, lists, crop, size, advance, say=console.say, fit=recipe.fit
        )


def fold_numbers(text: str, folds: pd.DataFrame) -> list[int | str]:
    """The folds for FOLD="all", "all_data" (ALL_DATA alone) or one number. Raises InputError for any other text."""
    count = fold_table.fold_count(folds)
    if text == ALL_DATA:
        return [ALL_DATA]
    if text == "all":
        return list(range(count))
    if not text.isdecimal() or int(text) >= count:
        expected = f"all, {ALL_DATA}, or 0 … {count - 1}: folds.csv has {count} folds"
        raise InputError(f"FOLD={text}", expected, "the same command with FOLD=all")
    return [int(text)]
