"""Mix the photos of a batch by mixup, by CutMix, or by halfmix, which joins the halves of two photos.

Each image is mixed with another image of the batch, which is called its partner. Each function takes the images (B, 3,
H, W) and the training targets (B, T) of B photos, and returns mixed ones of the same shapes. The targets are mixed in
the same proportion as the images. lam (lambda) is the share of the image itself, and 1 - lam is the share of its
partner.

timm's Mixup is not used, because it needs an even number of photos and draws from numpy's global random state. The
functions here take batches of any size, and draw from a Generator that the caller has seeded. So a resumed training
mixes exactly like a training that was never stopped. A new way of mixing must be added to WAYS, and as a setting of the
same name to `Recipe`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from comp.recipes.recipe_settings import MIXES, Recipe

HALF = (0.46, 0.54)  # where halfmix cuts a photo, as a share of its width; it varies, since objects are not centred


def mixup(images: Tensor, targets: Tensor, partner: Tensor, lam: float) -> tuple[Tensor, Tensor]:
    """Return the images and targets of a batch, each mixed with those of its partner by mixup (Zhang et al. 2018).

    partner: for each image, the index of its partner in the batch. lam: the share of the image itself, from 0 to 1. The
    share of its partner is 1 - lam.
    """
    return images.lerp(images[partner], 1 - lam), targets.lerp(targets[partner], 1 - lam)


def paste(images: Tensor, targets: Tensor, partner: Tensor, box: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    """Paste a box of the partner's pixels into each image, as CutMix does (Yun et al. 2019). Return images and targets.

    The targets are mixed, too: the share of the partner is the share of pasted pixels. partner: for each image, the
    index of its partner in the batch. box: the edges top, bottom, left and right, in pixels.
    """
    top, bottom, left, right = box
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    share = (bottom - top) * (right - left) / (images.shape[2] * images.shape[3])
    return mixed, targets.lerp(targets[partner], share)


def cutmix_box(height: int, width: int, lam: float, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Draw a random box for CutMix. Return its edges top, bottom, left and right, in pixels.

    height, width: the size of the image in pixels. lam: the share of the image that the box leaves uncovered. The
    centre of the box may be anywhere in the image. Where the box reaches beyond the border, it is cut off.
    """
    h, w = height * np.sqrt(1 - lam), width * np.sqrt(1 - lam)
    y, x = rng.uniform(0, height), rng.uniform(0, width)
    top, bottom = np.clip([round(y - h / 2), round(y + h / 2)], 0, height)
    left, right = np.clip([round(x - w / 2), round(x + w / 2)], 0, width)
    return int(top), int(bottom), int(left), int(right)


def half_box(height: int, width: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Choose the left or the right half of an image at random. Return its edges top, bottom, left and right, in pixels.

    The halves meet at a random place between 46 % and 54 % of the width. height, width: the size of the image in
    pixels.
    """
    cut = round(width * rng.uniform(*HALF))
    return (0, height, 0, cut) if rng.random() < 0.5 else (0, height, cut, width)


def partners(size: int, rng: np.random.Generator, groups: np.ndarray | None = None) -> np.ndarray:
    """Draw a random partner for each image of a batch. Return an array with the index of each image's partner.

    Each image is the partner of exactly one image, which may be the image itself. size: the number of images. groups:
    an array with a number for each image, or None. If given, partners always have the same number.
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
    """A way of mixing the images of a batch.

    function: the function that mixes; its arguments are the images, the targets, the index of each image's partner, lam
    (the share of the image itself) and a random Generator. in_groups: whether only images of the same group are mixed,
    if the caller of `mix` gives groups.
    """

    function: Callable[..., tuple[Tensor, Tensor]]
    in_groups: bool = False


WAYS = {"mixup": Way(_mixed_up), "cutmix": Way(_with_box), "halfmix": Way(_with_half, in_groups=True)}


def shares(recipe: Recipe) -> dict[str, float]:
    """Return the share of batches for each way of mixing: a dictionary with the keys mixup, cutmix and halfmix."""
    return {name: getattr(recipe, name) for name in MIXES}


def mix(
    images: Tensor,
    targets: Tensor,
    shares: dict[str, float],
    alpha: float,
    rng: np.random.Generator,
    groups: np.ndarray | None = None,
) -> tuple[Tensor, Tensor]:
    """Mix a batch in one randomly chosen way, or leave it unchanged. Return the images and the targets of the batch.

    shares: a dictionary with the probability of each way of mixing (mixup, cutmix and halfmix). If their sum is below
    1, the batch stays unchanged with the remaining probability. alpha: the share of an image itself is drawn from the
    distribution Beta(alpha, alpha). groups: an array with a number for each image, or None. If given, halfmix mixes
    only images with the same number.
    """
    name = drawn_way(shares, rng)
    if name is None or len(images) < 2:
        return images, targets
    way = WAYS[name]
    partner = partners(len(images), rng, groups if way.in_groups else None)
    lam = rng.beta(alpha, alpha)
    return way.function(images, targets, torch.from_numpy(partner).to(images.device), lam, rng)


def drawn_way(shares: dict[str, float], rng: np.random.Generator) -> str | None:
    """Draw a way of mixing (mixup, cutmix or halfmix) at random. Return its name, or None if no way is drawn.

    shares: a dictionary with the probability of each way. If their sum is below 1, None is returned with the remaining
    probability.
    """
    point = rng.random()
    for name, share in shares.items():
        point -= share
        if point < 0:
            return name
    return None
