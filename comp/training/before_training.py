"""What is checked of a run before anything is written, so that a mistake is told at once and leaves no trace."""

import dataclasses
from pathlib import Path

import torch

from comp.competition.competition import Competition
from comp.data import augment
from comp.models import factory, init_check
from comp.models.normalisation import with_normalisation
from comp.prediction import tta
from comp.recipes import catalog, frozen, model_names
from comp.recipes.recipe import Recipe
from comp.store.paths import ALL_DATA, Run
from comp.training import all_rows, losses, trial


def check_names(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError for an unknown loss, augmentation, TTA set or model, before anything is loaded."""
    losses.check(recipe, competition)
    augment.pipeline(recipe.augment)
    tta.check(recipe.tta)
    model_names.check(recipe.model, catalog.names())


def with_statistics(run: Run, recipe: Recipe, competition: Competition, planned: list[str]) -> Recipe:
    """The recipe with the mean and std of the weights that it begins with.

    planned: runs that the same command trains before this one, so that an INIT of that name need not be there yet.
    """
    if recipe.init not in planned:
        recipe = init_check.with_init(recipe, run, competition)
    return with_normalisation(recipe)


def check_begun(run: Run, recipe: Recipe, competition: Competition, numbers: list[int | str], count: int) -> None:
    """Raise InputError for a run with another recipe, and for FOLD=all_data unless its `count` folds are trained."""
    if run.recipe.is_file():
        frozen.claim(run, recipe, competition)
    if numbers == [ALL_DATA]:
        all_rows.check_folds(run, count)


def first_weights(run: Run, recipe: Recipe, competition: Competition, inputs: Path, where: torch.device) -> dict | None:
    """Try the model of a new run; what its pretrained weights are, for recipe.json.

    None for a run that has begun, and for one without pretrained weights. Raises InputError for a model that does not
    work at the recipe's size, and for pretrained weights that cannot be had or do not fit.
    """
    if run.recipe.is_file():
        return None
    trial.check(recipe, competition, where)
    if recipe.init or not recipe.pretrained:
        return None
    origin = factory.build(recipe, competition, inputs / "weights").origin
    return dataclasses.asdict(origin) if origin else None


def check_init(run: Run, recipe: Recipe, competition: Competition, folds_digest: str, numbers: list[int | str]) -> None:
    """Raise InputError unless each fold that begins can begin with its fold of INIT."""
    if not recipe.init:
        return
    init_check.check_folds(run, recipe.init, folds_digest, numbers)
    if not run.recipe.is_file():
        factory.build(recipe, competition, Path(), init=init_check.weights(run, recipe.init, numbers[0]))
