"""Mixed batches: mixup, cutmix and halfmix (half a photo), for batches of any size, odd ones too.

timm's Mixup wants even batches and draws from numpy's global state; these draw from a Generator of (seed, epoch,
batch), so that a resumed run mixes as one that was never stopped.
All take images (B, 3, H, W) and training targets (B, T) of any head, and return the same shapes, mixed linearly;
lambda is the share of the own image.
"""

import numpy as np
import torch
from torch import Tensor

from comp.recipes.recipe_settings import Recipe

HALF = (0.46, 0.54)  # where halfmix cuts, share of the width: things stand near the middle, not exactly in it


def mixup(images: Tensor, targets: Tensor, partner: Tensor, lam: float) -> tuple[Tensor, Tensor]:
    """lam * own + (1 - lam) * partner's, pixels and targets (Zhang et al. 2018)."""
    return images.lerp(images[partner], 1 - lam), targets.lerp(targets[partner], 1 - lam)


def paste(images: Tensor, targets: Tensor, partner: Tensor, box: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    """Paste the partner's box (top, bottom, left, right); targets by the exact share of pixels (Yun et al. 2019)."""
    top, bottom, left, right = box
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    share = (bottom - top) * (right - left) / (images.shape[2] * images.shape[3])
    return mixed, targets.lerp(targets[partner], share)


def cutmix_box(height: int, width: int, lam: float, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A box of about (1 - lam) of the area, centre uniform, cut at the border."""
    h, w = height * np.sqrt(1 - lam), width * np.sqrt(1 - lam)
    y, x = rng.uniform(0, height), rng.uniform(0, width)
    top, bottom = np.clip([round(y - h / 2), round(y + h / 2)], 0, height)
    left, right = np.clip([round(x - w / 2), round(x + w / 2)], 0, width)
    return int(top), int(bottom), int(left), int(right)


def half_box(height: int, width: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """The left or the right half of the picture, cut at 46 to 54 % of its width."""
    cut = round(width * rng.uniform(*HALF))
    return (0, height, 0, cut) if rng.random() < 0.5 else (0, height, cut, width)


def partners(size: int, rng: np.random.Generator, groups: np.ndarray | None = None) -> np.ndarray:
    """A permutation (size,) of the batch: the image that each is mixed with; within equal `groups` (size,) if given."""
    if groups is None:
        return rng.permutation(size)
    partner = np.arange(size)
    for value in np.unique(groups):
        rows = np.flatnonzero(groups == value)
        partner[rows] = rng.permutation(rows)
    return partner


def shares(recipe: Recipe) -> dict[str, float]:
    """The share of batches that each way of mixing gets, the same in every epoch."""
    return {"mixup": recipe.mixup, "cutmix": recipe.cutmix, "halfmix": recipe.halfmix}


def mix(
    images: Tensor,
    targets: Tensor,
    shares: dict[str, float],
    alpha: float,
    rng: np.random.Generator,
    groups: np.ndarray | None = None,
) -> tuple[Tensor, Tensor]:
    """One of mixup, cutmix, halfmix or nothing, drawn by `shares` (sum at most 1).

    groups (B,): halfmix takes its partner among images of the same value, such as the same value of an attribute.
    """
    kind = _draw(shares, rng)
    if kind is None or len(images) < 2:
        return images, targets
    partner = partners(len(images), rng, groups if kind == "halfmix" else None)
    partner = torch.from_numpy(partner).to(images.device)
    lam = rng.beta(alpha, alpha)
    height, width = images.shape[2:]
    if kind == "mixup":
        return mixup(images, targets, partner, lam)
    box = half_box(height, width, rng) if kind == "halfmix" else cutmix_box(height, width, lam, rng)
    return paste(images, targets, partner, box)


def _draw(shares: dict[str, float], rng: np.random.Generator) -> str | None:
    point = rng.random()
    for kind, share in shares.items():
        point -= share
        if point < 0:
            return kind
    return None
