"""Recipe to timm model: the backbone with as many outputs as the head needs."""

import inspect
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.models import classifiers, heads, init_weights, pretrained_source
from comp.models.checkpoint_reading import State
from comp.models.pretrained_filling import FAULTS, Origin
from comp.recipes import model_names
from comp.recipes.recipe import Recipe


class NotBuilt(InputError):
    """timm cannot build the model at this image size."""


@dataclass
class Built:
    """A model, and what its pretrained weights were; None where it was built without.

    new: where it was given a fold's weights, the head's tensors that those have not, or in another shape.
    """

    model: nn.Module
    origin: Origin | None
    new: tuple[str, ...] = ()


def create(recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None) -> nn.Module:
    """The model of `build`, alone."""
    return build(recipe, competition, weights, pretrained).model


def build(
    recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None, init: State | None = None
) -> Built:
    """The recipe's model, on the CPU: images (B, 3, H, W) to the outputs that its head takes (see heads.py).

    weights: the folder of local pretrained weights; pretrained: the recipe's setting, unless given.
    init: the weights of a trained fold, which then take the place of pretrained ones.
    Raises InputError for an unknown model, a head that does not fit, and weights that cannot be had.
    """
    head = heads.build(recipe, competition)
    wanted = recipe.pretrained if pretrained is None else pretrained
    backbone, origin = _timm_model(recipe, head.outputs, weights, wanted, init)
    classifiers.start_small(backbone)
    model = head.wrap(backbone)
    return Built(model, origin, tuple(init_weights.keep_head(model, backbone, init)) if init else ())


def _timm_model(
    recipe: Recipe, outputs: int, weights: Path, wanted: bool, init: State | None
) -> tuple[nn.Module, Origin | None]:
    import timm

    model_names.check(recipe.model, [])
    options = dict(num_classes=outputs, drop_rate=recipe.drop_rate, drop_path_rate=recipe.drop_path_rate or None)
    options |= _image_size(recipe)
    if init:
        return init_weights.backbone(recipe.model, init, options), None
    if wanted:
        return pretrained_source.load(recipe.model, weights, options)
    try:
        return timm.create_model(model_names.current(recipe.model), pretrained=False, **options), None
    except FAULTS as error:
        raise _not_built(recipe, error) from error


def _not_built(recipe: Recipe, error: Exception) -> InputError:
    """What to do where timm cannot build the model: leave out a setting that it does not know, or another size."""
    for setting in ("drop_rate", "drop_path_rate"):
        if isinstance(error, TypeError) and f"'{setting}'" in str(error):
            left_out = f"the same command with {setting}=0 in SET, and RUN=<name>"
            return InputError(f"{recipe.model} has no {setting}", f"{setting}=0", left_out)
    size = timm_size(recipe.model)
    return NotBuilt(
        f"timm cannot build {recipe.model} for image_size={recipe.image_size}: {error}",
        f"its own size, image_size={size}",
        f"the same command with image_size={size} in SET, and RUN=<name>",
    )


def timm_size(name: str) -> int:
    """The side of the pictures that a timm model's weights were trained with, pixels."""
    import timm

    return (timm.get_pretrained_cfg(model_names.current(name)) or timm.models.PretrainedCfg()).input_size[-1]


def _image_size(recipe: Recipe) -> dict:
    """Models with a fixed position embedding (ViT, Swin) take img_size; the others raise a TypeError for it."""
    import timm

    name = model_names.current(recipe.model)
    default = timm.get_pretrained_cfg(name)
    fixed = default is not None and default.fixed_input_size
    takes = "img_size" in inspect.signature(timm.model_entrypoint(name.partition(".")[0])).parameters
    return {"img_size": recipe.image_size} if fixed or takes else {}
