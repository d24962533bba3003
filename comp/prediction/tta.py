"""Named sets of test-time views, built on ttach; probabilities (not logits) are averaged over the views.

ttach 0.0.3 merges what the model returns, so it is given a model that returns probabilities. Only its mean is used.
"""

import torch.nn.functional as F
import ttach
from torch import Tensor, nn
from ttach.base import ImageOnlyTransform

from comp.errors import InputError
from comp.models.heads import Head


class Zoom(ImageOnlyTransform):
    """Cut the centre 1 / scale of the picture and resize it to the input size: a fixed-size ViT takes it too."""

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
    "none": [],  # digits, text: where a mirrored photo is another thing
    "hflip": [ttach.HorizontalFlip()],  # photos with an up and a down
    "contrast": [ttach.HorizontalFlip(), ttach.Multiply([0.9, 1.0, 1.1])],  # of normalised pixels: about the mean
    "zoom": [ttach.HorizontalFlip(), Zoom([1.0, 1.1, 1.2])],
    "flips": [ttach.HorizontalFlip(), ttach.VerticalFlip()],  # aerial, microscope: no side is up
    "d4": [ttach.HorizontalFlip(), ttach.Rotate90([0, 90, 180, 270])],  # and quarter turns: all of a square
}


def check(name: str) -> None:
    """Raise InputError, listing the sets, for an unknown name."""
    if name not in SETS:
        raise InputError(f"unknown TTA={name}", f"one of {', '.join(SETS)}", "the same command with TTA=none")


class Probabilities(nn.Module):
    """A model as images (B, 3, H, W) to float32 probabilities (B, C), by its head."""

    def __init__(self, model: nn.Module, head: Head):
        super().__init__()
        self.model, self.head = model, head

    def forward(self, images: Tensor) -> Tensor:
        return self.head.probs(self.model(images).float())


def wrap(model: nn.Module, head: Head, name: str) -> nn.Module:
    """The model as images (B, 3, H, W) to probabilities (B, C), averaged over the views of the set."""
    return averaged(Probabilities(model, head), name)


def averaged(model: nn.Module, name: str) -> nn.Module:
    """A model as images (B, 3, H, W) to rows of numbers (B, …), averaged over the views of the set."""
    check(name)
    if not SETS[name]:
        return model
    return ttach.ClassificationTTAWrapper(model, ttach.Compose(SETS[name]), merge_mode="mean")


def views(name: str) -> int:
    """How many pictures the model sees of each photo."""
    check(name)
    return len(ttach.Compose(SETS[name]))
