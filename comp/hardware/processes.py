"""Several processes on one training, by torch.distributed: `torchrun` starts them, this module knows which one we are.

    make train MODEL=resnet34 GPUS=4
    torchrun --nnodes=2 --nproc-per-node=8 … tools/train_fold.py …      # several machines, one shared outputs/

Without torchrun every function here is the identity for a world of one.
"""

import contextlib
import os
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from comp.io import files


def start(device: torch.device) -> torch.device:
    """Join the processes that torchrun started, if it did; the device of this one."""
    if world() == 1 or dist.is_initialized():
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return device


def stop() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def world() -> int:
    """The number of processes; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """This process among them: 0 writes and talks."""
    return int(os.environ.get("RANK", "0"))


@contextlib.contextmanager
def first_alone():
    """Rank 0 goes through the block before the others: it builds what they then find."""
    if rank() > 0 and dist.is_initialized():
        dist.barrier()
    yield
    if rank() == 0 and dist.is_initialized():
        dist.barrier()


@contextlib.contextmanager
def first_holds(path: Path, what: str):
    """Rank 0 holds the lock while all go through the block; InputError where another training has it."""
    with files.lock(path, what) if rank() == 0 else contextlib.nullcontext():
        yield


def wait() -> None:
    if dist.is_initialized():
        dist.barrier()


def wrap(model: nn.Module, device: torch.device, unused: bool) -> nn.Module:
    """torch's DistributedDataParallel: gradients are averaged over the processes. unused: some weights are frozen."""
    if not dist.is_initialized():
        return model
    ids = [device.index] if device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(model, device_ids=ids, find_unused_parameters=unused)


def without_sync(model: nn.Module, accumulating: bool):
    """Skip the exchange of gradients in the batches between two steps."""
    return model.no_sync() if accumulating and hasattr(model, "no_sync") else contextlib.nullcontext()


def same_everywhere(model: nn.Module) -> None:
    """Give all processes rank 0's weights and statistics: batch norms saw different images."""
    if dist.is_initialized():
        for value in model.state_dict().values():
            dist.broadcast(value, 0)


def share(positions: np.ndarray) -> np.ndarray:
    """This process's rows of a batch: every world-th, at least two (rows repeat in a small last batch), so that the
    number of steps is that of one process and batch norm has something to normalise."""
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
    """The mean over the processes."""
    return float(np.mean(gather_values(value)))


def gather_values(value: float) -> list[float]:
    if not dist.is_initialized():
        return [value]
    values: list = [None] * world()
    dist.all_gather_object(values, value)
    return values
