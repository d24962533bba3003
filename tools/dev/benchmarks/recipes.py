"""Benchmarks of the speed of training steps with different number formats, and with and without torch.compile.

The results are entries of outputs/bench/recipes.json. The setting amp=auto, which chooses the number format, is
compared with fixed formats. On a CPU, our depthwise convolutions are compared with those of PyTorch, and the memory
that a process keeps with memory that it gives back.
"""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from benchmarks.timing import compare, synchronized

from comp.data.batches import Batches
from comp.data.photos import Photos
from comp.hardware.device import choose_device, keep_freed_memory
from comp.inputs import mask_gender_age
from comp.models import factory
from comp.models.factory import with_normalisation
from comp.recipes import catalog
from comp.recipes.automatic import resolved_recipe
from comp.recipes.recipe_settings import Recipe
from comp.training.loop import Fit

RECIPES = ("vit_small_r26", "efficientnetv2_rw_t", "resnet34")
SMALL = (
    ("tf_efficientnet_lite0", 112), ("efficientnetv2_rw_t", 64), ("resnet34", 64), ("resnet34", 32),
    ("vit_small_r26", 32),
)  # fmt: skip
DEPTHWISE = (("tf_efficientnet_lite0", 64), ("tf_efficientnet_lite0", 112), ("efficientnetv2_rw_t", 64))
STEPS = {"cuda": 20, "cpu": 4}  # for each type of device, the number of steps in a round (about one or two seconds)


def records(work: Path, rounds: int) -> Iterator[dict]:
    device = choose_device("auto")
    if device.type in STEPS:
        yield from (on_a_gpu if device.type == "cuda" else on_a_cpu)(device, rounds)


def on_a_gpu(device: torch.device, rounds: int) -> Iterator[dict]:
    """Yield two results for each of three recipes on a GPU.

    The first result compares the number format that amp=auto chooses with float32, the second compares the compiled
    model with the model that is not compiled. Each recipe keeps its image size and batch size.
    """
    for name in RECIPES:
        recipe = dataclasses.replace(catalog.get_recipe(name), pretrained=False)
        plain = steps(recipe, device)
        yield compare(f"{name}_amp_vs_float32", plain, steps(recipe, device, amp="off"), "images", rounds)
        yield compare(f"{name}_compiled_vs_not", steps(recipe, device, compile=True), plain, "images", rounds)


def on_a_cpu(device: torch.device, rounds: int) -> Iterator[dict]:
    """Yield results for several models on small images on a CPU.

    First amp=auto and channels_last=auto, which choose the number format and the memory layout, are compared with
    float32 and with bf16 in PyTorch's usual layout. Then our depthwise convolutions are compared with PyTorch's.
    """
    for name, size in SMALL:
        recipe = _of_small_images(name, size)
        for amp in ("off", "bf16"):
            other = steps(recipe, device, amp=amp, channels_last="off")
            title = f"{name}_{size}px_chosen_vs_{'float32' if amp == 'off' else amp}"
            yield compare(title, steps(recipe, device), other, "images", rounds)
    for name, size in DEPTHWISE:
        ours = steps(_of_small_images(name, size), device)
        with mock.patch("comp.training.learner.use_quick_convolutions"):
            theirs = steps(_of_small_images(name, size), device)
        yield compare(f"{name}_{size}px_depthwise_vs_torch", ours, theirs, "images", rounds)
        yield compare(f"{name}_{size}px_memory_kept_vs_given_back", ours, giving_memory_back(ours), "images", rounds)


def giving_memory_back(train: Callable[[], int]) -> Callable[[], int]:
    """Return a function that calls `train` with glibc's usual settings: freed memory goes back to the system."""

    def run() -> int:
        keep_freed_memory(False)
        try:
            return train()
        finally:
            keep_freed_memory()

    return run


def _of_small_images(name: str, size: int) -> Recipe:
    changes = dict(pretrained=False, image_size=size, batch_size=32)
    return dataclasses.replace(with_normalisation(catalog.get_recipe(name)), **changes)


def steps(recipe: Recipe, device: torch.device, **changes):
    """Return a function that trains the recipe's model for some steps on random pixels that are already in memory.

    The function returns the number of images in these steps. changes: settings of the recipe to change, such as
    amp="off".
    """
    competition = mask_gender_age.competition()
    recipe = resolved_recipe(dataclasses.replace(recipe, **changes), competition)
    count, times = recipe.batch_size, STEPS[device.type]
    pixels = np.random.default_rng(0).integers(0, 256, (count, recipe.image_size, recipe.image_size, 3), np.uint8)
    labels = np.arange(count) % competition.size
    batches = Batches(Photos(Path(), [""] * count, 0, recipe.image_size, pixels), np.arange(count), labels, "none", 0)
    model = factory.create_model(recipe, competition, Path(), pretrained=False)
    fit = Fit(model, recipe, batches, batches, competition, device)
    batch = batches[0, np.arange(count)]

    def run() -> int:
        fit.learner.start_epoch(0)
        for i in range(times):
            fit.learner.backward(batch, 0, i, 1, sync=True)
            fit.learner.step(i)
        synchronized(device)
        return times * count

    return run
