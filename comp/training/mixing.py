"""Mixed batches: mixup, cutmix and halfmix, which swaps halves of photos, for batches of any size.

timm's Mixup needs even batches and draws from numpy's global state. These functions draw from a Generator with a seed
from (seed, epoch, batch), so that a resumed run mixes as one that was never stopped.
All take images (B, 3, H, W) and training targets (B, T) of any head, and return the same shapes, mixed linearly. lam
(lambda) is the share of the own image. A new way of mixing is an entry in WAYS, and a setting of its name in Recipe.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from comp.recipes.recipe_settings import MIXES, Recipe

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


def _mixed_up(images, targets, partner, lam, _) -> tuple[Tensor, Tensor]:
    return mixup(images, targets, partner, lam)


def _with_box(images, targets, partner, lam, rng) -> tuple[Tensor, Tensor]:
    return paste(images, targets, partner, cutmix_box(*images.shape[2:], lam, rng))


def _with_half(images, targets, partner, _, rng) -> tuple[Tensor, Tensor]:
    return paste(images, targets, partner, half_box(*images.shape[2:], rng))


@dataclass(frozen=True)
class Way:
    """A way of mixing. function: of images, targets, partner (B,), lam and the Generator.

    in_groups: whether the partner is sought within the groups that `mix` is given.
    """

    function: Callable[..., tuple[Tensor, Tensor]]
    in_groups: bool = False


WAYS = {"mixup": Way(_mixed_up), "cutmix": Way(_with_box), "halfmix": Way(_with_half, in_groups=True)}


def shares(recipe: Recipe) -> dict[str, float]:
    """The share of batches that each way of mixing gets, the same in every epoch."""
    return {name: getattr(recipe, name) for name in MIXES}


def mix(
    images: Tensor,
    targets: Tensor,
    shares: dict[str, float],
    alpha: float,
    rng: np.random.Generator,
    groups: np.ndarray | None = None,
) -> tuple[Tensor, Tensor]:
    """The batch mixed in one of WAYS, or as it is: drawn by `shares`, which sum to at most 1.

    alpha: lam is drawn from Beta(alpha, alpha). groups (B,): halfmix takes its partner among images of the same value,
    such as the same value of an attribute.
    """
    name = drawn_way(shares, rng)
    if name is None or len(images) < 2:
        return images, targets
    way = WAYS[name]
    partner = partners(len(images), rng, groups if way.in_groups else None)
    lam = rng.beta(alpha, alpha)
    return way.function(images, targets, torch.from_numpy(partner).to(images.device), lam, rng)


def drawn_way(shares: dict[str, float], rng: np.random.Generator) -> str | None:
    """A name, drawn by the shares; None for the rest of them."""
    point = rng.random()
    for name, share in shares.items():
        point -= share
        if point < 0:
            return name
    return None
