"""Measure the speed of two functions by calling them in turns."""

import statistics
import time
from collections.abc import Callable

import torch


def compare(name: str, ours: Callable[[], int], theirs: Callable[[], int], unit: str, rounds: int) -> dict:
    """Return a record (an entry of outputs/bench/*.json) that compares the median speeds of two functions.

    First each function is called once to warm up; then they are called in turns, `rounds` times each. ours, theirs:
    functions that do their work once and return how many units, such as images, they have processed. unit: the name of
    the unit.
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
    """Wait until the device has finished all its work, so that a clock that is read next has measured all of it."""
    if device.type == "cuda":
        torch.cuda.synchronize()
