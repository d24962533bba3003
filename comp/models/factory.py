"""From a recipe to a timm model with as many outputs as its head needs, and what timm knows of the model.

A timm model's classifier is its last layer or layers, which are never pretrained here; distilled models have two.
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


class NotBuilt(InputError):
    """timm cannot build the model at this image size."""


@dataclass
class Built:
    """A model, and the origin of its pretrained weights; None if it was built without.

    new: if it was given the weights of a fold, the tensors of the head that those lack, or have in another shape.
    """

    model: nn.Module
    origin: Origin | None
    new: tuple[str, ...] = ()


def create_model(recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None) -> nn.Module:
    """The model of `build_model`, without its origin."""
    return build_model(recipe, competition, weights, pretrained).model


def build_model(
    recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None, init: State | None = None
) -> Built:
    """The recipe's model on the CPU, from images (B, 3, H, W) to the outputs that its head takes (see heads.py).

    weights: the folder of local pretrained weights; pretrained: instead of the recipe's setting, if given.
    init: the weights of a trained fold, which then take the place of pretrained ones.
    Raises InputError for an unknown model, a head that does not fit, and weights that are missing or do not fit.
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
    options |= _size_option(recipe)
    if init:
        return init_weights.load_init_backbone(recipe.model, init, options), None
    if wanted:
        return pretrained.load_pretrained(recipe.model, weights, options)
    try:
        return timm.create_model(catalog.current_model_name(recipe.model), pretrained=False, **options), None
    except FAULTS as error:
        raise _not_built(recipe, error) from error


def _size_option(recipe: Recipe) -> dict:
    """Models with a fixed position embedding (ViT, Swin) take img_size; the others raise a TypeError for it."""
    import timm

    name = catalog.current_model_name(recipe.model)
    config = timm.get_pretrained_cfg(name)
    fixed = config is not None and config.fixed_input_size
    takes_size = "img_size" in inspect.signature(timm.model_entrypoint(name.partition(".")[0])).parameters
    return {"img_size": recipe.image_size} if fixed or takes_size else {}


def _not_built(recipe: Recipe, error: Exception) -> InputError:
    """The advice if timm cannot build the model: leave out a setting that it does not know, or take another size."""
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


# ---- how timm's weights were trained


def with_normalisation(recipe: Recipe) -> Recipe:
    """The recipe with its own mean and std, or else those that timm's weights of its model were trained with."""
    config = _config(recipe.model)
    return dataclasses.replace(recipe, mean=recipe.mean or config.mean, std=recipe.std or config.std)


def timm_size(name: str) -> int:
    """The side of the pictures that a timm model's weights were trained with, pixels."""
    return _config(name).input_size[-1]


def _config(name: str):
    """timm's configuration of a model's weights; its defaults for a model without weights."""
    import timm

    return timm.get_pretrained_cfg(catalog.current_model_name(name)) or timm.models.PretrainedCfg()


# ---- the classifier of a timm model


def classifier_modules(model: nn.Module) -> list[nn.Module]:
    """The classifiers of a timm model; an empty list if timm does not say which they are."""
    if hasattr(model, "get_classifier"):
        classifier = model.get_classifier()
        return list(classifier) if isinstance(classifier, (tuple, list)) else [classifier]
    return [model.get_submodule(name) for name in _configured_classifiers(model)]


def classifier_tensor_names(model: nn.Module) -> set[str]:
    """The names of the classifiers' parameters and buffers in the model's state dict."""
    classifiers = {id(module) for module in classifier_modules(model)}
    prefixes = [name for name, module in model.named_modules() if id(module) in classifiers]
    prefixes += _configured_classifiers(model)
    return {name for name in model.state_dict() if any(name.startswith(f"{prefix}.") for prefix in prefixes)}


def classifier_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The parameters of all classifiers."""
    return [parameter for module in classifier_modules(model) for parameter in module.parameters()]


def start_classifier_small(model: nn.Module) -> None:
    """Start with all classes about equally likely, as timm's ViTs do.

    timm gives its efficientnets a random head with a scale that follows from the number of classes, which costs them
    their first epochs. Layers without a matrix, such as the norm of some heads, stay unchanged.
    """
    for module in (inner for outer in classifier_modules(model) for inner in outer.modules()):
        weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
        if not isinstance(weight, nn.Parameter) or weight.ndim < 2:
            continue
        nn.init.trunc_normal_(weight, std=0.02)
        if isinstance(bias, nn.Parameter):
            nn.init.zeros_(bias)


def _configured_classifiers(model: nn.Module) -> list[str]:
    """The classifiers' names in timm's configuration of the model, without those that the model lacks."""
    names = getattr(model, "pretrained_cfg", {}).get("classifier") or ()
    names = (names,) if isinstance(names, str) else names
    modules = {name for name, _ in model.named_modules()}
    return [name for name in names if name in modules]
