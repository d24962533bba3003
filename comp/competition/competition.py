"""The class Competition, which describes what is predicted, how predictions are scored, and how they are submitted.

comp/inputs/ builds the Competition from competition.toml, the tables and the sample submission. `make folds` saves the
Competition in outputs/competition.json, and all later stages read it from this file.

Letters in the shapes: N rows, C classes. The target decides what labels and probabilities (probs) look like:

| target     | labels               | probs (N, C)                                             |
|------------|----------------------|----------------------------------------------------------|
| multiclass | (N,) int             | rows sum to 1                                            |
| binary     | (N,) int, 1 positive | two columns that sum to 1, the positive class is second  |
| multilabel | (N, C) of 0 and 1    | each from 0 to 1; rows have any sum                      |
| ordinal    | (N,) int             | rows sum to 1, classes from the lowest to the highest    |
| regression | (N,) float           | one column of values                                     |

The last functions convert a Competition to plain JSON values and back, and hash the settings of a competition.toml.
"""

import tomllib
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property

import numpy as np

from comp import files
from comp.metrics import named_metrics
from comp.metrics.metric import ONE_LABEL, Metric
from comp.text import finite_number, same_value

TARGETS = ("multiclass", "binary", "multilabel", "ordinal", "regression")
ANSWERS = {  # each form of an answer in the submission: the targets for which the form is allowed
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
    """A property that each class has, such as a colour.

    values: the names of the possible values, such as red and green; of_class (C,): for each of the C classes, the
    position of its value in `values`.
    """

    values: tuple[str, ...]
    of_class: tuple[int, ...]


@dataclass(frozen=True)
class Range:
    """An attribute of the classes whose values are ranges of a number, such as small and large for ranges of a height.

    attribute: the name of the attribute; column: the column of the training table that holds the number; edges: the
    numbers at which one range ends and the next begins. The first value of the attribute is for numbers below edges[0],
    and the value at position i + 1 begins at edges[i].
    """

    attribute: str
    column: str
    edges: tuple[float, ...]


@dataclass(frozen=True)
class Sample:
    """The sample submission, into which the answers are written.

    file: the path of the file, relative to the inputs folder; id: the name of the column of ids; answer: the form of
    the answers, such as "label" or "probabilities" (submission/answers.py explains all forms); columns: the names of
    the columns to fill, in the order of the file. All other columns stay unchanged, byte for byte.
    """

    file: str
    id: str
    answer: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Competition:
    """Everything that is known about a competition, except its photos.

    target: what is predicted, one of the names in TARGETS; metric: the metric of the leaderboard; also: further metrics
    to show.
    classes: the names of the C classes as the tables spell them, in the order of the probability columns; ("value",)
    for a regression.
    attributes: a dictionary of the properties that each class has, such as a colour; ranges: those attributes whose
    values are ranges of a number.
    at_least_one: whether every photo of a multilabel competition has a label.
    limits: the lowest and the highest value that an answer of a regression may have, if competition.toml gives them,
    else None; label_range: the lowest and the highest training label of a regression.
    combine: how the probabilities of photos that share one id of the sample submission become one answer, "mean" or
    "max"; "" if every photo has its own id.
    sample: the sample submission, or None; defaults: recipe settings for models without a named recipe, such as
    "crop=350".
    source: the keys and values of competition.toml, or {} if the competition has no such file.
    """

    target: str
    classes: tuple[str, ...]
    metric: Metric
    also: tuple[Metric, ...] = ()
    attributes: dict[str, Attribute] = field(default_factory=dict)
    ranges: tuple[Range, ...] = ()
    at_least_one: bool = True
    limits: tuple[float, float] | None = None
    label_range: tuple[float, float] = (0.0, 1.0)
    combine: str = ""
    sample: Sample | None = None
    defaults: str = ""
    source: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.target == "ordinal":  # the metrics take class indices, but measure the values of the grades
            values = tuple(self.grade_values.tolist())
            object.__setattr__(self, "metric", self.metric.of_grades(values))
            object.__setattr__(self, "also", tuple(metric.of_grades(values) for metric in self.also))

    @property
    def size(self) -> int:
        """The number C of classes, which is also the number of probability columns."""
        return len(self.classes)

    def decides(self, metric: Metric) -> str:
        """Return "class", "labels", "grade" or "none": how probabilities become predictions for a metric.

        See `Metric.decides`. If the submission has expected grades, which are not rounded, the result for an error of
        numbers is "none", so that the score is that of the submitted numbers.
        """
        submits_numbers = self.sample is not None and self.sample.answer == "number"
        return "none" if submits_numbers and metric.needs == "values" else metric.decides(self.target)

    @cached_property
    def places(self) -> dict[str, int]:
        """A dictionary from the name of each class, as `comp.text.same_value` returns it, to the index of the class."""
        return {same_value(name): c for c, name in enumerate(self.classes)}

    @cached_property
    def grade_values(self) -> np.ndarray:
        """The value (C,) float64 of each grade of an ordinal target.

        If all names of the classes are numbers, these are the values. Otherwise they are 0, 1, 2 and so on.
        """
        numbers = [finite_number(name) for name in self.classes]
        return np.arange(self.size, dtype=np.float64) if None in numbers else np.array(numbers)

    @property
    def number_range(self) -> tuple[float, float]:
        """The lowest and the highest number of a regression: the limits, else the range of the training labels."""
        return self.limits or self.label_range

    @property
    def attribute_values(self) -> dict[str, np.ndarray]:
        """A dictionary from the name of each attribute to an array (C,) int with the value of each of the C classes.

        A value is given as its position in the list of the attribute's values. The dictionary is empty if there are no
        attributes.
        """
        return {name: np.array(attribute.of_class) for name, attribute in self.attributes.items()}

    @property
    def sums_to_one(self) -> bool:
        """Whether the probabilities of each row sum to 1."""
        return self.target in ONE_LABEL

    @property
    def separator(self) -> str:
        """The text that separates several labels of one photo, both in the training table and in the submission."""
        return self.source.get("separator") or " "


def to_json(competition: Competition) -> dict:
    """Return a Competition as a dictionary of plain JSON values. Metrics are stored by their names."""
    values = {field.name: getattr(competition, field.name) for field in fields(Competition)}
    return values | {
        "metric": competition.metric.name,
        "also": [metric.name for metric in competition.also],
        "attributes": {name: asdict(attribute) for name, attribute in competition.attributes.items()},
        "ranges": [asdict(number_range) for number_range in competition.ranges],
        "sample": competition.sample and asdict(competition.sample),
    }


def from_json(values: dict) -> Competition:
    """Return the Competition for `values`, a dictionary that `to_json` returned.

    Raises KeyError, TypeError or AttributeError if `values` is something else.
    """
    sample = values["sample"]
    return Competition(
        **_tuples(values)
        | {
            "metric": named_metrics.get(values["metric"]),
            "also": tuple(named_metrics.get(name) for name in values["also"]),
            "attributes": {name: Attribute(**_tuples(attribute)) for name, attribute in values["attributes"].items()},
            "ranges": tuple(Range(**_tuples(number_range)) for number_range in values["ranges"]),
            "sample": sample and Sample(**_tuples(sample)),
        }
    )


def settings_digest(text: str) -> str:
    """Return a hash of the settings in a competition.toml, whose content is `text`.

    Comments, spaces and the order of the keys do not change the hash.
    """
    try:
        return files.checksum(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, TypeError):  # the text is not TOML, or it has dates, which JSON cannot hold
        return files.digest_of(text.encode())


def _tuples(values: dict) -> dict:
    """Return `values` with a tuple in place of each list, because JSON stores tuples as lists."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
