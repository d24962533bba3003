"""Mix the photos of a batch by mixup, by CutMix, or by halfmix, which joins the halves of two photos.

Each image is mixed with another image of the batch, which is called its partner. All ways of mixing take images (B, 3,
H, W) and training targets (B, T) of any head. They return images and targets of the same shapes. Targets are mixed
linearly. lam (lambda) is the share of the image itself, and 1 - lam is the share of its partner.

timm's Mixup is not used, because it needs an even number of photos and draws from numpy's global random state. The
functions here take batches of any size. They draw from a Generator that the caller seeds, so that a resumed training
mixes exactly as a training that was never stopped. A new way of mixing needs an entry in WAYS, and a setting with the
same name in Recipe.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from comp.recipes.recipe_settings import MIXES, Recipe

HALF = (0.46, 0.54)  # where halfmix cuts a photo, as a share of its width; it varies, since objects are not centred


def mixup(images: Tensor, targets: Tensor, partner: Tensor, lam: float) -> tuple[Tensor, Tensor]:
    """Mix the images and targets of a batch by mixup: lam * own + (1 - lam) * partner's (Zhang et al. 2018).

    Returns the mixed images and targets. partner (B,): the index of each image's partner in the batch. lam: the share
    of the image itself, from 0 to 1.
    """
    return images.lerp(images[partner], 1 - lam), targets.lerp(targets[partner], 1 - lam)


def paste(images: Tensor, targets: Tensor, partner: Tensor, box: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    """Paste a box of the partner's pixels into each image, as CutMix does (Yun et al. 2019).

    Returns the mixed images and targets. The share of the partner's targets is the share of pasted pixels. partner
    (B,): the index of each image's partner in the batch. box: the edges top, bottom, left and right in pixels.
    """
    top, bottom, left, right = box
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    share = (bottom - top) * (right - left) / (images.shape[2] * images.shape[3])
    return mixed, targets.lerp(targets[partner], share)


def cutmix_box(height: int, width: int, lam: float, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Draw a random box for CutMix. Return its edges top, bottom, left and right in pixels.

    The box covers the share 1 - lam of the image, or less if it reaches beyond the border of the image and is cut off.
    Its centre may be anywhere in the image, with equal probability. height, width: the size of the image in pixels.
    """
    h, w = height * np.sqrt(1 - lam), width * np.sqrt(1 - lam)
    y, x = rng.uniform(0, height), rng.uniform(0, width)
    top, bottom = np.clip([round(y - h / 2), round(y + h / 2)], 0, height)
    left, right = np.clip([round(x - w / 2), round(x + w / 2)], 0, width)
    return int(top), int(bottom), int(left), int(right)


def half_box(height: int, width: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Choose at random the left or the right half of an image. Return its edges top, bottom, left and right in pixels.

    The image is cut at a random place between 46 and 54 % of its width. height, width: the size of the image in pixels.
    """
    cut = round(width * rng.uniform(*HALF))
    return (0, height, 0, cut) if rng.random() < 0.5 else (0, height, cut, width)


def partners(size: int, rng: np.random.Generator, groups: np.ndarray | None = None) -> np.ndarray:
    """Draw a random partner for each image of a batch. Return an array (size,) with the index of each image's partner.

    The indices are a permutation of the batch, so an image may be its own partner. size: the number of images. groups
    (size,): a number for each image; if given, an image and its partner have the same number.
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

    function: the function that mixes; its arguments are images, targets, partner (B,), lam and the Generator.
    in_groups: whether this way uses the argument `groups` of `mix`, so that both images are of the same group.
    """

    function: Callable[..., tuple[Tensor, Tensor]]
    in_groups: bool = False


WAYS = {"mixup": Way(_mixed_up), "cutmix": Way(_with_box), "halfmix": Way(_with_half, in_groups=True)}


def shares(recipe: Recipe) -> dict[str, float]:
    """Return a dictionary from the name of each way of mixing to the share of batches that are mixed in this way."""
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

    shares: the probability of each way of mixing, by the name of the way. If their sum is below 1, the rest is the
    probability that the batch stays unchanged. alpha: lam is drawn from the distribution Beta(alpha, alpha). groups
    (B,): a number for each image; if given, halfmix mixes only images with the same number, for example with the same
    value of an attribute.
    """
    name = drawn_way(shares, rng)
    if name is None or len(images) < 2:
        return images, targets
    way = WAYS[name]
    partner = partners(len(images), rng, groups if way.in_groups else None)
    lam = rng.beta(alpha, alpha)
    return way.function(images, targets, torch.from_numpy(partner).to(images.device), lam, rng)


def drawn_way(shares: dict[str, float], rng: np.random.Generator) -> str | None:
    """Draw a way of mixing at random. Return its name, or None if the batch stays unchanged.

    shares: the probability of each way, by name. If their sum is below 1, the rest is the probability of None.
    """
    point = rng.random()
    for name, share in shares.items():
        point -= share
        if point < 0:
            return name
    return None
