"""The mean and std that photos are normalised with.

A timm model's classifier: the last layer or layers, which are never pretrained here. Distilled models have two.

Recipe to timm model: the backbone with as many outputs as the head needs.
"""

import dataclasses
import inspect
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.models import heads, init_weights, pretrained
from comp.models.pretrained import FAULTS, Origin, State
from comp.recipes import catalog
from comp.recipes.recipe_settings import Recipe


def with_normalisation(recipe: Recipe) -> Recipe:
    """The recipe with the mean and std that timm's weights of its model were trained with, where it gives none."""
    import timm

    weights = timm.get_pretrained_cfg(catalog.current_model_name(recipe.model)) or timm.models.PretrainedCfg()
    return dataclasses.replace(recipe, mean=recipe.mean or weights.mean, std=recipe.std or weights.std)


def classifier_modules(model: nn.Module) -> list[nn.Module]:
    """The classifiers of a timm model; none where it has none, or does not say which it is."""
    if hasattr(model, "get_classifier"):
        found = model.get_classifier()
        return list(found) if isinstance(found, (tuple, list)) else [found]
    return [model.get_submodule(name) for name in _configured(model)]


def classifier_tensor_names(model: nn.Module) -> set[str]:
    """The names in its state dict of the classifiers' parameters and buffers."""
    own = {id(module) for module in classifier_modules(model)}
    inside = [name for name, module in model.named_modules() if id(module) in own]
    inside += _configured(model)
    return {name for name in model.state_dict() if any(name.startswith(f"{prefix}.") for prefix in inside)}


def classifier_parameters(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for module in classifier_modules(model) for parameter in module.parameters()]


def start_classifier_small(model: nn.Module) -> None:
    """Start with all classes about equally likely, as timm's ViTs do.

    The random head of its efficientnets, whose scale comes from the number of classes, costs them their first epochs.
    Layers without a matrix, such as the norm of some heads, stay as they are.
    """
    for module in (inner for outer in classifier_modules(model) for inner in outer.modules()):
        weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
        if not isinstance(weight, nn.Parameter) or weight.ndim < 2:
            continue
        nn.init.trunc_normal_(weight, std=0.02)
        if isinstance(bias, nn.Parameter):
            nn.init.zeros_(bias)


def _configured(model: nn.Module) -> list[str]:
    """The classifiers' names by timm's configuration of the model, as far as the model has them."""
    names = getattr(model, "pretrained_cfg", {}).get("classifier") or ()
    names = (names,) if isinstance(names, str) else names
    there = {name for name, _ in model.named_modules()}
    return [name for name in names if name in there]


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


def create_model(recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None) -> nn.Module:
    """The model of `build`, alone."""
    return build_model(recipe, competition, weights, pretrained).model


def build_model(
    recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None, init: State | None = None
) -> Built:
    """The recipe's model, on the CPU: images (B, 3, H, W) to the outputs that its head takes (see heads.py).

    weights: the folder of local pretrained weights; pretrained: the recipe's setting, unless given.
    init: the weights of a trained fold, which then take the place of pretrained ones.
    Raises InputError for an unknown model, a head that does not fit, and weights that cannot be had.
    """
    head = heads.build_head(recipe, competition)
    wanted = recipe.pretrained if pretrained is None else pretrained
    backbone, origin = _timm_model(recipe, head.outputs, weights, wanted, init)
    start_classifier_small(backbone)
    model = head.wrap(backbone)
    return Built(model, origin, tuple(init_weights.keep_head(model, backbone, init)) if init else ())


def _timm_model(
    recipe: Recipe, outputs: int, weights: Path, wanted: bool, init: State | None
) -> tuple[nn.Module, Origin | None]:
    import timm

    catalog.check_model_name(recipe.model, [])
    options = dict(num_classes=outputs, drop_rate=recipe.drop_rate, drop_path_rate=recipe.drop_path_rate or None)
    options |= _image_size(recipe)
    if init:
        return init_weights.load_init_backbone(recipe.model, init, options), None
    if wanted:
        return pretrained.load_pretrained(recipe.model, weights, options)
    try:
        return timm.create_model(catalog.current_model_name(recipe.model), pretrained=False, **options), None
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

    return (timm.get_pretrained_cfg(catalog.current_model_name(name)) or timm.models.PretrainedCfg()).input_size[-1]


def _image_size(recipe: Recipe) -> dict:
    """Models with a fixed position embedding (ViT, Swin) take img_size; the others raise a TypeError for it."""
    import timm

    name = catalog.current_model_name(recipe.model)
    default = timm.get_pretrained_cfg(name)
    fixed = default is not None and default.fixed_input_size
    takes = "img_size" in inspect.signature(timm.model_entrypoint(name.partition(".")[0])).parameters
    return {"img_size": recipe.image_size} if fixed or takes else {}
