"""A timm model's classifier: the last layer or layers, which are never pretrained here. Distilled models have two."""

from torch import nn


def modules(model: nn.Module) -> list[nn.Module]:
    """The classifiers of a timm model; none where it has none, or does not say which it is."""
    if hasattr(model, "get_classifier"):
        found = model.get_classifier()
        return list(found) if isinstance(found, (tuple, list)) else [found]
    return [model.get_submodule(name) for name in _configured(model)]


def tensor_names(model: nn.Module) -> set[str]:
    """The names in its state dict of the classifiers' parameters and buffers."""
    own = {id(module) for module in modules(model)}
    inside = [name for name, module in model.named_modules() if id(module) in own]
    inside += _configured(model)
    return {name for name in model.state_dict() if any(name.startswith(f"{prefix}.") for prefix in inside)}


def parameters(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for module in modules(model) for parameter in module.parameters()]


def start_small(model: nn.Module) -> None:
    """Start with all classes about equally likely, as timm's ViTs do.

    The random head of its efficientnets, whose scale comes from the number of classes, costs them their first epochs.
    Layers without a matrix, such as the norm of some heads, stay as they are.
    """
    for module in (inner for outer in modules(model) for inner in outer.modules()):
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
