"""What train_fold and predict_fold share: a run's claim on its name, its data, and the check of a trained fold."""

import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from comp import artifacts, competition, console, files, models, parallel, photos, recipes
from comp.artifacts import Run
from comp.data import Batches
from comp.errors import InputError
from comp.recipes import Recipe


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
        rows = competition.training_policy(rows, recipe.age_old_from, recipe.drop_ages)
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
    folds, digest = artifacts.folds_and_digest(outputs, len(competition.CLASSES))
    test = competition.read_test(inputs)
    images = [*folds["image"], *test["image"]]
    crop, size = recipe.crop, recipe.image_size
    if recipe.cache:
        with parallel.first_alone(), console.progress("decoding photos", len(images)) as advance:
            pixels = photos.cached(outputs / "cache", inputs, images, crop, size, advance, say=console.say)
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


def claim(run: Run, recipe: Recipe) -> Recipe:
    """Write recipe.json, or check that the one there is this recipe: a run name belongs to one recipe.

    Returns the recipe to use (the given one: it may differ in what does not change the result).
    """
    with parallel.first_alone():
        return _claim(run, recipe)


def _claim(run: Run, recipe: Recipe) -> Recipe:
    if not run.recipe.is_file():
        versions = {module.__name__: module.__version__ for module in (torch, np, pd)} | {
            "python": platform.python_version()
        }
        content = {"format": 1, "recipe": recipes.to_json(recipe), "classes": competition.CLASSES, "versions": versions}
        files.write_json(run.recipe, content)
        return recipe
    differences = recipes.differences(load_recipe(run), recipe)
    if differences:
        raise InputError(
            f"run {run.name} was trained with another recipe ({'; '.join(differences)})",
            f"the recipe in {run.recipe}: a run name belongs to one recipe",
            f"the same command with RUN=<another name>, or rm -r {run.folder}",
        )
    return recipe


def load_recipe(run: Run) -> Recipe:
    """The recipe that a run was trained with; never the code's current one."""
    expected, remedy = "the recipe of a trained run", f"make train MODEL={run.name}"
    content = files.read_json(run.recipe, expected, remedy)
    if not isinstance(content.get("recipe"), dict) or content.get("classes") != list(competition.CLASSES):
        raise InputError(f"{run.recipe} holds no recipe for these classes", expected, remedy)
    return recipes.from_json(content["recipe"], run.recipe)


def class_attributes() -> dict[str, np.ndarray]:
    return competition.attribute_labels(np.arange(len(competition.CLASSES)))


def identity(run: Run, data: Data, k: int) -> dict:
    """What the weights of a fold are made with."""
    return {"recipe": files.digest(run.recipe), "folds": data.folds_digest, "fold": k}


def check_trained(run: Run, data: Data, k: int) -> None:
    """Raise InputError where a fold's weights were made with another recipe.json or folds.csv than lie there now."""
    remedy = f"rm -r {run.fold(k)}, then the same command"
    metadata = models.weights_metadata(run.weights(k), remedy)
    different = [name for name, value in identity(run, data, k).items() if metadata.get(name) != value]
    if different:
        raise InputError(
            f"{run.weights(k)} was trained with another {' and '.join(different)}",
            "the folds.csv and recipe.json that are there now",
            remedy,
        )
