"""Run one training in several processes by torch.distributed. `torchrun` starts the processes.

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

# How long a process waits for the other processes before it gives up. Between two exchanges a process may write weights
# to a slow disk, predict many photos or compile a model, which can take longer than the 10 minutes of NCCL's default.
# torchrun ends all processes at once if one of them dies, so a long limit costs nothing.
TIMEOUT = timedelta(hours=6)


def start(device: torch.device, timeout: timedelta = TIMEOUT) -> torch.device:
    """Join the other processes if torchrun started several. Returns the device of this process."""
    if world() == 1 or dist.is_initialized():
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timeout)
    return device


def stop() -> None:
    """Leave the group of processes that `start` joined."""
    if dist.is_initialized():
        dist.destroy_process_group()


def world() -> int:
    """The number of processes, which is 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """The number of this process, from 0. Process 0 writes files and prints."""
    return int(os.environ.get("RANK", "0"))


@contextlib.contextmanager
def first_alone(outputs: Path):
    """Let process 0 run the block first. The other processes run it afterwards and find the files of process 0.

    Process 0 holds a lock in outputs/locks, and the other processes wait for the lock as long as the block takes. They
    do not wait at a barrier: it would end after TIMEOUT, and the block may decode all photos of a competition.
    """
    if not dist.is_initialized():
        yield
        return
    lock = files.lock(outputs / "locks" / "first_process", "the first process", wait=True)
    if rank() == 0:
        with lock:
            dist.barrier()  # passes as soon as process 0 holds the lock
            yield
        dist.barrier()  # until the others have had the lock: process 0 may take it again for its next block
    else:
        dist.barrier()
        with lock:
            pass
        dist.barrier()
        yield


@contextlib.contextmanager
def first_holds(path: Path, what: str):
    """Hold the lock on `path` in process 0 while all processes run the block.

    what: the name of what is locked, for the error. Raises InputError if another training holds the lock.
    """
    with files.lock(path, what) if rank() == 0 else contextlib.nullcontext():
        yield


def wait() -> None:
    """Wait until every process has called this function."""
    if dist.is_initialized():
        dist.barrier()


def wrap(model: nn.Module, device: torch.device, unused: bool) -> nn.Module:
    """The model in torch's DistributedDataParallel, which averages gradients over the processes.

    unused: whether some steps leave weights unused, because the weights are frozen in some epochs.
    """
    if not dist.is_initialized():
        return model
    ids = [device.index] if device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(model, device_ids=ids, find_unused_parameters=unused)


def without_sync(model: nn.Module, accumulating: bool):
    """A context in which processes exchange no gradients if `accumulating`: if no optimizer step follows the batch."""
    return model.no_sync() if accumulating and hasattr(model, "no_sync") else contextlib.nullcontext()


def same_everywhere(model: nn.Module) -> None:
    """Copy the weights and statistics of process 0 to all processes, since their batch norms saw different images."""
    if dist.is_initialized():
        for value in model.state_dict().values():
            dist.broadcast(value, 0)


def share(positions: np.ndarray) -> np.ndarray:
    """The part of a batch that this process trains on. positions (B,): the rows of the whole batch.

    A process gets every `world()`-th row and at least two rows; in a small batch rows repeat. So all processes make as
    many steps as a single process would, and batch norm has at least two images.
    """
    if world() == 1:
        return positions
    whole = np.resize(positions, max(len(positions), 2 * world()))
    return whole[rank() :: world()]


def rows(count: int) -> np.ndarray:
    """The rows that this process predicts of a table with `count` rows. Each row belongs to exactly one process."""
    return np.arange(count)[rank() :: world()]


def gather(part: np.ndarray, count: int) -> np.ndarray:
    """Join the parts of all processes, which `rows` split. Every process gets all rows (count, …) in their order."""
    if not dist.is_initialized():
        return part
    parts: list = [None] * world()
    dist.all_gather_object(parts, part)
    whole = np.empty((count, *part.shape[1:]), part.dtype)
    for i, piece in enumerate(parts):
        whole[i :: world()] = piece
    return whole


def mean(value: float) -> float:
    """The mean of `value` over all processes, each of which must call this function."""
    if not dist.is_initialized():
        return value
    device = torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")
    total = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(total)
    return float(total) / world()


def anywhere(flag: bool) -> bool:
    """Return whether `flag` is true in at least one process. Every process must call this function."""
    return mean(float(flag)) > 0
