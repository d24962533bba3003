"""The feature map of a timm model that Grad-CAM weighs: of a CNN the last one, of a transformer its patch tokens.

A map of few cells says little about places, so of a CNN the deepest map with at least FEW cells a side is taken, by
timm's feature_info. Of a ViT it is the input of the last block: after it the classifier may read the class token alone,
and the gradient of the patch tokens is zero. Photos are squares here, so maps are, too.

Letters: C channels, H cells along a side of the map, L tokens, O outputs, S pixels along a side of the photo.

Grad-CAM: which parts of a photo speak for an answer (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391).

A score, such as the log of a class's probability, is derived by the cells of a feature map. The mean gradient of a
channel is its weight, and where the weighted sum of the channels is above zero, the photo speaks for the answer.

The package pytorch-grad-cam (grad-cam 1.5.7) asks its caller for the layer, for the layout of what the layer gives and
for the score of each head: the parts that differ between models. What it would do itself is `heat`, in four lines, so
it is not a dependency.
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

FEW_CHANNELS = 4  # 64 px leave 2 cells a side at a stride of 32, and 4 at one of 16


def features_and_outputs(model: nn.Module, image: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Features of a photo, in the model's own layout (see `as_map`), and the outputs (1, O) computed from them.

    image (1, 3, S, S); name: the model's, for the InputError where it has no feature map.
    """
    backbone = _backbone(model)
    if not (hasattr(backbone, "forward_features") and hasattr(backbone, "forward_head")):
        raise _no_map(name, "it has no forward_features and forward_head of timm")
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
        "make train MODEL=<another model>, then make look with its RUN",
    )


@contextmanager
def _kept(backbone: nn.Module) -> Iterator[list]:
    """A list that the forward pass fills: what timm's stages give, and what goes into a transformer's last block."""
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
    """Of tokens the first, which go into the last block; of maps the deepest that is fine enough."""
    if usable[0].ndim == 3:
        return usable[0]
    sides = [_side(backbone, one) for one in usable]
    return usable[max(i for i, side in enumerate(sides) if side >= min(FEW_CHANNELS, max(sides)))]


def _side(backbone: nn.Module, features) -> int:
    """H of the features of one photo; 0 where they are no square map."""
    if not isinstance(features, Tensor) or features.ndim not in (3, 4) or len(features) != 1:
        return 0
    if features.ndim == 3:
        prefix = _prefix(backbone, features.shape[1])
        return 0 if prefix is None else isqrt(features.shape[1] - prefix)
    _, a, b, c = features.shape
    return b if b in (a, c) else 0


def _prefix(backbone: nn.Module, tokens: int) -> int | None:
    """How many of L tokens stand before those of the patches (class token, registers); None if no square is left."""
    known = (getattr(backbone, "num_prefix_tokens", 0), 0)
    return next((k for k in known if tokens > k and isqrt(tokens - k) ** 2 == tokens - k), None)


def as_map(model: nn.Module, features: Tensor) -> Tensor:
    """Features or their gradient, (1, C, H, H), (1, H, H, C) or tokens (1, L, C), as (1, C, H, H).

    Cells are in the photo's order: the first row is its top.
    """
    backbone = _backbone(model)
    if features.ndim == 3:
        patches = features[:, _prefix(backbone, features.shape[1]) :]
        return patches.transpose(1, 2).unflatten(2, (_side(backbone, features), -1))
    return features.permute(0, 3, 1, 2) if _is_channels_last(backbone, features) else features


def _is_channels_last(backbone: nn.Module, features: Tensor) -> bool:
    """(1, H, H, C) rather than (1, C, H, H); where C = H, timm's output_fmt decides."""
    _, a, b, c = features.shape
    return "NHWC" in str(getattr(backbone, "output_fmt", "")) if a == b == c else a == b


TINY = 1e-30  # below it a probability has no gradient in float32


@dataclass(frozen=True)
class Question:
    """title: for people; value: the probability, or the number.

    place: the class or label; None for a number, then sign: 1 for what raises it, -1 for what lowers it.
    """

    title: str
    value: float
    place: int | None = None
    sign: int = 1


def heats(model: nn.Module, head: Head, image: Tensor, questions: Sequence[Question], name: str) -> list[np.ndarray]:
    """The heat (H, H) float32 of each question, from 0 to 1 at its hottest cell; all 0 where nothing speaks for it.

    image (1, 3, S, S), normalised. name: the model's, for the InputError where it has no feature map.
    """
    with torch.enable_grad():
        features, outputs = features_and_outputs(model.eval(), image, name)
        return [heat(model, features, score(question, head, outputs.float())) for question in questions]


def score(question: Question, head: Head, outputs: Tensor) -> Tensor:
    """What a question is about, as a scalar: the log of a probability, or the number with its sign."""
    if question.place is not None:
        return head.probs(outputs)[0, question.place].clamp_min(TINY).log()
    number = head.scaled(outputs) if head.family == "number" else head.probs(outputs)
    return question.sign * number[0, 0]


def heat(model: nn.Module, features: Tensor, score: Tensor) -> np.ndarray:
    """The heat (H, H) of a score, scaled to a maximum of 1."""
    (gradient,) = torch.autograd.grad(score, features, retain_graph=True)
    weights = as_map(model, gradient).mean((2, 3), keepdim=True)
    summed = (weights * as_map(model, features)).sum((0, 1)).relu().detach()
    return (summed / (summed.max() or 1)).cpu().numpy().astype(np.float32)
