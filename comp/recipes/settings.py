"""Parse settings from the command line, and check all values.

    recipe = override(recipe, "epochs=3 image_size=128")    # SET="..." of the Makefile
"""

import dataclasses

from comp.errors import InputError
from comp.recipes.recipe import Recipe

HELP = "correct that setting; .venv/bin/python tools/train_fold.py --help describes all of them"

def override(recipe: Recipe, text: str) -> Recipe:
    """Apply "key=value key=value". Values with spaces are quoted: SET="loss='0.4 f1 + 0.6 focal'".

    Raises InputError for an unknown setting (it lists the known ones) or a value of another type.
    """
    types = {f.name: type(f.default) for f in dataclasses.fields(Recipe) if f.name != "name"}
    return validated(dataclasses.replace(recipe, **parsed(text, types)))


def parsed(text: str, types: dict[str, type], run: str = HELP) -> dict:
    """The values of "key=value key=value" by key. types: the known settings; run: the advice in an InputError."""
    import shlex

    try:
        pairs = [part.partition("=") for part in shlex.split(text)]
    except ValueError as error:
        raise InputError(f"SET={text!r}: {error}", 'pairs such as "epochs=3 image_size=128"', run) from None
    changes = {}
    for key, equals, value in pairs:
        if key not in types or not equals:
            raise InputError(f"unknown setting {key!r} in SET={text!r}", f"one of {', '.join(sorted(types))}", run)
        changes[key] = _parse(key, value, types[key], run)
    return changes


def _parse(key: str, value: str, kind: type, run: str):
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        if kind is tuple:
            return tuple(float(part) for part in value.split(",")) if value else ()
        return kind(value)
    except (KeyError, ValueError):
        shown = {"bool": "true or false", "int": "a whole number", "float": "a number", "tuple": "a,b,c"}
        raise InputError(f"{key}={value}", f"{key} is {shown.get(kind.__name__, kind.__name__)}", run) from None


def validated(recipe: Recipe) -> Recipe:
    """Return the recipe. Raises InputError for a value that is not allowed."""
    for setting in dataclasses.fields(Recipe):
        _check_range(setting, getattr(recipe, setting.name))
    if recipe.mixup + recipe.cutmix + recipe.halfmix > 1 + 1e-9:
        share = recipe.mixup + recipe.cutmix + recipe.halfmix
        raise InputError(f"mixup + cutmix + halfmix = {share:g}", "at most 1", HELP)
    if not {len(recipe.mean), len(recipe.std)} <= {0, 3} or not min(recipe.std, default=1) > 0:
        raise InputError(f"mean={recipe.mean} std={recipe.std}", "three numbers each, std above 0, or nothing", HELP)
    return recipe


def _check_range(setting: dataclasses.Field, value) -> None:
    choices, least, most = (setting.metadata[key] for key in ("choices", "least", "most"))
    if choices:
        check_choice(setting.name, value, choices)
    above = least is None or value >= least  # NaN fails this check
    if not (above and (most is None or value <= most)):
        expected = f"at least {least}" if most is None else f"{least} to {most}"
        raise InputError(f"{setting.name}={value}", expected, HELP)


def check_choice(key: str, value: str, choices) -> None:
    """Raise InputError unless value is one of the choices."""
    if value not in choices:
        raise InputError(f"{key}={value}", f"one of {', '.join(choice or 'nothing' for choice in choices)}", HELP)
