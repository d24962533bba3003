"""Compare our code with other code that does the same work: its speed, its use of memory, or its scores.

reads   nothing, because this script draws the photos and simulates the runs that it needs
writes  outputs/bench/<part>.json: a list of {name, ours, theirs, unit, ratio, rounds}

A ratio above 1 means that our code is better. The entries said_* of choosing.json are different: they compare printed
probabilities with how often they came true, so there the best ratio is 1. If speeds are compared, our code and the
other code run in turns, and `ours` and `theirs` are the medians over the rounds. Run nothing else on the machine
meanwhile.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from options import parse

from comp import console, files
from comp.errors import InputError

# Modules of tools/dev/benchmarks. Each has a function records(work, rounds), which yields entries of <part>.json.
BENCHES = ("data", "engine", "recipes", "blending", "choosing")


def main() -> None:
    given = parse(__doc__, "outputs", "bench", "repeat")
    names = given.bench.split() or BENCHES
    unknown = set(names) - set(BENCHES)
    if unknown:
        expected = f"in BENCH one or more of {' '.join(BENCHES)}"
        raise InputError(f"BENCH={given.bench} names an unknown part of the benchmark", expected, "make bench")
    folder = Path(given.outputs) / "bench"
    draw = [sys.executable, Path(__file__).parent / "make_demo.py", "--dest", folder / "inputs"]
    subprocess.run([*draw, "--people", "60", "--test-people", "6"], check=True, stdout=subprocess.DEVNULL)
    rows = []
    for name in names:
        records = []
        for record in importlib.import_module(f"benchmarks.{name}").records(folder, given.repeat):
            console.say(f"  {record['name']}: {record['ratio']:.2f}")
            records.append(record)
        files.write_text(folder / f"{name}.json", json.dumps(records, indent=2) + "\n")
        rows += [[r["name"], *[f"{r[key]:,.4g}" for key in ("ours", "theirs")], r["unit"], r["ratio"]] for r in records]
    console.table(f"{os.cpu_count()} cores, {given.repeat} rounds", ["name", "ours", "theirs", "unit", "ratio"], rows)


if __name__ == "__main__":
    console.run_stage(main)
