"""Augment training photos, either photo by photo in the worker processes or a whole batch on the training device.

1. `augmented` augments photos one by one with the package albumentations. No other module imports this package. Its
   version 2 is the last one under the MIT licence.
2. `augmented_batch` augments a whole batch on the training device. The setting augment=batched selects it, for machines
   on which the worker processes are slower than the training.

The random numbers for a photo depend only on the seed, the epoch and the position of the photo in the list of photos.
So the photo looks the same with any number of workers, and after a training was stopped and resumed.
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
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # otherwise the import looks for a new version online


@cache
def pipeline(name: str):
    """Return the albumentations pipeline with this name, or None if no such pipeline is needed.

    name: the name of an augmentation, such as "flip"; NAMES has all names. None is returned for "none", which means no
    augmentation, and for "batched", which leaves the augmentation to `augmented_batch`. Raises InputError for an
    unknown name.
    """
    if name not in NAMES:
        raise InputError(
            f"augment={name} is not the name of an augmentation",
            f"one of the augmentations {', '.join(NAMES)}",
            "the same command with another value of augment in SET",
        )
    if name in ("none", BATCH):
        return None
    import albumentations as A

    return A.Compose(_pipelines()[name])


def _pipelines() -> dict:
    import albumentations as A  # the import takes 1 s, and recipes without augmentation do not need it

    flip = A.HorizontalFlip(p=0.5)
    small = A.Affine(scale=(0.9, 1.1), translate_percent=(-0.05, 0.05), rotate=(-10, 10), border_mode=2, p=0.7)
    light = A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=0.5)
    soft = A.OneOf([A.GaussianBlur(blur_limit=(3, 5)), A.ImageCompression(quality_range=(50, 95))], p=0.2)
    holes = A.CoarseDropout(num_holes_range=(1, 3), hole_height_range=(0.1, 0.25), hole_width_range=(0.1, 0.25), p=0.25)
    # nothing changes the hue or makes photos grey, because colour often distinguishes classes
    return {
        "flip": [flip],
        "light": [flip, small],
        "upright": [flip, small, light, soft],  # photos with a top: animals, goods, scenes
        "strong": [flip, small, light, soft, holes],
        "moves": [small, light],  # photos in which left and right differ: digits, text, one side of a body
        "any_side_up": [A.D4(p=1.0), small, light],  # photos without a top: aerial, microscope, leaves
    }


def augmented(name: str, images: np.ndarray, seeds: list[tuple[int, int, int]]) -> np.ndarray:
    """Return the photos `images`, (B, H, W, 3) uint8, after an augmentation that keeps their size.

    name: the name of the augmentation, as in `pipeline`; with "none" and "batched" the photos are returned unchanged.
    seeds: for each of the B photos, three numbers that determine what happens to it: the seed, the epoch and the
    position of the photo in the list of photos.
    """
    compose = pipeline(name)
    if compose is None:
        return images
    out = np.empty_like(images)
    for i, seed in enumerate(seeds):
        compose.set_random_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
        out[i] = compose(image=images[i])["image"]
    return out


# ---- a whole batch at once

SCALE, SHIFT, TURN = 0.1, 0.05, math.radians(10)  # the same ranges as in `small` above
CONTRAST, BRIGHTNESS = 0.2, 0.2  # brightness in standard deviations of normalised pixels


def augmented_batch(images: Tensor, seed: int, epoch: int, rows: np.ndarray) -> Tensor:
    """Return B normalised images, (B, 3, H, W), after a random augmentation that keeps their size.

    Half of the images are flipped. Each image is moved, scaled and turned a little, and its contrast and brightness are
    changed. rows (B,): the position of each image in the list of photos. The random numbers for an image depend only on
    `seed`, `epoch` and this position.
    """
    drawn = torch.from_numpy(uniform_draws(seed, epoch, rows, 7)).to(images.device, images.dtype)
    flip, (scale, right, down, turn, contrast, light) = drawn[:, 0] < 0.5, (2 * drawn[:, 1:] - 1).unbind(1)
    angle, zoom = turn * TURN, 1 + scale * SCALE
    across = torch.where(flip, -1.0, 1.0).to(images.dtype) / zoom
    # theta maps the output coordinates, from -1 to 1, to input coordinates
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
    """Return `count` random numbers in [0, 1) for each row, as an array (len(rows), count).

    rows: one whole number for each row. The random numbers of a row depend only on `seed`, `epoch` and this whole
    number. They are computed with the hash function SplitMix64 (Steele et al. 2014), because one numpy Generator for
    each row would take more time than the augmentation itself.
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
