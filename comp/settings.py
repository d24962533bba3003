"""Declare settings as fields of a frozen dataclass, read their values from a text, check them, and list them in --help.

    @dataclass(frozen=True)
    class Cake:
        eggs: int = setting(3, "how many eggs", least=1)
        glaze: str = setting("none", "what covers it", choices=("none", "sugar"))

    changes = parsed_settings("eggs=4 glaze=sugar", setting_types(Cake), run="make cake")
    cake = checked_settings(Cake(**changes), run="make cake")
    print(help_text("settings of --set:", settings_of(Cake)))

The settings of recipes, the settings of classifiers, and the keys of competition.toml are declared in this way. No
library such as pydantic or attrs is used: it would replace only the checks of limits, and its errors would be worded
differently.

`run` in all functions is what an InputError tells the user to do.
"""

import dataclasses
import math
import shlex
import textwrap
from collections.abc import Collection, Iterable

from comp.errors import InputError

SHAPES = {  # what a value of each type must be, for errors
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a list of numbers with commas between them",
}
AUTO = "auto"  # the value of a setting that is chosen for the competition
SWITCHES = {"true": True, "1": True, "false": False, "0": False}


# ---- declaring


def setting(
    default,
    text: str = "",
    group: str = "",
    *,
    choices: Collection[str] = (),
    least: float | None = None,
    most: float | None = None,
    kind: type | None = None,
    **more,
):
    """Return a dataclass field that declares a setting. The values of the setting have the type of `default`.

    text: the meaning of the setting, for --help; group: the heading under which --help lists the setting; kind: the
    type of the values if the default is "auto", which is then allowed besides them; choices: the allowed values, or ()
    if all are allowed; least, most: the smallest and the largest allowed number, or None if there
    is no limit; more: further entries of the field's metadata. The choices and limits are not checked here, but by
    `checked_settings`.
    """
    limits = {"choices": choices, "least": least, "most": most}
    metadata = {"help": text, "group": group, **limits, "kind": kind or type(default), "auto": kind is not None, **more}
    if isinstance(default, (dict, list, set)):  # a dataclass refuses a default that all its instances would share
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def settings_of(
    kind: type, only: Collection[str] | None = None, without: Collection[str] = ()
) -> list[dataclasses.Field]:
    """Return the dataclass fields that declare the settings of the class `kind`, in the order of the class.

    only: the names of the settings to return, or None for all settings; without: the names of settings to leave out.
    """
    fields = [field for field in dataclasses.fields(kind) if field.name not in without]
    return fields if only is None else [field for field in fields if field.name in only]


def setting_types(kind: type, only: Collection[str] | None = None, without: Collection[str] = ()) -> dict[str, type]:
    """Return the type of each setting that the class `kind` declares, by name, for `parsed_settings`.

    only: the names of the settings to return, or None for all settings; without: the names of settings to leave out.
    """
    return {field.name: field.metadata["kind"] for field in settings_of(kind, only, without)}


def automatic_settings(kind: type) -> list[str]:
    """Return the names of the settings of the class `kind` that may be "auto" although they are no texts."""
    return [field.name for field in settings_of(kind) if field.metadata["auto"]]


def how_to_list(script: str) -> str:
    """Return the text with which an error about a wrong setting tells the user how to list all settings.

    script: the name of the script that takes the setting, without .py, such as "train_fold".
    """
    return f"correct the setting; this command lists all settings: .venv/bin/python tools/{script}.py --help"


# ---- reading


def parsed_settings(text: str, types: dict[str, type], run: str, automatic: Collection[str] = ()) -> dict:
    """Return the settings in `text` as a dictionary of values by name.

    text: settings such as "epochs=3 loss='0.4 f1 + 0.6 focal'", where a value with spaces is quoted; types: the type of
    each known setting, by name; run: what an error tells the user to do; automatic: the names of settings that may also
    be "auto". Raises InputError for a value of the wrong type, and for an unknown setting, with a list of the known
    settings.
    """
    try:
        pairs = [part.partition("=") for part in shlex.split(text)]
    except ValueError as error:
        raise InputError(f"SET={text!r}: {error}", 'pairs such as "epochs=3 image_size=128"', run) from None
    changes = {}
    for key, equals, value in pairs:
        if key not in types:
            raise InputError(f"unknown setting {key!r} in SET={text!r}", f"one of {', '.join(sorted(types))}", run)
        if not equals:
            raise InputError(f"no value for the setting {key!r} in SET={text!r}", f"a pair such as {key}=<value>", run)
        chosen_later = key in automatic and value == AUTO
        changes[key] = AUTO if chosen_later else _parsed_value(key, value, types[key], run, key in automatic)
    return changes


def _parsed_value(key: str, value: str, kind: type, run: str, automatic: bool):
    try:
        if kind is bool:
            return SWITCHES[value.lower()]
        if kind is tuple:
            return tuple(float(part) for part in value.split(",")) if value else ()
        return kind(value)
    except (KeyError, ValueError):
        expected = f"{key} is {SHAPES.get(kind, kind.__name__)}" + (f", or {AUTO}" if automatic else "")
        raise InputError(f"{key}={value} is not allowed", expected, run) from None


# ---- checking


def checked_settings(values, run: str):
    """Check the values of settings against their choices and limits, and return `values` unchanged.

    values: an object of a dataclass whose fields declare settings; run: what the error tells the user to do. Raises
    InputError if the value of a setting is not allowed.
    """
    for field in dataclasses.fields(values):
        value = getattr(values, field.name)
        if field.metadata["auto"] and value == AUTO:
            continue
        if field.metadata["choices"]:
            check_choice(field.name, value, field.metadata["choices"], run)
        _check_limits(field, value, run)
    return values


def check_choice(key: str, value: str, choices: Collection[str], run: str) -> None:
    """Raise InputError unless `value`, the value of the setting `key`, is in `choices`.

    run: what the error tells the user to do.
    """
    if value not in choices:
        expected = f"one of {', '.join(choice or '(empty)' for choice in choices)}"
        raise InputError(f"{key}={value} is not allowed", expected, run)


def _check_limits(field: dataclasses.Field, value, run: str) -> None:
    least, most = field.metadata["least"], field.metadata["most"]
    high_enough = least is None or value >= least  # NaN fails this check
    if not (high_enough and (most is None or value <= most)):
        expected = f"a number of at least {least}" if most is None else f"a number from {least} to {most}"
        raise InputError(f"{field.name}={value} is not allowed", expected, run)
    numbers = value if isinstance(value, tuple) else (value,)
    if not all(math.isfinite(number) for number in numbers if isinstance(number, float)):
        raise InputError(f"{field.name}={value} is not allowed", "numbers that are neither infinite nor NaN", run)


# ---- explaining


def help_text(
    title: str,
    settings: Iterable[dataclasses.Field],
    width: int = 24,
    *,
    grouped: bool = False,
    defaults: bool = True,
) -> str:
    """Return a text for the end of --help: a title, and a line with the default and the meaning of each setting.

    settings: the fields that declare the settings; width: how many characters of a line are kept for the name and the
    default, before the meaning; grouped: whether the settings stand under the headings of their groups; defaults:
    whether the defaults are shown. Each % is doubled, because argparse needs this.
    """
    groups: dict[str, list[str]] = {}
    for field in settings:
        name = f"{field.name}={_shown_default(field)}" if defaults else field.name
        heading = f"{field.metadata['group']}:\n" if grouped else ""
        groups.setdefault(heading, []).append(f"{name:{width}} {field.metadata['help']}")
    blocks = [heading + textwrap.indent("\n".join(lines), "  ") for heading, lines in groups.items()]
    return (f"{title}\n\n" + "\n".join(blocks)).replace("%", "%%")


def _shown_default(field: dataclasses.Field) -> str:
    return ",".join(map(str, field.default)) if isinstance(field.default, tuple) else str(field.default)
