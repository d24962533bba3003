"""Named sets of test-time views, built on ttach; probabilities (not logits) are averaged over the views.

ttach 0.0.3 only merges what the model returns, so the model handed to it returns probabilities; only its mean is used.
"""

import torch.nn.functional as F
import ttach
from torch import Tensor, nn
from ttach.base import ImageOnlyTransform

from comp.errors import InputError


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


# A face is upright, so there is no vertical flip and no quarter turn.
SETS = {
    "none": [],
    "hflip": [ttach.HorizontalFlip()],
    "contrast": [ttach.HorizontalFlip(), ttach.Multiply([0.9, 1.0, 1.1])],  # of normalised pixels: about the mean
    "zoom": [ttach.HorizontalFlip(), Zoom([1.0, 1.1, 1.2])],
}


def check(name: str) -> None:
    """Raise InputError, listing the sets, for an unknown name."""
    if name not in SETS:
        raise InputError(f"unknown TTA={name}", f"one of {', '.join(SETS)}")


class Probabilities(nn.Module):
    """Logits to float32 probabilities."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images).float().softmax(1)


def wrap(model: nn.Module, name: str) -> nn.Module:
    """The model as images (B, 3, H, W) to probabilities (B, C), averaged over the views of the set."""
    check(name)
    return ttach.ClassificationTTAWrapper(Probabilities(model), ttach.Compose(SETS[name]), merge_mode="mean")


def views(name: str) -> int:
    """How many pictures the model sees of each photo."""
    check(name)
    return len(ttach.Compose(SETS[name]))
