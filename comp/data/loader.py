"""Load batches in worker processes. If the workers die or fail, this process loads the other batches, pixel for pixel.

1. `Loader` iterates over the batches of an epoch.
2. `worker_count` follows the machine and its shared memory, and `loss_of_workers` says why workers were lost.
3. `watched` runs a thread that can end workers which bring no batches.

A batch is a function of its epoch and positions, so it does not matter which process makes it. torch's DataLoader does
the work. On its own it raises an error if a worker dies, hangs if shared memory is full, and after its timeout the
training has to be started again.
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

PATIENCE = 900.0  # seconds without a batch after which workers count as stuck; a slow network disk needs minutes
PREFETCH = 2  # batches that each worker prepares in advance

Loaded = tuple[Tensor, Tensor, Tensor]  # pixels, labels, positions


class Loader:
    """Iterate over the batches of the epoch of `order`. Each batch is pixels, labels and positions, as from `Batches`.

    workers: the setting of the recipe, -1 to let the machine decide. If workers die, fail or find shared memory full, a
    warning says so, and this process loads the other batches. An exception that a batch raises is raised here too. If
    the workers bring no batch for `patience` seconds, an InputError is raised.
    """

    def __init__(self, batches: Batches, order: Order, workers: int, device: torch.device, patience: float = PATIENCE):
        self.batches, self.order, self.device, self.patience = batches, order, device, patience
        self.workers = worker_count(workers, batches, order, device)
        self._source = self._data_loader(_InSharedMemory(batches), order, self.workers) if self.workers else None
        self._processes: list[BaseProcess] = []
        self._awaited: int | None = None  # number of the batch for which this process waits
        self._stuck = False

    def _data_loader(self, batches: Dataset, keys, workers: int) -> DataLoader:
        """A DataLoader for the batches at `keys`. Each of its items is a whole batch, so it stacks nothing."""
        return DataLoader(
            batches,
            batch_size=None,
            sampler=keys,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=PREFETCH if workers else None,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # otherwise it would draw from the generator of dropout
        )

    def __iter__(self) -> Iterator[Loaded]:
        # one draw per epoch, with any number of workers; the random numbers of the model, such as dropout, follow it
        torch.empty((), dtype=torch.int64).random_()
        keys, count = list(self.order), 0
        for loaded in self._from_workers(len(keys)):
            yield loaded
            count += 1
        if count < len(keys):
            yield from self._data_loader(self.batches, keys[count:], 0)

    def _from_workers(self, count: int) -> Iterator[Loaded]:
        """Yield the batches that the workers bring: all `count` batches, or only the first if the workers are lost."""
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
        """Start the workers, and return the iterator of the DataLoader.

        When a worker dies, torch's handler of SIGCHLD raises an error wherever the main thread is, such as in the
        middle of a step. The handler is removed, because the next wait for a batch also notices the death, within five
        seconds.
        """
        before, others = signal.getsignal(signal.SIGCHLD), multiprocessing.active_children()
        multiprocessing.Semaphore()  # raises if shared memory is full, where torch would also print a traceback
        source = iter(self._source)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)
        self._processes += [child for child in multiprocessing.active_children() if child not in others]
        return source

    def _kill(self) -> None:
        """Kill the workers, which bring no batches. torch notices their end. SIGKILL also ends stopped processes."""
        self._stuck = True
        for worker in self._processes:
            worker.kill()

    def _give_up(self, error: Exception) -> None:
        """Go on without workers, and print why. Raises InputError if the workers were stuck."""
        why = loss_of_workers(self._processes, error)
        self.workers, self._source = 0, None
        if self._stuck:
            for worker in self._processes:
                worker.join(5)  # `_kill` killed it just now
            raise InputError(
                f"the loader's workers brought no batch for {self.patience:g} seconds",
                "a batch in less time, from a disk that answers (try ls on the folder of photos) and workers that run",
                "the same command with SET=workers=0, which goes on where the training stopped",
            ) from error
        if not isinstance(error, InputError):  # this process raises a photo's error again
            console.warn(f"{why}. From here on this process loads the batches, with the same pixels but more slowly")


class _InSharedMemory(Dataset):
    """Batches that the worker itself moves to shared memory, so that an error reaches the main process.

    torch would move a batch in a thread of the worker. The thread only prints an error, and the main process waits for
    ever.
    """

    def __init__(self, batches: Batches):
        self.batches = batches

    def __getitem__(self, key) -> Loaded:
        loaded = self.batches[key]
        for part in loaded:
            part.share_memory_()
        return loaded


# ---- how many workers, and why they were lost

SHARED = "/dev/shm"  # folder in whose files workers hand over their batches
LARGER = "docker run with --shm-size=8g or with --ipc=host gives more"
MOST_WORKERS = 8  # if the machine decides; more workers hardly help, and each of them needs memory


def worker_count(workers: int, batches: Batches, order: Order, device: torch.device) -> int:
    """The number of workers to start: `workers`, or the machine's choice for -1; fewer if shared memory is small."""
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
    """The number of workers, from 0 to `workers`, whose batches fit into `free` bytes. batch: the bytes of a batch.

    Each worker holds PREFETCH batches. Two more batches need room: the one in training and the next one.
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
    """Print a line only once, although a new loader in each epoch asks for it again."""
    console.say(text)


def loss_of_workers(workers: Sequence[BaseProcess], error: Exception) -> str:
    """Say why the workers were lost, and what would help. error: the error that the DataLoader raised."""
    if workers and isinstance(error, OSError | EOFError):  # the connection broke to a worker that is just ending
        ready = connection.wait([worker.sentinel for worker in workers], timeout=1)
        for worker in workers:
            worker.join(1 if worker.sentinel in ready else 0)
    codes = [worker.exitcode for worker in workers if worker.exitcode]
    full = "</torch_" in str(error) or getattr(error, "errno", 0) == errno.ENOSPC  # the name of torch's file
    if full or -signal.SIGBUS in codes:
        return f"{SHARED} is too small for the loader's workers; {LARGER}"
    if not codes:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return f"the loader's workers failed: {lines[-1]}"
    how = f"ended with status {codes[0]}" if codes[0] > 0 else f"were killed by signal {-codes[0]}"
    if codes[0] == -signal.SIGKILL:
        how += ", as the system does when memory runs out; SET=workers=1 needs less memory"
    return f"{len(codes)} of {len(workers)} loader workers {how}"


# ---- the watchdog

TICKS = 20  # number of looks at the state in `patience` seconds


@contextlib.contextmanager
def watched(awaited: Callable[[], object], patience: float, act: Callable[[], None]) -> Iterator[None]:
    """While the block runs, call `act` whenever `awaited()` has not changed for `patience` seconds and is not None.

    A thread looks at `awaited()` regularly and counts its looks. It reads no clock, so the time in which the process
    was stopped (Ctrl-Z) does not count as waiting.
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
                same = 0  # call `act` again if the value still does not change

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()
