"""Define the heads. A head translates between the outputs of a network and the target of a competition.

A head decides how many outputs the network has, how labels become training targets, and how outputs become predictions.
Training targets are float32, so that the targets of two photos can be mixed by mixup.

| target             | head       | outputs of the network  | training targets (B, T)      | predictions (B, C)        |
|--------------------|------------|-------------------------|------------------------------|---------------------------|
| multiclass, binary | classes    | one per class           | one-hot                      | softmax                   |
|                    | attributes | one per attribute value | one-hot                      | softmax of summed outputs |
|                    | bins       | one per bin             | equal on the class's bins    | sums over a class's bins  |
| multilabel         | classes    | one per label           | 0 or 1 for each label        | one sigmoid per label     |
| ordinal            | classes    | one per grade           | one-hot                      | softmax                   |
|                    | regression | 1                       | the grade, standardised      | split over two grades     |
|                    | cumulative | C - 1: is grade above k | 0 or 1 for each output       | differences of sigmoids   |
| regression         | regression | 1                       | the value, standardised      | the value (B, 1)          |
|                    | bins       | one per point           | split over two points        | the expectation (B, 1)    |

The head "attributes" is for classes that are combinations of attribute values, such as small and red. The head "bins"
is for classes that are ranges of a number, which it divides into smaller ranges (bins), and for numbers, for which it
uses points on a scale.

Every head has these members: outputs (how many outputs the network has), family (the group of losses that fit the head,
see training/losses.py), and the methods targets, spread, probs, prepare and prior, which `Classes` describes. The heads
of classes and labels also have the method logits. A new head must be added to BUILDERS below and to HEADS in
recipes/recipe_settings.py, which lists the heads that fit each target.

A new head starts at the prior (`start_head` in training/learner.py): before the first step, the model predicts for
every photo the mean of the training numbers, or the shares of the classes or labels among the training rows. So no
epoch is lost with learning them (for rare labels: Lin et al. 2017, "Focal Loss for Dense Object Detection", section 3).

Letters in the shapes: B photos in a batch; T columns of the training targets; C classes, labels (of a multilabel
target) or grades (of an ordinal target); A values of all attributes together.
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
from comp.recipes.automatic import resolved_recipe
from comp.recipes.recipe_settings import Recipe

# ---- classes: a softmax


class Classes:
    """A head for classes of which each photo has exactly one. The network has an output for each class.

    The softmax of the outputs gives the probabilities of the classes. outputs: the number of outputs.
    """

    family = "classes"

    def __init__(self, outputs: int):
        self.outputs = outputs

    @property
    def of_class(self) -> np.ndarray:
        """Return an array with the class index of each column of the training targets.

        This head has one column for each class, so the array is 0, 1, 2 and so on.
        """
        return np.arange(self.outputs)

    def targets(self, labels: Tensor) -> Tensor:
        """Turn class indices (B,) int64 into one-hot training targets (B, C) float32, for B photos and C classes."""
        return F.one_hot(labels, self.outputs).float()

    def spread(self, soft: Tensor) -> Tensor:
        """Turn soft labels into training targets. This head uses the soft labels unchanged.

        soft: probabilities, with a row for each photo and a column for each class. If the head divides classes into
        bins, there is a column for each bin instead.
        """
        return soft

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn the outputs of the network for B photos into probabilities (B, C) of the C classes, by a softmax."""
        return self.logits(outputs).softmax(1)

    def logits(self, outputs: Tensor) -> Tensor:
        """Return a logit for each column of the training targets (B, T), from which the losses are computed.

        outputs: the outputs of the network, with a row for each of B photos. For this head, they are the logits.
        """
        return outputs

    def prepare(self, model: nn.Module) -> None:
        """Add to a new model what the head saves with the model's weights. This head saves nothing."""

    def prior(self, sums: Tensor, rows: float) -> Tensor:
        """Return the outputs of the network (outputs,) that predict for every photo what is true on average.

        For this head, that is how frequent each class is. sums (T,): the sums of the training targets over all rows.
        rows: the number of rows. Half a row is added to each class, because the logarithm of 0 is infinite.
        """
        return ((sums + 0.5) / (rows + 0.5 * len(sums))).log()


class Attributes(Classes):
    """A head for classes that are combinations of attribute values, such as small and red.

    The network predicts each attribute by its own softmax. The probability of a class is the product of the
    probabilities of its attribute values, normalised so that the probabilities of all classes sum to 1. table: a tensor
    with a row for each attribute value and a column for each class; an entry is 1 if the class has the attribute value,
    else 0.
    """

    def __init__(self, table: Tensor):
        super().__init__(len(table))
        self.table = table

    @property
    def of_class(self) -> np.ndarray:
        return np.arange(self.table.shape[1])

    def targets(self, labels: Tensor) -> Tensor:
        return F.one_hot(labels, self.table.shape[1]).float()

    def prepare(self, model: nn.Module) -> None:
        """Add the table to the model, as a buffer, which says what the outputs of the saved weights mean."""
        model.register_buffer(TABLE, self.table.clone())

    def logits(self, outputs: Tensor) -> Tensor:
        """Return the logits (B, C) of the classes: each is the sum of the outputs for the class's attribute values."""
        return outputs @ self.table.to(outputs)

    def prior(self, sums: Tensor, rows: float) -> Tensor:
        """Return the outputs (A,) that predict how frequent each attribute value is. sums (C,): rows of each class."""
        return ((self.table.to(sums) @ sums + 0.5) / (rows + 0.5)).log()


def attribute_table(attributes: dict) -> Tensor:
    """Return a float32 tensor with a row for each attribute value and a column for each class.

    An entry is 1 if the class has the attribute value, else 0. attributes: a dictionary from the name of an attribute
    to an array with an entry for each class, which is the index of the class's value of this attribute.
    """
    rows = [
        (values == value) for values in map(torch.as_tensor, attributes.values()) for value in range(values.max() + 1)
    ]
    return torch.stack(rows).float()


class ClassBins(Classes):
    """A head for classes that are ranges of a number. It divides each class into bins, which are smaller ranges.

    The network has an output for each bin, and the softmax of the outputs gives the probabilities of the bins. The
    probability of a class is the sum over its bins. If a photo has no soft label, all bins of the photo's class get the
    same training target. of_class: an array with the class index of each bin. competition/soft_labels.py, which
    computes soft labels, calls the bins cells.
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
        """Turn logits (a row for each photo, a column for each bin) into probabilities of the classes."""
        return outputs.softmax(1) @ self.member.to(outputs.device)


# ---- labels: a sigmoid for each


class Labels(Classes):
    """A head for a multilabel target: a photo may have any number of labels, and each label has its own sigmoid."""

    family = "labels"

    def targets(self, labels: Tensor) -> Tensor:
        """Return the labels, which are 0 or 1, as float32. The shape stays (B, C), for B photos and C labels."""
        return labels.float()

    def probs(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()

    def prior(self, sums: Tensor, rows: float) -> Tensor:
        """Return the outputs of the network (outputs,) whose sigmoids are the shares of rows with each label.

        sums (T,): the sums of the training targets over all rows. rows: the number of rows. Half a row with and half a
        row without each label are added, because the logarithm of 0 is infinite.
        """
        return ((sums + 0.5) / (rows - sums + 0.5)).log()


class Cumulative(Labels):
    """A head for grades from 0 to C - 1, where C is the number of grades (Frank and Hall 2001).

    The network has C - 1 outputs. The sigmoid of output k, counted from 0, is the probability that the grade is above
    k.
    """

    def targets(self, labels: Tensor) -> Tensor:
        """Turn grades (B,) of B photos into training targets with one column less than there are grades.

        Column k, counted from 0, is 1 if the grade is above k, else 0.
        """
        return (labels[:, None] > torch.arange(self.outputs, device=labels.device)).float()

    def spread(self, soft: Tensor) -> Tensor:
        """Turn soft labels into training targets with one column less than there are grades.

        soft: probabilities, with a row for each photo and a column for each grade. Column k of the targets, counted
        from 0, is the probability that the grade is above k.
        """
        return 1 - soft.cumsum(1)[:, :-1]

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn logits (B, C - 1) of B photos into probabilities (B, C) of the C grades.

        The sigmoid of logit k, counted from 0, is the probability that the grade is above k. These probabilities must
        not rise with k, so one that is larger than an earlier one is first lowered to the smallest earlier one. The
        probability of a grade is then the difference between two neighbouring probabilities.
        """
        above = outputs.sigmoid().cummin(1).values
        always, never = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
        return torch.cat([always, above], 1) - torch.cat([above, never], 1)


# ---- numbers


class Number:
    """A head with one output, which predicts a number.

    The number is standardised: the output is 0 for the mean of the training numbers, and 1 for one standard deviation
    above it. `use_scale_of` takes the mean and the standard deviation from a model, which saves them with its weights.
    low, high: the limits of the numbers. squashed: True for a loss that is computed from a sigmoid (see
    SIGMOID_LOSSES). The sigmoid of the output is then the number, scaled so that low becomes 0 and high becomes 1.
    grades: the number of grades if the target is a grade (from 0 to grades - 1), 0 if it is any other number.
    """

    family, outputs = "number", 1

    def __init__(self, low: float, high: float, squashed: bool = False, grades: int = 0):
        self.low, self.range = low, (high - low) or 1.0
        self.squashed, self.grades = squashed, grades
        self.mean, self.deviation = low + self.range / 2, self.range  # until `use_scale_of` is called

    def use_scale_of(self, model: nn.Module) -> None:
        """Take the mean and the standard deviation of the training numbers from a model that `prepare` has changed."""
        if not self.squashed:
            self.mean, self.deviation = getattr(model, SCALE).tolist()

    def targets(self, labels: Tensor) -> Tensor:
        """Turn labels (B,) into training targets (B, 1) float32 for B photos, which are standardised numbers.

        If the head uses a sigmoid (`squashed`), they are numbers from 0 to 1 instead, and labels outside of the limits
        are clipped.
        """
        if self.squashed:
            return ((labels.double() - self.low) / self.range).float()[:, None].clamp(0, 1)
        return ((labels.double() - self.mean) / self.deviation).float()[:, None]

    def spread(self, soft: Tensor) -> Tensor:
        """Turn soft labels into training targets (B, 1) for B photos. A target is the expected grade, standardised.

        soft: probabilities, with a row for each photo and a column for each grade.
        """
        return self.targets(soft @ torch.arange(soft.shape[1], dtype=soft.dtype, device=soft.device))

    def scaled(self, outputs: Tensor) -> Tensor:
        """Turn outputs of the network (B, 1) into predictions (B, 1) on the scale of the training targets."""
        return outputs.sigmoid() if self.squashed else outputs

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn outputs (B, 1) of the network for B photos into predicted numbers (B, 1) in the unit of the labels.

        If the target is a grade, return probabilities with a column for each grade instead. Only the two grades nearest
        to a predicted number then have a probability above 0, and the expected grade is the predicted number.
        """
        offset, unit = (self.low, self.range) if self.squashed else (self.mean, self.deviation)
        values = offset + self.scaled(outputs) * unit
        return two_points(values[:, 0], self.grades) if self.grades else values

    def outputs_of(self, values: Tensor) -> Tensor:
        """Return the outputs (B, 1) with which the network predicts the numbers `values` (B,). It inverts `probs`."""
        scaled = self.targets(values)
        return torch.logit(scaled, eps=1e-6) if self.squashed else scaled

    def prior(self, sums: Tensor, rows: float) -> Tensor:
        """Return the output of the network (1,) that predicts the mean. sums (1,): the sum of the training targets."""
        mean = sums / rows
        return torch.logit(mean, eps=1e-6) if self.squashed else mean

    def prepare(self, model: nn.Module) -> None:
        """Add the mean and the standard deviation of the training numbers to the model, as a buffer."""
        if not self.squashed:
            model.register_buffer(SCALE, torch.tensor([self.mean, self.deviation]))


class Bins(Classes):
    """A head for a number. A softmax over equally spaced points gives a probability for each point.

    The predicted number is the expected value of the points. outputs: the number of points. low, high: the first and
    the last point, which are the limits of the numbers that can be predicted.
    """

    def __init__(self, outputs: int, low: float, high: float):
        super().__init__(outputs)
        self.low, self.range = low, (high - low) or 1.0

    def targets(self, labels: Tensor) -> Tensor:
        """Turn labels (B,) of B photos into float32 training targets: a probability for each point.

        Only the two points nearest to a label have a probability above 0, and the expected value of the points is the
        label.
        """
        return two_points((labels.double() - self.low) / self.range * (self.outputs - 1), self.outputs).float()

    def probs(self, outputs: Tensor) -> Tensor:
        """Turn logits, with a column for each point, into predicted numbers (B, 1) in the unit of the labels."""
        points = torch.linspace(0, 1, self.outputs, device=outputs.device)
        return self.low + outputs.softmax(1) @ points[:, None] * self.range


def two_points(values: Tensor, size: int) -> Tensor:
    """Turn values (B,) into probabilities (B, size) of the whole numbers from 0 to size - 1.

    Only the two whole numbers nearest to a value have a probability above 0, and their expected value is the value
    itself. Values below 0 or above size - 1 are first clipped.
    """
    points = torch.arange(size, device=values.device)
    return (1 - (values.clamp(0, size - 1)[:, None] - points).abs()).clamp_min(0)


# ---- the head of a recipe

Head = Classes | Number  # every other head is a subclass of Classes
SIGMOID_LOSSES = frozenset({"bce"})  # the losses of a number that are computed from the sigmoid of the output

# the buffers of a model in which a head keeps what its outputs mean
SCALE = "number_scale"  # the mean and the standard deviation of the training numbers
TABLE = "attribute_table"  # which attribute values each class has


def build_head(recipe: Recipe, competition: Competition) -> Head:
    """Return the head that the recipe names. Raises InputError if the head does not fit the competition's target."""
    recipe = resolved_recipe(recipe, competition)
    return BUILDERS[recipe.head](recipe, competition)


def head_of(model: nn.Module, recipe: Recipe, competition: Competition) -> Head:
    """Return the head of a model that was built for this recipe and competition.

    A head for numbers takes the mean and the standard deviation of the training numbers from the model.
    """
    head = build_head(recipe, competition)
    if isinstance(head, Number):
        head.use_scale_of(model)
    return head


def _plain(_, competition: Competition) -> Classes:
    return Labels(competition.size) if competition.target == "multilabel" else Classes(competition.size)


def _attributes(_, competition: Competition) -> Attributes:
    return Attributes(attribute_table(competition.attribute_values))


def _bins(recipe: Recipe, competition: Competition) -> Bins | ClassBins:
    if competition.target == "regression":
        return Bins(recipe.bins, *competition.number_range)
    [column] = named_numbers("soften", recipe.soften)
    return ClassBins(fine_cells(competition, range_of_column(column, competition), recipe.bin_edges).of_class)


def _cumulative(_, competition: Competition) -> Cumulative:
    return Cumulative(competition.size - 1)


def _number(recipe: Recipe, competition: Competition) -> Number:
    squashed = not SIGMOID_LOSSES.isdisjoint(re.findall(r"\w+", recipe.loss))
    if competition.target == "ordinal":
        return Number(0, competition.size - 1, squashed, grades=competition.size)
    return Number(*competition.number_range, squashed)


BUILDERS: dict[str, Callable[[Recipe, Competition], Head]] = {
    "classes": _plain,
    "attributes": _attributes,
    "bins": _bins,
    "cumulative": _cumulative,
    "regression": _number,
}


# ---- the training targets of many rows

CLASSES_AT_ONCE = 1000  # the targets of all 15,000 classes at once would take gigabytes


def target_sums(head: Head, labels: np.ndarray, competition: Competition) -> Tensor:
    """Return the sum of the training targets of many rows, (T,) float32: how many rows have each class or label.

    labels: the labels of the rows.
    """
    if labels.dtype.kind == "i" and head.family == "classes":  # the targets of a million rows might not fit in memory
        rows = torch.from_numpy(np.bincount(labels, minlength=competition.size)).float()
        blocks = torch.arange(competition.size).split(CLASSES_AT_ONCE)
        return torch.stack([rows[block] @ head.targets(block) for block in blocks]).sum(0)
    return head.targets(torch.from_numpy(labels)).sum(0)
