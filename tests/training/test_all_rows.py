"""all_data: a training on all rows as long as the folds' best epochs, whose test predictions join theirs."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import test_train_stage
import torch
from test_engine import CPU, HOME, same
from test_train_stage import (
    claim,
    killed_in_epoch,
    project,  # noqa: F401  a fixture
    states,
)

from comp.data.run_data import RunData
from comp.errors import InputError
from comp.models import factory, weights_file
from comp.prediction.predict import predict_folds
from comp.store.out_of_fold import load_run
from comp.store.paths import ALL_DATA
from comp.store.predictions import load_predictions
from comp.store.pseudo_labels import PseudoLabels
from comp.training import train_stage
from comp.training.pseudo_labelling import labels_for_fold

RECIPE = dataclasses.replace(test_train_stage.RECIPE, epochs=4, accumulate=1, batch_size=12)


def folds_of(run, project, best=(2, 1), **changes):  # noqa: F811
    """A run whose folds have drawn weights of these best epochs; its RunData."""
    recipe = dataclasses.replace(RECIPE, **changes)
    data = RunData(project, recipe)
    claim(run, recipe)
    for k, epoch in enumerate(best):
        torch.manual_seed(k)
        state = factory.create_model(recipe, HOME, "").state_dict()
        record = weights_file.training_record(data, run, k)
        weights_file.save_weights(run.weights(k), state, record | {"epoch": epoch, "epochs": 4})
    return data


def train(run, data):
    train_stage.train_fold(data, run, ALL_DATA, CPU)


def test_it_trains_on_all_rows_for_the_rounded_mean_of_the_best_epochs(project, capsys):  # noqa: F811
    run = project.run("r")
    train(run, folds_of(run, project, (2, 1)))
    assert weights_file.weights_metadata(run.weights(ALL_DATA), "")["epochs"] == 2  # 1.5
    assert list(pd.read_csv(run.history(ALL_DATA))["epoch"]) == [1, 2]
    assert f"{len(project.folds)} training rows, 2 epochs" in capsys.readouterr().out
    assert sorted(path.name for path in run.fold(ALL_DATA).iterdir()) == ["history.csv", "model.safetensors"]


@pytest.mark.parametrize(("best", "length"), [((1, 1), 1), ((4, 1), 3), ((4, 3), 4), ((3, 1), 2)])
def test_half_an_epoch_is_rounded_up(project, best, length):  # noqa: F811
    run = project.run("r")
    assert train_stage.mean_best_epoch(folds_of(run, project, best), run) == length


def test_with_the_last_epochs_of_the_folds_it_trains_as_many_epochs(project):  # noqa: F811
    run = project.run("r")
    recipe = dataclasses.replace(RECIPE, best_by="last", epochs=3, all_data=True)
    claim(run, recipe)
    train_stage.train_folds(RunData(project, recipe), run, [0, 1, ALL_DATA], CPU, predicts=False)
    for k in (0, 1, ALL_DATA):
        metadata = weights_file.weights_metadata(run.weights(k), "")
        assert (metadata["epoch"], metadata["epochs"]) == (3, 3)


def test_killed_it_ends_with_the_same_bits(project, monkeypatch):  # noqa: F811
    whole, killed = project.run("whole"), project.run("killed")
    train(whole, folds_of(whole, project, (3, 2)))
    data = folds_of(killed, project, (3, 2))
    with killed_in_epoch(2, monkeypatch):
        train(killed, data)
    assert states(killed, project)[ALL_DATA].state == "begun"
    train(killed, data)
    assert same(*(weights_file.read_weights(run.weights(ALL_DATA), "") for run in (whole, killed)))


@pytest.fixture
def predicted(project):  # noqa: F811
    """A run of two folds and a model of all rows, with their predictions."""
    run = project.run("r")
    data = folds_of(run, project, (1, 1))
    train(run, data)
    predict_folds(data, run, [0, 1, ALL_DATA], "none", CPU)
    return run, data


def test_its_test_predictions_join_the_mean_as_one_more_model_and_its_oof_is_the_folds(predicted, project):  # noqa: F811
    run, _ = predicted
    ids = project.test_rows["id"]
    each = [load_predictions(run.test(k), HOME, "").at(ids) for k in (0, 1, ALL_DATA)]
    with_all, digest = load_run(project, run), run.digest()
    assert not run.oof(ALL_DATA).exists()
    assert states(run, project)[ALL_DATA].state == "complete"
    run.test(ALL_DATA).unlink()
    without = load_run(project, run)
    np.testing.assert_array_equal(with_all[0], without[0])
    np.testing.assert_allclose(with_all[1].at(ids), np.mean(each, 0), atol=1e-6)
    np.testing.assert_allclose(without[1].at(ids), np.mean(each[:2], 0), atol=1e-6)
    assert run.digest() != digest  # so a blend of it is stale
    assert states(run, project)[ALL_DATA].state == "trained"


def test_it_labels_no_test_photo_for_a_fold(predicted, project):  # noqa: F811
    """It has seen the labels of every fold."""
    run, _ = predicted
    before = labels_for_fold(project, 0, ["r"])[1]
    run.test(ALL_DATA).unlink()
    np.testing.assert_array_equal(before, labels_for_fold(project, 0, ["r"])[1])


def test_folds_that_were_trained_again_make_it_stale(predicted, project):  # noqa: F811
    run, data = predicted
    run.weights(1).write_bytes(run.weights(0).read_bytes())
    found = states(run, project)[ALL_DATA]
    assert found.state == "stale"
    assert "r/fold1/model.safetensors" in found.why
    assert found.why.endswith(f"rm -r {run.fold(ALL_DATA)} && make train MODEL=test_resnet RUN=r FOLD=all_data")
    with pytest.raises(InputError, match=r"r/fold1/model\.safetensors changed after its training"):
        predict_folds(data, run, [ALL_DATA], "hflip", CPU)


def test_without_all_folds_it_is_refused(project):  # noqa: F811
    run = project.run("r")
    data = folds_of(run, project, (1,))
    with pytest.raises(InputError, match="all folds of r, but these are not trained: 1") as error:
        train(run, data)
    assert error.value.run == "the same command with FOLD=1"
    assert not run.fold(ALL_DATA).exists()


def test_a_run_that_asks_for_it_says_that_it_is_missing_and_another_does_not(project):  # noqa: F811
    asking, plain = project.run("asking"), project.run("plain")
    folds_of(asking, project, (1, 1), all_data=True)
    folds_of(plain, project, (1, 1))
    assert states(asking, project)[ALL_DATA].state == "missing"
    assert states(asking, project)[ALL_DATA].why == "make train MODEL=test_resnet RUN=asking FOLD=all_data"
    assert ALL_DATA not in states(plain, project)
    claim(plain, dataclasses.replace(RECIPE, all_data=True))  # it changes nothing of the folds


def test_the_word_of_the_makefile(project):  # noqa: F811
    assert project.fold_numbers("all_data") == [ALL_DATA]
    assert project.fold_numbers("all") == [0, 1]


def test_it_takes_the_pseudo_labels_of_all_folds(project):  # noqa: F811
    labels = PseudoLabels(project, "p")
    one, other = (np.eye(18, dtype=np.float32)[[i]] for i in (0, 1))
    labels.save(0, ["a"], one, {})
    labels.save(1, ["a"], other, {})
    train = RunData(project, dataclasses.replace(RECIPE, pseudo="p")).training(ALL_DATA)
    assert (train.labelled, train.pseudo) == (len(project.folds), 1)
    np.testing.assert_allclose(train.soft[-1], (one + other)[0] / 2)
    before = labels.digest(ALL_DATA)
    labels.save(1, ["a"], one, {})
    assert labels.digest(ALL_DATA) != before
