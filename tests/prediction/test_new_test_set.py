"""make predict after a change of the test set: test.npz is made again, and nothing of the training photos is needed."""

import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import draw_competition, draw_test, tool

from comp.project import Project
from comp.store.predictions import load_predictions

PEOPLE = [(gender, age) for gender in ("male", "female") for age in (20, 40, 60)]
TINY = "image_size=32 crop=0 epochs=1 batch_size=32 workers=0 augment=flip pretrained=false tta=none"
MODEL = ("--model", "test_resnet", "--run", "tiny", "--device", "cpu")


def done(home, script, *more) -> str:
    """What a script on the home prints, in one line."""
    result = tool(script, "--inputs", home / "in", "--outputs", home / "out", *more)
    assert result.returncode == 0, result.stdout + result.stderr
    return " ".join(result.stdout.split())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two folds, trained and predicted."""
    home = tmp_path_factory.mktemp("tests")
    draw_competition(home / "in", PEOPLE, test=3)
    done(home, "make_folds", "--folds", 2)
    done(home, "train_fold", *MODEL, "--set", TINY)
    assert list((home / "out/cache").iterdir())
    return home


@pytest.fixture
def home(trained, tmp_path):
    """A copy of it with another test set, and with neither training photos nor a cache."""
    home = shutil.copytree(trained, tmp_path / "home")
    shutil.rmtree(home / "in/eval")
    draw_test(home / "in", 5, np.random.default_rng(7))
    shutil.move(home / "in/train/images", tmp_path / "away")
    shutil.rmtree(home / "out/cache")
    return home


def states(home, part: str) -> list[tuple[bytes, int]]:
    """Bytes and time of oof.npz or test.npz of both folds."""
    files = [home / f"out/tiny/fold{k}/{part}.npz" for k in range(2)]
    return [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]


def wanted_ids(home) -> list[str]:
    return pd.read_csv(home / "in/eval/info.csv")["ImageID"].tolist()


def test_a_changed_test_set_is_predicted_and_out_of_fold_predictions_keep_their_bytes_and_times(home):
    oof, test = states(home, "oof"), states(home, "test")
    assert "stale" in done(home, "status")
    printed = done(home, "predict_fold", *MODEL)
    assert "tiny folds 0 1: wrote test.npz, TTA none" in printed
    assert "tiny: out of fold, TTA none" in printed  # the scores, which need no photo either
    assert states(home, "oof") == oof
    assert not set(states(home, "test")) & set(test)
    project = Project(home / "in", home / "out")
    for k in range(2):
        predictions = load_predictions(project.run("tiny").test(k), project.competition, "")
        assert predictions.ids.tolist() == wanted_ids(home)
    assert project.predictions("tiny")[1].ids.tolist() == wanted_ids(home)
    assert "stale" not in done(home, "status")


def test_it_is_predicted_once(home):
    done(home, "predict_fold", *MODEL)
    before = states(home, "oof") + states(home, "test")
    for photo in (home / "in/eval/images").iterdir():
        photo.write_bytes(b"junk")  # no photo is opened again
    shutil.rmtree(home / "out/cache")
    assert done(home, "predict_fold", *MODEL).count("already predicted") == 2
    assert states(home, "oof") + states(home, "test") == before


def test_the_new_predictions_are_those_of_a_run_that_never_saw_another_test_set(trained, home):
    """The same bits as of a home whose training photos and cache are still there, and which predicts everything."""
    other = home.parent / "other"
    shutil.copytree(trained, other)
    shutil.rmtree(other / "in/eval")
    shutil.copytree(home / "in/eval", other / "in/eval")
    for k in range(2):
        for part in ("oof", "test"):
            (other / f"out/tiny/fold{k}/{part}.npz").unlink()
    for place in (home, other):
        done(place, "predict_fold", *MODEL)
    for part in ("oof", "test"):
        assert [content for content, _ in states(home, part)] == [content for content, _ in states(other, part)]


def test_out_of_fold_predictions_that_are_missing_are_not_made_without_the_training_photos(home):
    (home / "out/tiny/fold1/oof.npz").unlink()
    before = states(home, "test")
    result = tool("predict_fold", "--inputs", home / "in", "--outputs", home / "out", *MODEL)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "photo(s) cannot be read" in result.stderr
    assert states(home, "test") == before
