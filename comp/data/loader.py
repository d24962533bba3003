"""Load batches in worker processes. If the workers die or fail, the main process loads the other batches itself.

1. `Loader` iterates over the batches of an epoch.
2. `worker_count` returns how many workers to start, which depends on the machine and its shared memory.
   `loss_of_workers` says why workers were lost.
3. `watched` calls a function if a block of code waits too long. `Loader` uses it to kill workers that deliver no
   batches.

The pixels of a batch depend only on its epoch and its positions, so it does not matter which process makes the batch.
torch's DataLoader starts the workers. On its own, it raises an error if a worker dies, and it hangs if shared memory is
full. Its timeout would end the training, which would have to be started again.
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

import joblib
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from comp import console
from comp.data.batches import Batches, Order
from comp.errors import InputError
from comp.hardware import processes

# ---- the loader

PATIENCE = 900.0  # seconds without a batch until workers are called stuck; a slow network disk may need minutes
PREFETCH = 2  # batches that each worker prepares in advance

Loaded = tuple[Tensor, Tensor, Tensor]  # pixels, labels, positions


class Loader:
    """Iterate over the batches of one epoch. Each batch is a tuple of pixels, labels and positions.

    order: the current epoch, and the positions of the rows in each of its batches. batches: the dataset, which makes a
    batch from the number of the epoch and such positions. workers: the number of worker
    processes; -1 means that `worker_count` chooses it. device: the device that will use the batches.
    If workers die, fail or find shared memory full, a warning is printed, and the main process loads the other batches.
    If a batch raises an error, such as for an unreadable photo, the main process raises the same error. If the workers
    deliver no batch for `patience` seconds, they are killed and InputError is raised.
    """

    def __init__(self, batches: Batches, order: Order, workers: int, device: torch.device, patience: float = PATIENCE):
        self.batches, self.order, self.device, self.patience = batches, order, device, patience
        self.workers = worker_count(workers, batches, order, device)
        self._source = self._data_loader(_InSharedMemory(batches), order, self.workers) if self.workers else None
        self._processes: list[BaseProcess] = []
        self._awaited: int | None = None  # the number of the batch for which this process waits
        self._stuck = False

    def _data_loader(self, batches: Dataset, keys, workers: int) -> DataLoader:
        """Return torch's DataLoader for the batches at `keys`, which are pairs (epoch, positions).

        workers: the number of worker processes. Each item of `batches` is a whole batch, so the DataLoader stacks no
        items.
        """
        return DataLoader(
            batches,
            batch_size=None,
            sampler=keys,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=PREFETCH if workers else None,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # otherwise it would use up random numbers of dropout
        )

    def __iter__(self) -> Iterator[Loaded]:
        # one draw in each epoch, whatever the number of workers, because dropout uses the random numbers that follow
        torch.empty((), dtype=torch.int64).random_()
        keys, count = list(self.order), 0
        for loaded in self._from_workers(len(keys)):
            yield loaded
            count += 1
        if count < len(keys):
            yield from self._data_loader(self.batches, keys[count:], 0)

    def _from_workers(self, count: int) -> Iterator[Loaded]:
        """Yield `count` batches from the workers, or fewer if the workers are lost."""
        if self._source is None:
            return
        with watched(lambda: self._awaited, self.patience, self._kill):
            try:
                self._awaited = 0 if self._processes else None  # workers of an earlier epoch may be stuck
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
        """Start the workers if they do not run yet, and return an iterator over their batches.

        This also removes torch's handler of the signal SIGCHLD. When a worker dies, the handler would raise an error at
        any point of the main thread, such as in the middle of a training step. Without the handler, the next wait for a
        batch notices the death within five seconds.
        """
        before, others = signal.getsignal(signal.SIGCHLD), multiprocessing.active_children()
        multiprocessing.Semaphore()  # fails early if shared memory is full; torch would also print a traceback
        source = iter(self._source)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)
        self._processes += [child for child in multiprocessing.active_children() if child not in others]
        return source

    def _kill(self) -> None:
        """Kill the workers, because they deliver no batches. The DataLoader then raises an error in the main process.

        The signal is SIGKILL, because it also ends processes that are stopped.
        """
        self._stuck = True
        for worker in self._processes:
            worker.kill()

    def _give_up(self, error: Exception) -> None:
        """Continue without workers and print a warning that says why, or raise InputError if the workers were stuck.

        error: the error that ended the iteration over the batches. If it is an InputError, no warning is printed,
        because the main process will raise it again when it loads the same batch.
        """
        why = loss_of_workers(self._processes, error)
        self.workers, self._source = 0, None
        if self._stuck:
            for worker in self._processes:
                worker.join(5)  # it was killed by `_kill`
            raise InputError(
                f"the worker processes that load photos delivered no batch for {self.patience:g} seconds",
                "a batch in less time (`ls` on the folder of the photos shows whether the disk answers)",
                "the same command with SET=workers=0, which continues the training where it stopped",
            ) from error
        if not isinstance(error, InputError):  # an InputError is raised again by the main process
            console.warn(
                f"{why}. From now on the main process loads the batches, which gives the same pixels but is slower"
            )


class _InSharedMemory(Dataset):
    """The same dataset as `batches`, but each worker itself moves its batches to shared memory.

    Without this class, torch would do so in a thread of the worker. If shared memory is full, the thread would only
    print an error, and the main process would wait for ever. With this class, the error reaches the main process.
    """

    def __init__(self, batches: Batches):
        self.batches = batches

    def __getitem__(self, key) -> Loaded:
        loaded = self.batches[key]
        for part in loaded:
            part.share_memory_()
        return loaded


# ---- how many workers, and why they were lost

SHARED = "/dev/shm"  # the folder of shared memory, through which workers pass their batches
LARGER = "`docker run` with --shm-size=8g or with --ipc=host gives it more room"
MOST_WORKERS = 8  # limit if the machine decides; more workers hardly help, and each worker needs memory


def worker_count(workers: int, batches: Batches, order: Order, device: torch.device) -> int:
    """Return the number of worker processes to start.

    workers: the wanted number; -1 means one that suits the machine. If shared memory has no room for the batches of so
    many workers, the result is smaller and a message is printed.
    """
    wanted = workers if workers >= 0 else _by_machine(batches, device)
    if not wanted or not os.path.isdir(SHARED):
        return wanted
    size = order.batch_size * batches.photos.size**2 * 3 // processes.world()
    memory = shutil.disk_usage(SHARED)
    count = affordable(wanted, size, memory.free // processes.world())
    if count < wanted:
        _say_once(
            f"only {count} of {wanted} workers load photos, because {SHARED} ({memory.total / 1e6:,.0f} MB) "
            f"has no room for more batches of {size / 1e6:,.1f} MB; {LARGER}"
        )
    return count


def affordable(workers: int, batch: int, free: int) -> int:
    """Return the number of workers, from 0 to `workers`, whose batches fit into `free` bytes of shared memory.

    batch: the bytes of one batch. Each worker needs room for PREFETCH batches. Two more batches need room: the batch in
    training and the next one.
    """
    return max(0, min(workers, (free // max(batch, 1) - 2) // PREFETCH))


def _by_machine(batches: Batches, device: torch.device) -> int:
    """Return the number of workers that suits the machine: one for each core, but at most MOST_WORKERS.

    If the CPU does the training and the photos are already decoded, return 0, because the training then needs all
    cores.
    """
    if device.type == "cpu" and batches.photos.is_decoded:
        return 0
    return min(MOST_WORKERS, joblib.cpu_count())  # counts only the cores that a container may use


@functools.cache
def _say_once(text: str) -> None:
    """Print `text`, unless this function has printed the same text before."""
    console.say(text)


def loss_of_workers(workers: Sequence[BaseProcess], error: Exception) -> str:
    """Return a text that says why the worker processes died or failed, and what may help.

    workers: all worker processes; error: the error that torch's DataLoader raised.
    """
    if workers and isinstance(error, OSError | EOFError):  # the connection broke because a worker is ending
        ready = connection.wait([worker.sentinel for worker in workers], timeout=1)
        for worker in workers:
            worker.join(1 if worker.sentinel in ready else 0)
    codes = [worker.exitcode for worker in workers if worker.exitcode]
    full = "</torch_" in str(error) or getattr(error, "errno", 0) == errno.ENOSPC  # torch's file names begin so
    if full or -signal.SIGBUS in codes:
        return f"{SHARED} is too small for the worker processes that load photos; {LARGER}"
    if not codes:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return f"the worker processes that load photos failed: {lines[-1]}"
    how = f"ended with status {codes[0]}" if codes[0] > 0 else f"were killed by signal {-codes[0]}"
    if codes[0] == -signal.SIGKILL:
        how += ", which the system does when memory runs out; SET=workers=1 needs less memory"
    return f"{len(codes)} of {len(workers)} worker processes that load photos {how}"


# ---- the watchdog

TICKS = 20  # number of calls of `awaited` in `patience` seconds


@contextlib.contextmanager
def watched(awaited: Callable[[], object], patience: float, act: Callable[[], None]) -> Iterator[None]:
    """Call `act` each time the code in this context has waited for the same thing for `patience` seconds.

    awaited: a function that returns what the code waits for, such as the number of a batch, or None if the code does
    not wait. A thread calls `awaited` at regular intervals and counts how often the value stays the same. The thread
    reads no clock, so time in which the process was stopped (Ctrl-Z) is not counted as waiting.
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
