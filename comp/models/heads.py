"""Define the heads, which translate between a network's outputs and the competition's target.

A head knows how many outputs the network has, how labels become training targets, and how outputs become probabilities.
Training targets are float32 (B, T), so that the targets of two mixed photos can be mixed linearly.

| target             | head       | outputs                 | training targets (B, T)      | probs (B, C)              |
|--------------------|------------|-------------------------|------------------------------|---------------------------|
| multiclass, binary | classes    | C                       | one-hot                      | softmax                   |
|                    | attributes | one per attribute value | one-hot                      | softmax of summed outputs |
|                    | bins       | one per bin             | the bins of the class        | sums over a class's bins  |
| multilabel         | classes    | C                       | 0 or 1 for each label        | one sigmoid per label     |
| ordinal            | classes    | C                       | one-hot                      | softmax                   |
|                    | regression | 1                       | the grade, scaled to 0 … 1   | split over two grades     |
|                    | cumulative | C - 1: P(y > k)         | 0 or 1 for each output       | differences of P(y > k)   |
| regression         | regression | 1                       | the value, scaled to 0 … 1   | the value (B, 1)          |
|                    | bins       | one per point           | split over two points        | the expectation (B, 1)    |

Every head has the fields outputs (how many outputs the network has), family (the name of the group of losses that fit,
see training/losses.py) and smooths (whether label smoothing makes sense). Every head also has the methods targets,
spread, probs and wrap of `Classes`. A new head needs an entry in BUILDERS below and an entry in HEADS of
recipes/recipe_settings.py. HEADS says which targets each head fits, and can be read without importing torch.

Letters: B photos of a batch, T training targets, C classes, labels or grades, A values of all attributes together.
"""

import re
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from comp.competition.competition import Competition
from comp.competition.recipe_text import named_numbers, range_of_column
from comp.competition.soft_labels import fine_cells
from comp.recipes.recipe_settings import Recipe, resolved_recipe

# ---- classes: a softmax


class Classes:
    """A head that predicts one of C classes by a softmax.

    outputs: the number of outputs of the network, which is C for this head.
    """

    family, smooths = "classes", True

    def __init__(self, outputs: int):
        self.outputs = outputs

    @property
    def of_class(self) -> np.ndarray:
        """Return the index of the class to which each of the T training targets belongs, as an array (T,)."""
        return np.arange(self.outputs)

    def targets(self, labels: Tensor) -> Tensor:
        """Turn class indices (B,) int64 into one-hot targets (B, C) float32."""
        return F.one_hot(labels, self.outputs).float()

    def spread(self, soft: Tensor) -> Tensor:
        """Turn soft labels into training targets (B, T). For this head, soft labels (B, T) are returned unchanged.

        competition/soft_labels.py explains the columns of soft labels.
        """
        return soft

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn logits (B, C) into probabilities (B, C)."""
        return outputs.softmax(1)

    def wrap(self, backbone: nn.Module) -> nn.Module:
        """Return a model with this backbone, whose outputs can be given to `probs`.

        For this head, the backbone itself is returned.
        """
        return backbone


class Attributes(Classes):
    """A head with one softmax for each attribute of the classes.

    The probability of a class is the product of the probabilities of its attribute values, normalised over the classes.
    table (A, C): the table that `attribute_table` returns.
    """

    def __init__(self, table: Tensor):
        super().__init__(len(table))
        self.table = table

    @property
    def of_class(self) -> np.ndarray:
        return np.arange(self.table.shape[1])

    def targets(self, labels: Tensor) -> Tensor:
        return F.one_hot(labels, self.table.shape[1]).float()

    def wrap(self, backbone: nn.Module) -> nn.Module:
        return AttributeSum(backbone, self.table)


class AttributeSum(nn.Module):
    """A model that computes logits of classes (B, C) from its backbone's logits of attribute values (B, A).

    The logit of a class is the sum of the logits of its attribute values. The softmax of these sums gives each class
    the product of the probabilities of its attribute values, normalised over the classes. So all losses for classes
    work unchanged. table (A, C): the table that `attribute_table` returns.
    """

    def __init__(self, backbone: nn.Module, table: Tensor):
        super().__init__()
        self.backbone = backbone
        self.register_buffer("table", table, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return self.backbone(images) @ self.table


def attribute_table(attributes: dict) -> Tensor:
    """Return a table (A, C) float32 with a row for each attribute value and a column for each class.

    An entry is 1 if the class has the attribute value, else 0. attributes: a dictionary from the name of each attribute
    to an array (C,) with the index of the value that each class has.
    """
    rows = [
        (values == value) for values in map(torch.as_tensor, attributes.values()) for value in range(values.max() + 1)
    ]
    return torch.stack(rows).float()


class ClassBins(Classes):
    """A head with a softmax over bins, where each bin is a part of one class.

    The probability of a class is the sum of the probabilities of its bins. If a photo has no soft label, its training
    target is spread equally over the bins of its class. of_class (T,): for each bin, the index of its class. The module
    competition/soft_labels.py explains the bins and calls them cells.
    """

    def __init__(self, of_class: np.ndarray):
        super().__init__(len(of_class))
        self.member = F.one_hot(torch.from_numpy(of_class)).float()

    @property
    def of_class(self) -> np.ndarray:
        return self.member.argmax(1).numpy()

    def targets(self, labels: Tensor) -> Tensor:
        return (self.member / self.member.sum(0)).T.to(labels.device)[labels]

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn the logits (B, T) of the bins into probabilities (B, C) of the classes."""
        return outputs.softmax(1) @ self.member.to(outputs.device)


# ---- labels: a sigmoid for each


class Labels(Classes):
    """A head that predicts C labels with one sigmoid for each label. A photo may have any number of these labels."""

    family = "labels"

    def targets(self, labels: Tensor) -> Tensor:
        """Return labels (B, C), which are 0 or 1, as float32 training targets of the same shape."""
        return labels.float()

    def probs(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()


class Cumulative(Labels):
    """A head that predicts a grade y from 0 to C - 1 by C - 1 sigmoids (Frank and Hall 2001).

    The sigmoid with the index k, from 0, is the probability P(y > k) that the grade is above k.
    """

    def targets(self, labels: Tensor) -> Tensor:
        """Turn grades (B,) int64 into targets (B, C - 1) float32; column k is 1 if the grade is above k, else 0."""
        return (labels[:, None] > torch.arange(self.outputs, device=labels.device)).float()

    def spread(self, soft: Tensor) -> Tensor:
        """Turn soft labels (B, C), which are probabilities of grades, into targets (B, C - 1).

        Column k of the targets is the probability that the grade is above k.
        """
        return 1 - soft.cumsum(1)[:, :-1]

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn logits (B, C - 1) into probabilities (B, C) of the grades.

        The sigmoids of the logits are the probabilities that the grade is above 0, above 1, and so on. Such values must
        not rise, so a value that is larger than an earlier value is first lowered to the smallest earlier value. The
        probability of a grade is then the difference between two neighbouring values.
        """
        above = outputs.sigmoid().cummin(1).values
        always, never = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
        return torch.cat([always, above], 1) - torch.cat([above, never], 1)


# ---- numbers


class Number:
    """A head with one output, which predicts a number between low and high.

    The head works with a scaled number, which is 0 for low and 1 for high. squashed: whether the scaled number is the
    sigmoid of the output, as losses in SIGMOID_LOSSES need. If not, the scaled number is the output plus 0.5. An output
    of 0 then means the middle of the range, and a prediction may lie outside of the range. grades: the number of grades
    C if the number is a grade from 0 to C - 1, else 0.
    """

    family, smooths, outputs = "number", False, 1

    def __init__(self, low: float, high: float, squashed: bool = False, grades: int = 0):
        self.low, self.range = low, (high - low) or 1.0
        self.squashed, self.grades = squashed, grades

    def targets(self, labels: Tensor) -> Tensor:
        """Turn labels (B,) into targets (B, 1) float32, scaled so that low becomes 0 and high becomes 1.

        If the head was made with `squashed`, a target below 0 or above 1 is clipped to 0 or 1.
        """
        scaled = ((labels.double() - self.low) / self.range).float()[:, None]
        return scaled.clamp(0, 1) if self.squashed else scaled

    def spread(self, soft: Tensor) -> Tensor:
        """Turn soft labels (B, C), which are probabilities of grades, into targets (B, 1).

        A target is the expected grade, scaled to 0 … 1.
        """
        return self.targets(soft @ torch.arange(soft.shape[1], dtype=soft.dtype, device=soft.device))

    def scaled(self, outputs: Tensor) -> Tensor:
        """Turn outputs (B, 1) into scaled numbers (B, 1): low is 0 and high is 1, as in the training targets."""
        return outputs.sigmoid() if self.squashed else outputs + 0.5

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn outputs (B, 1) into predicted numbers (B, 1) in the unit of the labels.

        If the numbers are grades, return probabilities (B, C) of the grades instead. Only the two grades nearest to a
        predicted number get a probability above 0, and the expected grade is the predicted number.
        """
        values = self.low + self.scaled(outputs) * self.range
        return two_points(values[:, 0], self.grades) if self.grades else values

    def wrap(self, backbone: nn.Module) -> nn.Module:
        """Return the backbone itself, because its outputs can be given to `probs`."""
        return backbone


class Bins(Classes):
    """A head with a softmax over equally spaced points of a range. It predicts the expected value of the points.

    outputs: the number of points. The first point is low and the last point is high, so that a prediction can reach
    both limits of the range.
    """

    smooths = False  # label smoothing would pull each prediction to the middle of the range

    def __init__(self, outputs: int, low: float, high: float):
        super().__init__(outputs)
        self.low, self.range = low, (high - low) or 1.0

    def targets(self, labels: Tensor) -> Tensor:
        """Turn labels (B,) into targets (B, T) float32, which are probabilities of the points.

        Only the two points nearest to a label get a probability above 0, and their expected value is the label.
        """
        return two_points((labels.double() - self.low) / self.range * (self.outputs - 1), self.outputs).float()

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn logits (B, T) of the points into predicted values (B, 1) in the unit of the labels."""
        points = torch.linspace(0, 1, self.outputs, device=outputs.device)
        return self.low + outputs.softmax(1) @ points[:, None] * self.range


def two_points(values: Tensor, size: int) -> Tensor:
    """Turn values (B,) into probabilities (B, size) of the whole numbers from 0 to size - 1.

    Only the two whole numbers nearest to a value get a probability above 0, and the expected number is the value. A
    value below 0 is first raised to 0, and a value above size - 1 is first lowered to size - 1.
    """
    points = torch.arange(size, device=values.device)
    return (1 - (values.clamp(0, size - 1)[:, None] - points).abs()).clamp_min(0)


# ---- the head of a recipe

Head = Classes | Number  # every other head is a subclass of Classes
SIGMOID_LOSSES = frozenset({"bce"})  # the losses of a number that are computed from the sigmoid of the output


def build_head(recipe: Recipe, competition: Competition) -> Head:
    """Return the head that the recipe names. Raises InputError if the head does not fit the competition's target."""
    recipe = resolved_recipe(recipe, competition)
    return BUILDERS[recipe.head](recipe, competition)


def _plain(_, competition: Competition) -> Classes:
    return Labels(competition.size) if competition.target == "multilabel" else Classes(competition.size)


def _attributes(_, competition: Competition) -> Attributes:
    return Attributes(attribute_table(competition.attribute_values))


def _bins(recipe: Recipe, competition: Competition) -> Bins | ClassBins:
    if competition.target == "regression":
        return Bins(recipe.bins, *competition.limits)
    [column] = named_numbers("soften", recipe.soften)
    return ClassBins(fine_cells(competition, range_of_column(column, competition), recipe.bin_edges).of_class)


def _cumulative(_, competition: Competition) -> Cumulative:
    return Cumulative(competition.size - 1)


def _number(recipe: Recipe, competition: Competition) -> Number:
    squashed = not SIGMOID_LOSSES.isdisjoint(re.findall(r"\w+", recipe.loss))
    if competition.target == "ordinal":
        return Number(0, competition.size - 1, squashed, grades=competition.size)
    return Number(*competition.limits, squashed)


BUILDERS: dict[str, Callable[[Recipe, Competition], Head]] = {
    "classes": _plain,
    "attributes": _attributes,
    "bins": _bins,
    "cumulative": _cumulative,
    "regression": _number,
}
