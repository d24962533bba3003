"""Overriding settings from the command line, and checking them.

    recipe = override(recipe, "epochs=3 image_size=128")    # SET="..." of the Makefile
"""

import dataclasses

from comp.errors import InputError
from comp.recipes.recipe import Recipe


def override(recipe: Recipe, text: str) -> Recipe:
    """Apply "key=value key=value". Values with spaces are quoted: SET="loss='0.4 f1 + 0.6 focal'".

    Raises InputError for an unknown setting (listing the known ones) or a value of another type.
    """
    import shlex

    try:
        pairs = [part.partition("=") for part in shlex.split(text)]
    except ValueError as error:
        raise InputError(f"SET={text!r}: {error}", 'pairs such as "epochs=3 image_size=128"') from None
    types = {f.name: type(f.default) for f in dataclasses.fields(Recipe) if f.name != "name"}
    changes = {}
    for key, equals, value in pairs:
        if key not in types or not equals:
            raise InputError(f"unknown setting {key!r} in SET={text!r}", f"one of {', '.join(sorted(types))}")
        changes[key] = _parse(key, value, types[key])
    return validated(dataclasses.replace(recipe, **changes))


def _parse(key: str, value: str, kind: type):
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        if kind is tuple:
            return tuple(float(part) for part in value.split(",")) if value else ()
        return kind(value)
    except (KeyError, ValueError):
        shown = {"bool": "true or false", "int": "a whole number", "float": "a number", "tuple": "a,b,c"}
        raise InputError(f"{key}={value}", f"{key} is {shown.get(kind.__name__, kind.__name__)}") from None


_CHOICES = {
    "head": ("classes", "attributes"),
    "schedule": ("cosine", "step", "constant"),
    "sampler": ("shuffle", "balanced", "one_of_each"),
    "class_weights": ("none", "balanced"),
    "best_by": ("macro_f1", "accuracy", "val_loss"),
    "amp": ("auto", "bf16", "fp16", "off"),
    "channels_last": ("auto", "on", "off"),
}
_AT_LEAST = dict(image_size=8, crop=0, epochs=1, patience=0, batch_size=1, accumulate=1, lr=0, workers=-1)
_AT_LEAST |= dict(mix_alpha=1e-3, gamma=0, weight_decay=0, clip_grad=0, freeze_epochs=0, freeze_stages=0)
_AT_LEAST |= dict(warmup_epochs=0, step_epochs=1, average_best=1)
_SHARES = ("mixup", "cutmix", "halfmix", "smoothing", "drop_rate", "drop_path_rate", "ema_decay", "layer_decay")


def validated(recipe: Recipe) -> Recipe:
    """The recipe itself, or InputError for a value outside its range."""
    for key, choices in _CHOICES.items():
        check_choice(key, getattr(recipe, key), choices)
    for key, least in _AT_LEAST.items():
        if not getattr(recipe, key) >= least:
            raise InputError(f"{key}={getattr(recipe, key)}", f"at least {least}")
    for key in _SHARES:
        if not 0 <= getattr(recipe, key) <= 1:
            raise InputError(f"{key}={getattr(recipe, key)}", "0 to 1")
    if recipe.mixup + recipe.cutmix + recipe.halfmix > 1 + 1e-9:
        raise InputError(f"mixup + cutmix + halfmix = {recipe.mixup + recipe.cutmix + recipe.halfmix:g}", "at most 1")
    if not {len(recipe.mean), len(recipe.std)} <= {0, 3} or not min(recipe.std, default=1) > 0:
        raise InputError(f"mean={recipe.mean} std={recipe.std}", "three numbers each, std above 0, or nothing")
    return recipe


def check_choice(key: str, value: str, choices) -> None:
    """Raise InputError unless value is one of the choices."""
    if value not in choices:
        raise InputError(f"{key}={value}", f"one of {', '.join(choice or 'nothing' for choice in choices)}")
