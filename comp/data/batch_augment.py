"""Augmentation of a whole batch at once, on the training device: flip, small moves, brightness and contrast.

For machines where the loader processes are the bottleneck (`augment=batched`): two operations per batch replace one
pipeline per photo. As in augment.py, random numbers depend only on (seed, epoch, image).
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

NAME = "batched"
SCALE, SHIFT, TURN = 0.1, 0.05, math.radians(10)  # as `small` in augment.py
CONTRAST, BRIGHTNESS = 0.2, 0.2  # brightness in standard deviations of normalised pixels


def augmented(images: Tensor, seed: int, epoch: int, rows: np.ndarray) -> Tensor:
    """Normalised images (B, 3, H, W) to the same shape; rows (B,) are their positions, which seed them."""
    drawn = torch.from_numpy(uniform(seed, epoch, rows, 7)).to(images.device, images.dtype)
    flip, (scale, right, down, turn, contrast, light) = drawn[:, 0] < 0.5, (2 * drawn[:, 1:] - 1).unbind(1)
    angle, zoom = turn * TURN, 1 + scale * SCALE
    across = torch.where(flip, -1.0, 1.0).to(images.dtype) / zoom
    # theta maps output coordinates in -1 … 1 to input coordinates
    theta = torch.stack([
        torch.stack([across * angle.cos(), -angle.sin() / zoom, right * 2 * SHIFT], 1),
        torch.stack([across * angle.sin(), angle.cos() / zoom, down * 2 * SHIFT], 1),
    ], 1)  # fmt: skip
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return moved * (1 + contrast * CONTRAST).view(-1, 1, 1, 1) + (light * BRIGHTNESS).view(-1, 1, 1, 1)


def uniform(seed: int, epoch: int, rows: np.ndarray, count: int) -> np.ndarray:
    """(len(rows), count) numbers in [0, 1), each a hash of (seed, epoch, row, column): SplitMix64 (Steele et al. 2014).

    A hash, because one numpy Generator per photo costs more than the augmentation itself.
    """
    with np.errstate(over="ignore"):
        stream = _hash(_hash(np.uint64(seed)) + np.uint64(epoch))
        keys = _hash(stream + np.asarray(rows, np.uint64))[:, None] + np.arange(count, dtype=np.uint64)
        return (_hash(keys) >> np.uint64(11)) / 2.0**53


def _hash(x: np.ndarray) -> np.ndarray:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
