"""The Competition value: what is predicted, how it is scored, and how it is submitted.

It is made once (see loading.py), frozen in outputs/competition.json by `make folds`, and handed down. No module asks a
global for its classes.

Letters in every shape: N rows, C classes, A values of an attribute.

| target     | labels               | probs (N, C)                                             |
|------------|----------------------|----------------------------------------------------------|
| multiclass | (N,) int             | rows sum to 1                                            |
| binary     | (N,) int, 1 positive | two columns that sum to 1, the positive class is second  |
| multilabel | (N, C) of 0 and 1    | each in 0 … 1, on its own                                |
| ordinal    | (N,) int             | rows sum to 1, classes from the lowest to the highest    |
| regression | (N,) float           | one column of values                                     |
"""

from dataclasses import dataclass, field

import numpy as np

from comp.metrics.metrics import Metric

TARGETS = ("multiclass", "binary", "multilabel", "ordinal", "regression")
ONE_LABEL = ("multiclass", "binary", "ordinal")  # one class per photo: probabilities of a row sum to 1


@dataclass(frozen=True)
class Attribute:
    """What classes have in common: the names of its values, and the value of each class (C,)."""

    values: tuple[str, ...]
    of_class: tuple[int, ...]


@dataclass(frozen=True)
class Range:
    """An attribute whose value is the range that a number falls into.

    column: the number's column in the training table; edges: value i + 1 starts at edges[i].
    """

    attribute: str
    column: str
    edges: tuple[float, ...]


@dataclass(frozen=True)
class Sample:
    """The sample submission: its file (relative to inputs), the id column, and what the others hold.

    answer: index, label, probability, probabilities, labels, ranking or number (see store/submission.py);
    columns: the columns to fill, in the file's order; all others stay as they are, byte for byte.
    """

    file: str
    id: str
    answer: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Competition:
    """Everything that is known of a competition, its photos aside.

    classes: names (C,) in the order of the probability columns, as the tables write them; ("value",) for regression.
    also: metrics that are shown beside the deciding one. at_least_one: multilabel, every photo has a label.
    limits: lowest and highest value of a regression target in the training table, or as given.
    combine: how several photos of one prediction id become one answer: "", "mean" or "max".
    defaults: settings that a model without a recipe of its own starts from, such as "crop=350".
    source: the settings of competition.toml as plain values; empty for the home competition.
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
        """Name of each attribute to its value for each class (C,) int; empty where classes have none."""
        return {name: np.array(attribute.of_class) for name, attribute in self.attributes.items()}

    @property
    def sums_to_one(self) -> bool:
        """Whether the probabilities of a row sum to 1."""
        return self.target in ONE_LABEL
