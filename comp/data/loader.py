"""Batches by worker processes that may fail: those that they do not bring are loaded here, with the same pixels.

A batch is a function of its epoch and positions, so it does not matter which process makes it.
"""

import multiprocessing
import signal
import threading
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from comp import console
from comp.data import workers as loader_workers
from comp.data.batches import Batches, Order
from comp.errors import InputError
from comp.hardware.watchdog import watched

PATIENCE = 900.0  # seconds without a batch after which workers count as stuck: a slow network disk needs minutes

Loaded = tuple[Tensor, Tensor, Tensor]  # pixels, labels, positions


class Loader:
    """Iterate for the batches of `order` in this epoch: pixels, labels and positions, as Batches gives them.

    workers: the recipe's setting. Workers that die, fail or find shared memory full are given up with a warning; an
    exception of a batch is raised as it is. Workers that bring nothing for `patience` seconds are an InputError.
    """

    def __init__(self, batches: Batches, order: Order, workers: int, device: torch.device, patience: float = PATIENCE):
        self.batches, self.order, self.device, self.patience = batches, order, device, patience
        self.workers = loader_workers.worker_count(workers, batches, order, device)
        self._source = self._data_loader(_InSharedMemory(batches), order, self.workers) if self.workers else None
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._awaited: int | None = None  # the batch that is waited for
        self._stuck = False

    def _data_loader(self, batches: Dataset, keys, workers: int) -> DataLoader:
        """Each item that a worker sends is one batch, already stacked."""
        return DataLoader(
            batches,
            batch_size=None,
            sampler=keys,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=loader_workers.PREFETCH if workers else None,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # or it would draw from the one of dropout
        )

    def __iter__(self) -> Iterator[Loaded]:
        # One draw an epoch, as a DataLoader without workers makes it: weights do not depend on `workers`, and those of
        # earlier versions can be made again.
        torch.empty((), dtype=torch.int64).random_()
        keys, done = list(self.order), 0
        for loaded in self._from_workers(len(keys)):
            yield loaded
            done += 1
        if done < len(keys):
            yield from self._data_loader(self.batches, keys[done:], 0)

    def _from_workers(self, count: int) -> Iterator[Loaded]:
        """The batches that the workers bring: all `count`, or the first ones where the workers are lost."""
        if self._source is None:
            return
        with watched(lambda: self._awaited, self.patience, self._kill):
            try:
                self._awaited = 0 if self._processes else None  # those of an epoch before may be stuck meanwhile
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
        """The DataLoader's iterator, its workers at work.

        torch's handler of SIGCHLD raises wherever the main thread is when a worker dies, such as amid a step. It is
        taken off: the next wait for a batch finds out too, within five seconds.
        """
        before, others = signal.getsignal(signal.SIGCHLD), multiprocessing.active_children()
        multiprocessing.Semaphore()  # fails where shared memory is full; torch would print a traceback besides
        source = iter(self._source)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)
        self._processes += [child for child in multiprocessing.active_children() if child not in others]
        return source

    def _kill(self) -> None:
        """Kill workers that bring nothing: torch then finds them dead. SIGKILL ends a stopped process too."""
        self._stuck = True
        for worker in self._processes:
            worker.kill()

    def _give_up(self, error: Exception) -> None:
        """Go on without workers, and say why; InputError where they were stuck, as this process might be too."""
        why = loader_workers.loss(self._processes, error)
        self.workers, self._source = 0, None
        if self._stuck:
            for worker in self._processes:
                worker.join(5)  # killed just now
            raise InputError(
                f"the loader's workers brought no batch for {self.patience:g} seconds",
                "a batch in less: a disk that answers, and workers that run",
                "ls on the folder of photos; then the same command with SET=workers=0, which goes on where it stopped",
            ) from error
        if not isinstance(error, InputError):  # a photo's error is raised again, by this process
            console.warn(f"{why}. This process loads the batches from here on, the same pixels but slower")


class _InSharedMemory(Dataset):
    """Batches as a worker gives them: moved to shared memory here, where torch passes an error on.

    torch itself moves them in a thread of the worker, which prints the error, and the main process waits for ever.
    """

    def __init__(self, batches: Batches):
        self.batches = batches

    def __getitem__(self, key) -> Loaded:
        loaded = self.batches[key]
        for part in loaded:
            part.share_memory_()
        return loaded
