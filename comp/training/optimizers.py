"""Compute the learning rate of a training, and make its optimizer and the moving average of its weights (EMA)."""

import math
from collections.abc import Callable

import torch
from torch import nn

from comp.errors import InputError
from comp.recipes.recipe_settings import Recipe

_FUSED = ("adam", "adamw")  # torch has a kernel for these that updates all tensors at once, also on CPUs


# ---- learning rate


def lr_factor(recipe: Recipe, epoch: float) -> float:
    """Return the factor by which the recipe's learning rate is multiplied at one moment of the training.

    epoch: the moment, as the number of epochs since the start. It may be a fraction, such as 2.5.
    """
    if epoch < recipe.warmup_epochs:
        return max(epoch, 1e-3) / recipe.warmup_epochs
    return SCHEDULES[recipe.schedule](recipe, epoch)


def _cosine(recipe: Recipe, epoch: float) -> float:
    """Return the factor of a cosine schedule, which falls from 1 after the warm-up to 0 after the last epoch."""
    done = (epoch - recipe.warmup_epochs) / max(recipe.epochs - recipe.warmup_epochs, 1e-9)
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def _step(recipe: Recipe, epoch: float) -> float:
    return recipe.step_factor ** (int(epoch) // recipe.step_epochs)


def _constant(_: Recipe, epoch: float) -> float:
    return 1.0


# the names are the choices of the setting `schedule`
SCHEDULES: dict[str, Callable[[Recipe, float], float]] = {"cosine": _cosine, "step": _step, "constant": _constant}


# ---- optimizer


def is_fused(recipe: Recipe, device: torch.device) -> bool:
    """Return whether the recipe's optimizer uses torch's fused kernel on this device.

    A fused kernel updates all weights at once. sgd does not use it. If the first step with fp16 is skipped, because a
    gradient overflows, torch's kernel (2.15) takes memory that nobody has written for the momentum, and the weights
    become infinite. It also fails if weights that were frozen in the first epochs begin to learn.
    """
    return device.type in ("cpu", "cuda") and recipe.optimizer in _FUSED


def make_optimizer(model: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    """Return the optimizer that the recipe names, made by timm with the recipe's settings.

    Biases and norms get no weight decay. Raises InputError if timm does not know the optimizer.
    """
    from timm.optim import create_optimizer_v2, list_optimizers

    options = {"fused": True} if is_fused(recipe, device) else {}
    name = "momentum" if recipe.optimizer == "sgd" else recipe.optimizer  # timm's "sgd" means Nesterov
    decay = recipe.layer_decay if recipe.layer_decay < 1 else None
    try:
        return create_optimizer_v2(
            model,
            opt=name,
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
            layer_decay=decay,
            **options,
        )
    except (ValueError, AssertionError, KeyError) as error:
        raise InputError(
            f"optimizer={recipe.optimizer}: {error}",
            f"one of timm's optimizers, such as sgd, adam or adamw; timm has {', '.join(list_optimizers())}",
            "the same command with optimizer=adamw in SET, and RUN=<new name>",
        ) from None


# ---- averaged weights


def make_ema(model: nn.Module, recipe: Recipe):
    """Return timm's ModelEmaV3, which averages the weights of the model, or None if the recipe has no EMA.

    The decay of the average rises during the first steps (warm-up). With a constant decay of 0.999, the average would
    still hold much of the initial weights after the first epoch.
    """
    if not recipe.ema_decay:
        return None
    from timm.utils import ModelEmaV3

    return ModelEmaV3(model, decay=recipe.ema_decay, use_warmup=True)
