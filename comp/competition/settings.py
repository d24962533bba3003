"""The keys of competition.toml: their names, types and defaults. docs/competition.md shows each with an example."""

import dataclasses
import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from comp.competition import settings_checks
from comp.competition.settings_checks import EDIT
from comp.errors import InputError


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


def read(path: Path) -> dict:
    """The keys and values of the file. Raises InputError for a file that is missing or is not TOML."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no {path}", "a competition.toml", "the same command with COMPETITION=<that file>")
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}", 'lines such as target = "multiclass" in UTF-8',
                         f"edit {path}") from None  # fmt: skip


def parse(values: dict) -> Settings:
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
    settings_checks.check(settings, set(values))
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
