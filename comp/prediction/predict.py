"""Probabilities of rows from one model or several, in one pass over the photos; every row once, over all processes."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from comp import console
from comp.competition.competition import Competition
from comp.data.batches import Batches, Order, to_model
from comp.data.loader import Loader
from comp.hardware import processes
from comp.hardware.device_errors import explained
from comp.hardware.precision import autocast, memory_format, precision
from comp.models import heads
from comp.prediction import tta
from comp.recipes.recipe import Recipe

Advance = Callable[[int], None]  # told how many images are done


def predict(
    model: nn.Module, batches: Batches, recipe: Recipe, competition: Competition, device: torch.device, **options
) -> np.ndarray:
    """Probabilities (N, C) of one model: see `predict_all`."""
    return predict_all([model], batches, recipe, competition, device, **options)[0]


def predict_all(
    models: Sequence[nn.Module],
    batches: Batches,
    recipe: Recipe,
    competition: Competition,
    device: torch.device,
    batch_size: int = 0,
    advance: Advance = lambda count: None,
    views: str = "none",
) -> np.ndarray:
    """Probabilities (M, N, C) float32 of every row in its order, no batch dropped, in one pass over the photos.

    views: the TTA set to average over. batch_size 0: four times that of training, because no layer's output is kept for
    a backward pass. Models that overflow in a half precision are predicted again in float32: weights of a GPU with bf16
    may do so in another's fp16.
    """
    size = batch_size or 4 * recipe.batch_size
    probs = _one_pass(models, batches, recipe, competition, device, size, advance, views)
    half = precision(recipe, device)
    bad = [i for i in range(len(models)) if half != torch.float32 and not np.isfinite(probs[i]).all()]
    if bad:
        console.warn(f"{half} overflows in {len(bad)} of {len(models)} model(s): predicting again in float32")
        plain, again = dataclasses.replace(recipe, amp="off"), [models[i] for i in bad]
        probs[bad] = _one_pass(again, batches, plain, competition, device, size, lambda count: None, views)
    return probs


def _one_pass(
    models: Sequence[nn.Module],
    batches: Batches,
    recipe: Recipe,
    competition: Competition,
    device: torch.device,
    batch_size: int,
    advance: Advance,
    views: str,
) -> np.ndarray:
    head = heads.build(recipe, competition)
    wrapped = [tta.wrap(model.eval(), head, views) for model in models]
    mine = batches.only(processes.rows(len(batches.labels)))
    loader = Loader(mine, Order(mine.labels, batch_size, "none", 0), recipe.workers, device)
    half, layout = precision(recipe, device), memory_format(recipe)
    parts = []
    with torch.inference_mode(), explained(recipe, device):
        for pixels, labels, _ in loader:
            images = to_model(pixels, recipe.mean, recipe.std, device).contiguous(memory_format=layout)
            with autocast(half, device):
                parts.append(torch.stack([probabilities(images).float() for probabilities in wrapped]))
            advance(len(labels) * processes.world())
    probs = torch.cat(parts, 1).double().cpu().numpy()
    if competition.sums_to_one:
        probs = probs / probs.sum(2, keepdims=True)
    return np.stack([processes.gather(one, len(batches.labels)) for one in probs.astype(np.float32)])
