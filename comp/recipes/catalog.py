"""The recipes by name: one file per recipe in `named/`, and a default recipe for any other timm model.

    recipe = catalog.get("resnet34")        # or the name of any timm model
"""

import dataclasses
import importlib
import pkgutil

from comp.recipes import default, named, settings
from comp.recipes.families import is_transformer
from comp.recipes.recipe import Recipe


def names() -> list[str]:
    """The named recipes, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(named.__path__))


def get(name: str, defaults: str = "") -> Recipe:
    """The recipe of that name; for any other timm model the default recipe (models/factory.py checks the name).

    defaults: the competition's settings for models without their own recipe, such as "crop=350".
    """
    if name in names():
        return dataclasses.replace(importlib.import_module(f"{named.__name__}.{name}").RECIPE, name=name)
    general = default.TRANSFORMER if is_transformer(name) else default.RECIPE
    return settings.override(dataclasses.replace(general, name=name, model=name), defaults)
