"""Build the timm model that a recipe names. A recipe holds all settings of a training.

The last layer of a timm model is called its classifier. A distilled model, such as DeiT, has two classifiers.
Pretrained weights are used for all other layers, but never for a classifier.
"""

import dataclasses
import inspect
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.models import heads, init_weights, pretrained
from comp.models.pretrained import FAULTS, Origin, State
from comp.recipes import catalog
from comp.recipes.recipe_settings import Recipe


class NotBuilt(InputError):
    """This error is raised if timm cannot build the model at the image size of the recipe."""


@dataclass
class Built:
    """What `build_model` returns: a model, and where its weights come from.

    origin: where the pretrained weights come from, or None if the model has no pretrained weights. new: empty, except
    if the model starts with the weights of a trained fold. If so, `new` has a text for each tensor of the head that
    these weights lack or have in another shape, such as "fc.weight (missing in the weights, 8×512 in the model)". Such
    a tensor is new. new_head: whether the classifier is new, so that the training lets it start at the prior.
    """

    model: nn.Module
    origin: Origin | None
    new: tuple[str, ...] = ()
    new_head: bool = True


def create_model(recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None) -> nn.Module:
    """Build the model that the recipe names, on the CPU, and return it.

    weights: the folder with local files of pretrained weights. pretrained: whether pretrained weights are loaded; None
    leaves the decision to the recipe. Raises InputError if the model is unknown, if the recipe's head does not fit the
    competition's target, or if the pretrained weights are missing or do not fit the model.
    """
    return build_model(recipe, competition, weights, pretrained).model


def build_model(
    recipe: Recipe, competition: Competition, weights: Path, pretrained: bool | None = None, init: State | None = None
) -> Built:
    """Build the model that the recipe names, on the CPU. Return it together with the origin of its weights.

    weights: the folder with local files of pretrained weights. pretrained: whether pretrained weights are loaded; None
    leaves the decision to the recipe. init: the weights of a trained fold, as a state dict. If `init` is given, these
    weights are loaded and pretrained weights are not. Raises InputError if the model is unknown, if the recipe's head
    does not fit the competition's target, or if the weights are missing or do not fit the model.
    """
    head = heads.build_head(recipe, competition)
    wanted = recipe.pretrained if pretrained is None else pretrained
    model, origin = _timm_model(recipe, head.outputs, weights, wanted, init)
    head.prepare(model)
    if not init:
        return Built(model, origin)
    new = init_weights.keep_head(model, init)
    classifier = classifier_tensor_names(model)
    return Built(model, origin, tuple(new.values()), any(name.endswith(tuple(classifier)) for name in new))


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
    """Return {"img_size": <the recipe's image size>} if timm.create_model needs this argument for the model, else {}.

    Transformers such as ViT and Swin need it. Most other models raise a TypeError if they get it.
    """
    import timm

    name = catalog.current_model_name(recipe.model)
    config = timm.get_pretrained_cfg(name)
    fixed = config is not None and config.fixed_input_size
    takes_size = "img_size" in inspect.signature(timm.model_entrypoint(name.partition(".")[0])).parameters
    return {"img_size": recipe.image_size} if fixed or takes_size else {}


def _not_built(recipe: Recipe, error: Exception) -> InputError:
    """Turn an error that timm raised while it built the recipe's model into an InputError, and return the InputError.

    The InputError tells the user to change a setting or the image size.
    """
    for setting in ("drop_rate", "drop_path_rate"):
        if isinstance(error, TypeError) and f"'{setting}'" in str(error):
            left_out = f"the same command with {setting}=0 in SET, and RUN=<new name>"
            return InputError(f"the model {recipe.model} does not have the setting {setting}", f"{setting}=0", left_out)
    size = timm_size(recipe.model)
    return NotBuilt(
        f"timm cannot build {recipe.model} for image_size={recipe.image_size}: {error}",
        f"image_size={size}, the size at which timm's weights of this model were trained",
        f"the same command with image_size={size} in SET, and RUN=<new name>",
    )


# ---- how timm's weights were trained


def with_normalisation(recipe: Recipe) -> Recipe:
    """Return the recipe with the mean and the standard deviation (std) by which the model's input is normalised.

    If the recipe does not set one of them, it is taken from timm's pretrained weights of the model.
    """
    config = _config(recipe.model)
    return dataclasses.replace(recipe, mean=recipe.mean or config.mean, std=recipe.std or config.std)


def timm_size(name: str) -> int:
    """Return the image size (side of a square, in pixels) at which timm's weights of the model `name` were trained."""
    return _config(name).input_size[-1]


def _config(name: str):
    """Return what timm knows about its weights of the model `name`, such as their image size, mean and std.

    If timm has no weights of the model, timm's default values are returned.
    """
    import timm

    return timm.get_pretrained_cfg(catalog.current_model_name(name)) or timm.models.PretrainedCfg()


# ---- the classifier of a timm model


def classifier_modules(model: nn.Module) -> list[nn.Module]:
    """Return the classifiers of a timm model, which are its last layers. Most models have exactly one.

    The list is empty if timm does not say which layers are the classifiers.
    """
    if hasattr(model, "get_classifier"):
        classifier = model.get_classifier()
        return list(classifier) if isinstance(classifier, (tuple, list)) else [classifier]
    return [model.get_submodule(name) for name in _configured_classifiers(model)]


def classifier_tensor_names(model: nn.Module) -> set[str]:
    """Return the names of the tensors in a timm model's state dict that belong to its classifiers (the last layers)."""
    classifiers = {id(module) for module in classifier_modules(model)}
    prefixes = [name for name, module in model.named_modules() if id(module) in classifiers]
    prefixes += _configured_classifiers(model)
    return {name for name in model.state_dict() if any(name.startswith(f"{prefix}.") for prefix in prefixes)}


def classifier_parameters(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of a timm model's classifiers, which are its last layers."""
    return [parameter for module in classifier_modules(model) for parameter in module.parameters()]


def start_classifier(model: nn.Module, outputs: Tensor, small: bool = True) -> None:
    """Let a timm model return about the same `outputs` (outputs,) for every image, before its training begins.

    The biases of its last layers (classifiers) become `outputs`. Layers without a weight matrix are not changed.

    small: whether the weights of the last layers become small random numbers. Some models of timm, such as
    EfficientNets, would start with much larger weights if there are few classes. A pretrained model would waste its
    first epochs with them. But a model from scratch learns faster from large weights, because more gradient reaches the
    layers below (in the demo, efficientnetv2_rw_t has .20 after four epochs with small weights, and .86 with
    timm's).
    """
    for classifier in classifier_modules(model):
        layers = [module for module in classifier.modules() if _has_matrix(module)]
        for layer in layers:
            if small:
                nn.init.trunc_normal_(layer.weight, std=0.02)
            if isinstance(layer.bias, nn.Parameter):
                nn.init.zeros_(layer.bias)
        if layers and isinstance(layers[-1].bias, nn.Parameter):
            with torch.no_grad():
                layers[-1].bias.copy_(outputs)


def _has_matrix(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    return isinstance(weight, nn.Parameter) and weight.ndim >= 2


def _configured_classifiers(model: nn.Module) -> list[str]:
    """Return the names of a timm model's classifiers (last layers), as the model's `pretrained_cfg` lists them.

    Names of layers that the model does not have are left out.
    """
    names = getattr(model, "pretrained_cfg", {}).get("classifier") or ()
    names = (names,) if isinstance(names, str) else names
    modules = {name for name, _ in model.named_modules()}
    return [name for name in names if name in modules]
