"""Training augmentations by name. The only module that imports albumentations (its last MIT release).

A pipeline maps uint8 (H, W, 3) to the same shape. `augmented` seeds it by (seed, epoch, image). So the result does not
depend on the number of workers, or on how often the run was stopped.
"""

import os
from functools import cache

import numpy as np

from comp.data import batch_augment
from comp.errors import InputError

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # otherwise the import asks the network for a new version


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


NAMES = ("none", "flip", "light", "upright", "strong", "moves", "any_side_up", batch_augment.NAME)


@cache
def pipeline(name: str):
    """The albumentations Compose of that name; None if it changes nothing here. InputError lists the names."""
    if name not in NAMES:
        raise InputError(f"augment={name}", f"one of {', '.join(NAMES)}", "correct augment in SET")
    if name in ("none", batch_augment.NAME):
        return None
    import albumentations as A

    return A.Compose(_pipelines()[name])


def augmented(name: str, images: np.ndarray, seeds: list[tuple[int, int, int]]) -> np.ndarray:
    """Augment uint8 (B, H, W, 3), each image by its own (seed, epoch, image)."""
    compose = pipeline(name)
    if compose is None:
        return images
    out = np.empty_like(images)
    for i, seed in enumerate(seeds):
        compose.set_random_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
        out[i] = compose(image=images[i])["image"]
    return out
