"""What changes the weights: the optimizer, learning rate and averaged weights (EMA)."""

import math

import torch
from torch import nn

from comp.errors import InputError
from comp.recipes.recipe_settings import Recipe

_FUSED = ("adam", "adamw", "sgd")  # one kernel per step instead of one per tensor; CPUs have it too


def lr_factor(recipe: Recipe, epoch: float) -> float:
    """The learning rate at a (fractional) epoch as a share of `lr`; a pure function, so that resuming is exact."""
    if epoch < recipe.warmup_epochs:
        return max(epoch, 1e-3) / recipe.warmup_epochs
    if recipe.schedule == "step":
        return recipe.step_factor ** (int(epoch) // recipe.step_epochs)
    if recipe.schedule == "constant":
        return 1.0
    done = (epoch - recipe.warmup_epochs) / max(recipe.epochs - recipe.warmup_epochs, 1e-9)
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def is_fused(recipe: Recipe, device: torch.device) -> bool:
    """Whether torch has a fused kernel for this optimizer on this device.

    That of sgd takes no weights that join later, without a momentum yet, as those that were frozen do.
    """
    joined = recipe.optimizer == "sgd" and recipe.freeze_epochs > 0
    return device.type in ("cpu", "cuda") and recipe.optimizer in _FUSED and not joined


def make_optimizer(model: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    """timm's optimizer of that name, without weight decay on biases and norms, with its layer decay."""
    from timm.optim import create_optimizer_v2

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
            "an optimizer of timm, such as sgd, adam, adamw",
            "the same command with SET=optimizer=adamw",
        ) from None


def backbone(model: nn.Module) -> nn.Module:
    """timm's model inside ours: the optimizer's and the freezer's knowledge of layers is timm's."""
    return getattr(model, "backbone", model)


def make_ema(model: nn.Module, recipe: Recipe):
    """timm's ModelEmaV3 with its warm-up (a plain 0.999 would still hold the initial weights after an epoch)."""
    if not recipe.ema_decay:
        return None
    from timm.utils import ModelEmaV3

    return ModelEmaV3(model, decay=recipe.ema_decay, use_warmup=True)
