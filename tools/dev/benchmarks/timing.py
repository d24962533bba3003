"""Measure the speed of two functions by calling them in turns."""

import statistics
import time
from collections.abc import Callable

import torch


def compare(name: str, ours: Callable[[], int], theirs: Callable[[], int], unit: str, rounds: int) -> dict:
    """Measure the speeds of two functions, and return their medians and ratio: an entry of outputs/bench/<part>.json.

    First each function is called once to warm up. Then the functions are called in turns, `rounds` times each. ours,
    theirs: functions that take no arguments and return how many units, such as images, they have processed. name: the
    name of the entry. unit: the name of the unit, such as "images".
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
    """Wait until a GPU has finished all its work. A time that is measured afterwards then includes this work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
