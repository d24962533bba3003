"""Benchmarks of loading photos on one core: our loader against three others.

Our loader reads resized photos from a cache. The others are the loader of the seed team (the course team whose project
this toolkit began from), the loader of timm, and code that only decodes the photos. The loaders of the seed team and
of timm also normalise the photos. Our loader gives uint8 batches, which are normalised later on the device.
"""

import contextlib
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from benchmarks.timing import compare
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from comp.data import augment, photo_cache, photos
from comp.data.batches import Batches, Order, to_model
from comp.data.loader import Loader
from comp.inputs import mask_gender_age
from comp.recipes import catalog

CPU = torch.device("cpu")
BATCH = 64
HOME_PHOTOS = 18_900  # number of photos in the competition that this toolkit was first written for


def records(work: Path, rounds: int) -> Iterator[dict]:
    inputs = work / "inputs"
    images = mask_gender_age.read_train(inputs)["image"].tolist()
    with one_core():
        seed, timms, bare = seed_loader(inputs, images), timm_loader(inputs, images), decoding(inputs, images)
        plain = ours(work, inputs, images, catalog.get_recipe("vit_small_r26").augment)
        yield compare("loader_vs_seed", plain, seed, "images", rounds)
        yield compare("loader_vs_timm", plain, timms, "images", rounds)
        yield compare("loader_vs_decoding", plain, bare, "images", rounds)
        yield compare("augmented_loader_vs_seed", ours(work, inputs, images, "upright"), seed, "images", rounds)
        yield compare("batched_augment_vs_upright", *augmentations(work, inputs, images), "images", rounds)
    yield cache_memory(work)


@contextlib.contextmanager
def one_core():
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def ours(work: Path, inputs: Path, images: list[str], augment: str):
    recipe = catalog.get_recipe("vit_small_r26")
    cache = photo_cache.cached(work / "cache", inputs, [images], recipe.crop, recipe.image_size, lambda count: None)
    batches = Batches(cache, np.arange(len(images)), np.zeros(len(images), int), augment, 0)
    order = Order(batches.labels, BATCH, "shuffle", 0)
    times = 20 if augment == "none" else 2  # without augmentation, one pass over the photos takes only milliseconds

    def run() -> int:
        for epoch in range(times):
            order.epoch = epoch
            for pixels, _, _ in Loader(batches, order, 0, CPU):
                assert pixels.dtype == torch.uint8
        return times * len(images)

    return run


def augmentations(work: Path, inputs: Path, images: list[str]):
    """Return two functions that augment the same batch of photos. A call returns the number of photos in the batch.

    The first function augments the whole batch at once (the setting augment=batched), and normalises it. The second
    function augments one photo after the other (augment=upright).
    """
    recipe = catalog.get_recipe("vit_small_r26")
    cache = photo_cache.cached(work / "cache", inputs, [images], recipe.crop, recipe.image_size, lambda count: None)
    rows = np.arange(BATCH)
    pixels = cache.batch(rows)

    def batched() -> int:
        floats = to_model(torch.from_numpy(pixels), recipe.mean, recipe.std, CPU)
        augment.augmented_batch(floats, 0, 0, rows)
        return BATCH

    def each() -> int:
        augment.augmented("upright", pixels, [(0, 0, int(row)) for row in rows])
        return BATCH

    return batched, each


class SeedDataset(Dataset):
    """The dataset of the seed team (the course team whose project this toolkit began from).

    It has no cache: in each epoch, every photo is opened, cropped, resized and normalised again.
    """

    def __init__(self, inputs: Path, images: list[str]):
        from torchvision import transforms as T

        recipe = catalog.get_recipe("vit_small_r26")
        steps = [T.CenterCrop(recipe.crop), T.Resize((recipe.image_size,) * 2), T.ToTensor()]
        self.transform = T.Compose([*steps, T.Normalize(recipe.mean, recipe.std)])
        self.files = [inputs / image for image in images]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int):
        return self.transform(Image.open(self.files[i]).convert("RGB")), 0


def seed_loader(inputs: Path, images: list[str]):
    source = DataLoader(SeedDataset(inputs, images), BATCH, shuffle=True)
    return lambda: sum(len(labels) for _, labels in source)


def timm_loader(inputs: Path, images: list[str]):
    """Return a function that loads all photos once with timm's loader. A call returns the number of photos.

    The photos are augmented as timm does it by default in training.
    """
    from timm.data import create_loader

    class Files(SeedDataset):
        transform = None  # set by create_loader

        def __init__(self):
            self.files = [inputs / image for image in images]

    source = create_loader(
        Files(), (3, 224, 224), BATCH, is_training=True, use_prefetcher=False, num_workers=0, persistent_workers=False
    )
    return lambda: sum(len(labels) for _, labels in source)


def decoding(inputs: Path, images: list[str]):
    """Return a function that only decodes all images with OpenCV. A call returns the number of images."""

    def run() -> int:
        for image in images:
            cv2.imdecode(np.frombuffer((inputs / image).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        return len(images)

    return run


def cache_memory(work: Path) -> dict:
    """Measure the memory that our loader needs, and return the result: an entry of outputs/bench/data.json, in MB.

    "ours" is the private memory that loading adds to the main process and two worker processes together. "theirs" is
    the size of the photo cache, the memory that a loader needs if it reads the whole cache into memory.
    """
    size, path = 224, work / "memory.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(HOME_PHOTOS, size, size, 3)).flush()
    pixels = np.load(path, mmap_mode="r")
    home = photos.Photos(Path(), [""] * HOME_PHOTOS, 0, size, pixels)
    batches = Batches(home, np.arange(HOME_PHOTOS), np.zeros(HOME_PHOTOS, int), "none", 0)
    before, most = private_bytes(), 0
    for i, _ in enumerate(Loader(batches, Order(batches.labels, BATCH, "shuffle", 0), 2, CPU)):
        if i % 50 == 0:
            children = [child.pid for child in multiprocessing.active_children()]
            most = max(most, private_bytes() - before + sum(private_bytes(pid) - before for pid in children))
    path.unlink()
    size_mb, ours_mb = pixels.nbytes / 1e6, max(most, 1) / 1e6
    return dict(name="cache_memory", ours=ours_mb, theirs=size_mb, unit="MB", ratio=size_mb / ours_mb, rounds=1)


def private_bytes(process: int | str = "self") -> int:
    """Return how many bytes of memory belong to a process alone, as Linux reports them under Private_Dirty.

    Memory that is shared with other processes, and files that are mapped into memory, do not count. process: the id of
    the process; "self" means this process.
    """
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_Dirty:"))
