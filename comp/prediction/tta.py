"""Named sets of views for test-time augmentation (TTA), built on the package ttach.

A view is a changed copy of a photo, such as a mirrored one. The probabilities of the views are averaged, not their
logits. ttach 0.0.3 averages the outputs of a model, so each model is first wrapped to output probabilities.
"""

import torch.nn.functional as F
import ttach
from torch import Tensor, nn
from ttach.base import ImageOnlyTransform

from comp.errors import InputError
from comp.models.heads import Head


class Zoom(ImageOnlyTransform):
    """Views that zoom into the centre of a photo. There is one view for each factor in `scales`.

    For a factor `scale`, the centre is cut out, with sides of 1 / scale of the photo's sides, and enlarged to the size
    of the photo. The size stays the same, so models with a fixed input size, such as a ViT, can use these views.
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
    "none": [],  # for digits and text, whose meaning changes when they are mirrored
    "hflip": [ttach.HorizontalFlip()],  # for photos with an upper and a lower side
    "contrast": [ttach.HorizontalFlip(), ttach.Multiply([0.9, 1.0, 1.1])],  # pixels are normalised: 0 is the mean
    "zoom": [ttach.HorizontalFlip(), Zoom([1.0, 1.1, 1.2])],
    "flips": [ttach.HorizontalFlip(), ttach.VerticalFlip()],  # for aerial and microscope photos, where no side is up
    "d4": [ttach.HorizontalFlip(), ttach.Rotate90([0, 90, 180, 270])],  # all eight symmetries of a square
}


def check(name: str) -> None:
    """Raise InputError if `name` is not the name of a set of TTA views. The error lists the names of all sets."""
    if name not in SETS:
        expected = f"one of the sets of views {', '.join(SETS)}"
        raise InputError(f"TTA={name} is unknown", expected, "the same command with TTA=none")


class Probabilities(nn.Module):
    """A model together with its head. It turns B photos (B, 3, H, W) into probabilities of C classes (B, C) float32."""

    def __init__(self, model: nn.Module, head: Head):
        super().__init__()
        self.model, self.head = model, head

    def forward(self, images: Tensor) -> Tensor:
        return self.head.probs(self.model(images).float())


def wrap(model: nn.Module, head: Head, name: str) -> nn.Module:
    """Return a model that turns B photos (B, 3, H, W) into probabilities (B, C), averaged over a set of TTA views.

    model: a network. head: turns the outputs of the network into probabilities. name: the name of the set of views.
    """
    return averaged(Probabilities(model, head), name)


def averaged(model: nn.Module, name: str) -> nn.Module:
    """Return a model whose outputs (B, …) are the means of the outputs of `model` over a set of TTA views.

    name: the name of the set of views.
    """
    check(name)
    if not SETS[name]:
        return model
    return ttach.ClassificationTTAWrapper(model, ttach.Compose(SETS[name]), merge_mode="mean")


def views(name: str) -> int:
    """Return how many views the set of TTA views called `name` has."""
    check(name)
    return len(ttach.Compose(SETS[name]))
