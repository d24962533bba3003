"""Which keys of competition.toml need each other or exclude each other.

The keys of competition.toml: their names, types and defaults. docs/competition.md shows each with an example.

Lines of competition.toml with a reason beside each.
"""

import dataclasses
import difflib
import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from comp.competition.competition import ANSWERS, TARGETS
from comp.errors import InputError
from comp.metrics import named_metrics

EDIT = "edit competition.toml; docs/competition.md explains each key"
RESERVED_NAMES = ("image", "group", "label", "fold", "id")  # columns of folds.csv


def check_keys(settings, given: set[str]) -> None:
    """Raise InputError for the first thing that is wrong. settings: Settings; given: the keys in the file."""
    _required(given)
    _one_of("target", settings.target, TARGETS)
    for name in (settings.metric, *settings.also):
        named_metrics.check_target(named_metrics.get(name), settings.target)
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
    taken = [name for name in (*settings.columns, *settings.attributes) if name in RESERVED_NAMES]
    if taken:
        raise _wrong(
            f"a kept column or attribute named {taken[0]}",
            f"another name: folds.csv has its own columns {', '.join(RESERVED_NAMES)}",
        )
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


def _key(kind: str, default=""):
    """A key of the file. kind: see `_KINDS`."""
    return field(default=default, metadata={"kind": kind})


@dataclass(frozen=True)
class Settings:
    """A competition.toml. Lists become tuples, and class names are text even if the file has numbers."""

    target: str = _key("text")
    metric: str = _key("text")
    also: tuple[str, ...] = _key("texts", ())
    train: str = _key("text")
    train_images: str = _key("text")
    test: str = _key("text")
    test_images: str = _key("text")
    id: str = _key("text")
    label: str | tuple[str, ...] = _key("text or texts", "label")
    separator: str = _key("text")
    attributes: tuple[str, ...] = _key("texts", ())
    classes: tuple[str, ...] = _key("names", ())
    positive: str | tuple[str, ...] = _key("name or names", ())
    group: str | tuple[str, ...] = _key("text or texts")
    group_pattern: str = _key("text")
    sample: str = _key("text")
    fill: str | tuple[str, ...] = _key("text or texts", ())
    answer: str = _key("text")
    combine: str = _key("text")
    limits: tuple[float, ...] = _key("numbers", ())
    columns: tuple[str, ...] = _key("texts", ())
    ranges: dict[str, dict] = field(default_factory=dict, metadata={"kind": "ranges"})
    defaults: str = _key("text")

    def listed(self, key: str) -> tuple[str, ...]:
        """The value of a key that is a text or a list, as a tuple."""
        value = getattr(self, key)
        return (value,) if isinstance(value, str) and value else tuple(value)


def read_settings(path: Path) -> dict:
    """The keys and values of the file. Raises InputError for a file that is missing or is not TOML."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no {path}", "a competition.toml", "the same command with COMPETITION=<that file>")
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not TOML: {error}", 'lines such as target = "multiclass" in UTF-8', f"edit {path}"
        ) from None


def parse_settings(values: dict) -> Settings:
    """Settings from the keys and values of the file, or from Competition.source.

    Raises InputError for an unknown key (and names the most similar one), a value of another type, and keys that do
    not go together.
    """
    fields = {one.name: one for one in dataclasses.fields(Settings)}
    for key in values:
        if key not in fields:
            raise _unknown(key, list(fields))
    parsed = {key: _value(key, value, fields[key].metadata["kind"]) for key, value in values.items()}
    settings = Settings(**parsed)
    check_keys(settings, set(values))
    return settings


def _unknown(key: str, known: list[str]) -> InputError:
    near = difflib.get_close_matches(key, known, 1, 0.5)
    guess = f": did you mean {near[0]}?" if near else ""
    return InputError(f"unknown key {key} in competition.toml{guess}", f"one of {', '.join(known)}", EDIT)


def _is_text(value) -> bool:
    return isinstance(value, str)


def _is_name(value) -> bool:
    return isinstance(value, (str, int, float))  # bool is an int, so true and false are allowed as class names


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_KINDS = {  # kind: check of one value, may it be a single value, may it be a list, the text for messages
    "text": (_is_text, True, False, 'a text in quotes, such as "train.csv"'),
    "texts": (_is_text, False, True, 'a list of texts, such as ["a", "b"]'),
    "text or texts": (_is_text, True, True, 'a text in quotes or a list of them, such as "a" or ["a", "b"]'),
    "names": (_is_name, False, True, 'a list of names or numbers, such as ["cat", "dog"] or [0, 1]'),
    "name or names": (_is_name, True, True, 'a name or number, or a list of them, such as "dog", 1 or ["a", "b"]'),
    "numbers": (_is_number, False, True, "a list of numbers, such as [1, 100]"),
}


def _value(key: str, value, kind: str):
    """The value as Settings stores it. Raises InputError for another type."""
    if kind == "ranges":
        return _ranges(value)
    one, single, several, words = _KINDS[kind]
    as_text = str if kind in ("names", "name or names") else lambda item: item
    if single and one(value):
        return as_text(value)
    if several and isinstance(value, list) and all(map(one, value)) and (value or kind == "numbers"):
        return tuple(map(as_text, value))
    raise InputError(f"{key} = {value!r} in competition.toml", f"{key} is {words}", EDIT)


def _ranges(value) -> dict[str, dict]:
    """{attribute: {"column": text, "edges": rising numbers}}."""
    example = 'ranges = { size = { column = "height", edges = [30, 60] } }'
    entries = value.values() if isinstance(value, dict) else [None]
    for entry in entries:
        right = isinstance(entry, dict) and set(entry) == {"column", "edges"} and _is_text(entry["column"])
        edges = entry["edges"] if right else None
        if not (isinstance(edges, list) and edges and all(map(_is_number, edges)) and sorted(set(edges)) == edges):
            raise InputError(f"ranges = {value!r} in competition.toml", f"rising edges, as in {example}", EDIT)
    return value


@dataclass(frozen=True)
class GuessedLine:
    """A key with its value and the reason for it.

    check: the value is likely, but the files cannot prove it; value None: undecided, the line becomes a comment.
    """

    key: str
    value: object
    reason: str
    check: bool = False

    @property
    def undecided(self) -> bool:
        return self.value is None

    @property
    def text(self) -> str:
        if self.undecided:
            return f"# {self.key} = …  # TO DECIDE: {self.reason}"
        mark = "CHECK: " if self.check else ""
        return f"{self.key} = {json.dumps(self.value, ensure_ascii=False)}  # {mark}{self.reason}"


def undecided_line(key: str, what: str) -> GuessedLine:
    """A key whose value cannot be known from the files."""
    return GuessedLine(key, None, what)


def some_of(names, limit: int = 6) -> str:
    """The first names, and how many more there are."""
    names = ["(no name)" if str(name).startswith("Unnamed: ") else str(name) for name in names]
    return ", ".join(names[:limit]) + (f", … ({len(names)} in all)" if len(names) > limit else "")
