"""Grad-CAM, which shows which places of a photo support a prediction (Selvaraju et al. 2017, arXiv:1610.02391).

A model turns a photo into a feature map, which has a grid of cells for the places of the photo, and a channel for each
feature. Grad-CAM takes the gradient of a score, such as the log of a class's probability, with respect to this map. The
weight of a channel is the mean of its gradient. A place supports the prediction if the weighted sum of the channels is
above zero in its cell.

For a CNN, the feature map is the deepest one in timm's feature_info with at least FEWEST_CELLS cells along a side,
because a smaller map says little about places. For a transformer, the feature map is made of the patch tokens that
enter the last block. The patch tokens after the last block cannot be used: if the classifier reads only the class
token, their gradient is zero. Photos are squares here, so the maps are squares, too.

The package pytorch-grad-cam (grad-cam 1.5.7) is not used, because its caller has to choose the layer, convert the
layout of the layer's output and compute the score. The rest of the work is only the four lines of `heat`.

Letters in the shapes: C channels, H cells along a side of the map, L tokens, O outputs of the model, S pixels along a
side of the photo.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import isqrt

import numpy as np
import torch
from torch import Tensor, nn

from comp.errors import InputError
from comp.models.heads import Head

# cells along a side; a photo of 64 px has 2 cells along a side at a stride of 32, and 4 cells at a stride of 16
FEWEST_CELLS = 4


def features_and_outputs(model: nn.Module, image: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Return the feature map that Grad-CAM uses for a photo, and the O outputs (1, O) of the model.

    The order of the map's axes depends on the model; `as_map` makes it the same for all models. image: one photo of S x
    S pixels, (1, 3, S, S). name: the name of the model, for the error. Raises InputError if the model has no such
    feature map.
    """
    if not (hasattr(model, "forward_features") and hasattr(model, "forward_head")):
        raise _no_map(name, "it lacks the methods forward_features and forward_head of timm")
    with _kept(model) as kept:
        last = model.forward_features(image)
        outputs = model.forward_head(last)
    usable = [one for one in [*kept, last] if _side(model, one) > 1 and one.ndim == last.ndim]
    if not usable:
        raise _no_map(name, f"at {image.shape[-1]} px it has no square map of at least 2 x 2 cells")
    return _best(model, usable), outputs


def _no_map(name: str, why: str) -> InputError:
    return InputError(
        f"the model {name} has no feature map that shows where it looks: {why}",
        "a run whose model is a CNN, or a transformer that divides a photo into a square grid of patches",
        "make train MODEL=<another model>, then the same command with RUN=<the new run>",
    )


@contextmanager
def _kept(model: nn.Module) -> Iterator[list]:
    """Yield a list to which the next forward pass of the model adds the feature maps that Grad-CAM may use.

    These are the outputs of the layers in timm's feature_info and, for a transformer, the input of its last block.
    """
    kept, modules, blocks = [], dict(model.named_modules()), getattr(model, "blocks", None)
    infos = [info for info in getattr(model, "feature_info", None) or () if isinstance(info, dict)]
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


def _best(model: nn.Module, usable: list[Tensor]) -> Tensor:
    """Choose the feature map for Grad-CAM from the list `usable`.

    For a transformer, this is the input of the last block. For a CNN, it is the deepest map with at least FEWEST_CELLS
    cells along a side; if there is none, it is the deepest of the largest maps.
    """
    if usable[0].ndim == 3:
        return usable[0]
    sides = [_side(model, one) for one in usable]
    return usable[max(i for i, side in enumerate(sides) if side >= min(FEWEST_CELLS, max(sides)))]


def _side(model: nn.Module, features) -> int:
    """Return the number of cells along a side of `features`, or 0 if they are not a square map of a single photo.

    features: what a layer of the model returned, of any type. model: the network, which tells the order of axes.
    """
    if not isinstance(features, Tensor) or features.ndim not in (3, 4) or len(features) != 1:
        return 0
    if features.ndim == 3:
        prefix = prefix_tokens(model, features.shape[1])
        return 0 if prefix is None else isqrt(features.shape[1] - prefix)
    _, a, b, c = features.shape
    return b if b in (a, c) else 0


def prefix_tokens(model: nn.Module, tokens: int) -> int | None:
    """Return how many tokens, such as the class token, come before the patch tokens of a transformer.

    tokens: the number of all tokens. Return None if the patch tokens cannot form a square.
    """
    known = (getattr(model, "num_prefix_tokens", 0), 0)
    return next((k for k in known if tokens > k and isqrt(tokens - k) ** 2 == tokens - k), None)


def as_map(model: nn.Module, features: Tensor) -> Tensor:
    """Return the feature maps of B photos, or their gradients, with the axes (B, C, H, H): C channels of H x H cells.

    features: feature maps (B, C, H, H) or (B, H, H, C), or L tokens (B, L, C). The first row of cells is at the top of
    the photo.
    """
    if features.ndim == 3:
        patches = features[:, prefix_tokens(model, features.shape[1]) :]
        return patches.transpose(1, 2).unflatten(2, (isqrt(patches.shape[1]), -1))
    return features.permute(0, 3, 1, 2) if _is_channels_last(model, features) else features


def _is_channels_last(model: nn.Module, features: Tensor) -> bool:
    """Return whether the axes of feature maps are (B, H, H, C) and not (B, C, H, H).

    If C, the number of channels, is equal to H, the model's attribute output_fmt decides.
    """
    _, a, b, c = features.shape
    return "NHWC" in str(getattr(model, "output_fmt", "")) if a == b == c else a == b


TINY = 1e-30  # the smallest probability whose logarithm is taken


@dataclass(frozen=True)
class Question:
    """What a heat map should show: the places of a photo that support a class, or that raise or lower a number.

    title: the title of the heat map on the page. value: the probability of the class or label, or the predicted number.
    place: the number of the class or label, or None if the model predicts a number. sign: for a predicted number, 1 for
    the places that raise it, or -1 for the places that lower it.
    """

    title: str
    value: float
    place: int | None = None
    sign: int = 1


def heats(model: nn.Module, head: Head, image: Tensor, questions: Sequence[Question], name: str) -> list[np.ndarray]:
    """Return a heat map (H, H) float32 for each question.

    A high value means that this place of the photo supports the class. For a predicted number, a high value means that
    the place raises or lowers the number, as the question says. The highest value is 1, and no value is below 0; all
    values are 0 if no place has an effect in this direction. head: the model's head. image (1, 3, S, S): one normalised
    photo of S x S pixels. name: the name of the model, for the error. Raises InputError if the model has no feature map
    that can be used.
    """
    with torch.enable_grad():
        features, outputs = features_and_outputs(model.eval(), image, name)
        return [heat(model, features, score(question, head, outputs.float())) for question in questions]


def score(question: Question, head: Head, outputs: Tensor) -> Tensor:
    """Return the score of which Grad-CAM takes the gradient, as a tensor with one number.

    It is the log of the probability of the class or label, or the predicted number times `question.sign`. question:
    what the heat map should show. outputs (1, O): the O outputs of the model for one photo.
    """
    if question.place is not None:
        return head.probs(outputs)[0, question.place].clamp_min(TINY).log()
    number = head.scaled(outputs) if head.family == "number" else head.probs(outputs)
    return question.sign * number[0, 0]


def heat(model: nn.Module, features: Tensor, score: Tensor) -> np.ndarray:
    """Return the heat map (H, H) of a score, scaled so that its highest value is 1. If no value is above 0, all are 0.

    features: the feature map from which the model computed the score. score: the number from the function `score`.
    """
    (gradient,) = torch.autograd.grad(score, features, retain_graph=True)
    weights = as_map(model, gradient).mean((2, 3), keepdim=True)
    summed = (weights * as_map(model, features)).sum((0, 1)).relu().detach()
    return (summed / (summed.max() or 1)).cpu().numpy().astype(np.float32)
