"""Work on many photos in chunks, through joblib: processes here, or a Dask or Ray cluster by its backend."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import joblib

CHUNK = 64  # photos per task: small enough for the progress bar, large enough for the overhead


def in_chunks(work: Callable, inputs: Path, images: Sequence[str], jobs: int, *more: Callable) -> Iterator:
    """Yield work(inputs, chunk of images, *[argument(position of the chunk's first image) for each of more]), in order.

    Chunks are handed out as they are needed: memory does not grow with the number of photos.
    """
    starts = range(0, len(images), CHUNK)
    tasks = (joblib.delayed(work)(inputs, images[i : i + CHUNK], *[argument(i) for argument in more]) for i in starts)
    # a short list is done before worker processes have started
    return joblib.Parallel(n_jobs=jobs if len(starts) > 4 else 1, return_as="generator")(tasks)
