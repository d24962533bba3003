"""Train one model in several processes with torch.distributed. `torchrun` starts the processes.

    make train MODEL=resnet34 GPUS=4
    torchrun --nnodes=2 --nproc-per-node=8 … tools/train_fold.py …      # two machines that share outputs/

Without torchrun there is one process, and the functions of this module have no effect.
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
from comp.errors import InputError

# How long a process waits for the others before it gives up. Between two exchanges a process may write weights to a
# slow disk, predict many photos or compile a model, which can take longer than NCCL's default of 10 minutes. A long
# limit does no harm, because torchrun ends all processes at once if one of them dies.
TIMEOUT = timedelta(hours=6)


def start(device: torch.device, timeout: timedelta = TIMEOUT) -> torch.device:
    """If torchrun started several processes, let them find each other. Return the device that this process uses.

    device: the wanted device. If it is a GPU, each process gets a different GPU of the machine. timeout: how long a
    process waits for the others.
    """
    if world() == 1 or dist.is_initialized():
        return device
    if device.type == "cuda":
        _check_gpus()
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timeout)
    return device


def _check_gpus() -> None:
    """Raise InputError if this machine has fewer GPUs than processes."""
    count, found = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
    if count > found:
        expected = f"at most {found}, the number of GPUs of this machine"
        raise InputError(f"GPUS={count} is more than this machine has", expected, f"the same command with GPUS={found}")


def stop() -> None:
    """End the connection to the other processes that `start` made."""
    if dist.is_initialized():
        dist.destroy_process_group()


def world() -> int:
    """Return the number of processes, which is 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return the number of this process. The first process has the number 0, and only it writes files and prints."""
    return int(os.environ.get("RANK", "0"))


@contextlib.contextmanager
def first_alone(outputs: Path):
    """Context manager: process 0 runs the block first, then the other processes run it and find what process 0 wrote.

    Process 0 holds a lock in outputs/locks while it runs the block, and the other processes wait for the lock. They do
    not wait at a barrier of torch, because a barrier fails after TIMEOUT, and the block may take longer, for example if
    it decodes all photos of a competition.
    """
    if not dist.is_initialized():
        yield
        return
    lock = files.lock(outputs / "locks" / "first_process", "the first process", wait=True)
    if rank() == 0:
        with lock:
            dist.barrier()  # passes as soon as process 0 holds the lock
            yield
        dist.barrier()  # wait until the others have had the lock, because the next block may take it again
    else:
        dist.barrier()
        with lock:
            pass
        dist.barrier()
        yield


@contextlib.contextmanager
def first_holds(path: Path, what: str):
    """Context manager: process 0 holds a lock on the file `path` while all processes run the block.

    what: what the lock protects, such as "fold 1 of resnet34", for the text of the error. Raises InputError if another
    command holds the lock.
    """
    with files.lock(path, what) if rank() == 0 else contextlib.nullcontext():
        yield


def wait() -> None:
    """Wait until every process has called this function."""
    if dist.is_initialized():
        dist.barrier()


def wrap(model: nn.Module, device: torch.device, unused: bool) -> nn.Module:
    """Return the model inside torch's DistributedDataParallel, which averages gradients over the processes.

    If there is only one process, return the model unchanged. unused: whether some weights get no gradient in some
    training steps, because they are frozen in some epochs.
    """
    if not dist.is_initialized():
        return model
    ids = [device.index] if device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(model, device_ids=ids, find_unused_parameters=unused)


def without_sync(model: nn.Module, accumulating: bool):
    """Return a context in which the processes do not exchange gradients.

    accumulating: whether more batches follow before the next step of the optimizer. If not, the returned context has no
    effect, and gradients are exchanged.
    """
    return model.no_sync() if accumulating and hasattr(model, "no_sync") else contextlib.nullcontext()


def same_everywhere(model: nn.Module) -> None:
    """Copy the weights and the batch norm statistics of process 0 to all other processes.

    The statistics differ before, because each process saw different images.
    """
    if dist.is_initialized():
        for value in model.state_dict().values():
            dist.broadcast(value, 0)


def share(positions: np.ndarray) -> np.ndarray:
    """Return the rows of a batch that this process trains on. positions: all rows of the batch.

    The rows are divided among the processes. Each process gets at least two rows, because batch norm needs two images;
    if the batch is too small for this, its rows are repeated. So all processes make as many training steps as a single
    process would.
    """
    if world() == 1:
        return positions
    whole = np.resize(positions, max(len(positions), 2 * world()))
    return whole[rank() :: world()]


def rows(count: int) -> np.ndarray:
    """Return the positions of the rows that this process predicts. Each row belongs to exactly one process.

    count: the number of rows of all processes together.
    """
    return np.arange(count)[rank() :: world()]


def gather(part: np.ndarray, count: int) -> np.ndarray:
    """Collect the results of all processes. Every process gets the results of all rows, in the order of the rows.

    part: an array with the results of this process for the rows that `rows(count)` returned. count: the number of rows
    of all processes together.
    """
    if not dist.is_initialized():
        return part
    parts: list = [None] * world()
    dist.all_gather_object(parts, part)
    whole = np.empty((count, *part.shape[1:]), part.dtype)
    for i, piece in enumerate(parts):
        whole[i :: world()] = piece
    return whole


def mean(value: float) -> float:
    """Return the mean of `value` over all processes. Every process must call this function."""
    if not dist.is_initialized():
        return value
    device = torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")
    total = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(total)
    return float(total) / world()


def anywhere(flag: bool) -> bool:
    """Return whether `flag` is true in at least one process. Every process must call this function."""
    return mean(float(flag)) > 0
