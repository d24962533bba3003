"""competition.toml: its keys with type, default and meaning, the checks of their values, and the lines of a guess.

`parse_settings` turns the keys and values of the file into Settings. docs/competition.md shows an example of each key.
Tables in this module say which keys need a certain target, and which keys exclude each other.

The last section holds a line of a competition.toml as `make init` writes it: a key, a value and the reason for it.
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

EDIT = "edit competition.toml; docs/competition.md explains each key"
RESERVED_NAMES = ("image", "group", "label", "fold", "id")  # columns of folds.csv


# ---- the keys


@dataclass(frozen=True)
class Settings:
    """A competition.toml. Lists become tuples, and class names are text even if the file has numbers.

    kind of a key: see `_KINDS`. The meanings are those of docs/competition.md.
    """

    target: str = setting(
        "",
        "what is predicted: `multiclass` (one of several classes), `binary` (two classes), `multilabel` "
        "(several labels at once), `ordinal` (grades), `regression` (a number)",
        kind="text",
    )
    metric: str = setting(
        "",
        "the metric of the leaderboard; it decides the best epoch, the blend and the answers; a parameter "
        "follows after @",
        kind="text",
    )
    also: tuple[str, ...] = setting((), "other metrics to show", kind="texts")
    train: str = setting(
        "",
        "table of the training photos: CSV (separator and encoding are recognised) or COCO JSON; default: no "
        "table, the labels are read from the paths",
        kind="text",
    )
    train_images: str = setting("", "path of a training photo, see Paths below", kind="text")
    test: str = setting("", "table of the test photos; default: the rows of the sample submission", kind="text")
    test_images: str = setting(
        "",
        "path of a test photo; default: `train_images` with test in place of train, if that folder exists",
        kind="text",
    )
    id: str = setting(
        "",
        "how the test table gives the ids of the sample: a column, or a template of columns; default: the "
        "first column of the sample",
        kind="text",
    )
    label: str | tuple[str, ...] = setting(
        "label",
        "the column of the label, a list of columns of 0 and 1, or a field of `train_images`; default: `label`",
        kind="text or texts",
    )
    separator: str = setting("", "the text between several labels in one column; default: spaces", kind="text")
    attributes: tuple[str, ...] = setting((), "columns that together give the class, instead of `label`", kind="texts")
    classes: tuple[str, ...] = setting(
        (),
        "the classes in their order; default: the columns of the sample if those are the classes, else all "
        "labels in the table",
        kind="names",
    )
    positive: str | tuple[str, ...] = setting(
        (),
        "binary: the positive class, or a list of labels that belong to it; default: 1, or the second of the two",
        kind="name or names",
    )
    group: str | tuple[str, ...] = setting(
        "",
        "a column, a list of columns or a template: photos of one group stay in one fold; a photo with an "
        "empty field is a group of its own",
        kind="text or texts",
    )
    group_pattern: str = setting(
        "",
        "a regular expression for the path of the photo; the text that its one (...) matches is the group",
        kind="text",
    )
    sample: str = setting(
        "",
        "the sample submission; default: the table with sample or submission in its name",
        kind="text",
    )
    fill: str | tuple[str, ...] = setting(
        (),
        "the column or columns of the sample to fill, needed only if their names do not show it; all others "
        "stay unchanged",
        kind="text or texts",
    )
    answer: str = setting(
        "",
        "how they are filled, see Answers below; default: from target, metric and the columns of the sample",
        kind="text",
    )
    combine: str = setting(
        "",
        "how the probabilities of several photos of one id become one answer: `mean` or `max`",
        kind="text",
    )
    limits: tuple[float, ...] = setting(
        (),
        "lowest and highest possible value of a regression target; default: those in the training table",
        kind="numbers",
    )
    columns: tuple[str, ...] = setting(
        (),
        "more columns of the training table to keep in folds.csv, for the setting `drop` of a recipe",
        kind="texts",
    )
    ranges: dict[str, dict] = setting(
        {},
        "attributes that are ranges of a number: value i + 1 starts at edge i",
        kind="ranges",
    )
    defaults: str = setting("", "default settings for models without their own recipe", kind="text")

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
    kinds = {key.name: key.metadata["kind"] for key in dataclasses.fields(Settings)}
    for key in values:
        if key not in kinds:
            guess = _similar(key, kinds)
            raise InputError(f"unknown key {key} in competition.toml{guess}", f"one of {', '.join(kinds)}", EDIT)
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
    fits, single, several, words = _KINDS[kind]
    stored = str if kind in ("names", "name or names") else lambda item: item
    if single and fits(value):
        return stored(value)
    if several and isinstance(value, list) and all(map(fits, value)) and (value or kind == "numbers"):
        return tuple(map(stored, value))
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


# ---- keys that need or exclude each other

REQUIRED = ("target", "metric", "train_images")
EXCLUSIVE = (("label", "attributes"), ("group", "group_pattern"), ("classes", "attributes"))
TARGETS_OF_KEYS = {  # key: the targets that it is allowed for; all other keys are allowed for every target
    "positive": ("binary",),
    "limits": ("regression",),
    "separator": ("multilabel",),
    "attributes": ("multiclass",),
    "classes": ("multiclass", "binary", "multilabel", "ordinal"),
}
UNIQUE = ("also", "label", "attributes", "classes", "columns", "fill")  # lists that name nothing twice
PATHS = ("train", "train_images", "test", "test_images", "sample")


def _check_keys(settings: Settings, given: set[str]) -> None:
    """Raise InputError for the first thing that is wrong. given: the keys in the file."""
    missing = [key for key in REQUIRED if key not in given]
    if missing:
        raise _wrong(f"no key {', '.join(missing)}", "at least target, metric and train_images")
    _check_choice("target", settings.target, TARGETS)
    for name in (settings.metric, *settings.also):
        named_metrics.check_target(named_metrics.get(name), settings.target)
    for key, targets in TARGETS_OF_KEYS.items():
        if key in given and settings.target not in targets:
            expected = f"this key only if target is {' or '.join(targets)}"
            raise _wrong(f'{key} with target = "{settings.target}"', expected)
    for first, second in EXCLUSIVE:
        if {first, second} <= given:
            raise _wrong(f"both {first} and {second} are given", "one of them")
    if settings.answer:
        fitting = [name for name, targets in ANSWERS.items() if settings.target in targets]
        _check_choice("answer", settings.answer, fitting)
    if settings.combine:
        _check_choice("combine", settings.combine, ("mean", "max"))
    _check_lists(settings)
    _check_paths(settings)
    _check_pattern(settings.group_pattern)


def _check_choice(key: str, value: str, known) -> None:
    if value not in known:
        raise _wrong(f'{key} = "{value}"{_similar(value, known)}', f"one of {', '.join(known)}")


def _check_lists(settings: Settings) -> None:
    """Check the lengths of lists, repeated names and reserved names."""
    for key in UNIQUE:
        names = settings.listed(key)
        repeated = [name for name in names if names.count(name) > 1]
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


def _check_paths(settings: Settings) -> None:
    """Paths must be relative to inputs and inside it, because folds.csv is used on other machines too."""
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
        raise _wrong(f"group_pattern = {pattern!r} has {groups} (...)", r"one, such as 'train/(\d+)_'")


def _wrong(problem: str, expected: str) -> InputError:
    return InputError(f"{problem} in competition.toml", expected, EDIT)


# ---- a guessed file


@dataclass(frozen=True)
class GuessedLine:
    """A key with its value and the reason for it.

    check: the value is likely, but the files cannot prove it. If value is None, the files do not show the value: the
    line becomes a comment, and the reason says what the user must decide.
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
    """A key whose value the files do not show. what: what the user must decide."""
    return GuessedLine(key, None, what)


def some_of(names, limit: int = 6) -> str:
    """The first names, and how many more there are. Columns without a name are shown as such."""
    names = ["(no name)" if str(name).startswith("Unnamed: ") else str(name) for name in names]
    return ", ".join(names[:limit]) + (f", … ({len(names)} in all)" if len(names) > limit else "")
