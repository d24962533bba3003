"""What a run trains on and is scored on; several processes on one training."""

import dataclasses
import importlib

import numpy as np
import pandas as pd
import pytest
from conftest import draw_competition, in_ranks, tool

from comp import console
from comp.data.run_data import RunData
from comp.inputs.mask_gender_age import competition
from comp.project import Project
from comp.recipes import catalog
from comp.store.predictions import load_predictions
from comp.store.runs import Run

POLICIES = (
    dict(edges="age:30,58"),
    dict(drop="years:20-25,58"),
    dict(sampler="balanced"),
    dict(soften="years:3", auxiliary="years:0.3"),
    dict(sampler="one_of_each"),
    dict(class_weights="balanced", smoothing=0.2, mixup=0.5, halfmix=0.5, augment="strong"),
)
SET = "pretrained=false image_size=32 crop=0 epochs=2 batch_size=16 accumulate=1 patience=0 workers=0 lr=3e-3 mixup=0"

HOME = competition()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("stages")
    draw_competition(home / "inputs")
    done = tool("make_folds", "--inputs", home / "inputs", "--outputs", home / "outputs", "--folds", 3)
    assert done.returncode == 0, done.stderr
    return home


def data_of(home, recipe) -> RunData:
    return RunData(Project(home / "inputs", home / "outputs"), recipe)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_no_label_policy_changes_a_validation_row(home, policy):
    official = pd.read_csv(home / "outputs/folds.csv")
    recipe = dataclasses.replace(catalog.get_recipe("test_resnet"), image_size=32, crop=0, **{"soften": "", **policy})
    data = data_of(home, recipe)
    for k in range(3):
        held_out, train = data.held_out(k), data.training(k)
        np.testing.assert_array_equal(held_out.rows, np.flatnonzero(official["fold"] == k))
        np.testing.assert_array_equal(held_out.labels, official["label"][official["fold"] == k])
        assert held_out.augment_name == "none"
        assert not set(train.rows) & set(held_out.rows)


def test_the_policies_do_change_training_rows(home):
    recipe = dataclasses.replace(catalog.get_recipe("test_resnet"), image_size=32, crop=0, soften="")
    plain, older, fewer = (
        data_of(home, dataclasses.replace(recipe, **policy)).training(0)
        for policy in ({}, {"edges": "age:30,58"}, {"drop": "years:58"})
    )
    assert (older.labels % 3 == 2).sum() > (plain.labels % 3 == 2).sum()
    assert len(fewer.labels) < len(plain.labels)
    assert len(np.unique(plain.units)) * 7 == len(plain.units) * 3  # 7 photos, 3 classes a person


def words(home, run):
    where = ["--inputs", home / "inputs", "--outputs", home / "outputs", "--device", "cpu", "--fold", "0"]
    return [*where, "--model", "test_resnet", "--run", run, "--set", SET]


def two_processes(home, run):
    """What the first of two processes printed, after a check that it prints for both."""

    def train():
        importlib.reload(console)  # which reads RANK when it is imported
        return tool("train_fold", *words(home, run))

    first, second = in_ranks(2, train)
    assert second.returncode == 0, second.stderr
    assert "epoch" not in second.stdout
    return first


def test_two_processes_train_one_fold_as_one_does(home):
    made = {}
    for run, done in (("one", tool("train_fold", *words(home, "one"))), ("two", two_processes(home, "two"))):
        assert done.returncode == 0, done.stderr
        history = pd.read_csv(Run(home / "outputs", run).history(0))
        predicted = load_predictions(Run(home / "outputs", run).oof(0), HOME, "")
        made[run] = history, predicted, done.stdout
    assert "processes 2" in made["two"][2]
    assert made["two"][2].count("epoch   1") == 1
    assert set(made["one"][1].ids) == set(made["two"][1].ids)
    assert len(made["two"][1].ids) == len(set(made["two"][1].ids))
    np.testing.assert_array_equal(made["one"][0]["lr"], made["two"][0]["lr"])
    score = [history["accuracy"].max() for history, _, _ in made.values()]
    assert abs(score[0] - score[1]) < 0.3  # tiny data: noise, but not chance (1/18) on one side
