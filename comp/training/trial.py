"""A step and a prediction of an untrained model on two grey photos: does it work at this size, and if not, at which?"""

import dataclasses
from pathlib import Path

import torch
from torch import nn

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.hardware.precision import autocast, memory_format, precision
from comp.models import factory, heads
from comp.recipes.recipe import Recipe
from comp.training import auxiliary_heads, optim

STEP = 32  # pixels between the sizes that are tried: most models halve the side five times


def check(recipe: Recipe, competition: Competition, where: torch.device) -> None:
    """Raise InputError, with the nearest size that works, for a model that cannot train or predict at the recipe's."""
    problem = fault(recipe, competition, where)
    if not problem:
        return
    size, shown = recipe.image_size, recipe.model
    if better := working_size(recipe, competition, where):
        raise InputError(
            f"image_size={size} does not fit {shown}: {problem}",
            f"a size that fits, such as image_size={better}",
            f"the same command with image_size={better} in SET, and RUN=<name>",
        )
    raise InputError(
        f"{shown} does not train here at any size: {problem}",
        "a model that makes one row of outputs of each photo (B, 3, H, W)",
        "make train MODEL=resnet34, or another of python -c 'import timm; print(*timm.list_models())'",
    )


def working_size(recipe: Recipe, competition: Competition, where: torch.device) -> int:
    """The side (pixels) nearest to the recipe's, up to the model's own, at which a step works; 0 where none does."""
    own = factory.timm_size(recipe.model)
    sizes = {own, *range(STEP, own + 1, STEP)} - {recipe.image_size}
    for size in sorted(sizes, key=lambda size: (abs(size - recipe.image_size), -size)):
        if not fault(dataclasses.replace(recipe, image_size=size), competition, where):
            return size
    return 0


def fault(recipe: Recipe, competition: Competition, where: torch.device) -> str:
    """What goes wrong in a step or a prediction, in one line; "" where nothing does.

    Raises InputError for what no image size would mend, such as an unknown optimizer or unknown features.
    """
    try:
        model = factory.create(recipe, competition, Path(), pretrained=False)
        model = model.to(where, memory_format=memory_format(recipe))
    except factory.NotBuilt as error:
        return error.found
    if recipe.auxiliary:
        auxiliary_heads.classifier_of(model)
    optimizer = optim.make_optimizer(model, recipe, where)
    try:
        _step(model, optimizer, recipe, competition, where)
    except torch.OutOfMemoryError:
        return ""  # the training itself says what to do
    except Exception as error:  # whatever a model of timm's raises at a size that is not its own
        return f"{type(error).__name__}: {(str(error).strip() or '?').splitlines()[0][:200]}"
    return ""


def _step(model: nn.Module, optimizer, recipe: Recipe, competition: Competition, where: torch.device) -> None:
    """One step in training mode and one prediction. Their values do not matter, their shapes do."""
    images = torch.zeros(2, 3, recipe.image_size, recipe.image_size, device=where)
    images = images.contiguous(memory_format=memory_format(recipe))
    head = heads.build(recipe, competition)
    model.train()
    for stages in (recipe.freeze_stages or -1, 0):
        optim.freeze(model, stages)
    for training in (True, False):
        with torch.set_grad_enabled(training), autocast(precision(recipe, where, training=training), where):
            outputs = model.train(training)(images)
        if not isinstance(outputs, torch.Tensor) or outputs.shape[:1] != (2,) or outputs.ndim != 2:
            raise ValueError(f"it gives {_shape(outputs)}, not a row for each photo")
        probs = head.probs(outputs.float())
        if probs.shape != (2, competition.size):
            raise ValueError(f"its outputs are {tuple(outputs.shape)}, not those of {competition.size} classes")
        if training:
            outputs.float().square().mean().backward()
            optimizer.step()


def _shape(outputs) -> str:
    if isinstance(outputs, torch.Tensor):
        return f"a tensor of shape {tuple(outputs.shape)}"
    return f"a {type(outputs).__name__}"
