"""What changes the weights: the learning rate, the optimizer and the averaged weights (EMA)."""

import math
from collections.abc import Callable

import torch
from torch import nn

from comp.errors import InputError
from comp.recipes.recipe_settings import Recipe

_FUSED = ("adam", "adamw", "sgd")  # one kernel per step instead of one per tensor; CPUs have it too


# ---- learning rate


def lr_factor(recipe: Recipe, epoch: float) -> float:
    """The learning rate at a (fractional) epoch as a share of `lr`; a pure function, so that resuming is exact."""
    if epoch < recipe.warmup_epochs:
        return max(epoch, 1e-3) / recipe.warmup_epochs
    return SCHEDULES[recipe.schedule](recipe, epoch)


def _cosine(recipe: Recipe, epoch: float) -> float:
    """From 1 after the warm-up to 0 after the last epoch."""
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
    """Whether torch has a fused kernel for this optimizer on this device.

    The kernel of sgd fails for weights that were frozen in the first epochs: they have no momentum yet.
    """
    joined = recipe.optimizer == "sgd" and recipe.freeze_epochs > 0
    return device.type in ("cpu", "cuda") and recipe.optimizer in _FUSED and not joined


def make_optimizer(model: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    """timm's optimizer of the recipe's name, with layer decay, and without weight decay on biases and norms.

    Raises InputError for a name that timm does not know.
    """
    from timm.optim import create_optimizer_v2, list_optimizers

    options = {"fused": True} if is_fused(recipe, device) else {}
    name = "momentum" if recipe.optimizer == "sgd" else recipe.optimizer  # timm's "sgd" means Nesterov
    decay = recipe.layer_decay if recipe.layer_decay < 1 else None
    try:
        return create_optimizer_v2(
            backbone(model),
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
            f"one of timm's optimizers, such as sgd, adam, adamw; all: {', '.join(list_optimizers())}",
            "the same command with SET=optimizer=adamw",
        ) from None


def backbone(model: nn.Module) -> nn.Module:
    """timm's model inside ours: what the optimizer and the freezing know of its layers comes from timm."""
    return getattr(model, "backbone", model)


# ---- averaged weights


def make_ema(model: nn.Module, recipe: Recipe):
    """timm's ModelEmaV3 with its warm-up, or None; a plain 0.999 would still hold the first weights after an epoch."""
    if not recipe.ema_decay:
        return None
    from timm.utils import ModelEmaV3

    return ModelEmaV3(model, decay=recipe.ema_decay, use_warmup=True)
