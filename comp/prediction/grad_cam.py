"""Grad-CAM, which shows which parts of a photo speak for an answer (Selvaraju et al. 2017, arXiv:1610.02391).

The gradient of a score, such as the log of a class's probability, is taken with respect to the cells of a feature map.
The weight of a channel is the mean of its gradient. Where the weighted sum of the channels is above zero, the photo
speaks for the answer.

The feature map is chosen by the kind of the model. Of a CNN, it is the deepest map in timm's feature_info with at least
FEW_CHANNELS cells a side, because a smaller map says little about places. Of a transformer, it is the patch tokens that
enter the last block, because the classifier may read only the class token after this block, and the gradient of the
patch tokens would be zero. Photos are squares here, so the maps are squares, too.

The package pytorch-grad-cam (grad-cam 1.5.7) is not a dependency, because its caller has to provide the layer, the
layout of the layer's output and the score of each head, and the rest of the work is the four lines of `heat`.

Letters: C channels, H cells along a side of the map, L tokens, O outputs, S pixels along a side of the photo.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import isqrt

import numpy as np
import torch
from torch import Tensor, nn

from comp.errors import InputError
from comp.models.heads import AttributeSum, Head

FEW_CHANNELS = 4  # cells a side; a photo of 64 px has 2 cells a side at a stride of 32, and 4 at a stride of 16


def features_and_outputs(model: nn.Module, image: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Return the features of a photo, in the model's own layout (see `as_map`), and the model's outputs (1, O).

    image (1, 3, S, S). name: the name of the model. Raises InputError if the model has no feature map.
    """
    backbone = _backbone(model)
    if not (hasattr(backbone, "forward_features") and hasattr(backbone, "forward_head")):
        raise _no_map(name, "the model has no forward_features and forward_head of timm")
    with _kept(backbone) as kept:
        last = backbone.forward_features(image)
        outputs = backbone.forward_head(last)
    usable = [one for one in [*kept, last] if _side(backbone, one) > 1 and one.ndim == last.ndim]
    if not usable:
        raise _no_map(name, f"{image.shape[-1]} px leave no square of at least 2 x 2 cells")
    table = model.table if isinstance(model, AttributeSum) else None
    return _best(backbone, usable), outputs if table is None else outputs @ table


def _backbone(model: nn.Module) -> nn.Module:
    return model.backbone if isinstance(model, AttributeSum) else model


def _no_map(name: str, why: str) -> InputError:
    return InputError(
        f"{name} has no feature map that shows where it looks: {why}",
        "a run of a CNN, or of a transformer with a grid of patches",
        "make train MODEL=<another model>, then the same command with RUN=<the new run>",
    )


@contextmanager
def _kept(backbone: nn.Module) -> Iterator[list]:
    """Yield a list that a forward pass fills with the outputs of timm's stages and the input of the last block."""
    kept, modules, blocks = [], dict(backbone.named_modules()), getattr(backbone, "blocks", None)
    infos = [info for info in getattr(backbone, "feature_info", None) or () if isinstance(info, dict)]
    stages = [modules[info["module"]] for info in infos if info.get("module") in modules]
    with ExitStack() as hooks:
        for stage in stages:
            hooks.enter_context(stage.register_forward_hook(lambda module, given, made: _keep(kept, made, 4)))
        if isinstance(blocks, nn.Sequential | nn.ModuleList) and len(blocks):
            hooks.enter_context(blocks[-1].register_forward_pre_hook(lambda module, given: _keep(kept, given[0], 3)))
        yield kept


def _keep(kept: list, value, dimensions: int) -> None:
    if isinstance(value, Tensor) and value.ndim == dimensions:
        kept.append(value)


def _best(backbone: nn.Module, usable: list[Tensor]) -> Tensor:
    """Return the features to use: the input of a transformer's last block, or a CNN's deepest map of enough cells."""
    if usable[0].ndim == 3:
        return usable[0]
    sides = [_side(backbone, one) for one in usable]
    return usable[max(i for i, side in enumerate(sides) if side >= min(FEW_CHANNELS, max(sides)))]


def _side(backbone: nn.Module, features) -> int:
    """Return H, the cells along a side of one photo's features, or 0 if the features are not a square map."""
    if not isinstance(features, Tensor) or features.ndim not in (3, 4) or len(features) != 1:
        return 0
    if features.ndim == 3:
        prefix = _prefix(backbone, features.shape[1])
        return 0 if prefix is None else isqrt(features.shape[1] - prefix)
    _, a, b, c = features.shape
    return b if b in (a, c) else 0


def _prefix(backbone: nn.Module, tokens: int) -> int | None:
    """Return how many tokens (class token, registers) stand before the patch tokens, or None if no number fits.

    tokens: L. A number fits if the other tokens form a square.
    """
    known = (getattr(backbone, "num_prefix_tokens", 0), 0)
    return next((k for k in known if tokens > k and isqrt(tokens - k) ** 2 == tokens - k), None)


def as_map(model: nn.Module, features: Tensor) -> Tensor:
    """Return features, or the gradient of features, as a map (1, C, H, H). The first row is the top of the photo.

    features: a map (1, C, H, H), a map (1, H, H, C), or tokens (1, L, C).
    """
    backbone = _backbone(model)
    if features.ndim == 3:
        patches = features[:, _prefix(backbone, features.shape[1]) :]
        return patches.transpose(1, 2).unflatten(2, (_side(backbone, features), -1))
    return features.permute(0, 3, 1, 2) if _is_channels_last(backbone, features) else features


def _is_channels_last(backbone: nn.Module, features: Tensor) -> bool:
    """Whether the features are (1, H, H, C) and not (1, C, H, H). If C equals H, timm's output_fmt decides."""
    _, a, b, c = features.shape
    return "NHWC" in str(getattr(backbone, "output_fmt", "")) if a == b == c else a == b


TINY = 1e-30  # the smallest probability whose logarithm is taken


@dataclass(frozen=True)
class Question:
    """A question to Grad-CAM: which parts of the photo speak for a class or label, or raise or lower a number.

    title: the words for the page. value: the probability of the class or label, or the predicted number. place: the
    index of the class or label, or None if the question is about a number. sign: 1 asks what raises the number, and -1
    asks what lowers it.
    """

    title: str
    value: float
    place: int | None = None
    sign: int = 1


def heats(model: nn.Module, head: Head, image: Tensor, questions: Sequence[Question], name: str) -> list[np.ndarray]:
    """Return the heat (H, H) float32 of each question, which is 1 at its hottest cell and at least 0 elsewhere.

    If nothing in the photo speaks for the answer, its heat is 0 everywhere. image (1, 3, S, S): normalised. name: the
    name of the model. Raises InputError if the model has no feature map.
    """
    with torch.enable_grad():
        features, outputs = features_and_outputs(model.eval(), image, name)
        return [heat(model, features, score(question, head, outputs.float())) for question in questions]


def score(question: Question, head: Head, outputs: Tensor) -> Tensor:
    """Return the scalar whose gradient answers a question: the log of a probability, or the number times its sign."""
    if question.place is not None:
        return head.probs(outputs)[0, question.place].clamp_min(TINY).log()
    number = head.scaled(outputs) if head.family == "number" else head.probs(outputs)
    return question.sign * number[0, 0]


def heat(model: nn.Module, features: Tensor, score: Tensor) -> np.ndarray:
    """Return the heat (H, H) of a score, scaled to a maximum of 1."""
    (gradient,) = torch.autograd.grad(score, features, retain_graph=True)
    weights = as_map(model, gradient).mean((2, 3), keepdim=True)
    summed = (weights * as_map(model, features)).sum((0, 1)).relu().detach()
    return (summed / (summed.max() or 1)).cpu().numpy().astype(np.float32)
