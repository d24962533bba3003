"""Tiny data that the tests draw: coloured squares in the competition's layout, learnable in an epoch or two."""

import contextlib
import gc
import io
import multiprocessing
import os
import runpy
import shutil
import socket
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from PIL import Image

from comp.inputs import mask_gender_age as competition

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process of a stage compiles comp/ anew
settings.register_profile("tests", max_examples=50, deadline=None, database=None)
settings.load_profile("tests")

ROOT = Path(__file__).parent.parent
SIZE = (30, 40)  # width, height of a photo
PEOPLE = [(gender, age) for gender in ("male", "female") for age in (20, 25, 40, 58, 60)] * 2


def pytest_collection_finish():
    gc.freeze()  # else the collector looks again and again at the millions of objects of torch and timm


def draw_photo(label: int, rng) -> np.ndarray:
    """A photo whose three stripes tell mask, gender and age, under noise."""
    mask, gender, age = (int(v) for v in competition.attribute_labels(np.array(label)).values())
    pixels = rng.integers(0, 60, (SIZE[1], SIZE[0], 3))
    pixels[:13, :, mask] += 150
    pixels[13:26, :, gender] += 150
    pixels[26:, :, age] += 150
    return pixels.astype(np.uint8)


def draw_competition(folder: Path, people=PEOPLE, test: int = 20, seed: int = 0) -> Path:
    """inputs/ with train and eval as the real ones, junk file and upper-case extension included."""
    rng, rows = np.random.default_rng(seed), []
    for i, (gender, years) in enumerate(people):
        path = f"{i:06d}_{gender}_Asian_{years}"
        rows.append(dict(id=f"{i:06d}", gender=gender, race="Asian", age=years, path=path))
        home = folder / "train/images" / path
        home.mkdir(parents=True)
        (home / "._normal.jpg").write_bytes(b"junk")
        for shot, mask in competition.SHOTS.items():
            g = competition.ATTRIBUTES["gender"].index(gender)
            label = int(competition.encode(mask, g, competition.age_group(years)))
            suffix = ".PNG" if shot == "mask1" else ".jpg"
            Image.fromarray(draw_photo(label, rng)).save(home / f"{shot}{suffix}", quality=95)
    pd.DataFrame(rows).to_csv(folder / "train/train.csv", index=False)
    draw_test(folder, test, rng)
    return folder


def draw_test(folder: Path, count: int, rng) -> None:
    (folder / "eval/images").mkdir(parents=True)
    labels = rng.integers(0, 18, count)
    names = [f"{rng.integers(1 << 60):015x}.jpg" for _ in range(count)]
    for name, label in zip(names, labels, strict=True):
        Image.fromarray(draw_photo(int(label), rng)).save(folder / "eval/images" / name, quality=95)
    pd.DataFrame({"ImageID": names, "ans": 0}).to_csv(folder / "eval/info.csv", index=False)
    pd.DataFrame({"ImageID": names, "ans": labels}).to_csv(folder / "answers.csv", index=False)


@pytest.fixture(scope="session")
def drawn_inputs(tmp_path_factory) -> Path:
    return draw_competition(tmp_path_factory.mktemp("drawn") / "inputs")


@pytest.fixture
def inputs(drawn_inputs, tmp_path) -> Path:
    """Inputs that a test may change."""
    return shutil.copytree(drawn_inputs, tmp_path / "inputs", copy_function=shutil.copy2)


def tool(name: str, *args) -> subprocess.CompletedProcess:
    """Run tools/<name>.py as its own main; its exit code, and what it printed.

    In this process: importing torch anew for each of some hundred calls would take most of the tests' time.
    """
    script, out, err, code = ROOT / "tools" / f"{name}.py", io.StringIO(), io.StringIO(), 0
    argv, path = sys.argv, list(sys.path)
    sys.argv = [str(script), *map(str, args)]
    sys.path.insert(0, str(script.parent))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as stop:
        code = stop.code or 0
    except Exception:
        err.write(traceback.format_exc())
        code = 1
    finally:
        sys.argv, sys.path[:] = argv, path
    return subprocess.CompletedProcess(sys.argv, code, out.getvalue(), err.getvalue())


class Forked:
    """A function in a child of this process, which shares the modules that are imported already, such as torch.

    The function's environment has `environment` besides the present one. `pid` is the child's process id.
    """

    def __init__(self, function, *args, **environment):
        context = multiprocessing.get_context("fork")
        self._results, end = context.Pipe(duplex=False)
        self._process = context.Process(target=self._run, args=(end, environment, function, args))
        self._process.start()
        end.close()
        self.pid = self._process.pid

    @staticmethod
    def _run(end, environment, function, args):
        import torch

        torch.set_num_threads(1)  # the threads of OpenMP do not live on in a child
        os.environ |= environment
        try:
            end.send((function(*args), ""))
        except BaseException:
            end.send((None, traceback.format_exc()))
            raise

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def result(self, seconds: float = 120):
        """What the function returned. Raises AssertionError with the traceback if it failed or did not end in time."""
        assert self._results.poll(seconds), f"the child has not ended in {seconds} seconds"
        value, error = self._results.recv()
        self._process.join()
        assert not error, error
        return value


def in_ranks(count: int, function, *args) -> list:
    """The results of a function in `count` processes with the environment that torchrun gives to its processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    ranks = [Forked(function, *args, RANK=str(k), LOCAL_RANK=str(k), **shared) for k in range(count)]
    return [rank.result() for rank in ranks]
