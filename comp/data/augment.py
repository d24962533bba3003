"""Training augmentations by name: of each photo in the loader processes, or of a whole batch on the training device.

1. `augmented` runs a pipeline of albumentations on uint8 photos (H, W, 3). This is the only module that imports
   albumentations (its last MIT release).
2. `augmented_batch` is for machines where the loader processes are the bottleneck (`augment=batched`): two operations
   per batch replace one pipeline per photo. It flips, moves a little, and changes brightness and contrast.

In both, random numbers depend only on (seed, epoch, image). So the result does not depend on the number of workers, or
on how often the run was stopped.
"""

import math
import os
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from comp.errors import InputError

# ---- photo by photo

BATCH = "batched"
NAMES = ("none", "flip", "light", "upright", "strong", "moves", "any_side_up", BATCH)
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # otherwise the import asks the network for a new version


@cache
def pipeline(name: str):
    """The albumentations Compose of that name; None if it changes nothing here. InputError lists the names."""
    if name not in NAMES:
        raise InputError(f"augment={name}", f"one of {', '.join(NAMES)}", "correct augment in SET")
    if name in ("none", BATCH):
        return None
    import albumentations as A

    return A.Compose(_pipelines()[name])


def _pipelines() -> dict:
    import albumentations as A  # 1 s to import, and recipes without augmentation never need it

    flip = A.HorizontalFlip(p=0.5)
    small = A.Affine(scale=(0.9, 1.1), translate_percent=(-0.05, 0.05), rotate=(-10, 10), border_mode=2, p=0.7)
    light = A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=0.5)
    soft = A.OneOf([A.GaussianBlur(blur_limit=(3, 5)), A.ImageCompression(quality_range=(50, 95))], p=0.2)
    holes = A.CoarseDropout(num_holes_range=(1, 3), hole_height_range=(0.1, 0.25), hole_width_range=(0.1, 0.25), p=0.25)
    # no hue and no grey anywhere: colour often distinguishes classes
    return {
        "flip": [flip],
        "light": [flip, small],
        "upright": [flip, small, light, soft],  # photos with a fixed top: animals, goods, scenes
        "strong": [flip, small, light, soft, holes],
        "moves": [small, light],  # left and right differ: digits, text, one side of a body
        "any_side_up": [A.D4(p=1.0), small, light],  # both flips and quarter turns: aerial, microscope, leaves
    }


def augmented(name: str, images: np.ndarray, seeds: list[tuple[int, int, int]]) -> np.ndarray:
    """Augment uint8 (B, H, W, 3), each image by its (seed, epoch, image)."""
    compose = pipeline(name)
    if compose is None:
        return images
    out = np.empty_like(images)
    for i, seed in enumerate(seeds):
        compose.set_random_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
        out[i] = compose(image=images[i])["image"]
    return out


# ---- a batch at once

SCALE, SHIFT, TURN = 0.1, 0.05, math.radians(10)  # as `small` above
CONTRAST, BRIGHTNESS = 0.2, 0.2  # brightness in standard deviations of normalised pixels


def augmented_batch(images: Tensor, seed: int, epoch: int, rows: np.ndarray) -> Tensor:
    """Normalised images (B, 3, H, W) to the same shape; rows (B,) are their positions, which seed them."""
    drawn = torch.from_numpy(uniform_draws(seed, epoch, rows, 7)).to(images.device, images.dtype)
    flip, (scale, right, down, turn, contrast, light) = drawn[:, 0] < 0.5, (2 * drawn[:, 1:] - 1).unbind(1)
    angle, zoom = turn * TURN, 1 + scale * SCALE
    across = torch.where(flip, -1.0, 1.0).to(images.dtype) / zoom
    # theta maps output coordinates in -1 … 1 to input coordinates
    theta = torch.stack(
        [
            torch.stack([across * angle.cos(), -angle.sin() / zoom, right * 2 * SHIFT], 1),
            torch.stack([across * angle.sin(), angle.cos() / zoom, down * 2 * SHIFT], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return moved * (1 + contrast * CONTRAST).view(-1, 1, 1, 1) + (light * BRIGHTNESS).view(-1, 1, 1, 1)


def uniform_draws(seed: int, epoch: int, rows: np.ndarray, count: int) -> np.ndarray:
    """(len(rows), count) numbers in [0, 1), each a hash of (seed, epoch, row, column): SplitMix64 (Steele et al. 2014).

    A hash, because one numpy Generator per photo costs more than the augmentation.
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
