"""What `make compare` prints."""

import numpy as np

from comp import console
from comp.blending import compared_parts
from comp.blending.compared_parts import SHOWN, Compared
from comp.blending.paired_difference import Difference

COLUMNS = ("A", "B", "B - A", "95 % low", "high", "B better")


def show(data: Compared, first: list[str], second: list[str]) -> None:
    """Print the difference of each metric, in each fold and for each label; first, second: names of the runs."""
    for name, runs in (("A", first), ("B", second)):
        console.say(f"{name}: {', '.join(runs)}")
    metric, found = data.competition.metric, compared_parts.of_metrics(data)
    groups = int(data.group.max()) + 1
    title = f"out of fold, {len(data.labels):,} rows of {groups:,} groups{_lower(data)}"
    console.table(title, ["metric", *COLUMNS], _rows(found))
    if not data.competition.attributes:
        measure, labels = compared_parts.of_labels(data)
        few = "" if len(labels) < SHOWN else f", the {len(labels)} that differ most"
        if len(labels) > 1:
            console.table(f"{measure} of each class{few}", ["class", *COLUMNS], _rows(labels))
    if max(len(first), len(second)) > 1:
        _show_runs(found[metric.name], metric.name, first, second)
    won = _show_folds(data)
    _show_result(data, found[metric.name], won, groups)


def _lower(data: Compared) -> str:
    """The metrics that are better if lower, in words; empty if there are none."""
    names = [one.name for one in (data.competition.metric, *data.competition.also) if not one.higher_is_better]
    return f"; {', '.join(names)}: lower is better" if names else ""


def _rows(found: dict[str, Difference]) -> list[list]:
    return [
        [name, one.first, one.second, *(f"{x:+.4f}" for x in (one.value, *one.interval)), f"{one.better:.2f}"]
        for name, one in found.items()
    ]


def _show_runs(found: Difference, name: str, first: list[str], second: list[str]) -> None:
    """Print the value of each run, and the spread of each set."""
    rows = [
        [f"{letter}: {run}", value]
        for letter, runs, values in zip("AB", (first, second), found.each, strict=True)
        for run, value in zip(runs, values, strict=True)
    ]
    rows += [
        [f"standard deviation of {letter}", float(np.std(values, ddof=1))]
        for letter, values in zip("AB", found.each, strict=True)
        if len(values) > 1
    ]
    console.table("each run", ["run", name], rows)


def _show_folds(data: Compared) -> str:
    """Print both sets in each fold. Returns in how many of them B is better."""
    of_folds, shown = compared_parts.of_folds(data), data.competition.metric.shown
    rows = [[str(k), first, second, f"{second - first:+.4f}"] for k, (first, second) in of_folds.items()]
    console.table(f"{data.competition.metric.name} in each fold", ["fold", "A", "B", "B - A"], rows)
    won = sum(shown(second) > shown(first) for first, second in of_folds.values())
    return f"{won} of {len(of_folds)} folds"


def _show_result(data: Compared, found: Difference, won: str, groups: int) -> None:
    """Print the result, and what its interval is made of."""
    name, runs = data.competition.metric.name, (len(data.first), len(data.second))
    low, high = found.interval
    console.say(f"{name}: B - A = {found.value:+.4f}, 95 % {low:+.4f} to {high:+.4f}")
    console.say(f"B is better with probability {found.better:.2f}, and in {won}")
    of_seeds = f"seeds ({runs[0]} of A, {runs[1]} of B)" if max(runs) > 1 else "not seeds: one run of each is known"
    console.say(f"95 %: bootstrap over {groups:,} groups, {of_seeds}")
