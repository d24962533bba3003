"""The timing of two functions in turns."""

import statistics
import time
from collections.abc import Callable

import torch


def compare(name: str, ours: Callable[[], int], theirs: Callable[[], int], unit: str, rounds: int) -> dict:
    """A record of the median rates of two functions, which are called in turns after one call each to warm up.

    ours, theirs: functions that do their work once and return the number of units, such as images. unit: its name.
    """
    rates: dict[Callable, list[float]] = {ours: [], theirs: []}
    for each in rates:
        each()
    for _ in range(rounds):
        for each, measured in rates.items():
            began = time.perf_counter()
            done = each()
            measured.append(done / (time.perf_counter() - began))
    a, b = statistics.median(rates[ours]), statistics.median(rates[theirs])
    return {"name": name, "ours": a, "theirs": b, "unit": f"{unit}/s", "ratio": a / b, "rounds": rounds}


def synchronized(device: torch.device) -> None:
    """Wait until the device has done all its work, so that a clock measures the whole work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
