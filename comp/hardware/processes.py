"""Several processes on one training, by torch.distributed: `torchrun` starts them, this module says which one this is.

    make train MODEL=resnet34 GPUS=4
    torchrun --nnodes=2 --nproc-per-node=8 … tools/train_fold.py …      # several machines, one shared outputs/

Without torchrun there is one process, and the functions here change nothing.
"""

import contextlib
import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from comp import files

# How long a process waits for the others before it gives up. Between two exchanges a process may write weights to a
# slow disk, predict many photos or compile a model, which can take longer than the 10 minutes of NCCL's default.
# torchrun ends the others at once if a process dies, so a long wait costs nothing then.
TIMEOUT = timedelta(hours=6)


def start(device: torch.device, timeout: timedelta = TIMEOUT) -> torch.device:
    """Join the other processes if torchrun started several; the device of this one."""
    if world() == 1 or dist.is_initialized():
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timeout)
    return device


def stop() -> None:
    """Leave the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()


def world() -> int:
    """The number of processes; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """The number of this process; process 0 writes files and prints."""
    return int(os.environ.get("RANK", "0"))


@contextlib.contextmanager
def first_alone(outputs: Path):
    """Process 0 runs the block before the others, which then find what it has made.

    Process 0 holds a lock in outputs/locks, and the others wait for that lock as long as the block takes. A barrier
    would end after TIMEOUT, and in this block all photos of a competition are decoded.
    """
    if not dist.is_initialized():
        yield
        return
    lock = files.lock(outputs / "locks" / "first_process", "the first process", wait=True)
    if rank() == 0:
        with lock:
            dist.barrier()  # a short one: the others may ask for the lock from here on
            yield
    else:
        dist.barrier()
        with lock:
            pass
        yield


@contextlib.contextmanager
def first_holds(path: Path, what: str):
    """Process 0 holds the lock on `path` while all run the block. Raises InputError if another training holds it.

    what: the name of what is locked, for the error.
    """
    with files.lock(path, what) if rank() == 0 else contextlib.nullcontext():
        yield


def wait() -> None:
    """Return once every process has called this."""
    if dist.is_initialized():
        dist.barrier()


def wrap(model: nn.Module, device: torch.device, unused: bool) -> nn.Module:
    """The model in torch's DistributedDataParallel, which averages gradients over the processes.

    unused: whether some weights are frozen in some epochs, so that a step may not use them.
    """
    if not dist.is_initialized():
        return model
    ids = [device.index] if device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(model, device_ids=ids, find_unused_parameters=unused)


def without_sync(model: nn.Module, accumulating: bool):
    """A context that skips the exchange of gradients, for the batches between two steps."""
    return model.no_sync() if accumulating and hasattr(model, "no_sync") else contextlib.nullcontext()


def same_everywhere(model: nn.Module) -> None:
    """Give all processes the weights and statistics of process 0: their batch norms saw different images."""
    if dist.is_initialized():
        for value in model.state_dict().values():
            dist.broadcast(value, 0)


def share(positions: np.ndarray) -> np.ndarray:
    """This process's rows of a batch: every world-th, and at least two; rows repeat in a small last batch.

    All processes then make as many steps as one process would, and batch norm has something to normalise.
    """
    if world() == 1:
        return positions
    whole = np.resize(positions, max(len(positions), 2 * world()))
    return whole[rank() :: world()]


def rows(count: int) -> np.ndarray:
    """This process's rows of a table to predict: each row on exactly one process."""
    return np.arange(count)[rank() :: world()]


def gather(part: np.ndarray, count: int) -> np.ndarray:
    """All rows (count, …) in their order, on every process, from the parts that `rows` gave out."""
    if not dist.is_initialized():
        return part
    parts: list = [None] * world()
    dist.all_gather_object(parts, part)
    whole = np.empty((count, *part.shape[1:]), part.dtype)
    for i, piece in enumerate(parts):
        whole[i :: world()] = piece
    return whole


def mean(value: float) -> float:
    """The mean of a number over the processes."""
    if not dist.is_initialized():
        return value
    device = torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")
    total = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(total)
    return float(total) / world()


def anywhere(flag: bool) -> bool:
    """Whether the flag is set on any process; every process must call this."""
    return mean(float(flag)) > 0
