"""What is printed by whom where several processes train together."""

import subprocess
import sys

import pytest

SCRIPT = """
from comp import console
from comp.errors import InputError

def main():
    console.say("a line")
    console.warn("a doubt")
    raise InputError("a problem", "another thing", "a command")

console.SECONDS_FOR_FIRST = 0.1
console.run_stage(main)
"""


@pytest.mark.parametrize("rank", [0, 1])
def test_lines_and_warnings_appear_once_and_errors_from_every_process(rank, monkeypatch):
    monkeypatch.setenv("RANK", str(rank))
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ("" if rank else "a line\n")
    assert ("warning: a doubt" in done.stderr) == (rank == 0)
    assert f"error{' (process 1)' * rank}: a problem\nexpected: another thing\nrun:      a command" in done.stderr
