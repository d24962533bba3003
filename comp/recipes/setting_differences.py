"""What differs between the recipes of several runs, in words."""

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

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


def usual(recipes: Mapping[str, dict], names: Sequence[str]) -> dict:
    """The most frequent value of each of these settings, except the model; of equally frequent ones the first."""
    made = {}
    for name in names:
        values = [recipe[name] for recipe in recipes.values() if name in recipe]
        if name != "model":
            made[name] = max(values, key=lambda value: [str(other) for other in values].count(str(value)))
    return made


def in_words(recipe: dict, names: Sequence[str], but: Mapping = MappingProxyType({})) -> str:
    """These settings of one recipe: "resnet34, image size 128, pretrained off", without those equal to `but`."""
    told = [name for name in names if name in recipe and not (name in but and str(recipe[name]) == str(but[name]))]
    return ", ".join(_one(name, recipe[name]) for name in told)


def _one(name: str, value) -> str:
    """A model needs no word before it."""
    return str(value) if name == "model" else f"{name.replace('_', ' ')} {_value(value)}"


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
