"""Losses of one number: predicted values and targets (B, 1), both scaled to 0 … 1, to a scalar mean."""

import torch.nn.functional as F
from torch import Tensor

BEND = 0.1  # where huber turns from square to straight: a tenth of the range


def mse(values: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error: predicts the mean, for RMSE and kappa."""
    return F.mse_loss(values, targets)


def mae(values: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute error: predicts the median."""
    return F.l1_loss(values, targets)


def huber(values: Tensor, targets: Tensor) -> Tensor:
    """Square for errors below BEND, straight above (Huber 1964): few wrong labels do not rule the rest."""
    return F.huber_loss(values, targets, delta=BEND)


def bce(outputs: Tensor, targets: Tensor) -> Tensor:
    """Binary cross entropy of the sigmoid of outputs: takes the network's outputs, not the scaled values."""
    return F.binary_cross_entropy_with_logits(outputs, targets)
