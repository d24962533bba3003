"""Which keys of competition.toml need each other or exclude each other."""

import difflib
import re
from pathlib import PurePosixPath

from comp.competition.competition import ANSWERS, TARGETS
from comp.errors import InputError
from comp.metrics import metrics

EDIT = "edit competition.toml; docs/competition.md explains each key"
RESERVED = ("image", "group", "label", "fold", "id")  # columns of folds.csv


def check(settings, given: set[str]) -> None:
    """Raise InputError for the first thing that is wrong. settings: Settings; given: the keys in the file."""
    _required(given)
    _one_of("target", settings.target, TARGETS)
    for name in (settings.metric, *settings.also):
        metrics.check_target(metrics.get(name), settings.target)
    for keys, target in _TARGETS_OF_KEYS:
        _only_for(given & keys, settings.target, target)
    for first, second in (("label", "attributes"), ("group", "group_pattern"), ("classes", "attributes")):
        if {first, second} <= given:
            raise _wrong(f"both {first} and {second} are given", "one of them")
    if settings.answer:
        _one_of("answer", settings.answer, [name for name, fitting in ANSWERS.items() if settings.target in fitting])
    if settings.combine:
        _one_of("combine", settings.combine, ("mean", "max"))
    _check_lists(settings)
    _check_paths(settings)
    _check_pattern(settings.group_pattern)


_TARGETS_OF_KEYS = (
    ({"positive"}, ("binary",)),
    ({"limits"}, ("regression",)),
    ({"separator"}, ("multilabel",)),
    ({"attributes"}, ("multiclass",)),
    ({"classes"}, ("multiclass", "binary", "multilabel", "ordinal")),
)


def _required(given: set[str]) -> None:
    missing = [key for key in ("target", "metric", "train_images") if key not in given]
    if missing:
        raise _wrong(f"no key {', '.join(missing)}", "at least target, metric and train_images")


def _one_of(key: str, value: str, known) -> None:
    if value not in known:
        near = difflib.get_close_matches(value, known, 1, 0.5)
        guess = f": did you mean {near[0]}?" if near else ""
        raise _wrong(f'{key} = "{value}"{guess}', f"one of {', '.join(known)}")


def _only_for(keys: set[str], target: str, fitting: tuple[str, ...]) -> None:
    if keys and target not in fitting:
        raise _wrong(f'{keys.pop()} with target = "{target}"', f"this key only if target is {' or '.join(fitting)}")


def _check_lists(settings) -> None:
    """Check the lengths of lists, repeated names and reserved names."""
    for key in ("also", "label", "attributes", "classes", "columns", "fill"):
        repeated = [name for name in settings.listed(key) if settings.listed(key).count(name) > 1]
        if repeated:
            raise _wrong(f"{key} names {repeated[0]} twice", "each name once")
    if settings.limits and not (len(settings.limits) == 2 and settings.limits[0] < settings.limits[1]):
        raise _wrong(f"limits = {list(settings.limits)}", "the lowest and the highest value, such as [1, 100]")
    if settings.target == "regression" and not isinstance(settings.label, str):
        raise _wrong(f'label = {list(settings.label)} with target = "regression"', "one column of numbers")
    taken = [name for name in (*settings.columns, *settings.attributes) if name in RESERVED]
    if taken:
        raise _wrong(f"a kept column or attribute named {taken[0]}",
                     f"another name: folds.csv has its own columns {', '.join(RESERVED)}")
    unused = set(settings.ranges) - set(settings.attributes)
    if unused:
        raise _wrong(f"ranges names {', '.join(sorted(unused))}", f"one of attributes = {list(settings.attributes)}")


def _check_paths(settings) -> None:
    """Paths must be relative to inputs and inside it, because folds.csv is used on other machines too."""
    for key in ("train", "train_images", "test", "test_images", "sample"):
        path = PurePosixPath(getattr(settings, key))
        if path.is_absolute() or ".." in path.parts:
            raise _wrong(f'{key} = "{path}"', "a path relative to the inputs folder, without ..")


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise _wrong(f"group_pattern = {pattern!r}: {error}", "a regular expression") from None
    if pattern and groups != 1:
        raise _wrong(f"group_pattern = {pattern!r} has {groups} (...)", r"one, such as 'train/(\d+)_'")


def _wrong(found: str, expected: str) -> InputError:
    return InputError(f"{found} in competition.toml", expected, EDIT)
