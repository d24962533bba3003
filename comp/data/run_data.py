"""Choose the rows and photos for the training, the scoring and the test predictions of a run.

The training photos (all photos in folds.csv) and the test photos are opened separately, each when they are first
needed. So a new test set changes neither the cache of the training photos nor the out-of-fold predictions, and a
machine without training photos can still predict the test photos.
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
    """The training rows and the test rows of a competition, as `Batches` of photos for a run with this recipe.

    The recipe has the settings of the run, such as the image size.
    """

    def __init__(self, project: Project, recipe: Recipe):
        self.project, self.recipe = project, recipe

    @property
    def competition(self) -> Competition:
        return self.project.competition

    @cached_property
    def photos(self) -> Photos:
        """The training photos, in the order of folds.csv. They come from the cache if the recipe has cache=true."""
        return open_photos(self.project, self.recipe, list(self.project.folds["image"]))

    @cached_property
    def test_photos(self) -> Photos:
        """The test photos, in the order of the test rows. They come from the cache if the recipe has cache=true."""
        opened = vars(self).get("photos")  # then the test photos get the same kind of cache
        return open_photos(self.project, self.recipe, list(self.project.test_rows["image"]), opened)

    @cached_property
    def pseudo(self) -> PseudoLabels | None:
        """The pseudo-labels that the recipe names, or None if the recipe names none."""
        return PseudoLabels(self.project, self.recipe.pseudo) if self.recipe.pseudo else None

    # ---- training

    def training(self, k: int | str) -> Batches:
        """Return the training rows for fold k, which are the rows of all other folds.

        k: the number of a fold, or "all_data" for the training on all rows. The recipe's setting `drop` leaves rows
        out, and its setting `edges` changes labels. If the recipe names pseudo-labels, the pseudo-labelled rows come
        last. Raises InputError if no row is left.
        """
        recipe, rows = self.recipe, self._training_rows(k)
        units = rows.groupby(["group", "label"], sort=False, dropna=False).ngroup()  # a number for each group and class
        values, (soft, further) = labels.to_array(rows["label"], self.competition), self._targets(rows)
        known = Batches(self.photos, rows["row"], values, recipe.augment, recipe.seed, units, None, soft, further)
        return self._with_pseudo_labels(known, k) if self.pseudo else known

    def check_training(self) -> None:
        """Raise InputError if the recipe does not fit the rows of folds.csv, or the training rows of any fold.

        All folds are checked, even if only one of them is to be trained now. Otherwise some folds of the run would be
        trained, but the run could never be finished, since its recipe cannot be changed. No photo is opened.
        """
        self._targets(self._training_rows(ALL_DATA))  # an error here has nothing to do with a fold
        for k in range(self.project.fold_count):
            try:
                self._targets(self._training_rows(k))
            except InputError as error:
                raise InputError(f"fold {k} cannot be trained: {error.found}", error.expected, error.run) from None

    def _training_rows(self, k: int | str) -> pd.DataFrame:
        """Return the rows of all folds except k, after the recipe's settings drop and edges, with the column row.

        k: the number of a fold, or "all_data", for which all rows are taken. row: the position in folds.csv.
        """
        recipe, folds = self.recipe, self.project.folds
        rows = folds.assign(row=np.arange(len(folds)))[folds["fold"] != k]
        rows = training_policy(rows, self.competition, recipe.edges, recipe.drop)
        if rows.empty:
            raise InputError(
                f"the setting drop={recipe.drop} leaves out every training row",
                "a value of drop with which some rows to train on are left",
                "the same command with another value of drop in SET, and RUN=<new name>",
            )
        return rows

    def _targets(self, rows: pd.DataFrame) -> tuple[np.ndarray | None, list[Auxiliary]]:
        """Return the soft labels of training rows, or None if the recipe has none, and their auxiliary targets."""
        recipe = self.recipe
        fine = recipe.bin_edges if recipe.head == "bins" else ""
        soft = soft_labels(rows, self.competition, recipe.soften, recipe.edges, fine) if recipe.soften else None
        return soft, auxiliary_targets(rows, recipe.auxiliary)

    def _with_pseudo_labels(self, known: Batches, k: int | str) -> Batches:
        """Return the training rows `known`, followed by the test photos that have pseudo-labels for fold k.

        k: the number of a fold, or "all_data" for the training on all rows. For "all_data", all test photos are added
        that have pseudo-labels for any fold.
        """
        numbers = range(self.project.fold_count) if k == ALL_DATA else [k]
        pseudo = self.pseudo.load_all(list(numbers))
        photos = JoinedPhotos([known.photos, self.test_photos])
        return with_pseudo_rows(known, photos, pseudo, self.project.test_rows["id"], self.competition)

    # ---- scoring and prediction

    def held_out(self, k: int) -> Batches:
        """Return every row of fold k with its label in folds.csv, for scoring.

        If several photos share one id of the sample submission and get one answer, the rows also have these ids.
        """
        folds, rows = self.project.folds, self._rows_of_fold(k)
        values = labels.to_array(folds["label"].iloc[rows], self.competition)
        ids = folds["id"].iloc[rows] if self.competition.combine else None
        return Batches(self.photos, rows, values, "none", 0, ids=ids)

    def held_out_images(self, k: int) -> pd.Series:
        """Return the paths of the photos in fold k, in the order of `held_out`. In oof.npz they are the ids."""
        return self.project.folds["image"].iloc[self._rows_of_fold(k)]

    def _rows_of_fold(self, k: int) -> np.ndarray:
        return np.flatnonzero(self.project.folds["fold"] == k)

    def testing(self) -> Batches:
        """Return one row for each test photo. All labels are 0, because the labels of test photos are not known."""
        rows = np.arange(len(self.project.test_rows))
        return Batches(self.test_photos, rows, np.zeros(len(rows), int), "none", 0)


def open_photos(project: Project, recipe: Recipe, images: list[str], like: Photos | None = None) -> Photos:
    """Return the photos at the image size of the recipe.

    images: the photos, as paths in the folder of the competition. If the recipe has cache=true, the photos are read
    from the cache, which is built if it is missing. like: photos that were opened before, or None; `images` get the
    same kind of cache as these photos if there is room for it.
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
    """Return the rows `known`, followed by one row for each test photo that has a pseudo-label.

    known: the training rows. photos: the training photos, then the test photos. pseudo: the pseudo-labels, as the
    probabilities of each class for some ids of the sample submission. test_ids: the id of each test photo in the sample
    submission.
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
    """Return for each row of `probs` the answer that follows from its probabilities.

    probs: one row per photo and one column per class. The answer is the number of the most probable class. If a row can
    have several labels, the answer is 1 for each label with a probability of at least 0.5, and 0 for the other labels.
    If the target is a number, `probs` has one column, which holds the answer.
    """
    if competition.target == "regression":
        return probs[:, 0]
    return probs.argmax(1) if competition.target in ONE_LABEL else probs >= 0.5


def _soft_labels(known: Batches, competition: Competition) -> np.ndarray:
    """Return the labels of the rows `known` as probabilities, with one column per class.

    These are the soft labels if the rows have any. Otherwise they are 1 for each label of a row, and 0 for all other
    labels.
    """
    if known.soft is not None:
        return known.soft
    one_label = competition.target in ONE_LABEL
    return (np.eye(competition.size)[known.labels] if one_label else known.labels).astype(np.float32)


def _with_missing_values(column: Auxiliary, count: int) -> Auxiliary:
    """Return the auxiliary targets of a column, followed by `count` rows whose value is missing."""
    missing = np.zeros((count, column.values.shape[1]), np.float32)
    return dataclasses.replace(column, values=np.concatenate([column.values, missing]))
