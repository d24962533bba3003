"""Heads whose prediction is a number: a regression target, or a grade as a number.

Letters: B batch, C grades.
"""

import torch
from torch import Tensor, nn

from comp.models.heads_of_classes import Classes


class Number:
    """One output: a value, scaled to 0 … 1 between low and high.

    squashed: the value is the output's sigmoid (for the loss bce). Otherwise it is the output itself, counted from the
    middle of the range, and may lie beyond the limits. grades: C, where the value is a grade from 0 to C - 1.
    """

    family, smooths, outputs = "number", False, 1

    def __init__(self, low: float, high: float, squashed: bool = False, grades: int = 0):
        self.low, self.range = low, (high - low) or 1.0
        self.squashed, self.grades = squashed, grades

    def targets(self, labels: Tensor) -> Tensor:
        """(B,) to (B, 1) float32, 0 … 1 for labels within the limits; a sigmoid cannot reach others."""
        scaled = ((labels.double() - self.low) / self.range).float()[:, None]
        return scaled.clamp(0, 1) if self.squashed else scaled

    def spread(self, soft: Tensor) -> Tensor:
        """Soft labels of grades (B, C) to the targets (B, 1) of their expectations."""
        return self.targets(soft @ torch.arange(soft.shape[1], dtype=soft.dtype, device=soft.device))

    def scaled(self, outputs: Tensor) -> Tensor:
        """The values (B, 1) on the scale of the training targets."""
        return outputs.sigmoid() if self.squashed else outputs + 0.5

    def probs(self, outputs: Tensor) -> Tensor:
        """Values (B, 1) in the target's units; of grades the distributions (B, C) whose expectations they are."""
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
