"""Decode photos once into a cache of square images, which all folds and runs with the same image size share.

Each list of photos (the training photos, the test photos) has its own file in the cache. So a change of the test set
leaves the file of the training photos unchanged. The name of the file contains a hash of the photos and of the settings
crop, image_size and fit, which say how a photo becomes a square. There are three kinds of cache files, with different
endings:

| ending | content                                                     | pixels             |
|--------|-------------------------------------------------------------|--------------------|
| .npy   | uint8 (N, size, size, 3) for N photos, memory-mapped        | exact              |
| .jpegs | squares as JPEGs of QUALITY, about a fifth of the .npy size | slightly changed   |
| .files | a text that says why the photos are not cached              | exact              |

The kind .npy is chosen if it needs at most the share RAW_OF_DISK of the free disk and the share RAW_OF_MEMORY of the
memory. Otherwise .jpegs is chosen if it needs at most the share JPEGS_OF_DISK of the free disk, and otherwise .files.
The choice is made once. A cache file that exists is used again, so a run that is resumed sees the same pixels as
before. `make clean-cache` deletes all cache files.
The lists that are opened later get the same kind as the first list if there is room for it, because training,
validation and test photos should have the same kind of pixels. This module does not import torch.
"""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from comp import files
from comp.data.photos import RESIZE_VERSION, JoinedPhotos, Photos, in_chunks, photo_square, unreadable
from comp.errors import InputError, quoted

RAW, JPEGS, FILES = ".npy", ".jpegs", ".files"  # the kinds of cache
RAW_OF_DISK = 0.25  # largest share of the free disk; weights, predictions and other image sizes need room too
RAW_OF_MEMORY = 0.5  # largest share of the memory; the training needs the other half
JPEGS_OF_DISK = 0.5  # largest share of the free disk; without JPEGs, each photo is decoded again in each epoch
QUALITY = 95  # of the JPEGs, whose colours have full resolution; pixels change by 1 or 2 grey values on average
SAMPLED = 64  # number of photos that are encoded to estimate the size of all JPEGs
MARGIN = 1.1  # factor by which the estimate is raised
MORE_ROOM = "first `make clean-cache`, then the same command; or the same command with SET=cache=false"
STATS = 1000  # number of photos in one task when the sizes and times of files are read
THREADS = 16  # more threads than cores, because threads mostly wait if the disk is on the network


def cached(
    folder: Path,
    inputs: Path,
    lists: Sequence[Sequence[str]],
    crop: int,
    size: int,
    progress: Callable[[int], None],
    jobs: int = -1,
    say: Callable[[str], None] = lambda text: None,
    fit: str = "squash",
    like: Photos | None = None,
) -> Photos:
    """Open the photos of all lists as one Photos object, in the order of the lists. Each list has its own cache file.

    folder: the folder of the cache files. inputs: the folder of the competition. lists: lists of photos, each photo as
    a path in `inputs`. crop, size, fit: how a photo becomes a square (see `photos.base_image`). progress: a function
    that is called with the number of photos decoded since its last call. jobs: the number of processes, or -1 for one
    per core. say: a function that prints a text; the text is about the chosen kind of cache. like: photos that were
    opened before, or None; the lists get the same kind of cache as these photos if there is room for it.
    Missing cache files are built while this process holds a lock. Other processes wait for the lock.
    Raises InputError with a list of all photos that cannot be read, or if the disk has no room for a cache file.
    """
    stores = [
        _Store(cache_file(folder, inputs, images, crop, size, fit), inputs, images, crop, size, fit)
        for images in lists
        if len(images)
    ]
    if not all(store.kind for store in stores):
        with files.lock(folder / "building", "the photo cache", wait=True):  # another process may have built the files
            _build_missing(stores, stores[0].kind if like is None else kind_of(like), progress, jobs, say)
    for text in dict.fromkeys(store.path(FILES).read_text(encoding="utf-8") for store in stores if store.kind == FILES):
        say(text)
    opened = [store.photos() for store in stores]
    return opened[0] if len(opened) == 1 else JoinedPhotos(opened)


# ---- the name of a file


def cache_file(folder: Path, inputs: Path, images: Sequence[str], crop: int, size: int, fit: str = "squash") -> Path:
    """Return the path of the cache file of these photos, for the kind .npy. Other kinds differ only in the ending.

    images: the photos, as paths in `inputs`. crop, size, fit: how a photo becomes a square. The name of the file
    contains a hash of these settings and of the name, the size and the time of the last change of every photo file. All
    photo files are looked up, which is slow, so call this function only once in a command. Raises InputError with a
    list of the photo files that are missing.
    """
    key = hashlib.sha256(json.dumps([RESIZE_VERSION, crop, size, fit]).encode())
    missing: list[str] = []
    parts = [images[i : i + STATS] for i in range(0, len(images), STATS)]
    with ThreadPoolExecutor(THREADS) as pool:
        for lines, absent in pool.map(lambda part: _states(inputs, part), parts):
            key.update(lines.encode())
            missing += absent
    if missing:
        raise unreadable(missing)
    return folder / f"{key.hexdigest()[:16]}_{size}px{RAW}"


def _states(inputs: Path, images: Sequence[str]) -> tuple[str, list[str]]:
    """Return a text that describes the photo files, and a list with a line for each file that is missing.

    The text has the name, the size and the time of the last change of each file.
    """
    lines, missing, root = [], [], os.fspath(inputs)
    for image in images:
        try:
            state = os.stat(os.path.join(root, image))
            lines.append(f"{image}\0{state.st_size}\0{state.st_mtime_ns}\n")
        except FileNotFoundError:
            missing.append(f"{image}: no such file")
        except OSError as error:
            missing.append(f"{image}: {error.strerror}")
    return "".join(lines), missing


@dataclass(frozen=True)
class _Store:
    """One list of photos and its cache file.

    file: the path from `cache_file`, which ends in .npy; the cache file may have another ending. images: the photos, as
    paths in `inputs`. crop, size, fit: how a photo becomes a square (see `photos.base_image`).
    """

    file: Path
    inputs: Path
    images: Sequence[str]
    crop: int
    size: int
    fit: str

    def path(self, kind: str) -> Path:
        return self.file.with_suffix(kind)

    @property
    def kind(self) -> str:
        """The ending of the cache file that exists, such as ".npy", or "" if no cache file exists."""
        return next((kind for kind in (RAW, JPEGS, FILES) if self.path(kind).is_file()), "")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self.images), self.size, self.size, 3

    @property
    def how(self) -> tuple[int, int, str]:
        """The settings crop, size and fit, which say how a photo becomes a square."""
        return self.crop, self.size, self.fit

    def photos(self) -> Photos:
        """Return the photos, read from the cache file that exists. Raises InputError if the cache file is damaged."""
        path, pixels = self.path(self.kind), None
        try:
            if self.kind == RAW:
                pixels = np.load(path, mmap_mode="r", allow_pickle=False)
            elif self.kind == JPEGS:
                pixels = JpegPixels(path, *self.shape[:2])
            whole = pixels is None or (pixels.shape == self.shape and pixels.dtype == np.uint8)
        except (EOFError, OSError, ValueError):
            whole = False
        if not whole:
            raise damaged_cache(path)
        return Photos(self.inputs, self.images, self.crop, self.size, pixels, self.fit)


def damaged_cache(path: Path) -> InputError:
    return InputError(
        f"the cache file {path} is damaged",
        "a complete cache, which is built again after this file is deleted",
        f"rm {quoted(path)}",
    )


# ---- the choice of a kind


def kind_of(photos: Photos) -> str:
    """Return the kind of the cache from which the photos are read: ".npy", ".jpegs" or ".files"."""
    if photos.pixels is None:
        return FILES
    return JPEGS if isinstance(photos.pixels, JpegPixels) else RAW


def _build_missing(stores: Sequence[_Store], first: str, progress: Callable, jobs: int, say: Callable) -> None:
    """Build the cache files that are missing.

    stores: the lists of photos with their cache files. first: the kind of cache to build if there is room for it, or ""
    for the best kind for which there is room. progress, jobs, say: as in `cached`.
    """
    missing = [store for store in stores if not store.kind]
    if not missing:
        return
    folder = stores[0].file.parent
    kind, numbers = _choice(missing, {"": (RAW, JPEGS), FILES: ()}.get(first, (first,)))
    count = sum(len(store.images) for store in missing)
    if kind == FILES:
        text = (
            f"{count:,} photos are not kept in the cache but decoded in each epoch, which is slow: {numbers}. "
            "When there is more room, run `make clean-cache`"
        )
        for store in missing:
            files.write_text(store.path(FILES), text)
        return
    say(f"decoding {count:,} photos once, to keep them in the cache in {folder}: {numbers}")
    for store in missing:
        (_build_raw if kind == RAW else _build_jpegs)(store, progress, jobs)


def _choice(stores: Sequence[_Store], kinds: Sequence[str]) -> tuple[str, str]:
    """Return the first of `kinds` for which there is room, or ".files" if there is room for none, and a text.

    The text says how much room each kind needs, and how much it may use. stores: the lists of photos to cache; kinds:
    endings of cache files, the best kind first.
    """
    free = files.free_bytes(stores[0].file)
    numbers = []
    for kind in kinds:
        if kind == RAW:
            need, limit = sum(map(_raw_bytes, stores)), min(RAW_OF_DISK * free, RAW_OF_MEMORY * memory_bytes())
            what, shares = "the pixels", f"{RAW_OF_DISK:.0%} of the free disk and {RAW_OF_MEMORY:.0%} of the memory"
        else:
            need, limit = sum(map(_jpeg_bytes, stores)), JPEGS_OF_DISK * free
            what, shares = f"JPEGs of quality {QUALITY}", f"{JPEGS_OF_DISK:.0%} of the free disk"
        numbers.append(f"{what} need {need / 1e9:.2f} GB and may use {limit / 1e9:.2f} GB (at most {shares})")
        if need <= limit:
            return kind, "; ".join(numbers) + ("; JPEGs change the pixels slightly" if kind == JPEGS else "")
    return FILES, "; ".join(numbers) or "the photos that were opened before are not cached either"


def memory_bytes() -> int:
    """Return the bytes of memory of this machine, or of the container if the container may use only a part of it."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
            limits.append(int(Path(file).read_text(encoding="utf-8")))
    return min(limits)


def _raw_bytes(store: _Store) -> int:
    return int(np.prod(store.shape, dtype=object))


def _jpeg_bytes(store: _Store) -> int:
    """Estimate how many bytes a list of photos needs as JPEGs.

    For the estimate, SAMPLED photos are encoded, which are spread evenly over the list.
    """
    sizes = []
    for i in np.unique(np.linspace(0, len(store.images) - 1, SAMPLED).astype(int)):
        with contextlib.suppress(ValueError):  # if a photo cannot be read, the error comes when the cache file is built
            sizes.append(len(_encoded(photo_square(store.inputs / store.images[i], *store.how))))
    return int(MARGIN * len(store.images) * (sum(sizes) / max(1, len(sizes)) + OFFSET.itemsize))


# ---- raw pixels


def _build_raw(store: _Store, progress: Callable, jobs: int) -> None:
    problems: list[str] = []
    with files.replacing(store.path(RAW), _raw_bytes(store), MORE_ROOM) as temporary:
        np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=store.shape).flush()
        place = [lambda i: temporary, lambda i: i, lambda i: store.how]
        for count, bad in in_chunks(_fill, store.inputs, store.images, jobs, *place):
            problems += bad
            progress(count)
        if problems:
            raise unreadable(problems)


def _fill(inputs: Path, images: Sequence[str], temporary: Path, first: int, how: tuple) -> tuple[int, list[str]]:
    """Write the squares of some photos to the cache file `temporary`, from its row `first` on.

    images: the photos, as paths in `inputs`. how: the settings crop, size and fit. Returns the number of photos, and a
    list with a line for each photo that cannot be read.
    """
    pixels, problems = np.load(temporary, mmap_mode="r+"), []
    for row, image in enumerate(images, first):
        try:
            pixels[row] = photo_square(inputs / image, *how)
        except ValueError as error:
            problems.append(f"{image}: {error}")
    pixels.flush()
    return len(images), problems


# ---- JPEGs

OFFSET = np.dtype("<i8")


class JpegPixels:
    """A file of JPEGs that can be indexed like an array (N, size, size, 3) uint8 of N photos.

    path: the file; count: the number N of photos; size: the sides of each photo in pixels. The file has the JPEGs one
    after the other, and then N + 1 numbers of the type OFFSET: the places where each JPEG begins, and the place where
    the last JPEG ends. Raises ValueError if these numbers do not fit the file.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path, count: int, size: int):
        self.path, self.shape = path, (count, size, size, 3)
        self.data = np.memmap(path, np.uint8, "r")
        self.offsets = np.frombuffer(self.data[-OFFSET.itemsize * (count + 1) :].tobytes(), OFFSET)
        end = len(self.data) - self.offsets.nbytes
        if len(self.offsets) != count + 1 or self.offsets[0] != 0 or self.offsets[-1] != end:
            raise ValueError(f"{path} does not end with the offsets of {count} photos")

    def __getitem__(self, positions: np.ndarray) -> np.ndarray:
        return np.stack([self._decoded(int(i)) for i in positions])

    def _decoded(self, i: int) -> np.ndarray:
        data = self.data[self.offsets[i] : self.offsets[i + 1]].tobytes()
        try:
            pixels = np.asarray(Image.open(io.BytesIO(data), formats=("JPEG",)))
        except OSError:
            raise damaged_cache(self.path) from None
        if pixels.shape != self.shape[1:]:
            raise damaged_cache(self.path)
        return pixels


def _build_jpegs(store: _Store, progress: Callable, jobs: int) -> None:
    offsets, problems = [0], []
    with files.replacing(store.path(JPEGS), room=MORE_ROOM) as temporary, open(temporary, "wb") as file:
        for encoded, bad in in_chunks(_encoded_chunk, store.inputs, store.images, jobs, lambda i: store.how):
            for data in encoded:
                file.write(data)
                offsets.append(offsets[-1] + len(data))
            problems += bad
            progress(len(encoded) + len(bad))
        if problems:
            raise unreadable(problems)
        file.write(np.array(offsets, OFFSET).tobytes())


def _encoded_chunk(inputs: Path, images: Sequence[str], how: tuple) -> tuple[list[bytes], list[str]]:
    """Return some photos as square JPEGs, and a list with a line for each photo that cannot be read and is left out.

    images: the photos, as paths in `inputs`. how: the settings crop, size and fit.
    """
    encoded, problems = [], []
    for image in images:
        try:
            encoded.append(_encoded(photo_square(inputs / image, *how)))
        except ValueError as error:
            problems.append(f"{image}: {error}")
    return encoded, problems


def _encoded(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY, subsampling=0)
    return stream.getvalue()
