"""A fold that diverged, or whose weights are not finite: each start says what to change, none that it is trained."""

import contextlib
import dataclasses
import math

import pandas as pd
import pytest
import torch
from test_engine import CPU, HOME, RECIPE, pixels

from comp.data.photos import Photos
from comp.data.run_data import RunData
from comp.errors import InputError
from comp.models import factory, weights_file
from comp.models.weights_file import NotFinite
from comp.prediction.predict import predict_folds
from comp.recipes import recipe_json
from comp.store import history, run_status
from comp.store.runs import Run
from comp.training import train_stage
from comp.training.train_stage import train_fold

COUNT = 24
WILD = dict(lr=1e30, clip_grad=0, optimizer="sgd", epochs=1, warmup_epochs=0, batch_size=32, accumulate=1)


@pytest.fixture
def data():
    images = [f"train/{i}.png" for i in range(COUNT)]
    labels = [i % 3 for i in range(COUNT)]
    folds = pd.DataFrame({"image": images, "group": images, "label": labels, "fold": [i % 2 for i in range(COUNT)]})
    test = pd.DataFrame({"id": ["a", "b", "c"], "image": ["test/a.png", "test/b.png", "test/c.png"]})
    photos = Photos("", [*images, *test["image"]], 0, 32, pixels([*labels, 0, 1, 2]))
    return RunData(HOME, folds, "digest", test, photos)


@contextlib.contextmanager
def killed_in_epoch(number, monkeypatch):
    """A training within ends as if it were killed once this epoch was trained."""

    def stop(row):
        if row["epoch"] == number:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train_stage, "_say_epoch", stop)
        with pytest.raises(KeyboardInterrupt):
            yield


def claimed(folder, **changes):
    run, recipe = Run(folder, "r"), dataclasses.replace(RECIPE, **changes)
    recipe_json.claim_run(run, recipe, HOME)
    return run, recipe


def train(run, recipe, data):
    train_fold(run, recipe, data, 0, run.outputs, CPU)


def state(run, data):
    found = run_status.status(run.outputs, data.folds, data.folds_digest, HOME)
    return next(each for each in found if each.fold == "0")


def test_a_diverged_fold_keeps_no_weights_and_its_next_start_says_what_to_change_at_once(tmp_path, data, capsys):
    run, recipe = claimed(tmp_path, **WILD)
    with pytest.raises(NotFinite, match="epoch 1"):
        train(run, recipe, data)
    assert [path.name for path in run.fold(0).iterdir()] == ["diverged.json"]
    capsys.readouterr()
    with pytest.raises(InputError, match="diverged when it was last trained") as error:
        train(run, recipe, data)
    assert not capsys.readouterr().out  # nothing was trained, nor said to be
    assert "RUN=<another name>" in error.value.run
    assert state(run, data).state == "diverged"
    assert "RUN=<another name>" in state(run, data).why


def test_another_recipe_or_the_file_away_trains_again(tmp_path, data):
    run, recipe = claimed(tmp_path, **WILD)
    with pytest.raises(NotFinite):
        train(run, recipe, data)
    history.diverged_file(run, 0).unlink()
    with pytest.raises(NotFinite):
        train(run, recipe, data)
    run.recipe.unlink()
    _, recipe = claimed(tmp_path, epochs=1)
    train(run, recipe, data)
    assert sorted(path.name for path in run.fold(0).iterdir()) == ["history.csv", "model.safetensors"]
    assert state(run, data).state == "trained"


def saved(run, recipe, data, change):
    model = factory.create_model(recipe, HOME, run.outputs)
    change(model)
    metadata = weights_file.made_with(run, data, 0) | {"epoch": 1, "epochs": 1}
    weights_file.save_weights(run.weights(0), model.state_dict(), metadata)


def spoil(model):
    model.fc.weight.data[0, 0] = math.nan


def enlarge(model):
    model.fc.weight.data.fill_(3e38)


@pytest.mark.parametrize("stage", ["train", "predict"])
def test_weights_of_an_earlier_version_that_are_nan_are_named_with_what_to_remove(tmp_path, data, stage):
    run, recipe = claimed(tmp_path)
    saved(run, recipe, data, spoil)
    with pytest.raises(NotFinite, match=r"model\.safetensors holds weights that are not finite") as error:
        train(run, recipe, data) if stage == "train" else predict_folds(run, recipe, data, [0], "none", CPU)
    assert error.value.run.startswith(f"rm -r {run.fold(0)}, then the same command with RUN=")


@pytest.mark.parametrize("stage", ["train", "predict"])
def test_damaged_weights_are_to_be_removed_or_training_would_say_that_it_is_done(tmp_path, data, stage):
    run, recipe = claimed(tmp_path)
    saved(run, recipe, data, lambda model: None)
    whole = run.weights(0).read_bytes()
    run.weights(0).write_bytes(whole[:-100])
    with pytest.raises(InputError) as error:
        train(run, recipe, data) if stage == "train" else predict_folds(run, recipe, data, [0], "none", CPU)
    assert "rm " in error.value.run


def test_probabilities_that_are_not_finite_are_not_written(tmp_path, data):
    run, recipe = claimed(tmp_path)
    saved(run, recipe, data, enlarge)
    with pytest.raises(NotFinite, match="of 12 held-out photos have probabilities that are not finite") as error:
        predict_folds(run, recipe, data, [0], "none", CPU)
    assert "RUN=<another name>" in error.value.run
    assert not run.oof(0).exists()
    assert not run.test(0).exists()


def test_probabilities_that_overflow_in_half_precision_alone_are_those_of_float32(tmp_path, data, capsys):
    from comp.prediction.predict import predict_all

    recipe = dataclasses.replace(RECIPE, amp="fp16")
    torch.manual_seed(0)
    models = [factory.create_model(recipe, HOME, tmp_path) for _ in range(2)]
    models[0].fc.bias.data[:2] += 1e6  # above the largest fp16, 65504
    half = predict_all(models, data.held_out(0), recipe, HOME, CPU)
    assert "1 of 2" in capsys.readouterr().err
    plain = predict_all(models, data.held_out(0), dataclasses.replace(recipe, amp="off"), HOME, CPU)
    assert (half[0] == plain[0]).all()
    assert (half[1] != plain[1]).any()
    assert (half[1] == predict_all(models[1:], data.held_out(0), recipe, HOME, CPU)[0]).all()
