"""Which device, which number format and memory layout are fast on it, and what to do when its memory runs out."""

import os

import torch

from comp.errors import InputError


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" is the first GPU, else the CPU. InputError for a device that is not there."""
    if name == "auto":
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        device = torch.device(name)
    except RuntimeError:
        known = "auto, cpu, cuda, cuda:1, mps"
        raise InputError(f"DEVICE={name}", known, "the same command with DEVICE=auto") from None
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (device.index or 0) >= there.get(device.type, 0):
        raise InputError(
            f"DEVICE={name}, but this machine has {there.get(device.type, 0)} such device(s)",
            "a device that is there",
            "the same command with DEVICE=auto (nvidia-smi shows what the driver sees)",
        )
    return device


def fitting(device: torch.device, size: int, count: int) -> int:
    """How many of `count` models (`size` bytes together) fit into half of the free memory; the rest is for layers."""
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
    elif hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    else:
        return 1
    return max(1, min(count, int(free / 2 * count / max(size, 1))))
