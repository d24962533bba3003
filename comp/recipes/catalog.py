"""The recipes by name: one file of `named/` each, and the default for any other timm model.

    recipe = catalog.get("resnet34")        # or any timm model by its own name
"""

import dataclasses
import importlib
import pkgutil

from comp.recipes import default, named
from comp.recipes.recipe import Recipe


def names() -> list[str]:
    """The named recipes, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(named.__path__))


def get(name: str) -> Recipe:
    """The recipe of that name, or the default one for a timm model of that name (checked by comp.models)."""
    if name in names():
        return dataclasses.replace(importlib.import_module(f"{named.__name__}.{name}").RECIPE, name=name)
    return dataclasses.replace(default.TRANSFORMER if is_transformer(name) else default.RECIPE, name=name, model=name)


def is_transformer(model: str) -> bool:
    """Whether a timm model is one of patches and attention, by its name."""
    return any(part in model for part in ("vit", "deit", "swin", "beit", "eva", "cait", "xcit", "mixer"))
