"""Heads: what stands between a network's outputs and the competition's target.

A head knows how many outputs the network has, how labels become training targets, and how outputs become
probabilities. Training targets are float32 (B, T): mixing two photos mixes their targets linearly.

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

Every head has the attributes outputs, family (which losses fit it) and smooths (whether label smoothing makes sense for
it), and the methods targets, spread, probs and wrap of `Classes`. A new head is an entry in BUILDERS below, and one in
HEADS of recipes/recipe_settings.py, which says without torch what it fits.

Letters: B batch, T training targets, C classes, labels or grades, A values of all attributes.
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
        """The class (T,) that each training target belongs to."""
        return np.arange(self.outputs)

    def targets(self, labels: Tensor) -> Tensor:
        """(B,) int64 to one-hot (B, C) float32."""
        return F.one_hot(labels, self.outputs).float()

    def spread(self, soft: Tensor) -> Tensor:
        """Soft labels (B, T) as training targets; T as in competition/soft_labels.py."""
        return soft

    def probs(self, outputs: Tensor) -> Tensor:
        """(B, C) logits to probabilities."""
        return outputs.softmax(1)

    def wrap(self, backbone: nn.Module) -> nn.Module:
        """The model whose forward gives what `probs` takes."""
        return backbone


class Attributes(Classes):
    """One softmax per attribute, multiplied to those of classes. table (A, C): see `attribute_table`."""

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
    """The logits of all attributes' values (B, A), summed to logits of classes (B, C).

    The softmax of the sum is the product of the attributes' softmaxes, so every loss and blend works unchanged.
    """

    def __init__(self, backbone: nn.Module, table: Tensor):
        super().__init__()
        self.backbone = backbone
        self.register_buffer("table", table, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return self.backbone(images) @ self.table


def attribute_table(attributes: dict) -> Tensor:
    """(A, C): 1 where a class has the attribute value; attributes: name to the value of each class (C,)."""
    rows = [
        (values == value) for values in map(torch.as_tensor, attributes.values()) for value in range(values.max() + 1)
    ]
    return torch.stack(rows).float()


class ClassBins(Classes):
    """A softmax over the bins of all classes; the probability of a class is the sum of its bins.

    of_class (T,): the class of each bin (see competition/soft_labels.py). Without soft labels the bins of the class
    share its target equally.
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
        """(B, T) logits to probabilities (B, C)."""
        return outputs.softmax(1) @ self.member.to(outputs.device)


# ---- labels: a sigmoid for each


class Labels(Classes):
    """A sigmoid for each of C labels."""

    family = "labels"

    def targets(self, labels: Tensor) -> Tensor:
        """(B, C) of 0 and 1 to the same as float32."""
        return labels.float()

    def probs(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()


class Cumulative(Labels):
    """Grades 0 … C - 1 by C - 1 sigmoids, P(y > k) (Frank and Hall 2001)."""

    def targets(self, labels: Tensor) -> Tensor:
        """(B,) int64 to (B, C - 1) float32: 1 where the grade is above k."""
        return (labels[:, None] > torch.arange(self.outputs, device=labels.device)).float()

    def spread(self, soft: Tensor) -> Tensor:
        """(B, C) to P(y > k) (B, C - 1)."""
        return 1 - soft.cumsum(1)[:, :-1]

    def probs(self, outputs: Tensor) -> Tensor:
        """(B, C - 1) to (B, C): differences of P(y > k), after each was lowered to at most the one before."""
        above = outputs.sigmoid().cummin(1).values
        always, never = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
        return torch.cat([always, above], 1) - torch.cat([above, never], 1)


# ---- numbers


class Number:
    """One output: a value, scaled to 0 … 1 between low and high.

    squashed: the value is the sigmoid of the output (for SIGMOID_LOSSES). Otherwise it is the output plus 0.5, so that
    an output of 0 is the middle of the range, and it may lie beyond the limits.
    grades: C if the value is a grade from 0 to C - 1, else 0.
    """

    family, smooths, outputs = "number", False, 1

    def __init__(self, low: float, high: float, squashed: bool = False, grades: int = 0):
        self.low, self.range = low, (high - low) or 1.0
        self.squashed, self.grades = squashed, grades

    def targets(self, labels: Tensor) -> Tensor:
        """(B,) to (B, 1) float32, 0 … 1 for labels within the limits; for a sigmoid the others are cut to that."""
        scaled = ((labels.double() - self.low) / self.range).float()[:, None]
        return scaled.clamp(0, 1) if self.squashed else scaled

    def spread(self, soft: Tensor) -> Tensor:
        """Soft labels of grades (B, C) to the targets (B, 1) of their expectations."""
        return self.targets(soft @ torch.arange(soft.shape[1], dtype=soft.dtype, device=soft.device))

    def scaled(self, outputs: Tensor) -> Tensor:
        """The values (B, 1) on the scale of the training targets."""
        return outputs.sigmoid() if self.squashed else outputs + 0.5

    def probs(self, outputs: Tensor) -> Tensor:
        """Values (B, 1) in the target's units; for grades the distributions (B, C) with these expectations."""
        values = self.low + self.scaled(outputs) * self.range
        return two_points(values[:, 0], self.grades) if self.grades else values

    def wrap(self, backbone: nn.Module) -> nn.Module:
        """The model itself."""
        return backbone


class Bins(Classes):
    """A softmax over equally spaced points from low to high; the expectation is the prediction.

    The outermost points are the limits themselves, so that the expectation can reach them.
    """

    smooths = False  # smoothing would pull each prediction to the middle

    def __init__(self, outputs: int, low: float, high: float):
        super().__init__(outputs)
        self.low, self.range = low, (high - low) or 1.0

    def targets(self, labels: Tensor) -> Tensor:
        """(B,) to (B, bins) float32: the two nearest points share the weight; their expectation is the label."""
        return two_points((labels.double() - self.low) / self.range * (self.outputs - 1), self.outputs).float()

    def probs(self, outputs: Tensor) -> Tensor:
        """(B, bins) logits to values (B, 1) in the target's units."""
        points = torch.linspace(0, 1, self.outputs, device=outputs.device)
        return self.low + outputs.softmax(1) @ points[:, None] * self.range


def two_points(values: Tensor, size: int) -> Tensor:
    """Distributions (B, size) on the two whole numbers around each value (B,), whose expectation is the value.

    Values outside of 0 … size - 1 count as the nearest of the two.
    """
    points = torch.arange(size, device=values.device)
    return (1 - (values.clamp(0, size - 1)[:, None] - points).abs()).clamp_min(0)


# ---- the head of a recipe

Head = Classes | Number  # all others are kinds of Classes
SIGMOID_LOSSES = frozenset({"bce"})  # losses of a number that are taken on the sigmoid of the output


def build_head(recipe: Recipe, competition: Competition) -> Head:
    """The head of a recipe. Raises InputError for one that does not fit the competition's target."""
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
