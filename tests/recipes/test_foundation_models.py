"""The recipes of DINOv3 and SigLIP 2 with a small, untrained model of each kind: trained in part, then predicted."""

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
from comp.prediction.predict import predict_folds
from comp.recipes import catalog, recipe_json
from comp.recipes.automatic import resolved_recipe
from comp.recipes.catalog import is_transformer
from comp.store.predictions import load_predictions
from comp.training import train_stage

CPU = torch.device("cpu")
SMALL = {
    "dinov3_small": "vit_tiny_patch16_dinov3_qkvb",
    "dinov3_base": "vit_tiny_patch16_dinov3_qkvb",
    "siglip2_base": "test_vit3",  # an attention pool and no class token; timm's smallest SigLIP has 94 M weights
}
TARGETS = {
    "dinov3_base": ("regression", ("value",), "rmse", [0.1, 0.9, 0.5, 0.3]),
    "siglip2_base": ("multiclass", ("a", "b", "c"), "accuracy", [0, 1, 2, 1]),
}


def data_of(name, outputs) -> RunData:
    """Eight training photos and two test photos of noise, and the recipe with a small model."""
    target, classes, metric, labels = TARGETS[name]
    competition = Competition(target, classes, named_metrics.get(metric))
    images = [f"train/{i}.png" for i in range(8)]
    folds = pd.DataFrame({"image": images, "group": images, "label": labels * 2, "fold": [0, 1] * 4})
    test = pd.DataFrame({"id": ["x", "y"], "image": ["test/x.png", "test/y.png"]})
    pixels = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), np.uint8)
    changes = dict(
        model=SMALL[name], image_size=32, pretrained=False, epochs=1, warmup_epochs=0.0, workers=0, amp="off"
    )
    recipe = dataclasses.replace(
        catalog.get_recipe(name), checkpointing=True, freeze_epochs=-1, freeze_stages=-1, **changes
    )
    recipe = resolved_recipe(with_normalisation(recipe), competition)
    data = RunData(known_project(outputs, competition, folds, test_rows=test), recipe)
    data.photos, data.test_photos = (
        Photos("", list(names), 0, 32, part) for names, part in ((images, pixels[:8]), (test["image"], pixels[8:]))
    )
    return data


@pytest.mark.parametrize("name", ["dinov3_base", "siglip2_base"])
def test_it_trains_its_last_stage_with_checkpointing_and_predicts(tmp_path, name):
    data = data_of(name, tmp_path)
    recipe, run = data.recipe, data.project.run(name)
    recipe_json.claim_run(run, recipe, data.competition, "make train")
    torch.manual_seed(recipe.seed * 1000)
    before = factory.create_model(recipe, data.competition, tmp_path).state_dict()
    train_stage.train_fold(data, run, 0, CPU)
    after = weights_file.read_weights(run.weights(0), "")
    depth = sum(name.startswith("blocks.") and name.endswith("mlp.fc1.weight") for name in before)
    kept = [name for name in before if name.startswith(("patch_embed", "pos_embed", "reg_token", "blocks"))]
    kept = [name for name in kept if not name.startswith(f"blocks.{depth - 1}.")]
    assert [name for name in kept if not torch.equal(after[name], before[name])] == []
    moved = [name for name in before if not torch.equal(after[name], before[name])]
    assert {"head.weight", "norm.weight", f"blocks.{depth - 1}.mlp.fc1.weight"} <= set(moved)
    predict_folds(data, run, [0], "hflip", CPU)
    assert np.isfinite(load_predictions(run.oof(0), data.competition, "").probs).all()
    assert set(load_predictions(run.test(0), data.competition, "").ids) == {"x", "y"}


@pytest.mark.parametrize("name", SMALL)
def test_the_models_and_weights_of_the_recipes_are_timms_and_fit(name):
    import timm

    recipe = catalog.get_recipe(name)
    catalog.check_model_name(recipe.model, [])
    assert "." in recipe.model  # the weights are named, so timm's default may change
    assert is_transformer(recipe.model)
    assert timm.get_pretrained_cfg(recipe.model).input_size[-1] == recipe.image_size
    assert -recipe.freeze_stages < 12
