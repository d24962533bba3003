"""Which parts of a model are frozen in an epoch: their weights, and the statistics of their batch norms.

A frozen first part costs no backward pass: autograd keeps nothing of layers before the first weight that learns.
"""

from torch import nn

from comp.models import classifiers
from comp.recipes.recipe import Recipe
from comp.training.optim import backbone


def always(recipe: Recipe) -> bool:
    """Whether the frozen part is frozen for the whole training."""
    return recipe.freeze_epochs < 0 or recipe.freeze_epochs >= recipe.epochs


def freeze_for(model: nn.Module, recipe: Recipe, epoch: int) -> None:
    """Freeze what the recipe freezes in this epoch (from 0), and nothing else. Call it after `model.train()`."""
    frozen = always(recipe) or epoch < recipe.freeze_epochs
    freeze(model, recipe.freeze_stages if frozen else None)


def freeze(model: nn.Module, stages: int | None) -> None:
    """Freeze the first `stages` stages, the stem being the first; 0: all but the classifier; None: nothing.

    Below 0 it counts from the end: -2 freezes all but the last two stages and the head, the last group of timm, which
    has the classifier and often a norm or an attention pool before it. Classifiers are never frozen.
    Stages are timm's own (`group_matcher(coarse=True)`: stem, stages or blocks, norm and head); the model's parts in
    their order where timm gives none. Batch norms of frozen stages keep their statistics too; call it after
    `model.train()`.
    """
    model = backbone(model)
    head = {id(parameter) for parameter in classifiers.parameters(model)}
    frozen = _frozen_names(model, stages)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen or id(parameter) in head)
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        if hasattr(module, "running_var") and own and not any(p.requires_grad for p in own):
            module.eval()


def _frozen_names(model: nn.Module, stages: int | None) -> set[str]:
    if stages is None:
        return set()
    if stages == 0:
        return {name for name, _ in model.named_parameters()}
    groups = _stages(model)
    count = stages if stages > 0 else max(len(groups) - 1 + stages, 0)
    return {name for group in groups[:count] for name in group}


def _stages(model: nn.Module) -> list[list[str]]:
    """The names of the parameters of each stage, in the order of the stages."""
    if not hasattr(model, "group_matcher"):
        return [
            [f"{part}.{name}" if name else part for name, _ in child.named_parameters()]
            for part, child in model.named_children()
        ]
    from timm.models import group_parameters

    groups = group_parameters(model, model.group_matcher(coarse=True))
    return [groups[group] for group in sorted(groups)]
