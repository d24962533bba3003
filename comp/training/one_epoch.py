"""One pass over the training rows."""

import time

import numpy as np
import torch
from torch import Tensor

from comp.data.loader import Loaded, Loader
from comp.hardware import processes
from comp.hardware.device_errors import explained
from comp.prediction.predict import Advance
from comp.training.finite_checks import check_losses
from comp.training.learner import Learner

CHECK_EVERY = 64  # steps between two checks that losses are finite: reading each loss would stall a GPU


def train_epoch(learner: Learner, loader: Loader, epoch: int, advance: Advance) -> tuple[float, float]:
    """Train one epoch (from 0); the mean loss, and the seconds spent waiting for data."""
    loader.order.epoch = epoch
    learner.start_epoch(epoch)
    losses, seen, waited = [], [], 0.0
    source, batches = iter(loader), len(loader.order)
    for i in range(batches):
        asked = time.monotonic()
        loaded = next(source)
        waited += time.monotonic() - asked
        losses.append(_train_batch(learner, loaded, epoch, i, batches))
        seen.append(loaded[2])
        if (i + 1) % CHECK_EVERY == 0 or i + 1 == batches:
            check_losses(losses, seen, loader.batches, learner, epoch)
        advance(len(loaded[1]) * processes.world())
    return processes.mean(_mean(losses, seen)), waited


def _mean(losses: list[Tensor], seen: list[Tensor]) -> float:
    """The mean over images: batches may differ in size."""
    return float(np.average(torch.stack(losses).cpu().numpy(), weights=[len(positions) for positions in seen]))


def _train_batch(learner: Learner, loaded: Loaded, epoch: int, i: int, batches: int) -> Tensor:
    """Batch i of an epoch: gradients, and a step after each `accumulate` batches and after the last; its loss."""
    accumulate = learner.recipe.accumulate
    group = min(accumulate, batches - i + i % accumulate)
    stepping = (i + 1) % accumulate == 0 or i + 1 == batches
    learner.set_lr(epoch + i / batches)
    with explained(learner.recipe, learner.device):
        loss = learner.backward(loaded, epoch, i, group, sync=stepping)
        if stepping:
            learner.step(epoch * batches + i)
    return loss
