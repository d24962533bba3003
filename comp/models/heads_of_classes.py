"""Heads of classes (a softmax), labels (a sigmoid each) and grades (cumulative sigmoids).

Each head has: outputs, how many the network gives; family, which losses fit it; smooths, whether label smoothing makes
sense; targets, probs and wrap. Letters: B batch, C classes or labels, A values of all attributes.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
