"""Probabilities of rows from one model or several, in one pass over the photos; every row once, over all processes."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from comp.competition.competition import Competition
from comp.data.batches import Batches, Order, loader, to_model
from comp.hardware import processes
from comp.hardware.device import autocast, explained, memory_format, precision
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
    a backward pass.
    """
    head = heads.build(recipe, competition)
    wrapped = [tta.wrap(model.eval(), head, views) for model in models]
    mine = batches.only(processes.rows(len(batches.labels)))
    order = Order(mine.labels, batch_size or 4 * recipe.batch_size, "none", 0)
    half, layout = precision(recipe, device), memory_format(recipe)
    parts = []
    with torch.inference_mode(), explained(recipe, device):
        for pixels, labels, _ in loader(mine, order, recipe.workers, device):
            images = to_model(pixels, recipe.mean, recipe.std, device).contiguous(memory_format=layout)
            with autocast(half, device):
                parts.append(torch.stack([probabilities(images).float() for probabilities in wrapped]))
            advance(len(labels) * processes.world())
    probs = torch.cat(parts, 1).double().cpu().numpy()
    if competition.sums_to_one:
        probs = probs / probs.sum(2, keepdims=True)
    return np.stack([processes.gather(one, len(batches.labels)) for one in probs.astype(np.float32)])
