"""Grad-CAM: which parts of a photo speak for an answer (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391).

A score, such as the log of a class's probability, is derived by the cells of a feature map. The mean gradient of a
channel is its weight, and where the weighted sum of the channels is above zero, the photo speaks for the answer.

The package pytorch-grad-cam (grad-cam 1.5.7) asks its caller for the layer, for the layout of what the layer gives and
for the score of each head: the parts that differ between models. What it would do itself is `heat`, in four lines, so
it is not a dependency.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from comp.models.heads import Head
from comp.prediction.feature_maps import as_map, features_and_outputs
from comp.prediction.look_questions import Question

TINY = 1e-30  # below it a probability has no gradient in float32


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
