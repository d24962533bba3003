"""The cache of decoded photos: photos are decoded once, and all folds and runs of one size share the squares. No torch.

Each list of photos (the training photos, the test photos) has its own file in the cache, so that a changed test set
leaves the file of the training photos as it is. The name of the file is a hash of the photos, crop, size and fit; its
ending is the kind of the cache:

| kind   | content                                                     | pixels             |
|--------|-------------------------------------------------------------|--------------------|
| .npy   | uint8 (N, size, size, 3), memory-mapped                     | those of the files |
| .jpegs | the squares as JPEGs of QUALITY, about a fifth of that size | slightly changed   |
| .files | a text that says why the photos are not cached              | those of the files |

Pixels are kept if they need at most RAW_OF_DISK of the free disk and RAW_OF_MEMORY of the memory; else JPEGs if they
need at most JPEGS_OF_DISK of the free disk; else nothing. The choice is made once: a file that exists is used again,
so a run that is resumed sees the same pixels as before. `make clean-cache` deletes the choice with the cache.
The first list chooses for all, because training, validation and test photos should have the same kind of pixels.
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

RAW, JPEGS, FILES = ".npy", ".jpegs", ".files"  # the kinds
RAW_OF_DISK = 0.25  # of the free disk: weights, predictions and another image size need room too
RAW_OF_MEMORY = 0.5  # of the memory: the system keeps there what was read, and the training needs the other half
JPEGS_OF_DISK = 0.5  # of the free disk: without them each photo is decoded again in each epoch
QUALITY = 95  # of the JPEGs, with colours at full resolution: errors of one or two grey values on average
SAMPLED = 64  # photos that are encoded to estimate the size of all JPEGs
MARGIN = 1.1  # by which that estimate is raised
MORE_ROOM = "make clean-cache, or SET=cache=false"
STATS = 1000  # photos per task when sizes and times are read
THREADS = 16  # more than cores: on a network disk they mostly wait


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
    """The photos of all lists, one list after the other, each list through its own cache file.

    Missing files are built by all cores while a lock is held; other processes wait for it. progress is called with the
    number of photos just decoded. say(text) prints which kind is built, or why none, with the numbers. like: photos
    that were opened before; the lists get the same kind.
    Raises InputError that lists all unreadable photos, and if the disk has no room for a file.
    """
    stores = [
        _Store(cache_file(folder, inputs, images, crop, size, fit), inputs, images, crop, size, fit)
        for images in lists
        if len(images)
    ]
    if not all(store.kind for store in stores):
        with files.lock(folder / "building", "the photo cache", wait=True):  # another process may have built them
            _build_missing(stores, stores[0].kind if like is None else kind_of(like), progress, jobs, say)
    for text in dict.fromkeys(store.path(FILES).read_text(encoding="utf-8") for store in stores if store.kind == FILES):
        say(text)
    opened = [store.photos() for store in stores]
    return opened[0] if len(opened) == 1 else JoinedPhotos(opened)


# ---- the name of a file


def cache_file(folder: Path, inputs: Path, images: Sequence[str], crop: int, size: int, fit: str = "squash") -> Path:
    """The file of raw pixels for these photos, crop, size and fit. Its name is a hash of their names, sizes and times.

    It reads the state of every file, so call it once per command. InputError lists missing files.
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
    """A line with name, size and time of change for each file; and a line for each missing file."""
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
    """One list of photos and the place of its cache file. file: as `cache_file` names it."""

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
        """The kind of the file that exists; "" if there is none."""
        return next((kind for kind in (RAW, JPEGS, FILES) if self.path(kind).is_file()), "")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self.images), self.size, self.size, 3

    @property
    def how(self) -> tuple[int, int, str]:
        """The further arguments of `photo_square`; without the list, since each task of a process gets a copy."""
        return self.crop, self.size, self.fit

    def photos(self) -> Photos:
        """The photos through the file that exists. Raises InputError if it is damaged."""
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
    return InputError(f"{path} is damaged", "a complete cache", f"rm {quoted(path)}")


# ---- the choice of a kind


def kind_of(photos: Photos) -> str:
    """The kind of cache that the photos come from."""
    if photos.pixels is None:
        return FILES
    return JPEGS if isinstance(photos.pixels, JpegPixels) else RAW


def _build_missing(stores: Sequence[_Store], first: str, progress: Callable, jobs: int, say: Callable) -> None:
    """Build the files that are missing. first: the kind that was chosen before, "" if there is none."""
    missing = [store for store in stores if not store.kind]
    if not missing:
        return
    folder = stores[0].file.parent
    kind, numbers = _choice(missing, {"": (RAW, JPEGS), FILES: ()}.get(first, (first,)))
    count = sum(len(store.images) for store in missing)
    if kind == FILES:
        text = f"{count:,} photos are decoded each time, which is slow: {numbers}; with more room, make clean-cache"
        for store in missing:
            files.write_text(store.path(FILES), text)
        return
    say(f"decoding {count:,} photos once, to a cache in {folder}: {numbers}")
    for store in missing:
        (_build_raw if kind == RAW else _build_jpegs)(store, progress, jobs)


def _choice(stores: Sequence[_Store], kinds: Sequence[str]) -> tuple[str, str]:
    """The first of the kinds whose files have room, or FILES; and the numbers, as text."""
    free = files.free_bytes(stores[0].file)
    numbers = []
    for kind in kinds:
        if kind == RAW:
            need, limit = sum(map(_raw_bytes, stores)), min(RAW_OF_DISK * free, RAW_OF_MEMORY * memory_bytes())
            what, shares = "their pixels", f"{RAW_OF_DISK:.0%} of the free disk, {RAW_OF_MEMORY:.0%} of the memory"
        else:
            need, limit = sum(map(_jpeg_bytes, stores)), JPEGS_OF_DISK * free
            what, shares = f"JPEGs of quality {QUALITY}", f"{JPEGS_OF_DISK:.0%} of the free disk"
        numbers.append(f"{what} need {need / 1e9:.2f} GB of at most {limit / 1e9:.2f} GB ({shares})")
        if need <= limit:
            return kind, "; ".join(numbers) + ("; they change pixels slightly" if kind == JPEGS else "")
    return FILES, "; ".join(numbers) or "the photos before them are not cached either"


def memory_bytes() -> int:
    """The memory of this machine in bytes, or of the container if it may use less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
            limits.append(int(Path(file).read_text()))
    return min(limits)


def _raw_bytes(store: _Store) -> int:
    return int(np.prod(store.shape, dtype=object))


def _jpeg_bytes(store: _Store) -> int:
    """An estimate of the size of all JPEGs from SAMPLED photos, which lie evenly in the list."""
    sizes = []
    for i in np.unique(np.linspace(0, len(store.images) - 1, SAMPLED).astype(int)):
        with contextlib.suppress(ValueError):  # an unreadable photo: the building lists all of them
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
    """Write the squares of one chunk to the rows of the file from `first` on. Returns their number and the problems."""
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
    """A file of JPEGs that gives pixels by position, as an array (N, size, size, 3) uint8 does.

    The file holds N JPEGs, one after the other, then N + 1 offsets (OFFSET): where each begins, and where the last
    one ends. Raises ValueError if the offsets do not fit the file.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path, count: int, size: int):
        self.path, self.shape = path, (count, size, size, 3)
        self.data = np.memmap(path, np.uint8, "r")
        self.offsets = np.frombuffer(self.data[-OFFSET.itemsize * (count + 1) :].tobytes(), OFFSET)
        end = len(self.data) - self.offsets.nbytes
        if len(self.offsets) != count + 1 or self.offsets[0] != 0 or self.offsets[-1] != end:
            raise ValueError(f"{path} has no offsets of {count} photos at its end")

    def __len__(self) -> int:
        return self.shape[0]

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
    """The squares of one chunk as JPEGs, and the problems."""
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
