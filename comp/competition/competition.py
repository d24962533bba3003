"""The Competition value: what is predicted, how it is scored, and how it is submitted.

comp/inputs/ builds it from competition.toml, the tables and the sample submission. `make folds` saves it in
outputs/competition.json, and all later stages read it from there. It is passed as an argument: no module reads the
classes from a global variable.

Letters in every shape: N rows, C classes, A values of an attribute.

| target     | labels               | probs (N, C)                                             |
|------------|----------------------|----------------------------------------------------------|
| multiclass | (N,) int             | rows sum to 1                                            |
| binary     | (N,) int, 1 positive | two columns that sum to 1, the positive class is second  |
| multilabel | (N, C) of 0 and 1    | each in 0 … 1; no sum                                    |
| ordinal    | (N,) int             | rows sum to 1, classes from the lowest to the highest    |
| regression | (N,) float           | one column of values                                     |

At the end of the module: the Competition value as plain JSON values and back, and the digest of a competition.toml.
"""

import tomllib
from dataclasses import asdict, dataclass, field, fields

import numpy as np

from comp import files
from comp.metrics import named_metrics
from comp.metrics.metric import ONE_LABEL, Metric

TARGETS = ("multiclass", "binary", "multilabel", "ordinal", "regression")
ANSWERS = {  # form of an answer in the submission: the targets that it is allowed for
    "index": ONE_LABEL,
    "label": ONE_LABEL,
    "probability": ("binary",),
    "probabilities": (*ONE_LABEL, "multilabel"),
    "labels": ("multilabel",),
    "ranking": (*ONE_LABEL, "multilabel"),
    "number": ("regression", "ordinal"),
}


@dataclass(frozen=True)
class Attribute:
    """A property of the classes, such as a colour: the names of its values, and the value of each class (C,)."""

    values: tuple[str, ...]
    of_class: tuple[int, ...]


@dataclass(frozen=True)
class Range:
    """An attribute that says which range a number falls into.

    column: the column of the number in the training table; edges: value i + 1 starts at edges[i].
    """

    attribute: str
    column: str
    edges: tuple[float, ...]


@dataclass(frozen=True)
class Sample:
    """The sample submission: its file (relative to inputs), the id column, and the columns to fill.

    answer: how they are filled, a key of ANSWERS (see submission/answers.py); columns: the columns to fill, in the
    order of the file. All other columns stay as they are, byte for byte.
    """

    file: str
    id: str
    answer: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Competition:
    """Everything that is known about a competition, except its photos.

    classes: names (C,) in the order of the probability columns, as the tables write them; ("value",) for regression.
    also: more metrics to show. at_least_one: for multilabel, whether every photo has a label.
    limits: lowest and highest value of a regression target, from the training table or from competition.toml.
    combine: how the photos of one prediction id become one answer: "mean", "max", or "" if each id has one photo.
    defaults: settings for models that have no named recipe, such as "crop=350".
    source: the keys and values of competition.toml; empty if the competition has no such file. Only comp/inputs/ asks
    whether it is empty.
    """

    target: str
    classes: tuple[str, ...]
    metric: Metric
    also: tuple[Metric, ...] = ()
    attributes: dict[str, Attribute] = field(default_factory=dict)
    ranges: tuple[Range, ...] = ()
    at_least_one: bool = True
    limits: tuple[float, float] = (0.0, 1.0)
    combine: str = ""
    sample: Sample | None = None
    defaults: str = ""
    source: dict = field(default_factory=dict)

    @property
    def size(self) -> int:
        """C, the number of probability columns."""
        return len(self.classes)

    @property
    def attribute_values(self) -> dict[str, np.ndarray]:
        """Name of each attribute to its value for each class (C,) int; empty if the classes have no attributes."""
        return {name: np.array(attribute.of_class) for name, attribute in self.attributes.items()}

    @property
    def sums_to_one(self) -> bool:
        """Whether the probabilities of a row sum to 1."""
        return self.target in ONE_LABEL

    @property
    def separator(self) -> str:
        """The text between several labels of a row: the same in the training table and in the submission."""
        return self.source.get("separator") or " "


def to_json(competition: Competition) -> dict:
    """Plain values; a metric is stored by its name."""
    values = {field.name: getattr(competition, field.name) for field in fields(Competition)}
    return values | {
        "metric": competition.metric.name,
        "also": [metric.name for metric in competition.also],
        "attributes": {name: asdict(attribute) for name, attribute in competition.attributes.items()},
        "ranges": [asdict(number_range) for number_range in competition.ranges],
        "sample": competition.sample and asdict(competition.sample),
    }


def from_json(values: dict) -> Competition:
    """The inverse of `to_json`. Raises KeyError or TypeError for other values."""
    sample = values["sample"]
    return Competition(
        **values
        | {
            "classes": tuple(values["classes"]),
            "metric": named_metrics.get(values["metric"]),
            "also": tuple(named_metrics.get(name) for name in values["also"]),
            "attributes": {name: Attribute(**_tuples(attribute)) for name, attribute in values["attributes"].items()},
            "ranges": tuple(Range(**_tuples(number_range)) for number_range in values["ranges"]),
            "limits": tuple(values["limits"]),
            "sample": sample and Sample(**_tuples(sample)),
        }
    )


def settings_digest(text: str) -> str:
    """A hash of the settings in a competition.toml: comments, spaces and the order of keys do not change it."""
    try:
        return files.checksum(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, TypeError):  # not TOML, or it holds dates: hash the bytes
        return files.digest_of(text.encode())


def _tuples(values: dict) -> dict:
    """The same values with tuples in place of the lists of JSON."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
