"""What is printed by whom where several processes train together."""

import os
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


WORDS = """
from comp import console
from comp.errors import InputError

def main():
    console.say("mean ± sd of müßig 東京 \\udcff")
    console.warn("a doubt …")
    console.table("scores ±", ["fold", "größe"], [["東京", 0.5]])
    with console.progress("decoding …", 1) as advance:
        advance(1)
    raise InputError("no photo ü", "…", "東京")

console.run_stage(main)
"""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_sign_that_cannot_be_printed_is_replaced(encoding):
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", WORDS], capture_output=True, check=False, env=environment)
    assert done.returncode == 2, done.stderr
    printed = (done.stdout + done.stderr).decode(encoding)
    assert "mean " in printed and "0.5000" in printed and "error: no photo " in printed  # noqa: PT018
    assert ("東京" in printed) == (encoding == "utf-8")


def test_names_of_files_that_this_python_cannot_encode_are_one_clear_error():
    code = "from comp import console; console.run_stage(lambda: open('m\\xfc'))"
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert "PYTHONUTF8=1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("rank", [0, 1])
def test_a_crash_shows_its_traceback_once(rank):
    code = "from comp import console; console.SECONDS_FOR_FIRST = 0; console.run_stage(lambda: 1 / 0)"
    environment = os.environ | {"RANK": str(rank)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == done.stderr.count("ZeroDivisionError") == 1
