"""A fold that diverged, or whose weights are not finite: each start says what to change, none that it is trained."""

import contextlib
import dataclasses
import math

import pandas as pd
import pytest
import test_engine
import torch
from known_project import known_project
from PIL import Image
from test_engine import CPU, HOME, pixels

from comp.data.run_data import RunData
from comp.errors import InputError
from comp.models import factory, weights_file
from comp.models.weights_file import NotFinite
from comp.prediction.predict import predict_all, predict_folds
from comp.recipes import recipe_json
from comp.submission.status import run_states
from comp.training import train_stage
from comp.training.train_stage import train_fold

COUNT = 24
RECIPE = dataclasses.replace(test_engine.RECIPE, cache=False)
WILD = dict(lr=1e30, clip_grad=0, optimizer="sgd", epochs=1, warmup_epochs=0, batch_size=32, accumulate=1)


@pytest.fixture
def project(tmp_path):
    """Two folds of 24 photos, and three test photos, as files."""
    images = [f"train/{i}.png" for i in range(COUNT)]
    labels = [i % 3 for i in range(COUNT)]
    folds = pd.DataFrame({"image": images, "group": images, "label": labels, "fold": [i % 2 for i in range(COUNT)]})
    test = pd.DataFrame({"id": ["a", "b", "c"], "image": ["test/a.png", "test/b.png", "test/c.png"]})
    for image, photo in zip([*images, *test["image"]], pixels([*labels, 0, 1, 2]), strict=True):
        (tmp_path / "in" / image).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(tmp_path / "in" / image)
    return known_project(tmp_path / "out", HOME, folds, folds_digest="digest", test_rows=test, inputs=tmp_path / "in")


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


def claim(run, recipe):
    """Write recipe.json as `make train` does."""
    command = f"make train MODEL={recipe.name} RUN={run.name}" + (f" INIT={recipe.init}" if recipe.init else "")
    recipe_json.claim_run(run, recipe, HOME, command)


def claimed(project, **changes):
    run, recipe = project.run("r"), dataclasses.replace(RECIPE, **changes)
    claim(run, recipe)
    return run, RunData(project, recipe)


def states(run, project):
    return {state.fold: state for state in run_states(project) if state.run == run.name}


def test_a_diverged_fold_keeps_no_weights_and_its_next_start_says_what_to_change_at_once(project, capsys):
    run, data = claimed(project, **WILD)
    with pytest.raises(NotFinite, match="epoch 1"):
        train_fold(data, run, 0, CPU)
    assert [path.name for path in run.fold(0).iterdir()] == ["diverged.json"]
    capsys.readouterr()
    with pytest.raises(InputError, match="diverged when it was last trained") as error:
        train_fold(data, run, 0, CPU)
    assert not capsys.readouterr().out  # nothing was trained, nor said to be
    assert "RUN=<another name>" in error.value.run
    assert states(run, project)["0"].state == "diverged"
    assert "RUN=<another name>" in states(run, project)["0"].why


def test_another_recipe_or_the_file_away_trains_again(project):
    run, data = claimed(project, **WILD)
    with pytest.raises(NotFinite):
        train_fold(data, run, 0, CPU)
    run.diverged(0).unlink()
    with pytest.raises(NotFinite):
        train_fold(data, run, 0, CPU)
    run.recipe.unlink()
    _, data = claimed(project, epochs=1)
    train_fold(data, run, 0, CPU)
    assert sorted(path.name for path in run.fold(0).iterdir()) == ["history.csv", "model.safetensors"]
    assert states(run, project)["0"].state == "trained"


def save(data, run, change):
    model = factory.create_model(data.recipe, HOME, run.outputs)
    change(model)
    metadata = weights_file.training_record(data, run, 0) | {"epoch": 1, "epochs": 1}
    weights_file.save_weights(run.weights(0), model.state_dict(), metadata)


def spoil(model):
    model.fc.weight.data[0, 0] = math.nan


def enlarge(model):
    model.fc.weight.data.fill_(3e38)


@pytest.mark.parametrize("stage", ["train", "predict"])
def test_weights_that_are_nan_are_named_with_what_to_remove(project, stage):
    run, data = claimed(project)
    save(data, run, spoil)
    with pytest.raises(NotFinite, match=r"model\.safetensors holds weights that are not finite") as error:
        train_fold(data, run, 0, CPU) if stage == "train" else predict_folds(data, run, [0], "none", CPU)
    assert error.value.run.startswith(f"first rm -r {run.fold(0)}, then the same command with RUN=")


@pytest.mark.parametrize("stage", ["train", "predict"])
def test_damaged_weights_are_to_be_removed_or_training_would_say_that_it_is_done(project, stage):
    run, data = claimed(project)
    save(data, run, lambda model: None)
    whole = run.weights(0).read_bytes()
    run.weights(0).write_bytes(whole[:-100])
    with pytest.raises(InputError) as error:
        train_fold(data, run, 0, CPU) if stage == "train" else predict_folds(data, run, [0], "none", CPU)
    assert "rm " in error.value.run


def test_probabilities_that_are_not_finite_are_not_written(project):
    run, data = claimed(project)
    save(data, run, enlarge)
    with pytest.raises(NotFinite, match=r"probabilities that are not finite for .* of 12 held-out photos") as error:
        predict_folds(data, run, [0], "none", CPU)
    assert "RUN=<another name>" in error.value.run
    assert not run.oof(0).exists()
    assert not run.test(0).exists()


def test_probabilities_that_overflow_in_half_precision_alone_are_those_of_float32(project, tmp_path, capsys):
    recipe = dataclasses.replace(RECIPE, amp="fp16")
    torch.manual_seed(0)
    models = [factory.create_model(recipe, HOME, tmp_path) for _ in range(2)]
    models[0].fc.bias.data[:2] += 1e6  # above the largest fp16, 65504
    held_out = RunData(project, recipe).held_out(0)
    half = predict_all(models, held_out, recipe, HOME, CPU)
    assert "1 of 2" in capsys.readouterr().err
    plain = predict_all(models, held_out, dataclasses.replace(recipe, amp="off"), HOME, CPU)
    assert (half[0] == plain[0]).all()
    assert (half[1] != plain[1]).any()
    assert (half[1] == predict_all(models[1:], held_out, recipe, HOME, CPU)[0]).all()
