"""Classifiers on embeddings go from the photos to a checked submission, for every target, as runs like any other."""

import json
import os
import shutil

import huggingface_hub
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import tool
from drawn_runs import drawn_home, run
from layouts.table import ROWS
from timm.models import register_model

from comp.prediction import frozen_features
from comp.project import Project
from comp.recipes import catalog
from comp.store.predictions import load_predictions

TINY = "pretrained=false image_size=32 batch_size=4"
MODEL = ("--model", "test_resnet", "--device", "cpu")
LAYOUTS = {
    2: "classifier=ridge",
    21: "classifier=boosting columns=all grid=5",
    23: "columns=all grid=1e-3,1e-2",
    8: "classifier=knn grid=3",
    17: "grid=0.01",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = drawn_home(tmp_path_factory.mktemp("embed"))
    code, printed = run(home, "embed", *MODEL, "--run", "e", "--set", f"{TINY} grid=0.01")
    assert code == 0, printed
    return home


@pytest.fixture
def copy(home, tmp_path):
    """A copy whose files keep their times, on which the names of cached features depend."""
    return shutil.copytree(home, tmp_path / "home")


def bits(home, name="e"):
    return {path.relative_to(home): path.read_bytes() for path in sorted((home / "out" / name).rglob("*.*"))}


@pytest.mark.parametrize("number", LAYOUTS)
def test_a_competition_of_each_target_goes_to_a_checked_submission(number, tmp_path):
    layout = next(row for row in ROWS if row.number == number)
    layout.write(tmp_path / "in")
    given = f"{TINY} {LAYOUTS[number]}"
    for stage in (
        ("make_folds", "--folds", "3"),
        ("embed", *MODEL, "--run", "e", "--set", given),
        ("stack", "--runs", "e", "--set", "grid=1,2"),
        ("blend", "--method", "equal"),
        ("make_sub",),
        ("status",),
    ):
        code, printed = run(tmp_path, *stage)
        assert code == 0, printed
    assert printed.count("complete") >= 7  # three folds of two runs, and the blend
    layout.check(tmp_path / "in", tmp_path / "out/submission.csv")


def test_it_blends_with_drawn_runs_and_learns_something(copy):
    code, printed = run(copy, "blend", "--runs", "a e", "--method", "equal", "--rule", "argmax")
    assert code == 0, printed
    folds = pd.read_csv(copy / "out/folds.csv").set_index("image")
    project = Project(copy / "in", copy / "out")
    parts = [load_predictions(project.run("e").oof(k), project.competition, "") for k in range(3)]
    hits = np.concatenate([one.probs.argmax(1) == folds["label"][one.ids] for one in parts])
    assert hits.mean() > 3 / 18, "the photos are drawn in stripes of three colours: random features tell much"


def test_again_reads_no_photo_and_changes_nothing(copy):
    before = bits(copy)
    for photo in (copy / "in").rglob("*.jpg"):
        times = photo.stat()
        photo.write_bytes(b"x" * times.st_size)  # of the same size and time, but unreadable
        os.utime(photo, ns=(times.st_atime_ns, times.st_mtime_ns))
    for file in (copy / "out/cache").glob("*.npy"):
        file.unlink()
    code, printed = run(copy, "embed", *MODEL, "--run", "e", "--set", f"{TINY} grid=0.01")
    assert code == 0, printed
    assert "nothing to do" in printed
    assert bits(copy) == before


def test_missing_and_damaged_parts_are_made_again_with_the_same_bits(copy):
    before = bits(copy)
    folders = [sorted(folder.glob("*.npz")) for folder in (copy / "out/cache").glob("features_*")]
    test, (kept, damaged, *_) = sorted(folders, key=len)  # there are fewer test photos
    time, whole = kept.stat().st_mtime_ns, {part: part.read_bytes() for part in (damaged, *test)}
    damaged.write_bytes(whole[damaged][:100])
    for part in test:
        part.unlink()
    shutil.rmtree(copy / "out/e/fold1")
    code, printed = run(copy, "embed", *MODEL, "--run", "e", "--set", f"{TINY} grid=0.01")
    assert code == 0, printed
    assert bits(copy) == before
    assert {part: part.read_bytes() for part in whole} == whole
    assert kept.stat().st_mtime_ns == time


def test_the_recipe_says_how_to_make_it_again_and_repairs_name_that_command(copy):
    kept = json.loads((copy / "out/e/recipe.json").read_text())
    assert kept["command"] == f"make embed MODEL=test_resnet RUN=e SET='{TINY} grid=0.01'"
    assert kept["recipe"]["classifier"] == "logistic"
    assert kept["recipe"]["class_weights"] == "balanced"  # the metric is macro F1
    (copy / "out/e/fold1/test.npz").unlink()
    assert f"missing  {kept['command']}" in run(copy, "status")[1]
    code, printed = run(copy, "blend", "--runs", "a e")
    assert code == 2
    assert kept["command"] in printed


def test_another_recipe_under_the_name_is_refused_before_anything_is_written(copy):
    before = bits(copy, "")
    code, printed = run(copy, "embed", *MODEL, "--run", "e", "--set", f"{TINY} grid=0.02 tta=none")
    assert code == 2
    assert "tta: 'hflip', not 'none'; grid: [0.01], not [0.02]" in printed
    assert bits(copy, "") == before


def test_columns_are_joined_by_id_and_only_those_of_both_tables(tmp_path):
    layout = next(row for row in ROWS if row.number == 23)
    layout.write(tmp_path / "in")
    assert run(tmp_path, "make_folds", "--folds", "3")[0] == 0
    train, test, usual = Project(tmp_path / "in", tmp_path / "out").tables.shared_columns
    assert usual == ["site_id", "view", "age", "machine_id"]  # no ids, no group, no label, no biopsy
    given = pd.read_csv(tmp_path / "in/train.csv", dtype=str)
    paths = "train_images/" + given["patient_id"] + "/" + given["image_id"] + ".png"
    assert train.loc[paths, "view"].tolist() == given["view"].tolist()
    assert train.loc[paths, "age"].tolist() == given["age"].astype(float).tolist()
    given = pd.read_csv(tmp_path / "in/test.csv", dtype=str)
    paths = "test_images/" + given["patient_id"] + "/" + given["image_id"] + ".png"
    places = pd.MultiIndex.from_arrays([given["prediction_id"], paths])
    assert test.loc[places, "age"].tolist() == given["age"].astype(float).tolist()
    code, printed = run(tmp_path, "embed", *MODEL, "--run", "e", "--set", f"{TINY} columns=age,biopsy")
    assert code == 2
    assert "columns=biopsy names no column" in printed
    assert "columns=site_id or columns=all" in printed
    assert not (tmp_path / "out/e").exists()


def without_classifier(pretrained, **options):
    """A model of timm's registry that has no classifier to take off."""
    return torch.nn.Identity()


without_classifier.__module__ = "timm.models.resnet"  # where timm looks for the names of models
register_model(without_classifier)


@pytest.mark.parametrize(
    ("model", "size", "advice"),
    [
        ("without_classifier", 32, "make embed MODEL=resnet34"),
        ("crossvit_tiny_240", 224, "image_size=240 in SET"),
    ],
)
def test_a_model_without_features_at_a_size_is_refused_with_advice_that_works(home, tmp_path, model, size, advice):
    before = bits(home, "")
    code, printed = run(
        home, "embed", "--model", model, "--device", "cpu", "--run", "x", "--set", f"pretrained=false image_size={size}"
    )
    assert code == 2, printed
    assert model in printed
    assert advice in printed
    assert bits(home, "") == before
    if "in SET" in advice:
        recipe = catalog.get_recipe(model, advice.partition(" ")[0])
        frozen_features.check_backbone(recipe, Project(home / "in", home / "out").competition, torch.device("cpu"))


def test_without_weights_or_network_nothing_is_written_unless_it_is_told_to(home, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    before = bits(home, "")
    code, printed = run(home, "embed", *MODEL, "--run", "x", "--set", "image_size=32")
    assert code == 2, printed
    assert "pretrained=false" in printed
    assert bits(home, "") == before


@pytest.mark.parametrize("model", ["test_vit", "test_efficientnet", "test_convnext", "test_byobnet"])
def test_features_of_models_of_several_families_are_rows_of_finite_numbers(home, model):
    recipe = catalog.get_recipe(model, "image_size=160 pretrained=false")
    made = frozen_features.load_backbone(
        recipe, Project(home / "in", home / "out").competition, home, torch.device("cpu")
    )
    features = made.model(torch.rand(3, 3, 160, 160))
    assert features.shape == (3, made.features)
    assert torch.isfinite(features).all()
    assert not any(parameter.requires_grad for parameter in made.model.parameters())


def test_make_folds_keeps_the_folds_of_runs_on_embeddings(copy):
    done = tool("make_folds", "--inputs", copy / "in", "--outputs", copy / "out", "--folds", 2)
    assert done.returncode == 2
    assert "a, b, e" in done.stderr
