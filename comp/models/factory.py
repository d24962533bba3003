"""Build the timm model of a recipe, with as many outputs as the recipe's head needs.

The classifier of a timm model is its last layer; a distilled model has two classifiers. Pretrained weights are never
loaded into a classifier.
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
    """The error for a model that timm cannot build at this image size."""


@dataclass
class Built:
    """A model and the origin of its pretrained weights.

    origin: None if the model was built without pretrained weights. new: if the model was built with the weights of a
    fold, a line for each head tensor that these weights lack or hold in another shape; such a tensor starts new.
    """

    model: nn.Module
    origin: Origin | None
    new: tuple[str, ...] = ()


def create_model(recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None) -> nn.Module:
    """Return only the model of `build_model`, without the origin of its weights."""
    return build_model(recipe, competition, weights, pretrained).model


def build_model(
    recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None, init: State | None = None
) -> Built:
    """Build the recipe's model on the CPU, which turns images (B, 3, H, W) into the outputs that its head takes.

    weights: the folder of local pretrained weights. pretrained: whether pretrained weights are loaded; None means the
    recipe's setting. init: the weights of a trained fold, which are loaded instead of pretrained weights.
    Raises InputError if the model is unknown, the head does not fit the target, or weights are missing or do not fit.
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
    """Return timm's option img_size for a model that takes this option, such as a ViT or Swin, or {} for other models.

    Most models without a fixed input size raise a TypeError if they are given img_size.
    """
    import timm

    name = catalog.current_model_name(recipe.model)
    config = timm.get_pretrained_cfg(name)
    fixed = config is not None and config.fixed_input_size
    takes_size = "img_size" in inspect.signature(timm.model_entrypoint(name.partition(".")[0])).parameters
    return {"img_size": recipe.image_size} if fixed or takes_size else {}


def _not_built(recipe: Recipe, error: Exception) -> InputError:
    """Return the error for a model that timm cannot build, with the advice to drop a setting or change the size."""
    for setting in ("drop_rate", "drop_path_rate"):
        if isinstance(error, TypeError) and f"'{setting}'" in str(error):
            left_out = f"the same command with {setting}=0 in SET, and RUN=<name>"
            return InputError(f"{recipe.model} has no {setting}", f"{setting}=0", left_out)
    size = timm_size(recipe.model)
    return NotBuilt(
        f"timm cannot build {recipe.model} for image_size={recipe.image_size}: {error}",
        f"the model's own size, image_size={size}",
        f"the same command with image_size={size} in SET, and RUN=<name>",
    )


# ---- how timm's weights were trained


def with_normalisation(recipe: Recipe) -> Recipe:
    """Return the recipe with its mean and std filled in, if they are not set, from timm's weights of the model."""
    config = _config(recipe.model)
    return dataclasses.replace(recipe, mean=recipe.mean or config.mean, std=recipe.std or config.std)


def timm_size(name: str) -> int:
    """The side, in pixels, of the square pictures that timm's weights of this model were trained with."""
    return _config(name).input_size[-1]


def _config(name: str):
    """timm's configuration of a model's weights, or timm's default configuration for a model without weights."""
    import timm

    return timm.get_pretrained_cfg(catalog.current_model_name(name)) or timm.models.PretrainedCfg()


# ---- the classifier of a timm model


def classifier_modules(model: nn.Module) -> list[nn.Module]:
    """Return the classifiers of a timm model, or an empty list if timm does not say which layers they are."""
    if hasattr(model, "get_classifier"):
        classifier = model.get_classifier()
        return list(classifier) if isinstance(classifier, (tuple, list)) else [classifier]
    return [model.get_submodule(name) for name in _configured_classifiers(model)]


def classifier_tensor_names(model: nn.Module) -> set[str]:
    """The names that the parameters and buffers of the classifiers have in the model's state dict."""
    classifiers = {id(module) for module in classifier_modules(model)}
    prefixes = [name for name, module in model.named_modules() if id(module) in classifiers]
    prefixes += _configured_classifiers(model)
    return {name for name in model.state_dict() if any(name.startswith(f"{prefix}.") for prefix in prefixes)}


def classifier_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The parameters of all classifiers."""
    return [parameter for module in classifier_modules(model) for parameter in module.parameters()]


def start_classifier_small(model: nn.Module) -> None:
    """Give the classifiers small random weights, so that all classes start about equally likely, as in timm's ViTs.

    timm starts the classifiers of its efficientnets with a scale that depends on the number of classes, and this scale
    costs a training its first epochs. A layer without a weight matrix, such as the norm in some heads, is not changed.
    """
    for module in (inner for outer in classifier_modules(model) for inner in outer.modules()):
        weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
        if not isinstance(weight, nn.Parameter) or weight.ndim < 2:
            continue
        nn.init.trunc_normal_(weight, std=0.02)
        if isinstance(bias, nn.Parameter):
            nn.init.zeros_(bias)


def _configured_classifiers(model: nn.Module) -> list[str]:
    """The names of the model's classifiers in timm's configuration; a name that the model does not have is left out."""
    names = getattr(model, "pretrained_cfg", {}).get("classifier") or ()
    names = (names,) if isinstance(names, str) else names
    modules = {name for name, _ in model.named_modules()}
    return [name for name in names if name in modules]
