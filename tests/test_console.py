"""What is printed by whom where several processes train together."""

import subprocess
import sys

import pytest

from comp.console import score_text

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


@pytest.mark.parametrize(
    ("value", "beside", "text"),
    [
        (0.5, 0, "0.5000"),
        (0.0, 0, "0.0000"),
        (-12.34567, 0, "-12.3457"),
        (0.00123456, 0, "0.0012"),
        (1.23456e-13, 0, "1.235e-13"),
        (-0.000123456, 0, "-0.0001235"),
        (1e-17, 0.8, "0.0000"),
        (1e-17, 1e-13, "1e-17"),
    ],
)
def test_small_scores_have_significant_digits_and_small_differences_have_not(value, beside, text):
    assert score_text(value, beside) == text
