"""How many processes load batches, by the machine and its shared memory; and what it means when they are lost."""

import errno
import functools
import os
import shutil
import signal
from collections.abc import Sequence
from multiprocessing import connection
from multiprocessing.process import BaseProcess

import torch

from comp import console
from comp.data.batches import Batches, Order
from comp.hardware import processes

SHARED = "/dev/shm"  # workers hand their batches over in files there
PREFETCH = 2  # batches that torch lets a worker prepare
LARGER = "docker run --shm-size=8g or --ipc=host gives more"


def worker_count(workers: int, batches: Batches, order: Order, device: torch.device) -> int:
    """The recipe's number of workers, or by the machine (-1); fewer where shared memory cannot hold their batches."""
    wanted = workers if workers >= 0 else _by_machine(batches, device)
    if not wanted or not os.path.isdir(SHARED):
        return wanted
    size = order.batch_size * batches.photos.size**2 * 3 // processes.world()
    memory = shutil.disk_usage(SHARED)
    count = affordable(wanted, size, memory.free // processes.world())
    if count < wanted:
        _say_once(
            f"{count} loader workers instead of {wanted}: {SHARED} ({memory.total / 1e6:,.0f} MB) has no room for "
            f"more batches of {size / 1e6:,.1f} MB; {LARGER}"
        )
    return count


def affordable(workers: int, batch: int, free: int) -> int:
    """As many of the workers as `free` bytes hold the batches (of `batch` bytes) of; 0 where one is too many.

    Each worker prepares PREFETCH batches; one more is trained on, and one is on its way.
    """
    return max(0, min(workers, (free // max(batch, 1) - 2) // PREFETCH))


def _by_machine(batches: Batches, device: torch.device) -> int:
    """None where the CPU trains and photos are cached (workers would only take its cores), else one per core, to 8."""
    if device.type == "cpu" and batches.photos.pixels is not None:
        return 0
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@functools.cache
def _say_once(text: str) -> None:
    """Each epoch's validation has a loader of its own."""
    console.say(text)


def loss(workers: Sequence[BaseProcess], error: Exception) -> str:
    """Why the workers can load no more, from how they ended and from what the loader raised; and what would help."""
    if workers and isinstance(error, OSError):  # of a connection to a worker that is just ending
        ready = connection.wait([worker.sentinel for worker in workers], timeout=1)
        for worker in workers:
            worker.join(1 if worker.sentinel in ready else 0)
    ended = [worker.exitcode for worker in workers if worker.exitcode]
    full = "</torch_" in str(error) or getattr(error, "errno", 0) == errno.ENOSPC  # torch names its file there
    if full or -signal.SIGBUS in ended:
        return f"{SHARED} is too small for the loader's workers; {LARGER}"
    if not ended:
        said = str(error).strip().splitlines() or [type(error).__name__]
        return f"the loader's workers failed: {said[-1]}"
    how = f"ended with status {ended[0]}" if ended[0] > 0 else f"were killed by signal {-ended[0]}"
    if ended[0] == -signal.SIGKILL:
        how += ", as the system does where memory runs out; fewer need less: SET=workers=1"
    return f"{len(ended)} of {len(workers)} loader workers {how}"
