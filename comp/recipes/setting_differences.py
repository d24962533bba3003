"""What differs between the recipes of several runs, in words."""

import dataclasses
from collections.abc import Mapping

from comp.recipes.frozen import RUN_ONLY
from comp.recipes.recipe import Recipe

FIRST = ("model", "image_size", "epochs")  # named first, as people speak of runs
LEFT_OUT = ("name", *RUN_ONLY)


def differing(recipes: Mapping[str, dict]) -> list[str]:
    """The settings that differ among the recipes, those of FIRST first, then in the order of Recipe.

    recipes: run name to the plain values of its recipe.json. A setting that one recipe does not have, since another
    version wrote it, differs. Settings that change the speed alone are left out.
    """
    fields = [field.name for field in dataclasses.fields(Recipe)]
    others = sorted({name for recipe in recipes.values() for name in recipe} - set(fields))
    order = [*FIRST, *(name for name in (*fields, *others) if name not in FIRST)]
    return [name for name in order if name not in LEFT_OUT and _differs(name, list(recipes.values()))]


def in_words(recipe: dict, names: list[str]) -> str:
    """These settings of one recipe: "model resnet34, image size 128, pretrained off"."""
    return ", ".join(f"{name.replace('_', ' ')} {_value(recipe[name])}" for name in names if name in recipe)


def _differs(name: str, recipes: list[dict]) -> bool:
    return len({str(recipe.get(name)) for recipe in recipes}) > 1


def _value(value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return "(" + ", ".join(map(_value, value)) + ")"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "none"
