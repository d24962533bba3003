"""oof.npz has a row per photo, test.npz a row per prediction id."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from known_project import known_project

from comp.competition.competition import Competition
from comp.data.photos import Photos
from comp.data.run_data import RunData
from comp.metrics import named_metrics
from comp.models import factory, weights_file
from comp.models.factory import with_normalisation
from comp.prediction.predict import predict, predict_folds, show_fold_scores
from comp.recipes import catalog, recipe_json
from comp.store.predictions import load_predictions

CPU = torch.device("cpu")
COMPETITION = Competition(
    "binary", ("no", "yes"), named_metrics.get("log_loss"), (named_metrics.get("auc"),), combine="mean"
)
RECIPE = dataclasses.replace(
    with_normalisation(catalog.get_recipe("test_resnet")), image_size=32, workers=0, pretrained=False
)


@pytest.fixture
def trained(tmp_path):
    """A run whose fold 0 has random weights; two photos per prediction id."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), np.uint8)
    images = [f"train/{i}.png" for i in range(8)]
    folds = pd.DataFrame({"image": images, "group": images, "label": [0, 0, 1, 1] * 2, "fold": [0] * 4 + [1] * 4})
    folds["id"] = ["a", "a", "b", "b", "c", "c", "d", "d"]
    test = pd.DataFrame({"id": ["z", "y", "z", "y", "x", "x", "w", "w"], "image": [f"test/{i}.png" for i in range(8)]})
    data = RunData(known_project(tmp_path, COMPETITION, folds, test_rows=test), RECIPE)
    data.photos, data.test_photos = (
        Photos("", list(names), 0, 32, part) for names, part in ((images, pixels[:8]), (test["image"], pixels[8:]))
    )
    run = data.project.run("run")
    recipe_json.claim_run(run, RECIPE, COMPETITION, "make train")
    model = factory.create_model(RECIPE, COMPETITION, tmp_path)
    metadata = weights_file.training_record(data, run, 0) | {"epoch": 1, "epochs": 1}
    weights_file.save_weights(run.weights(0), model.state_dict(), metadata)
    return run, data, model


def test_test_photos_of_one_id_are_one_row_and_oof_photos_each_their_own(trained):
    run, data, model = trained
    predict_folds(data, run, [0], "none", CPU)
    oof, test = (load_predictions(path, COMPETITION, "") for path in (run.oof(0), run.test(0)))
    assert oof.ids.tolist() == data.project.folds["image"][:4].tolist()
    assert test.ids.tolist() == ["z", "y", "x", "w"]
    each = predict(model, data.testing(), RECIPE, COMPETITION, CPU)
    np.testing.assert_allclose(test.at(["z"])[0], each[[0, 2]].mean(0), atol=1e-6)
    np.testing.assert_allclose(test.at(["w"])[0], each[[6, 7]].mean(0), atol=1e-6)


def test_what_is_predicted_already_is_not_predicted_again_but_other_views_are(trained, capsys):
    run, data, _ = trained
    predict_folds(data, run, [0], "none", CPU)
    before = run.test(0).stat().st_mtime_ns
    predict_folds(data, run, [0], "none", CPU)
    assert run.test(0).stat().st_mtime_ns == before
    assert "already predicted" in capsys.readouterr().out
    predict_folds(data, run, [0], "d4", CPU)
    assert load_predictions(run.test(0), COMPETITION, "").meta["tta"] == "d4"


def test_each_of_the_two_files_is_made_again_alone(trained, capsys):
    run, data, _ = trained
    predict_folds(data, run, [0], "none", CPU)
    whole = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (run.oof(0), run.test(0))}
    for damaged, other in ((run.oof(0), run.test(0)), (run.test(0), run.oof(0))):
        damaged.write_bytes(b"damaged")
        kept = other.stat().st_mtime_ns
        capsys.readouterr()
        predict_folds(data, run, [0], "none", CPU)
        assert f"wrote {damaged.name}, TTA" in capsys.readouterr().out
        assert damaged.read_bytes() == whole[damaged][0]
        assert (other.read_bytes(), other.stat().st_mtime_ns) == (whole[other][0], kept)


def test_the_fold_table_shows_the_competitions_metrics_with_their_direction(trained, capsys):
    run, data, _ = trained
    predict_folds(data, run, [0], "none", CPU)
    show_fold_scores(data, run, [0])
    printed = capsys.readouterr().out
    assert "log_loss (lower is better)" in printed
    assert "auc" in printed
    assert "1 of 1" in printed
