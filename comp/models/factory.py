"""Build the timm model of a recipe, with as many outputs as the recipe's head needs.

The classifier is the last layer of a timm model; a distilled model has two classifiers. Pretrained weights are never
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
    """This error is raised if timm cannot build a model at the recipe's image size."""


@dataclass
class Built:
    """A model, and where its weights come from.

    origin: where the pretrained weights come from, or None if the model was built without pretrained weights. new: a
    text for each tensor of the head that starts with random values, although the model was built with the weights of a
    trained fold. These weights lack the tensor or have it in another shape.
    """

    model: nn.Module
    origin: Origin | None
    new: tuple[str, ...] = ()


def create_model(recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None) -> nn.Module:
    """Build the model of a recipe with `build_model`, which explains the arguments, and return only the model."""
    return build_model(recipe, competition, weights, pretrained).model


def build_model(
    recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None, init: State | None = None
) -> Built:
    """Build the model of a recipe on the CPU. The model turns images (B, 3, H, W) into outputs for the recipe's head.

    weights: the folder with local files of pretrained weights. pretrained: whether pretrained weights are loaded; None
    means that the recipe decides. init: the weights of a trained fold, which are loaded instead of pretrained weights.
    Raises InputError if the model is unknown, if the head does not fit the competition's target, or if weights are
    missing or do not fit the model.
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
    """Return {"img_size": image size of the recipe} if timm.create_model needs img_size for the model, else {}.

    Transformers such as ViT and Swin need img_size. Most other models raise a TypeError if they get img_size.
    """
    import timm

    name = catalog.current_model_name(recipe.model)
    config = timm.get_pretrained_cfg(name)
    fixed = config is not None and config.fixed_input_size
    takes_size = "img_size" in inspect.signature(timm.model_entrypoint(name.partition(".")[0])).parameters
    return {"img_size": recipe.image_size} if fixed or takes_size else {}


def _not_built(recipe: Recipe, error: Exception) -> InputError:
    """Return an InputError for a model that timm cannot build. Its advice is to change a setting or the image size.

    error: the error that timm raised.
    """
    for setting in ("drop_rate", "drop_path_rate"):
        if isinstance(error, TypeError) and f"'{setting}'" in str(error):
            left_out = f"the same command with {setting}=0 in SET, and RUN=<name>"
            return InputError(f"the model {recipe.model} does not take the setting {setting}", f"{setting}=0", left_out)
    size = timm_size(recipe.model)
    return NotBuilt(
        f"timm cannot build {recipe.model} for image_size={recipe.image_size}: {error}",
        f"the size that timm's weights of this model were trained with, image_size={size}",
        f"the same command with image_size={size} in SET, and RUN=<name>",
    )


# ---- how timm's weights were trained


def with_normalisation(recipe: Recipe) -> Recipe:
    """Return the recipe with a mean and a standard deviation (std) of the pixels.

    If the recipe does not set a value, the value that timm's weights of the model were trained with is filled in.
    """
    config = _config(recipe.model)
    return dataclasses.replace(recipe, mean=recipe.mean or config.mean, std=recipe.std or config.std)


def timm_size(name: str) -> int:
    """Return the image size (side of the square, pixels) that timm's weights of the model `name` were trained with."""
    return _config(name).input_size[-1]


def _config(name: str):
    """Return timm's configuration of the weights of the model `name`, or a default one if timm has no such weights."""
    import timm

    return timm.get_pretrained_cfg(catalog.current_model_name(name)) or timm.models.PretrainedCfg()


# ---- the classifier of a timm model


def classifier_modules(model: nn.Module) -> list[nn.Module]:
    """Return the classifiers of a timm model, or [] if timm does not say which layers are its classifiers."""
    if hasattr(model, "get_classifier"):
        classifier = model.get_classifier()
        return list(classifier) if isinstance(classifier, (tuple, list)) else [classifier]
    return [model.get_submodule(name) for name in _configured_classifiers(model)]


def classifier_tensor_names(model: nn.Module) -> set[str]:
    """Return the names of all tensors in the model's state dict that belong to a classifier."""
    classifiers = {id(module) for module in classifier_modules(model)}
    prefixes = [name for name, module in model.named_modules() if id(module) in classifiers]
    prefixes += _configured_classifiers(model)
    return {name for name in model.state_dict() if any(name.startswith(f"{prefix}.") for prefix in prefixes)}


def classifier_parameters(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of all classifiers of a timm model."""
    return [parameter for module in classifier_modules(model) for parameter in module.parameters()]


def start_classifier_small(model: nn.Module) -> None:
    """Set the weights of the classifiers to small random numbers and their biases to 0.

    All classes are then about equally likely at the start. A layer without a weight matrix, such as the norm in some
    heads, is not changed. timm starts its ViTs in the same way. In timm's EfficientNets, the size of a classifier's
    first weights depends on the number of classes, and a training wastes its first epochs because of this.
    """
    for module in (inner for outer in classifier_modules(model) for inner in outer.modules()):
        weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
        if not isinstance(weight, nn.Parameter) or weight.ndim < 2:
            continue
        nn.init.trunc_normal_(weight, std=0.02)
        if isinstance(bias, nn.Parameter):
            nn.init.zeros_(bias)


def _configured_classifiers(model: nn.Module) -> list[str]:
    """Return the names of the classifiers from timm's configuration of a model, without names that the model lacks."""
    names = getattr(model, "pretrained_cfg", {}).get("classifier") or ()
    names = (names,) if isinstance(names, str) else names
    modules = {name for name, _ in model.named_modules()}
    return [name for name in names if name in modules]
