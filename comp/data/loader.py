"""Batches by worker processes that may die, fail or hang; the missing ones are then loaded here, with the same pixels.

1. `Loader` iterates over the batches of an epoch.
2. The number of workers follows the machine and its shared memory; `loss_of_workers` says why workers were lost.
3. `watched` is the thread that ends workers which bring nothing.

A batch is a function of its epoch and positions, so it does not matter which process makes it. torch's DataLoader does
the work. What it lacks: it raises if a worker dies, hangs if shared memory is full, and its timeout leaves a training
that has to be started again.
"""

import contextlib
import errno
import functools
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection
from multiprocessing.process import BaseProcess

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from comp import console
from comp.data.batches import Batches, Order
from comp.errors import InputError
from comp.hardware import processes

# ---- the loader

PATIENCE = 900.0  # seconds without a batch after which workers count as stuck: a slow network disk needs minutes
PREFETCH = 2  # batches that torch lets a worker prepare

Loaded = tuple[Tensor, Tensor, Tensor]  # pixels, labels, positions


class Loader:
    """Iterate for the batches of `order` in this epoch: pixels, labels and positions, as Batches gives them.

    workers: the recipe's setting. If workers die, fail or find shared memory full, a warning says so and this process
    goes on without them. An exception of a batch is raised as it is. Workers that bring nothing for `patience` seconds
    are an InputError.
    """

    def __init__(self, batches: Batches, order: Order, workers: int, device: torch.device, patience: float = PATIENCE):
        self.batches, self.order, self.device, self.patience = batches, order, device, patience
        self.workers = worker_count(workers, batches, order, device)
        self._source = self._data_loader(_InSharedMemory(batches), order, self.workers) if self.workers else None
        self._processes: list[BaseProcess] = []
        self._awaited: int | None = None  # the number of the batch that this process waits for
        self._stuck = False

    def _data_loader(self, batches: Dataset, keys, workers: int) -> DataLoader:
        """Each item that a worker sends is one batch, already stacked."""
        return DataLoader(
            batches,
            batch_size=None,
            sampler=keys,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=PREFETCH if workers else None,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # or it would draw from the generator of dropout
        )

    def __iter__(self) -> Iterator[Loaded]:
        # one draw an epoch, for any number of workers: the random numbers of the model, such as dropout, come after it
        torch.empty((), dtype=torch.int64).random_()
        keys, count = list(self.order), 0
        for loaded in self._from_workers(len(keys)):
            yield loaded
            count += 1
        if count < len(keys):
            yield from self._data_loader(self.batches, keys[count:], 0)

    def _from_workers(self, count: int) -> Iterator[Loaded]:
        """The batches that the workers bring: all `count`, or the first ones if the workers are lost."""
        if self._source is None:
            return
        with watched(lambda: self._awaited, self.patience, self._kill):
            try:
                self._awaited = 0 if self._processes else None  # workers of an earlier epoch may be stuck by now
                source = self._started()
                self._awaited = 0
                for number in range(1, count + 1):
                    loaded = next(source)
                    self._awaited = None
                    yield loaded
                    self._awaited = number
            except Exception as error:
                self._give_up(error)
            finally:
                self._awaited = None

    def _started(self) -> Iterator[Loaded]:
        """The DataLoader's iterator, with its workers at work.

        torch's handler of SIGCHLD raises wherever the main thread is when a worker dies, such as in the middle of a
        step. It is removed: the next wait for a batch notices the death too, within five seconds.
        """
        before, others = signal.getsignal(signal.SIGCHLD), multiprocessing.active_children()
        multiprocessing.Semaphore()  # fails if shared memory is full; torch would print a traceback as well
        source = iter(self._source)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)
        self._processes += [child for child in multiprocessing.active_children() if child not in others]
        return source

    def _kill(self) -> None:
        """Kill workers that bring nothing; torch then notices it. SIGKILL ends a stopped process too."""
        self._stuck = True
        for worker in self._processes:
            worker.kill()

    def _give_up(self, error: Exception) -> None:
        """Go on without workers, and say why; InputError if they were stuck, as this process might be too."""
        why = loss_of_workers(self._processes, error)
        self.workers, self._source = 0, None
        if self._stuck:
            for worker in self._processes:
                worker.join(5)  # it was killed just now
            raise InputError(
                f"the loader's workers brought no batch for {self.patience:g} seconds",
                "a batch in less: a disk that answers, and workers that run",
                "ls on the folder of photos; then the same command with SET=workers=0, which goes on where it stopped",
            ) from error
        if not isinstance(error, InputError):  # a photo's error is raised again, by this process
            console.warn(f"{why}. This process loads the batches from here on, the same pixels but slower")


class _InSharedMemory(Dataset):
    """Batches in a worker: they are moved to shared memory here, where an error reaches the main process.

    torch moves them in a thread of the worker, which prints the error, and the main process waits for ever.
    """

    def __init__(self, batches: Batches):
        self.batches = batches

    def __getitem__(self, key) -> Loaded:
        loaded = self.batches[key]
        for part in loaded:
            part.share_memory_()
        return loaded


# ---- how many workers, and why they were lost

SHARED = "/dev/shm"  # workers hand over their batches in files of this folder
LARGER = "docker run --shm-size=8g or --ipc=host gives more"
MOST_WORKERS = 8  # if the machine decides: more hardly help, and each needs memory


def worker_count(workers: int, batches: Batches, order: Order, device: torch.device) -> int:
    """The recipe's number of workers, or by the machine (-1); fewer if shared memory cannot hold their batches."""
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
    """The number of workers, at most `workers`, whose batches (of `batch` bytes) fit into `free` bytes; may be 0.

    Each worker prepares PREFETCH batches; one more is trained on, and one is on its way.
    """
    return max(0, min(workers, (free // max(batch, 1) - 2) // PREFETCH))


def _by_machine(batches: Batches, device: torch.device) -> int:
    """One worker per core, up to MOST_WORKERS; none if the CPU trains on decoded photos and needs all its cores."""
    if device.type == "cpu" and batches.photos.is_decoded:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_WORKERS, cores)


@functools.cache
def _say_once(text: str) -> None:
    """Print a line once: each epoch's validation has a new loader."""
    console.say(text)


def loss_of_workers(workers: Sequence[BaseProcess], error: Exception) -> str:
    """Why the workers were lost, from how they ended and from what the loader raised; and what would help."""
    if workers and isinstance(error, OSError):  # of a connection to a worker that is just ending
        ready = connection.wait([worker.sentinel for worker in workers], timeout=1)
        for worker in workers:
            worker.join(1 if worker.sentinel in ready else 0)
    codes = [worker.exitcode for worker in workers if worker.exitcode]
    full = "</torch_" in str(error) or getattr(error, "errno", 0) == errno.ENOSPC  # torch names its file there
    if full or -signal.SIGBUS in codes:
        return f"{SHARED} is too small for the loader's workers; {LARGER}"
    if not codes:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return f"the loader's workers failed: {lines[-1]}"
    how = f"ended with status {codes[0]}" if codes[0] > 0 else f"were killed by signal {-codes[0]}"
    if codes[0] == -signal.SIGKILL:
        how += ", as the system does when memory runs out; fewer workers need less: SET=workers=1"
    return f"{len(codes)} of {len(workers)} loader workers {how}"


# ---- the watchdog

TICKS = 20  # looks at the state within the patience


@contextlib.contextmanager
def watched(awaited: Callable[[], object], patience: float, act: Callable[[], None]) -> Iterator[None]:
    """Call `act`, from another thread, whenever `awaited()` gave the same value, not None, for `patience` seconds.

    Looks are counted, not the clock: a process that was stopped (Ctrl-Z) and continued has not waited meanwhile.
    """
    done = threading.Event()

    def watch() -> None:
        before, same = None, 0
        while not done.wait(patience / TICKS):
            now = awaited()
            same = same + 1 if now is not None and now == before else 0
            before = now
            if same == TICKS:
                act()
                same = 0  # and again if that did not help

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()
