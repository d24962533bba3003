"""Named sets of test-time views, built on ttach. Probabilities, not logits, are averaged over the views.

ttach 0.0.3 averages the outputs of a model, so each model is wrapped first to return probabilities.
"""

import torch.nn.functional as F
import ttach
from torch import Tensor, nn
from ttach.base import ImageOnlyTransform

from comp.errors import InputError
from comp.models.heads import Head


class Zoom(ImageOnlyTransform):
    """Cut a centred box, 1 / scale of each side, out of the picture, and resize the box to the size of the picture.

    The size of the picture does not change, so models with a fixed input size, such as a ViT, can use this view.
    """

    identity_param = 1.0

    def __init__(self, scales: list[float]):
        super().__init__("scale", scales)

    def apply_aug_image(self, image: Tensor, scale: float = 1.0, **_) -> Tensor:
        if scale == self.identity_param:
            return image
        height, width = image.shape[-2:]
        h, w = round(height / scale), round(width / scale)
        top, left = (height - h) // 2, (width - w) // 2
        cut = image[..., top : top + h, left : left + w]
        return F.interpolate(cut, size=(height, width), mode="bilinear", align_corners=False)


SETS = {
    "none": [],  # for digits and text, which change their meaning when mirrored
    "hflip": [ttach.HorizontalFlip()],  # for photos with an upper and a lower side
    "contrast": [ttach.HorizontalFlip(), ttach.Multiply([0.9, 1.0, 1.1])],  # pixels are normalised: 0 is the mean
    "zoom": [ttach.HorizontalFlip(), Zoom([1.0, 1.1, 1.2])],
    "flips": [ttach.HorizontalFlip(), ttach.VerticalFlip()],  # for aerial and microscope photos, where no side is up
    "d4": [ttach.HorizontalFlip(), ttach.Rotate90([0, 90, 180, 270])],  # all eight symmetries of a square
}


def check(name: str) -> None:
    """Raise InputError if `name` is not the name of a TTA set. The error lists the sets."""
    if name not in SETS:
        raise InputError(f"unknown TTA={name}", f"one of {', '.join(SETS)}", "the same command with TTA=none")


class Probabilities(nn.Module):
    """A model and its head, which together turn images (B, 3, H, W) into probabilities (B, C) float32."""

    def __init__(self, model: nn.Module, head: Head):
        super().__init__()
        self.model, self.head = model, head

    def forward(self, images: Tensor) -> Tensor:
        return self.head.probs(self.model(images).float())


def wrap(model: nn.Module, head: Head, name: str) -> nn.Module:
    """Return a model that turns images (B, 3, H, W) into probabilities (B, C), averaged over the views of a TTA set.

    name: the name of the TTA set.
    """
    return averaged(Probabilities(model, head), name)


def averaged(model: nn.Module, name: str) -> nn.Module:
    """Return a model whose outputs (B, …) are the mean of the outputs of `model` over the views of a TTA set.

    name: the name of the TTA set.
    """
    check(name)
    if not SETS[name]:
        return model
    return ttach.ClassificationTTAWrapper(model, ttach.Compose(SETS[name]), merge_mode="mean")


def views(name: str) -> int:
    """The number of views of each photo in the TTA set `name`."""
    check(name)
    return len(ttach.Compose(SETS[name]))
