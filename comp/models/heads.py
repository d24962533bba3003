"""Heads, which translate between a network's outputs and the competition's target.

A head knows how many outputs the network has, how labels become training targets, and how outputs become
probabilities. Training targets are float32 (B, T), so that the targets of two mixed photos can be mixed linearly.

| target             | head       | outputs                 | training targets (B, T)      | probs (B, C)              |
|--------------------|------------|-------------------------|------------------------------|---------------------------|
| multiclass, binary | classes    | C                       | one-hot                      | softmax                   |
|                    | attributes | one per attribute value | one-hot                      | softmax of their sums     |
|                    | bins       | the bins of each class  | the bins of the class        | sums of the class's bins  |
| multilabel         | classes    | C                       | 0 and 1                      | a sigmoid each            |
| ordinal            | classes    | C                       | one-hot                      | softmax                   |
|                    | regression | 1                       | the grade, scaled to 0 … 1   | on the two nearest grades |
|                    | cumulative | C - 1: P(y > k)         | 0 and 1                      | differences of P(y > k)   |
| regression         | regression | 1                       | the value, scaled to 0 … 1   | the value (B, 1)          |
|                    | bins       | one per point           | shared by two nearest points | the expectation (B, 1)    |

Every head has three attributes: outputs (how many outputs the network has), family (the name of the losses that fit)
and smooths (whether label smoothing makes sense). Every head also has the methods targets, spread, probs and wrap of
`Classes`. A new head needs an entry in BUILDERS below and an entry in HEADS of recipes/recipe_settings.py; HEADS says,
without importing torch, which targets each head fits.

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
    """A softmax over C classes."""

    family, smooths = "classes", True

    def __init__(self, outputs: int):
        self.outputs = outputs

    @property
    def of_class(self) -> np.ndarray:
        """The class index (T,) of each training target."""
        return np.arange(self.outputs)

    def targets(self, labels: Tensor) -> Tensor:
        """Turn class indices (B,) int64 into one-hot targets (B, C) float32."""
        return F.one_hot(labels, self.outputs).float()

    def spread(self, soft: Tensor) -> Tensor:
        """Turn soft labels into training targets (B, T). Here soft labels (B, T) already are the training targets.

        The columns of soft labels are explained in competition/soft_labels.py.
        """
        return soft

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn logits (B, C) into probabilities (B, C)."""
        return outputs.softmax(1)

    def wrap(self, backbone: nn.Module) -> nn.Module:
        """Return a model around `backbone` whose forward returns the outputs that `probs` takes."""
        return backbone


class Attributes(Classes):
    """One softmax per attribute; the probability of a class is the product over the class's attribute values.

    table (A, C): which class has which attribute value, from `attribute_table`.
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
    """A model that sums its backbone's logits of attribute values (B, A) to logits of classes (B, C).

    The softmax of these sums is the product of the attributes' softmaxes, so all losses and blends work unchanged.
    """

    def __init__(self, backbone: nn.Module, table: Tensor):
        super().__init__()
        self.backbone = backbone
        self.register_buffer("table", table, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return self.backbone(images) @ self.table


def attribute_table(attributes: dict) -> Tensor:
    """Return a table (A, C) that is 1 where the class has the attribute value, and 0 elsewhere.

    attributes: for each attribute's name, the value (C,) that each class has.
    """
    rows = [
        (values == value) for values in map(torch.as_tensor, attributes.values()) for value in range(values.max() + 1)
    ]
    return torch.stack(rows).float()


class ClassBins(Classes):
    """A softmax over the bins of all classes; the probability of a class is the sum of its bins.

    of_class (T,): the class of each bin (see competition/soft_labels.py). If a photo has no soft label, the target of
    its class is shared equally by the bins of the class.
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
        """Turn logits (B, T) of the bins into probabilities (B, C) of the classes."""
        return outputs.softmax(1) @ self.member.to(outputs.device)


# ---- labels: a sigmoid for each


class Labels(Classes):
    """A sigmoid for each of C labels."""

    family = "labels"

    def targets(self, labels: Tensor) -> Tensor:
        """Turn labels (B, C) of 0 and 1 into float32."""
        return labels.float()

    def probs(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()


class Cumulative(Labels):
    """Grades 0 … C - 1, predicted by C - 1 sigmoids: the k-th sigmoid is P(y > k) (Frank and Hall 2001)."""

    def targets(self, labels: Tensor) -> Tensor:
        """Turn grades (B,) int64 into targets (B, C - 1) float32; column k is 1 if the grade is above k, else 0."""
        return (labels[:, None] > torch.arange(self.outputs, device=labels.device)).float()

    def spread(self, soft: Tensor) -> Tensor:
        """Turn soft labels of grades (B, C) into targets P(y > k) (B, C - 1)."""
        return 1 - soft.cumsum(1)[:, :-1]

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn logits (B, C - 1) into probabilities (B, C) of the grades.

        P(y > k) must not rise with k, so each value that is above the value before it is first lowered to that value.
        The probability of a grade is then the difference between two neighbouring values.
        """
        above = outputs.sigmoid().cummin(1).values
        always, never = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
        return torch.cat([always, above], 1) - torch.cat([above, never], 1)


# ---- numbers


class Number:
    """A head with one output, which stands for a value between low and high, scaled to 0 … 1.

    squashed: whether the scaled value is the sigmoid of the output (for SIGMOID_LOSSES). If not, the scaled value is
    the output plus 0.5, so that an output of 0 is the middle of the range, and a value may lie outside of the range.
    grades: C if the value is a grade from 0 to C - 1, else 0.
    """

    family, smooths, outputs = "number", False, 1

    def __init__(self, low: float, high: float, squashed: bool = False, grades: int = 0):
        self.low, self.range = low, (high - low) or 1.0
        self.squashed, self.grades = squashed, grades

    def targets(self, labels: Tensor) -> Tensor:
        """Turn labels (B,) into targets (B, 1) float32. A label between low and high becomes a target in 0 … 1.

        If the head is squashed, the target of a label outside of the range is clipped to 0 or 1.
        """
        scaled = ((labels.double() - self.low) / self.range).float()[:, None]
        return scaled.clamp(0, 1) if self.squashed else scaled

    def spread(self, soft: Tensor) -> Tensor:
        """Turn soft labels of grades (B, C) into the targets (B, 1) of the expected grades."""
        return self.targets(soft @ torch.arange(soft.shape[1], dtype=soft.dtype, device=soft.device))

    def scaled(self, outputs: Tensor) -> Tensor:
        """Turn outputs (B, 1) into values (B, 1) on the scale of the training targets."""
        return outputs.sigmoid() if self.squashed else outputs + 0.5

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn outputs (B, 1) into values (B, 1) in the units of the labels.

        If the target has grades, return distributions (B, C) over the grades whose expectations are these values.
        """
        values = self.low + self.scaled(outputs) * self.range
        return two_points(values[:, 0], self.grades) if self.grades else values

    def wrap(self, backbone: nn.Module) -> nn.Module:
        """Return the backbone itself, because `probs` takes its outputs as they are."""
        return backbone


class Bins(Classes):
    """A softmax over equally spaced points from low to high; the expectation over the points is the prediction.

    The outermost points are low and high themselves, so that a prediction can reach both limits.
    """

    smooths = False  # label smoothing would pull each prediction to the middle of the range

    def __init__(self, outputs: int, low: float, high: float):
        super().__init__(outputs)
        self.low, self.range = low, (high - low) or 1.0

    def targets(self, labels: Tensor) -> Tensor:
        """Turn each label (B,) into a distribution (B, T) float32 on the two nearest points, with the label as mean."""
        return two_points((labels.double() - self.low) / self.range * (self.outputs - 1), self.outputs).float()

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn logits (B, T) into values (B, 1) in the units of the labels."""
        points = torch.linspace(0, 1, self.outputs, device=outputs.device)
        return self.low + outputs.softmax(1) @ points[:, None] * self.range


def two_points(values: Tensor, size: int) -> Tensor:
    """Turn each value (B,) into a distribution (B, size) on the two nearest whole numbers, with the value as mean.

    A value below 0 counts as 0, and a value above size - 1 counts as size - 1.
    """
    points = torch.arange(size, device=values.device)
    return (1 - (values.clamp(0, size - 1)[:, None] - points).abs()).clamp_min(0)


# ---- the head of a recipe

Head = Classes | Number  # every other head is a subclass of Classes
SIGMOID_LOSSES = frozenset({"bce"})  # the losses of a number that are computed on the sigmoid of the output


def build_head(recipe: Recipe, competition: Competition) -> Head:
    """Return the head of a recipe. Raises InputError if the head does not fit the competition's target."""
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
