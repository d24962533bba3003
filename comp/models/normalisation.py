"""The mean and std that photos are normalised with."""

import dataclasses

from comp.recipes import model_names
from comp.recipes.recipe import Recipe


def with_normalisation(recipe: Recipe) -> Recipe:
    """The recipe with the mean and std that timm's weights of its model were trained with, where it gives none."""
    import timm

    weights = timm.get_pretrained_cfg(model_names.current(recipe.model)) or timm.models.PretrainedCfg()
    return dataclasses.replace(recipe, mean=recipe.mean or weights.mean, std=recipe.std or weights.std)
