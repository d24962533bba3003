"""all_data: a training on all rows as long as the folds' best epochs, whose test predictions join theirs."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from test_engine import CPU, HOME, RECIPE, same
from test_train_stage import (
    data,  # noqa: F401  a fixture
    killed_in_epoch,
)

from comp.blending.pseudo_labelling import labels_for_fold
from comp.data import run_data
from comp.errors import InputError
from comp.models import factory, weights_file
from comp.prediction.predict import predict_folds
from comp.recipes import recipe_json
from comp.store import run_status, runs
from comp.store.out_of_fold import load_run
from comp.store.predictions import load_predictions
from comp.store.pseudo_labels import PseudoLabels
from comp.store.runs import ALL_DATA, Run
from comp.training import train_stage

RECIPE = dataclasses.replace(RECIPE, epochs=4, accumulate=1, batch_size=12)


def folds_of(run, data, best=(2, 1), **changes):  # noqa: F811
    """A run whose folds have drawn weights of these best epochs; its recipe."""
    recipe = dataclasses.replace(RECIPE, **changes)
    recipe_json.claim_run(run, recipe, HOME)
    for k, epoch in enumerate(best):
        torch.manual_seed(k)
        state = factory.create_model(recipe, HOME, "").state_dict()
        weights_file.save_weights(
            run.weights(k), state, weights_file.made_with(run, data, k) | {"epoch": epoch, "epochs": 4}
        )
    return recipe


def train(run, recipe, data):  # noqa: F811
    train_stage.train_fold(run, recipe, data, ALL_DATA, run.outputs, CPU)


def test_it_trains_on_all_rows_for_the_rounded_mean_of_the_best_epochs(tmp_path, data, capsys):  # noqa: F811
    run = Run(tmp_path, "r")
    train(run, folds_of(run, data, (2, 1)), data)
    assert weights_file.weights_metadata(run.weights(ALL_DATA), "")["epochs"] == 2  # 1.5
    assert list(pd.read_csv(run.history(ALL_DATA))["epoch"]) == [1, 2]
    assert f"{len(data.folds)} training rows, 2 epochs" in capsys.readouterr().out
    assert sorted(path.name for path in run.fold(ALL_DATA).iterdir()) == ["history.csv", "model.safetensors"]


@pytest.mark.parametrize(("best", "length"), [((1, 1), 1), ((4, 1), 3), ((4, 3), 4), ((3, 1), 2)])
def test_half_an_epoch_is_rounded_up(tmp_path, data, best, length):  # noqa: F811
    run = Run(tmp_path, "r")
    folds_of(run, data, best)
    assert train_stage.length_of_folds(run, data) == length


def test_killed_it_ends_with_the_same_bits(tmp_path, data, monkeypatch):  # noqa: F811
    whole, killed = Run(tmp_path, "whole"), Run(tmp_path, "killed")
    recipe = folds_of(whole, data, (3, 2))
    folds_of(killed, data, (3, 2))
    train(whole, recipe, data)
    with killed_in_epoch(2, monkeypatch):
        train(killed, recipe, data)
    assert status(killed, data)[ALL_DATA].state == "begun"
    train(killed, recipe, data)
    assert same(*(weights_file.read_weights(run.weights(ALL_DATA), "") for run in (whole, killed)))


def status(run, data):  # noqa: F811
    found = run_status.status(run.outputs, data.folds, data.folds_digest, HOME)
    return {state.fold: state for state in found if state.run == run.name}


@pytest.fixture
def predicted(tmp_path, data):  # noqa: F811
    """A run of two folds and a model of all rows, with their predictions."""
    run = Run(tmp_path, "r")
    recipe = folds_of(run, data, (1, 1))
    train(run, recipe, data)
    predict_folds(run, recipe, data, [0, 1, ALL_DATA], "none", CPU)
    return run, recipe


def test_its_test_predictions_join_the_mean_as_one_more_model_and_its_oof_is_the_folds(predicted, data):  # noqa: F811
    run, _ = predicted
    ids = data.test["id"]
    each = [load_predictions(run.test(k), HOME).at(ids) for k in (0, 1, ALL_DATA)]
    with_all, digest = load_run(run, data.folds, data.folds_digest, HOME), runs.source_digest(run)
    assert not run.oof(ALL_DATA).exists()
    assert status(run, data)[ALL_DATA].state == "complete"
    run.test(ALL_DATA).unlink()
    without = load_run(run, data.folds, data.folds_digest, HOME)
    np.testing.assert_array_equal(with_all[0], without[0])
    np.testing.assert_allclose(with_all[1].at(ids), np.mean(each, 0), atol=1e-6)
    np.testing.assert_allclose(without[1].at(ids), np.mean(each[:2], 0), atol=1e-6)
    assert runs.source_digest(run) != digest  # so a blend of it is stale
    assert status(run, data)[ALL_DATA].state == "trained"


def test_it_labels_no_test_photo_for_a_fold(predicted, data):  # noqa: F811
    """It has seen the labels of every fold."""
    run, _ = predicted
    how = ([run], data.folds, data.folds_digest, HOME)
    before = labels_for_fold(0, *how)[1]
    run.test(ALL_DATA).unlink()
    np.testing.assert_array_equal(before, labels_for_fold(0, *how)[1])


def test_folds_that_were_trained_again_make_it_stale(predicted, data):  # noqa: F811
    run, recipe = predicted
    run.weights(1).write_bytes(run.weights(0).read_bytes())
    found = status(run, data)[ALL_DATA]
    assert found.state == "stale"
    assert "r/fold1/model.safetensors" in found.why
    assert found.why.endswith(f"rm -r {run.fold(ALL_DATA)} and make train MODEL=test_resnet RUN=r FOLD=all_data")
    with pytest.raises(InputError, match=r"another r/fold1/model\.safetensors"):
        predict_folds(run, recipe, data, [ALL_DATA], "hflip", CPU)


def test_without_all_folds_it_is_refused(tmp_path, data):  # noqa: F811
    run = Run(tmp_path, "r")
    recipe = folds_of(run, data, (1,))
    with pytest.raises(InputError, match="FOLD=all_data: fold 1 of r not trained") as error:
        train(run, recipe, data)
    assert error.value.run == "the same command with FOLD=1"
    assert not run.fold(ALL_DATA).exists()


def test_a_run_that_asks_for_it_says_that_it_is_missing_and_another_does_not(tmp_path, data):  # noqa: F811
    asking, plain = Run(tmp_path, "asking"), Run(tmp_path, "plain")
    folds_of(asking, data, (1, 1), all_data=True)
    folds_of(plain, data, (1, 1))
    assert status(asking, data)[ALL_DATA].state == "missing"
    assert status(asking, data)[ALL_DATA].why == "make train MODEL=test_resnet RUN=asking FOLD=all_data"
    assert ALL_DATA not in status(plain, data)
    recipe_json.claim_run(plain, dataclasses.replace(RECIPE, all_data=True), HOME)  # it changes nothing of the folds


def test_the_word_of_the_makefile(data):  # noqa: F811
    assert run_data.fold_numbers("all_data", data.folds) == [ALL_DATA]
    assert run_data.fold_numbers("all", data.folds) == [0, 1]


def test_it_takes_the_pseudo_labels_of_all_folds(tmp_path, data):  # noqa: F811
    labels = PseudoLabels(tmp_path, "p")
    one, other = (np.eye(18, dtype=np.float32)[[i]] for i in (0, 1))
    labels.save(0, ["a"], one, HOME, {"folds": "digest"})
    labels.save(1, ["a"], other, HOME, {"folds": "digest"})
    made = dataclasses.replace(data, pseudo=labels)
    train = made.training(ALL_DATA, RECIPE)
    assert (train.labelled, train.pseudo) == (len(data.folds), 1)
    np.testing.assert_allclose(train.soft[-1], (one + other)[0] / 2)
    before = labels.digest(ALL_DATA)
    labels.save(1, ["a"], one, HOME, {"folds": "digest"})
    assert labels.digest(ALL_DATA) != before
