"""The settings of all runs in outputs/, and what differs between them in words."""

from dataclasses import dataclass
from pathlib import Path

from comp.errors import InputError
from comp.io import files
from comp.recipes.frozen import to_json
from comp.recipes.recipe import Recipe
from comp.recipes.setting_differences import differing, in_words, usual
from comp.store import runs
from comp.store.paths import Run


@dataclass(frozen=True)
class RunSettings:
    """recipes: trained run to the plain values of its recipe; runs whose recipe.json cannot be read are left out.

    words: run to what differs from `usual`, which holds for most runs; both in words. usual names the model where it
    is the same for all.
    """

    recipes: dict[str, dict]
    words: dict[str, str]
    usual: str


def read(outputs: Path) -> RunSettings:
    """The settings of all trained runs."""
    recipes = {name: recipe for name in runs.trained(outputs) if (recipe := _recipe(Run(outputs, name)))}
    names = differing(recipes)
    common = usual(recipes, names)
    words = {name: in_words(recipe, names, common) for name, recipe in recipes.items()}
    same = {} if "model" in names else {"model": next(iter(recipes.values()))["model"]} if recipes else {}
    return RunSettings(recipes, words, in_words({**same, **common}, [*same, *common]))


def _recipe(run: Run) -> dict | None:
    """The settings, with the defaults of those that an earlier version did not have; None if it cannot be read."""
    try:
        recipe = files.read_json(run.recipe, "", "").get("recipe")
    except InputError:
        return None
    return {**to_json(Recipe()), **recipe} if isinstance(recipe, dict) else None
