"""Two things timed in turns."""

import statistics
import time
from collections.abc import Callable

import torch


def compare(name: str, ours: Callable[[], int], theirs: Callable[[], int], unit: str, rounds: int) -> dict:
    """A record of both rates. Each function does its work once and returns its number of units; one call warms up."""
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
    """Wait until the device has done its work, so that a clock measures it."""
    if device.type == "cuda":
        torch.cuda.synchronize()
