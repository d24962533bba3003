"""Mix the photos of a batch by mixup, by cutmix, or by halfmix, which joins the halves of two photos.

timm's Mixup needs an even number of photos and draws from numpy's global state. The functions here take batches of any
size and draw from a Generator that is seeded with (seed, epoch, batch), so that a resumed run mixes exactly as a run
that was never stopped.
All ways of mixing take images (B, 3, H, W) and training targets (B, T) of any head, and return images and targets of
the same shapes, mixed linearly. lam (lambda) is the share of the own image; the rest is the partner's. A new way of
mixing needs an entry in WAYS and a setting with the same name in Recipe.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from comp.recipes.recipe_settings import MIXES, Recipe

HALF = (0.46, 0.54)  # the range of halfmix's cut, as a share of the width, since objects are not exactly centred


def mixup(images: Tensor, targets: Tensor, partner: Tensor, lam: float) -> tuple[Tensor, Tensor]:
    """Return lam * own + (1 - lam) * partner's, for the pixels and for the targets (Zhang et al. 2018)."""
    return images.lerp(images[partner], 1 - lam), targets.lerp(targets[partner], 1 - lam)


def paste(images: Tensor, targets: Tensor, partner: Tensor, box: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    """Paste a box of the partner's pixels into each image (Yun et al. 2019).

    box: its edges top, bottom, left, right in pixels. The targets are mixed by the exact share of pasted pixels.
    """
    top, bottom, left, right = box
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    share = (bottom - top) * (right - left) / (images.shape[2] * images.shape[3])
    return mixed, targets.lerp(targets[partner], share)


def cutmix_box(height: int, width: int, lam: float, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Draw a box that covers a share 1 - lam of the picture, or less if the border of the picture cuts it off.

    The centre of the box is uniform over the picture. Returns the edges top, bottom, left, right in pixels.
    """
    h, w = height * np.sqrt(1 - lam), width * np.sqrt(1 - lam)
    y, x = rng.uniform(0, height), rng.uniform(0, width)
    top, bottom = np.clip([round(y - h / 2), round(y + h / 2)], 0, height)
    left, right = np.clip([round(x - w / 2), round(x + w / 2)], 0, width)
    return int(top), int(bottom), int(left), int(right)


def half_box(height: int, width: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Draw the left or the right half of the picture, cut at 46 to 54 % of its width.

    Returns the edges top, bottom, left, right in pixels.
    """
    cut = round(width * rng.uniform(*HALF))
    return (0, height, 0, cut) if rng.random() < 0.5 else (0, height, cut, width)


def partners(size: int, rng: np.random.Generator, groups: np.ndarray | None = None) -> np.ndarray:
    """Draw a permutation (size,) of the batch, which gives each image the partner that it is mixed with.

    groups (size,): if given, each image is mixed only with an image of the same group.
    """
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
    """A way of mixing.

    function: its arguments are images, targets, partner (B,), lam and the Generator. in_groups: whether an image is
    mixed only with an image of its group, if `mix` is given groups.
    """

    function: Callable[..., tuple[Tensor, Tensor]]
    in_groups: bool = False


WAYS = {"mixup": Way(_mixed_up), "cutmix": Way(_with_box), "halfmix": Way(_with_half, in_groups=True)}


def shares(recipe: Recipe) -> dict[str, float]:
    """Return the share of batches that each way of mixing gets in every epoch, by the name of the way."""
    return {name: getattr(recipe, name) for name in MIXES}


def mix(
    images: Tensor,
    targets: Tensor,
    shares: dict[str, float],
    alpha: float,
    rng: np.random.Generator,
    groups: np.ndarray | None = None,
) -> tuple[Tensor, Tensor]:
    """Mix the batch in one of WAYS, or leave it unmixed. Returns the images and the targets.

    shares: the probability of each way; the rest up to 1 is the probability that the batch stays unmixed.
    alpha: lam is drawn from Beta(alpha, alpha). groups (B,): if given, halfmix mixes only images of the same group,
    such as images with the same value of an attribute.
    """
    name = drawn_way(shares, rng)
    if name is None or len(images) < 2:
        return images, targets
    way = WAYS[name]
    partner = partners(len(images), rng, groups if way.in_groups else None)
    lam = rng.beta(alpha, alpha)
    return way.function(images, targets, torch.from_numpy(partner).to(images.device), lam, rng)


def drawn_way(shares: dict[str, float], rng: np.random.Generator) -> str | None:
    """Draw the name of a way of mixing. `shares` are the probabilities; the rest up to 1 is the probability of None."""
    point = rng.random()
    for name, share in shares.items():
        point -= share
        if point < 0:
            return name
    return None
