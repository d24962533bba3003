"""Recipe to timm model: the backbone with as many outputs as the head needs."""

import difflib
import inspect
from pathlib import Path

from torch import nn

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.models import heads, pretrained_source
from comp.recipes.recipe import Recipe


def create(recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None) -> nn.Module:
    """The recipe's model, on the CPU: images (B, 3, H, W) to the outputs that its head takes (see heads.py).

    weights: the folder of local pretrained weights; pretrained: the recipe's setting, unless given.
    Raises InputError for an unknown model, a head that does not fit, and weights that cannot be had.
    """
    head = heads.build(recipe, competition)
    wanted = recipe.pretrained if pretrained is None else pretrained
    backbone = _timm_model(recipe, head.outputs, weights, wanted)
    small_head(backbone)
    return head.wrap(backbone)


def small_head(backbone: nn.Module) -> None:
    """Start with all classes about equally likely, as timm's ViTs do.

    The random head of its efficientnets, whose scale comes from the number of classes, costs them their first epochs.
    """
    for parameter in backbone.get_classifier().parameters():
        nn.init.trunc_normal_(parameter, std=0.02) if parameter.ndim > 1 else nn.init.zeros_(parameter)


def check_name(name: str, recipes: list[str]) -> None:
    """Raise InputError, with the nearest names, unless timm knows the model."""
    import timm  # 2 s to import: after the cheap checks

    base = name.partition(".")[0]
    if not timm.is_model(base):
        near = difflib.get_close_matches(base, timm.list_models() + recipes, n=5, cutoff=0.5)
        raise InputError(
            f"unknown MODEL={name}" + (f"; nearest: {', '.join(near)}" if near else ""),
            f"a recipe ({', '.join(recipes)}) or a timm model",
            "python -c 'import timm; print(*timm.list_models())'",
        )


def _timm_model(recipe: Recipe, outputs: int, weights: Path, wanted: bool) -> nn.Module:
    import timm

    check_name(recipe.model, [])
    options = dict(num_classes=outputs, drop_rate=recipe.drop_rate, drop_path_rate=recipe.drop_path_rate or None)
    options |= _image_size(recipe)
    if wanted:
        return pretrained_source.load(recipe.model, weights, options)
    try:
        return timm.create_model(recipe.model, pretrained=False, **options)
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"timm cannot build {recipe.model}: {error}", "settings that fit the model") from error


def _image_size(recipe: Recipe) -> dict:
    """Models with a fixed position embedding (ViT, Swin) take img_size; the others raise a TypeError for it."""
    import timm

    default = timm.get_pretrained_cfg(recipe.model)
    fixed = default is not None and default.fixed_input_size
    takes = "img_size" in inspect.signature(timm.model_entrypoint(recipe.model.partition(".")[0])).parameters
    return {"img_size": recipe.image_size} if fixed or takes else {}
