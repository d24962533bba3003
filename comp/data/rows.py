"""Which rows a run trains on, is scored on and predicts; the tables and photos that it needs for that."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp import console
from comp.competition import home
from comp.data import photo_cache, photos
from comp.data.batches import Batches
from comp.errors import InputError
from comp.hardware import processes
from comp.recipes.recipe import Recipe
from comp.store import artifacts


@dataclass(frozen=True)
class Data:
    """The tables and photos of a run: first the rows of folds.csv, then those of the sample submission."""

    folds: pd.DataFrame
    folds_digest: str
    test: pd.DataFrame
    photos: photos.Photos

    def training(self, k: int, recipe: Recipe) -> Batches:
        """All folds but k, under the recipe's label policy."""
        rows = self.folds.assign(row=np.arange(len(self.folds)))[self.folds["fold"] != k]
        rows = home.training_policy(rows, recipe.age_old_from, recipe.drop_ages)
        if rows.empty:
            raise InputError(f"drop_ages={recipe.drop_ages} leaves no training row", "rows to train on")
        units = rows.groupby(["group", "label"], sort=False).ngroup()  # one person's photos of one class
        return Batches(self.photos, rows["row"], rows["label"], recipe.augment, recipe.seed, units)

    def held_out(self, k: int) -> Batches:
        """Every row of fold k, on the official labels."""
        rows = np.flatnonzero(self.folds["fold"] == k)
        return Batches(self.photos, rows, self.folds["label"].to_numpy()[rows], "none", 0)

    def held_out_ids(self, k: int) -> pd.Series:
        """The images of fold k, in the order of `held_out`."""
        return self.folds["image"][self.folds["fold"] == k]

    def testing(self) -> Batches:
        """The test photos; their labels are not known and stand as 0."""
        rows = np.arange(len(self.folds), len(self.folds) + len(self.test))
        return Batches(self.photos, rows, np.zeros(len(rows), int), "none", 0)


def load_data(inputs: Path, outputs: Path, recipe: Recipe) -> Data:
    """Read the tables and open the photos, building their cache once if the recipe uses it."""
    folds, digest = artifacts.folds_and_digest(outputs, len(home.CLASSES))
    test = home.read_test(inputs)
    images = [*folds["image"], *test["image"]]
    crop, size = recipe.crop, recipe.image_size
    if recipe.cache:
        with processes.first_alone(), console.progress("decoding photos", len(images)) as advance:
            pixels = photo_cache.cached(outputs / "cache", inputs, images, crop, size, advance, say=console.say)
    else:
        pixels = photos.Photos(inputs, images, crop, size)
    return Data(folds, digest, test, pixels)


def fold_numbers(text: str, folds: pd.DataFrame) -> list[int]:
    """ "all", or one fold's number; InputError for one that is not there."""
    count = int(folds["fold"].max()) + 1
    if text == "all":
        return list(range(count))
    if not text.isdecimal() or int(text) >= count:
        raise InputError(f"FOLD={text}", f"all, or 0 … {count - 1}: folds.csv has {count} folds")
    return [int(text)]
