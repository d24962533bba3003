"""Whether weights are finite numbers, and what to change in a training whose weights, loss or probabilities are not."""

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from comp.errors import InputError
from comp.recipes import catalog
from comp.recipes.recipe import Recipe


class NotFinite(InputError):
    """A training that has to be done with other settings: the same ones would end in the same numbers."""

    def __init__(self, found: str, recipe: Recipe, first: str = ""):
        super().__init__(found, "finite numbers", first + other_settings(recipe))


def other_settings(recipe: Recipe) -> str:
    """The change of settings that keeps such a training finite: at most the lr of the model's own recipe."""
    changes = [f"lr={min(recipe.lr / 10, catalog.get(recipe.name).lr):g}"]
    if not 0 < recipe.clip_grad <= 1:
        changes.append("clip_grad=1")
    if recipe.amp != "off":
        changes.append("amp=off")
    return f"the same command with RUN=<another name>, and {' '.join(changes)} added to its SET"


def all_finite(values: Iterable[Tensor]) -> bool:
    """Whether every floating-point value is finite."""
    flags = [value.isfinite().all() for value in values if value.is_floating_point()]
    return bool(torch.stack(flags).all())  # of all at once: a GPU is waited for only here


def check_file(path: Path, recipe: Recipe) -> None:
    """Raise InputError where a fold's weights file does not open, NotFinite where earlier versions kept NaN."""
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        remedy = f"rm {path}, then the same command"
        raise InputError(f"{path} does not load: {error}", "the whole weights of a fold", remedy) from None
    check_weights(tensors, path, recipe)


def check_weights(state: dict[str, Tensor], path: Path, recipe: Recipe) -> None:
    """Raise NotFinite where weights that were read from a fold's file are not finite."""
    if not all_finite(state.values()):
        raise NotFinite(f"{path} holds weights that are not finite", recipe, f"rm -r {path.parent}, then ")
