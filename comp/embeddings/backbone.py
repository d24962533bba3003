"""A frozen timm model without its classifier: photos (B, 3, H, W) to features (B, D)."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.hardware.precision import memory_format
from comp.models import factory, weights_file
from comp.models.pretrained_filling import Origin
from comp.recipes.recipe import Recipe

OTHER = "make embed MODEL=resnet34, or another of python -c 'import timm; print(*timm.list_models())'"


@dataclass(frozen=True)
class Backbone:
    """model: in eval mode, on its device; features: D; digest: of its weights; origin: what they are, if pretrained."""

    model: nn.Module
    features: int
    digest: str
    origin: Origin | None


def load(recipe: Recipe, competition: Competition, weights: Path, where: torch.device) -> Backbone:
    """The recipe's model without classifier, with pretrained weights unless the recipe has pretrained=false.

    weights: the folder of local weights. Raises InputError for a model whose features cannot be had at the recipe's
    size, and for weights that cannot be had or do not fit.
    """
    check(recipe, competition, where)
    torch.manual_seed(recipe.seed)
    built = factory.build(recipe, competition, weights)
    model = _without_classifier(built.model).to(where, memory_format=memory_format(recipe)).eval()
    digest = weights_file.checksum({name: one.cpu() for name, one in model.state_dict().items()}, {})
    return Backbone(model, _features(model, recipe, where), digest, built.origin)


def check(recipe: Recipe, competition: Competition, where: torch.device) -> None:
    """Raise InputError unless the untrained model gives a row of features for each of two grey photos."""
    problem = fault(recipe, competition, where)
    if not problem:
        return
    found = f"the features of {recipe.model} cannot be had at image_size={recipe.image_size}: {problem}"
    own = factory.timm_size(recipe.model)
    if own != recipe.image_size and not fault(dataclasses.replace(recipe, image_size=own), competition, where):
        raise InputError(found, f"a size that fits, such as its own, image_size={own}",
                         f"the same command with image_size={own} in SET, and RUN=<name>")  # fmt: skip
    raise InputError(found, "a model of timm that gives a row of features for each photo", OTHER)


def fault(recipe: Recipe, competition: Competition, where: torch.device) -> str:
    """Why the features cannot be had, in one line; "" where they can."""
    try:
        model = factory.create(recipe, competition, Path(), pretrained=False)
        model = _without_classifier(model).to(where, memory_format=memory_format(recipe)).eval()
        _features(model, recipe, where)
    except factory.NotBuilt as error:
        return error.found
    except InputError:
        raise
    except torch.OutOfMemoryError:
        return ""  # what to do is explained where the photos are read
    except Exception as error:  # whatever a model of timm raises at a size that is not its own
        return f"{type(error).__name__}: {(str(error).strip() or '?').splitlines()[0][:200]}"
    return ""


def _without_classifier(model: nn.Module) -> nn.Module:
    if not hasattr(model, "reset_classifier"):
        raise TypeError("timm cannot take its classifier off")
    model.reset_classifier(0)
    return model.requires_grad_(False)


def _features(model: nn.Module, recipe: Recipe, where: torch.device) -> int:
    """D, of two grey photos. Raises ValueError where the output is not (2, D)."""
    images = torch.zeros(2, 3, recipe.image_size, recipe.image_size, device=where)
    with torch.inference_mode():
        made = model(images.contiguous(memory_format=memory_format(recipe)))
    shape = tuple(made.shape) if isinstance(made, torch.Tensor) else type(made).__name__
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[0] != 2 or shape[1] == 0:
        raise ValueError(f"it gives {shape} for two photos, not (2, features)")
    return shape[1]
