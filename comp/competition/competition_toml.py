"""Declare the keys of competition.toml, with their types, defaults and meanings, and check their values.

The user describes a competition in this file. `parse_settings` turns its keys and values into Settings.
docs/competition.md shows an example of each key. Constants in this module list which keys need a certain target, and
which keys exclude each other.

`make init` guesses a competition.toml. The last section defines GuessedLine, a line of this guessed file.
"""

import dataclasses
import difflib
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from comp.competition.competition import ANSWERS, TARGETS
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.settings import setting
from comp.tables import UNNAMED
from comp.text import same_value

EDIT = "edit competition.toml; docs/competition.md explains each key"
RESERVED_NAMES = ("image", "group", "label", "fold", "id")  # folds.csv always has these columns


# ---- the keys


@dataclass(frozen=True)
class Settings:
    """The values of a competition.toml. Each key that the file may have is a field of this class.

    Lists are stored as tuples, and class names as texts even if the file has numbers. The entry `kind` in the metadata
    of each field names the allowed types of the value (see `_KINDS`). The meanings of the keys are the same as in
    docs/competition.md.
    """

    target: str = setting(
        "",
        "what is predicted: `multiclass` (one of several classes), `binary` (two classes), `multilabel` "
        "(several labels at once), `ordinal` (grades), `regression` (a number)",
        kind="text",
    )
    metric: str = setting(
        "",
        "the metric of the leaderboard, by which the best epoch, the blend and the answers are chosen; a "
        "parameter is written after @",
        kind="text",
    )
    also: tuple[str, ...] = setting((), "further metrics to show", kind="texts")
    train: str = setting(
        "",
        "the table of the training photos: CSV (separator and encoding are recognised) or COCO JSON; default: no "
        "table; the labels are then read from the paths of the photos",
        kind="text",
    )
    train_images: str = setting(
        "", "the path of a training photo, with names of columns in braces (see Paths)", kind="text"
    )
    test: str = setting("", "the table of the test photos; default: the sample submission", kind="text")
    test_images: str = setting(
        "",
        "the path of a test photo; default: `train_images` with test in place of train, if that folder exists",
        kind="text",
    )
    id: str = setting(
        "",
        "the column of the test table with the ids of the sample submission, or a template of several columns; "
        "default: the column that is named as the first column of the sample submission",
        kind="text",
    )
    label: str | tuple[str, ...] = setting(
        "label",
        "the column with the label, or a list of columns with 0 and 1 or yes and no (one for each label), or a name in "
        "the braces of `train_images`; default: `label`",
        kind="text or texts",
    )
    separator: str = setting(
        "",
        "the text that separates several labels in one column, also in the submission; default: spaces; lists in "
        "brackets such as ['cat', 'dog'] are read without it",
        kind="text",
    )
    merge: str = setting(
        "",
        "how several rows of one photo with different labels become one row: `union` (all their labels; the default "
        "if the target is `multilabel`), `mean` (of numbers or grades) or `vote` (the most frequent label)",
        kind="text",
    )
    decimal: str = setting(
        "",
        "the sign before the decimals of numbers, `.` or `,`; default: recognised in each column",
        kind="text",
    )
    attributes: tuple[str, ...] = setting(
        (), "columns whose values together give the class, instead of `label`", kind="texts"
    )
    classes: tuple[str, ...] = setting(
        (),
        "the names of the classes in their order; default: the columns of the sample submission if those are the "
        "classes, else all labels in the training table",
        kind="names",
    )
    positive: str | tuple[str, ...] = setting(
        (),
        "the label of the positive class, or a list of labels that belong to this class, if the target is `binary`; "
        "or the values that mean 1 in a list of label columns; all other values are then negative; default: 1, yes or "
        "true, or the second of the two labels",
        kind="name or names",
    )
    group: str | tuple[str, ...] = setting(
        "",
        "a column, a list of columns or a template that gives the group of a photo; photos of one group stay in "
        "one fold; a photo with an empty field is the only photo of its group",
        kind="text or texts",
    )
    group_pattern: str = setting(
        "",
        "a regular expression for the path of a photo; the group is the text that the (...) in the expression matches",
        kind="text",
    )
    sample: str = setting(
        "",
        "the file of the sample submission; default: the table with sample or submission in its name",
        kind="text",
    )
    fill: str | tuple[str, ...] = setting(
        (),
        "the column or columns of the sample submission to fill, needed only if the column names do not show "
        "this; all other columns stay unchanged",
        kind="text or texts",
    )
    answer: str = setting(
        "",
        "the form of the answers in the filled columns (see Answers); default: follows from the target, the "
        "metric and the columns of the sample submission",
        kind="text",
    )
    combine: str = setting(
        "",
        "how the probabilities of several photos with the same id become one answer: `mean` or `max`",
        kind="text",
    )
    limits: tuple[float, ...] = setting(
        (),
        "the lowest and the highest possible value of a regression target, to which answers are clipped; default: none",
        kind="numbers",
    )
    columns: tuple[str, ...] = setting(
        (),
        "further columns of the training table to keep in folds.csv, for recipe settings such as `drop`",
        kind="texts",
    )
    ranges: dict[str, dict] = setting(
        {},
        "the attributes that are ranges of a number, with the column of the number and the edges between the ranges",
        kind="ranges",
    )
    defaults: str = setting("", "recipe settings for models without a named recipe", kind="text")

    def listed(self, key: str) -> tuple[str, ...]:
        """Return the value of a key as a tuple, even if the file has a single text and not a list."""
        value = getattr(self, key)
        return (value,) if isinstance(value, str) and value else tuple(value)


def read_settings(path: Path) -> dict:
    """Return the keys and values of a competition.toml as a dictionary.

    Raises InputError if the file is missing or is not TOML.
    """
    path = Path(path)
    if not path.is_file():
        run = "the same command with COMPETITION=<path>"
        raise InputError(f"there is no file {path}", "the path of a competition.toml", run)
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not TOML: {error}", 'lines such as target = "multiclass", in UTF-8', f"edit {path}"
        ) from None


def parse_settings(values: dict) -> Settings:
    """Return the Settings for the keys and values of a competition.toml.

    values: a dictionary from keys to values, as `read_settings` returns it. Raises InputError for a missing or unknown
    key, for a value that is not allowed, and for keys that exclude each other. For an unknown key, the error names the
    most similar known key.
    """
    kinds = {key.name: key.metadata["kind"] for key in dataclasses.fields(Settings)}
    for key in values:
        if key not in kinds:
            guess = _similar(key, kinds)
            expected = f"one of the keys {', '.join(kinds)}"
            raise InputError(f"unknown key {key} in competition.toml{guess}", expected, EDIT)
    settings = Settings(**{key: _value(key, value, kinds[key]) for key, value in values.items()})
    _check_keys(settings, set(values))
    return settings


def _similar(text: str, known) -> str:
    near = difflib.get_close_matches(text, list(known), 1, 0.5)
    return f": did you mean {near[0]}?" if near else ""


# ---- the type of each value


def _is_text(value) -> bool:
    return isinstance(value, str)


def _is_name(value) -> bool:
    return isinstance(value, (str, int, float))  # bool is an int, so true and false are allowed as class names


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_KINDS = {  # kind: check of one item, whether a single item is allowed, whether a list is allowed, words of messages
    "text": (_is_text, True, False, 'a text in quotes, such as "train.csv"'),
    "texts": (_is_text, False, True, 'a list of texts, such as ["a", "b"]'),
    "text or texts": (_is_text, True, True, 'a text in quotes or a list of them, such as "a" or ["a", "b"]'),
    "names": (_is_name, False, True, 'a list of names or numbers, such as ["cat", "dog"] or [0, 1]'),
    "name or names": (_is_name, True, True, 'a name or number, or a list of them, such as "dog", 1 or ["a", "b"]'),
    "numbers": (_is_number, False, True, "a list of numbers, such as [1, 100]"),
}


def _value(key: str, value, kind: str):
    """Return the value of a key as Settings stores it. Raises InputError if the type of the value is not allowed.

    kind: the name of the allowed types, a key of _KINDS or "ranges".
    """
    if kind == "ranges":
        return _ranges(value)
    fits, single, several, words = _KINDS[kind]
    stored = str if kind in ("names", "name or names") else lambda item: item
    if single and fits(value):
        return stored(value)
    if several and isinstance(value, list) and all(map(fits, value)) and (value or kind == "numbers"):
        return tuple(map(stored, value))
    raise InputError(f"{key} = {value!r} in competition.toml is not allowed", f"{key} is {words}", EDIT)


def _ranges(value) -> dict[str, dict]:
    """Return the value of the key `ranges` unchanged. Raises InputError if the value has the wrong form.

    The right form is {attribute: {"column": text, "edges": list of rising numbers}}.
    """
    example = 'ranges = { size = { column = "height", edges = [30, 60] } }'
    entries = value.values() if isinstance(value, dict) else [None]
    for entry in entries:
        right = isinstance(entry, dict) and set(entry) == {"column", "edges"} and _is_text(entry["column"])
        edges = entry["edges"] if right else None
        if not (isinstance(edges, list) and edges and all(map(_is_number, edges)) and sorted(set(edges)) == edges):
            expected = f"a column and rising edges for each attribute, as in {example}"
            raise InputError(f"ranges = {value!r} in competition.toml is not allowed", expected, EDIT)
    return value


# ---- keys that need or exclude each other

REQUIRED = ("target", "metric", "train_images")
EXCLUSIVE = (("label", "attributes"), ("group", "group_pattern"), ("classes", "attributes"), ("merge", "attributes"))
TARGETS_OF_KEYS = {  # key: the targets for which it is allowed; keys that are not listed are allowed for every target
    "positive": ("binary", "multilabel", "multiclass"),
    "limits": ("regression",),
    "separator": ("multilabel",),
    "attributes": ("multiclass",),
    "classes": ("multiclass", "binary", "multilabel", "ordinal"),
}
MERGES = {  # way to make one row of several rows of a photo: the targets for which it is allowed
    "union": ("multilabel",),
    "mean": ("regression", "ordinal"),
    "vote": ("multiclass", "binary", "ordinal"),
}
UNIQUE = ("also", "label", "attributes", "classes", "columns", "fill")  # keys whose lists must not repeat a name
PATHS = ("train", "train_images", "test", "test_images", "sample")


def _check_keys(settings: Settings, given: set[str]) -> None:
    """Raise InputError if a key is missing, has a wrong value, or is excluded by another key.

    given: the keys that the file has.
    """
    missing = [key for key in REQUIRED if key not in given]
    if missing:
        raise _wrong(f"no key {', '.join(missing)}", "at least the keys target, metric and train_images")
    _check_choice("target", settings.target, TARGETS)
    for name in (settings.metric, *settings.also):
        named_metrics.check_target(named_metrics.get(name), settings.target)
    for key, targets in TARGETS_OF_KEYS.items():
        if key in given and settings.target not in targets:
            expected = f"the key {key} only if target is {' or '.join(targets)}"
            raise _wrong(f'{key} with target = "{settings.target}"', expected)
    for first, second in EXCLUSIVE:
        if {first, second} <= given:
            raise _wrong(f"both {first} and {second}", f"either {first} or {second}")
    if settings.answer:
        fitting = [name for name, targets in ANSWERS.items() if settings.target in targets]
        _check_choice("answer", settings.answer, fitting)
    if settings.combine:
        _check_choice("combine", settings.combine, ("mean", "max"))
    if settings.merge:
        _check_choice("merge", settings.merge, [way for way, targets in MERGES.items() if settings.target in targets])
    if settings.decimal:
        _check_choice("decimal", settings.decimal, (".", ","))
    if settings.positive and settings.target != "binary" and isinstance(settings.label, str):
        expected = "the key positive only if target is binary, or if label is a list of columns"
        raise _wrong(f'positive with target = "{settings.target}" and one label column', expected)
    _check_lists(settings)
    _check_paths(settings)
    _check_pattern(settings.group_pattern)


def _check_choice(key: str, value: str, known) -> None:
    if value not in known:
        raise _wrong(f'{key} = "{value}"{_similar(value, known)}', f"one of {', '.join(known)}")


def _check_lists(settings: Settings) -> None:
    """Raise InputError for a list with a repeated name, with a name that is not allowed, or of a wrong length."""
    for key in UNIQUE:
        names = settings.listed(key)
        values = [same_value(name) for name in names] if key in ("classes", "label") else names
        repeated = [name for name, value in zip(names, values, strict=True) if values.count(value) > 1]
        if repeated:
            raise _wrong(f"the list {key} has '{repeated[0]}' twice", "each name only once")
    if settings.limits and not (len(settings.limits) == 2 and settings.limits[0] < settings.limits[1]):
        raise _wrong(f"limits = {list(settings.limits)}", "the lowest and the highest value, such as [1, 100]")
    if settings.target == "regression" and not isinstance(settings.label, str):
        raise _wrong(f'label = {list(settings.label)} with target = "regression"', "the name of one column of numbers")
    taken = [name for name in (*settings.columns, *settings.attributes) if name in RESERVED_NAMES]
    if taken:
        raise _wrong(
            f"a column or attribute to keep is named {taken[0]}",
            f"another name, because folds.csv always has the columns {', '.join(RESERVED_NAMES)}",
        )
    unused = set(settings.ranges) - set(settings.attributes)
    if unused:
        raise _wrong(
            f"ranges has {', '.join(sorted(unused))}, which is not in attributes,",
            f"in ranges only names of attributes = {list(settings.attributes)}",
        )


def _check_paths(settings: Settings) -> None:
    """Raise InputError for a path that is absolute or leads out of the inputs folder.

    folds.csv has paths of photos and is also used on other machines, where such a path would not exist.
    """
    for key in PATHS:
        path = PurePosixPath(getattr(settings, key))
        if path.is_absolute() or ".." in path.parts:
            raise _wrong(f'{key} = "{path}"', "a path relative to the inputs folder, without ..")


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise _wrong(f"group_pattern = {pattern!r}: {error}", "a regular expression") from None
    if pattern and groups != 1:
        raise _wrong(
            f"group_pattern = {pattern!r} has {groups} groups (...)",
            r"a pattern with one group (...), such as 'train/(\d+)_'",
        )


def _wrong(problem: str, expected: str) -> InputError:
    return InputError(f"{problem} in competition.toml", expected, EDIT)


# ---- a guessed file


def toml_value(value) -> str:
    """Return a text, a number, or a list of them as TOML on one line, which reads back as the same value."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, float):
        return repr(value)  # inf and nan are the same words in TOML
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON allows this control character


def toml_comment(text: str) -> str:
    """Return a text as the content of a TOML comment: on one line, with spaces in place of control characters."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).split())


@dataclass(frozen=True)
class GuessedLine:
    """A line of the competition.toml that `make init` guesses: a key, its value, and a comment.

    value: the guessed value, or None if the files do not show the value; reason: why this value was guessed or, if the
    value is None, what the user must decide; check: whether the guess is uncertain, so that the user must check it. A
    line whose value is None is only a comment.
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
            return f"# {self.key} = …  # TO DECIDE: {toml_comment(self.reason)}"
        mark = "CHECK: " if self.check else ""
        return f"{self.key} = {toml_value(self.value)}  # {toml_comment(mark + self.reason)}"


def undecided_line(key: str, what: str) -> GuessedLine:
    """Return a GuessedLine without a value, because the files do not show it. what: what the user must decide."""
    return GuessedLine(key, None, what)


def some_of(names, limit: int = 6) -> str:
    """Return the first `limit` names as a text and, if there are more names, the number of all names.

    A column of a table that has no name is shown as "(no name)".
    """
    names = ["(no name)" if str(name).startswith(UNNAMED) else str(name) for name in names]
    return ", ".join(names[:limit]) + (f", … ({len(names)} in all)" if len(names) > limit else "")
