"""Process many photos in chunks with joblib: in local processes, or on a Dask or Ray cluster."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import joblib

CHUNK = 64  # photos per task: small enough for the progress bar, large enough for the overhead


def in_chunks(work: Callable, inputs: Path, images: Sequence[str], jobs: int, *more: Callable) -> Iterator:
    """Yield work(inputs, chunk, *arguments) for each chunk of images, in order.

    more: functions that give the further arguments, from the position of the first image of the chunk. Results are
    yielded one by one, so memory does not grow with the number of photos.
    """
    starts = range(0, len(images), CHUNK)
    tasks = (joblib.delayed(work)(inputs, images[i : i + CHUNK], *[argument(i) for argument in more]) for i in starts)
    # a short list is finished before worker processes have started
    return joblib.Parallel(n_jobs=jobs if len(starts) > 4 else 1, return_as="generator")(tasks)
