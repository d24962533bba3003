"""Gradient checkpointing: keep the outputs of few layers, and compute the others again in the backward pass.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost". About a third slower; the numbers stay the same.
"""

import torch
from torch import nn

from comp.errors import InputError
from comp.recipes.recipe import Recipe
from comp.training.optim import backbone


def switch_on(model: nn.Module, recipe: Recipe) -> None:
    """timm's checkpointing, where the recipe asks for it. Raises InputError for a model that has none."""
    if not recipe.checkpointing:
        return
    try:
        backbone(model).set_grad_checkpointing(True)
    except (AttributeError, AssertionError, NotImplementedError):
        raise InputError(
            f"checkpointing=true: {recipe.model} has no gradient checkpointing in timm",
            "checkpointing=false; a smaller batch_size with more accumulate needs less memory too",
            f'the same command with SET="checkpointing=false batch_size={max(recipe.batch_size // 2, 1)} '
            f'accumulate={2 * recipe.accumulate}" RUN=<name>',
        ) from None
    for module in model.modules():
        if getattr(module, "track_running_stats", False):  # batch norms see each batch twice
            module.register_forward_pre_hook(_before_again)
            module.register_forward_hook(_after_again, always_call=True)  # torch leaves the last layer by an exception


def _again(norm: nn.Module) -> bool:
    """Whether this is the second time, in the backward pass."""
    return norm.training and torch._C._current_graph_task_id() != -1  # as torch itself asks; it has no public name


def _before_again(norm: nn.Module, _) -> None:
    if _again(norm):
        norm.first_momentum, norm.momentum = norm.momentum, 0.0  # the statistics stay as they are


def _after_again(norm: nn.Module, _, outputs) -> None:
    if _again(norm):
        norm.momentum = norm.first_momentum
        norm.num_batches_tracked.sub_(1)
