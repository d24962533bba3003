"""Return the rows and photos that a run is trained on, is scored on and predicts.

The training photos (all photos in folds.csv) and the test photos are opened separately, each when they are first
needed. So a new test set changes neither the cache of the training photos nor the out-of-fold predictions, and a
machine without training photos can still predict.

Letters: N labelled rows, P pseudo-labelled rows, C classes.
"""

import dataclasses
from functools import cached_property

import numpy as np
import pandas as pd

from comp import console
from comp.competition import labels
from comp.competition.auxiliary_targets import Auxiliary, auxiliary_targets
from comp.competition.competition import ONE_LABEL, Competition
from comp.competition.label_policy import training_policy
from comp.competition.soft_labels import soft_labels
from comp.data import photo_cache
from comp.data.batches import Batches
from comp.data.photos import JoinedPhotos, Photos
from comp.errors import InputError
from comp.hardware import processes
from comp.project import Project
from comp.recipes.recipe_settings import Recipe
from comp.store.paths import ALL_DATA, cache_folder
from comp.store.predictions import Predictions
from comp.store.pseudo_labels import PseudoLabels


class RunData:
    """The rows of folds.csv and of the test table, as `Batches` of photos at the image size of the recipe."""

    def __init__(self, project: Project, recipe: Recipe):
        self.project, self.recipe = project, recipe

    @property
    def competition(self) -> Competition:
        return self.project.competition

    @cached_property
    def photos(self) -> Photos:
        """The training photos, in the order of folds.csv. A missing cache is built if the recipe wants a cache."""
        return open_photos(self.project, self.recipe, list(self.project.folds["image"]))

    @cached_property
    def test_photos(self) -> Photos:
        """The test photos, in the order of the test rows."""
        opened = vars(self).get("photos")  # then the test photos get the same kind of cache
        return open_photos(self.project, self.recipe, list(self.project.test_rows["image"]), opened)

    @cached_property
    def pseudo(self) -> PseudoLabels | None:
        """The pseudo-labels that the recipe names, or None if the recipe names none."""
        return PseudoLabels(self.project, self.recipe.pseudo) if self.recipe.pseudo else None

    # ---- training

    def training(self, k: int | str) -> Batches:
        """Return the rows to train on for fold k: the rows of all other folds, or all rows if k is ALL_DATA.

        The settings `edges` and `drop` of the recipe change labels and leave rows out. If the recipe names
        pseudo-labels, the pseudo-labelled rows come last.
        """
        recipe, competition, folds = self.recipe, self.competition, self.project.folds
        rows = folds.assign(row=np.arange(len(folds)))[folds["fold"] != k]
        rows = training_policy(rows, competition, recipe.edges, recipe.drop)
        if rows.empty:
            raise InputError(
                f"drop={recipe.drop} drops every training row",
                "a setting drop that leaves rows to train on",
                "the same command with another drop in SET",
            )
        units = rows.groupby(["group", "label"], sort=False, dropna=False).ngroup()  # a number for each group and class
        values = labels.to_array(rows["label"], competition)
        fine = recipe.bin_edges if recipe.head == "bins" else ""
        soft = soft_labels(rows, competition, recipe.soften, recipe.edges, fine) if recipe.soften else None
        further = auxiliary_targets(rows, recipe.auxiliary)
        known = Batches(self.photos, rows["row"], values, recipe.augment, recipe.seed, units, None, soft, further)
        return self._with_pseudo_labels(known, k) if self.pseudo else known

    def _with_pseudo_labels(self, known: Batches, k: int | str) -> Batches:
        """Return the rows `known`, followed by the test photos that have pseudo-labels for fold k.

        If k is ALL_DATA, the test photos that have pseudo-labels for any fold are added.
        """
        numbers = range(self.project.fold_count) if k == ALL_DATA else [k]
        pseudo = self.pseudo.load_all(list(numbers))
        photos = JoinedPhotos([known.photos, self.test_photos])
        return with_pseudo_rows(known, photos, pseudo, self.project.test_rows["id"], self.competition)

    # ---- scoring and prediction

    def held_out(self, k: int) -> Batches:
        """Return every row of fold k with its label in folds.csv, for scoring.

        If the competition combines photos, the rows also have their prediction ids.
        """
        folds, rows = self.project.folds, self._rows_of_fold(k)
        values = labels.to_array(folds["label"].iloc[rows], self.competition)
        ids = folds["id"].iloc[rows] if self.competition.combine else None
        return Batches(self.photos, rows, values, "none", 0, ids=ids)

    def held_out_images(self, k: int) -> pd.Series:
        """Return the images of fold k in the same order as `held_out`. The images are the ids in oof.npz."""
        return self.project.folds["image"].iloc[self._rows_of_fold(k)]

    def _rows_of_fold(self, k: int) -> np.ndarray:
        return np.flatnonzero(self.project.folds["fold"] == k)

    def testing(self) -> Batches:
        """Return one row for each test photo. All labels are 0, because the labels of test photos are not known."""
        rows = np.arange(len(self.project.test_rows))
        return Batches(self.test_photos, rows, np.zeros(len(rows), int), "none", 0)


def open_photos(project: Project, recipe: Recipe, images: list[str], like: Photos | None = None) -> Photos:
    """Open the photos `images` at the image size of the recipe.

    Photos are read from the cache, which is built if it is missing. If the recipe has cache=false, photos are read from
    their files. like: photos that were opened before; `images` get the same kind of cache as these photos.
    """
    crop, size = recipe.crop, recipe.image_size
    if not recipe.cache:
        return Photos(project.inputs, images, crop, size, fit=recipe.fit)
    with processes.first_alone(project.outputs), console.progress("decoding photos", len(images)) as advance:
        return photo_cache.cached(
            cache_folder(project.outputs),
            project.inputs,
            [images],
            crop,
            size,
            advance,
            say=console.say,
            fit=recipe.fit,
            like=like,
        )


# ---- pseudo-labelled test photos as further training rows


def with_pseudo_rows(
    known: Batches, photos: JoinedPhotos, pseudo: Predictions, test_ids: pd.Series, competition: Competition
) -> Batches:
    """Return the rows `known`, followed by one row for each test photo whose prediction id has pseudo-labels.

    photos: the training photos, then the test photos; pseudo: the pseudo-labels of prediction ids, as probabilities;
    test_ids: the prediction id of each test photo.
    """
    rows = np.flatnonzero(test_ids.isin(pseudo.ids))
    probs = pseudo.at(test_ids.iloc[rows])
    return Batches(
        photos,
        np.concatenate([known.rows, photos.starts[1] + rows]),
        np.concatenate([known.labels, _plain_answers(probs, competition).astype(known.labels.dtype)]),
        known.augment_name,
        known.seed,
        None if known.units is None else np.concatenate([known.units, np.full(len(rows), -1)]),
        soft=None if competition.target == "regression" else np.concatenate([_soft_labels(known, competition), probs]),
        auxiliary=[_with_missing_values(column, len(rows)) for column in known.auxiliary],
        pseudo=len(rows),
    )


def _plain_answers(probs: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the most probable answer for each row of `probs` (P, C), without any decision rule.

    The answer is a class number, or 0 and 1 for each label if a row can have several labels, or the predicted number if
    the target is a number.
    """
    if competition.target == "regression":
        return probs[:, 0]
    return probs.argmax(1) if competition.target in ONE_LABEL else probs >= 0.5


def _soft_labels(known: Batches, competition: Competition) -> np.ndarray:
    """Return the soft labels (N, C) of the rows `known`. Labels that are not soft become 0 and 1."""
    if known.soft is not None:
        return known.soft
    one_label = competition.target in ONE_LABEL
    return (np.eye(competition.size)[known.labels] if one_label else known.labels).astype(np.float32)


def _with_missing_values(column: Auxiliary, count: int) -> Auxiliary:
    """Return the auxiliary targets of a column, followed by `count` rows whose value is missing."""
    missing = np.zeros((count, column.values.shape[1]), np.float32)
    return dataclasses.replace(column, values=np.concatenate([column.values, missing]))
