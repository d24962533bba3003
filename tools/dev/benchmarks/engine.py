"""Benchmarks of our training step, training epoch and prediction against the same work in a few lines of plain torch.

The epoch is also compared with an epoch as the seed team ran it. The seed team is the course team whose project this
toolkit began from.
"""

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from benchmarks.data import SeedDataset
from benchmarks.timing import compare, synchronized
from torch.utils.data import DataLoader

from comp.data import photo_cache
from comp.data.batches import Batches, to_model
from comp.hardware.device import autocast, choose_device, memory_format, precision
from comp.inputs import mask_gender_age
from comp.models import factory
from comp.prediction.predict import predict
from comp.recipes import catalog
from comp.training.loop import Fit, train_epoch

IMAGES, BATCH = 256, 32


def records(work: Path, rounds: int) -> Iterator[dict]:
    device = choose_device("auto")
    recipe = dataclasses.replace(
        catalog.get_recipe("resnet18"), pretrained=False, batch_size=BATCH, accumulate=1, mixup=0.0, cutmix=0.0
    )
    inputs = work / "inputs"
    images = mask_gender_age.read_train(inputs)["image"].tolist()[:IMAGES]
    cache = photo_cache.cached(work / "cache", inputs, [images], recipe.crop, recipe.image_size, lambda count: None)
    competition = mask_gender_age.competition()
    labels = np.arange(IMAGES) % competition.size
    batches = Batches(cache, np.arange(IMAGES), labels, recipe.augment, 0)
    model = factory.create_model(recipe, competition, Path(), pretrained=False)
    fit = Fit(copy.deepcopy(model), recipe, batches, batches, competition, device)
    bare = bare_steps(copy.deepcopy(model), recipe, batches, device)
    yield compare("step_vs_bare", engine_steps(fit, batches), bare, "images", rounds)
    yield compare("epoch_vs_bare", engine_epoch(fit), bare, "images", rounds)
    seed = seed_epoch(copy.deepcopy(model), recipe, inputs, images, labels, device)
    yield compare("epoch_vs_seed", engine_epoch(fit), seed, "images", rounds)
    yield compare("predict_vs_bare", *prediction(fit, batches), "images", rounds)


def engine_steps(fit: Fit, batches: Batches):
    """Return a function that runs training steps of our training loop on uint8 batches that are already in memory.

    A call of the function returns the number of images.
    """
    parts = [batches[0, np.arange(i, i + BATCH)] for i in range(0, IMAGES, BATCH)]

    def run() -> int:
        fit.learner.start_epoch(0)
        for i, part in enumerate(parts):
            fit.learner.set_lr(i / len(parts))
            fit.learner.backward(part, 0, i, 1, sync=True)
            fit.learner.step(i)
        synchronized(fit.device)
        return IMAGES

    return run


def bare_steps(model, recipe, batches: Batches, device: torch.device):
    """Return a function that trains `model` once on IMAGES images, in a few lines of plain torch.

    The images are float tensors that are already on the device. The function returns the number of images.
    """
    from timm.optim import create_optimizer_v2

    layout, half = memory_format(recipe), precision(recipe, device, training=True)
    model = model.to(device, memory_format=layout)
    settings = dict(opt=recipe.optimizer, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True)
    optimizer = create_optimizer_v2(model, **settings)
    loss = torch.nn.CrossEntropyLoss()
    data = []
    for i in range(0, IMAGES, BATCH):
        pixels, labels, _ = batches[0, np.arange(i, i + BATCH)]
        x = to_model(pixels, recipe.mean, recipe.std, device).contiguous(memory_format=layout)
        data.append((x, labels.to(device)))

    def run() -> int:
        model.train()
        for x, y in data:
            with autocast(half, device):
                output = model(x)
            loss(output.float(), y).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        synchronized(device)
        return IMAGES

    return run


def engine_epoch(fit: Fit):
    """Return a function that runs an epoch of our training loop, in which photos are loaded from the cache.

    The epoch has no validation, like the epochs with which it is compared. A call of the function returns the number of
    images.
    """

    def run() -> int:
        train_epoch(fit.learner, fit.loader, 0, lambda count: None)
        synchronized(fit.device)
        return IMAGES

    return run


def seed_epoch(model, recipe, inputs: Path, images: list[str], labels: np.ndarray, device: torch.device):
    """Return a function that runs a training epoch as the seed team did: in float32, without a cache of photos.

    The seed team is the course team whose project this toolkit began from. Four worker processes decode every photo
    again in each epoch. A call of the function returns the number of images.
    """

    class Labelled(SeedDataset):
        def __getitem__(self, i: int):
            return super().__getitem__(i)[0], int(labels[i])

    model = model.to(device, memory_format=torch.contiguous_format)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    loss = torch.nn.CrossEntropyLoss()
    source = DataLoader(Labelled(inputs, images), BATCH, shuffle=True, num_workers=4)

    def run() -> int:
        model.train()
        for x, y in source:
            optimizer.zero_grad()
            loss(model(x.to(device)), y.to(device)).backward()
            optimizer.step()
        synchronized(device)
        return IMAGES

    return run


def prediction(fit: Fit, batches: Batches):
    """Return two functions that predict each image and its mirror image (test-time augmentation).

    The first function calls our `predict`, which loads photos from the cache. The second function only runs the model
    twice on tensors that are already on the device. A call of either function returns the number of images.
    """
    model, recipe, device = fit.learner.model, fit.recipe, fit.device
    half, size = precision(recipe, device), 4 * BATCH
    parts = []
    for i in range(0, IMAGES, size):
        pixels, _, _ = batches[0, np.arange(i, min(i + size, IMAGES))]
        x = to_model(pixels, recipe.mean, recipe.std, device)
        parts.append(x.contiguous(memory_format=memory_format(recipe)))

    def ours() -> int:
        predict(model, batches, recipe, fit.competition, device, views="hflip")
        synchronized(device)
        return IMAGES

    def bare() -> int:
        model.eval()
        with torch.inference_mode(), autocast(half, device):
            for x in parts:
                model(x)
                model(x)
        synchronized(device)
        return IMAGES

    return ours, bare
