import dataclasses
import json

import pytest

from comp.errors import InputError
from comp.recipes import catalog, frozen, settings
from comp.recipes.recipe import Recipe


def test_the_four_recipes_are_the_seed_teams():
    vit, eff, r34, r18 = map(catalog.get, ("vit_small_r26", "efficientnetv2_rw_t", "resnet34", "resnet18"))
    assert (vit.optimizer, vit.batch_size, vit.lr, vit.loss, vit.mixup, vit.cutmix) == (
        "sgd",
        64,
        1e-3,
        "cross_entropy",
        0.35,
        0.35,
    )
    assert (eff.optimizer, eff.batch_size, eff.lr, eff.loss, eff.mixup, eff.cutmix) == (
        "adam",
        128,
        2.5e-4,
        "cross_entropy",
        0.5,
        0,
    )
    assert (r34.optimizer, r34.batch_size, r34.lr, r34.loss, r34.mixup, r34.cutmix) == (
        "adam",
        128,
        1e-4,
        "focal",
        0.25,
        0.25,
    )
    for recipe in (vit, eff, r34, r18):
        assert (recipe.crop, recipe.image_size, recipe.weight_decay, recipe.accumulate, recipe.patience) == (
            350,
            224,
            5e-4,
            2,
            5,
        )
        assert (recipe.step_epochs, recipe.step_factor, recipe.mix_alpha, recipe.gamma, recipe.tta) == (
            20,
            0.5,
            1,
            2,
            "hflip",
        )


@pytest.mark.parametrize("name", [*catalog.names(), "swin_base_patch4_window7_224"])
def test_every_recipe_is_valid_and_survives_json(name):
    recipe = settings.validated(catalog.get(name))
    assert recipe.name == name
    assert frozen.from_json(json.loads(json.dumps(frozen.to_json(recipe))), "x") == recipe


def test_overrides_keep_types_and_leave_the_original():
    recipe = catalog.get("resnet34")
    changed = settings.override(recipe, "epochs=3 lr=1e-2 pretrained=false mean=0.5,0.5,0.5 loss='0.4 f1 + 0.6 focal'")
    assert (changed.epochs, changed.lr, changed.pretrained, changed.mean) == (3, 1e-2, False, (0.5, 0.5, 0.5))
    assert changed.loss == "0.4 f1 + 0.6 focal"
    assert recipe.epochs == 60
    assert len(frozen.differences(recipe, changed)) == 5


@pytest.mark.parametrize(
    "text",
    [
        "epoch=3",
        "name=x",
        "epochs",
        "epochs=three",
        "pretrained=maybe",
        "mixup=2",
        "epochs=0",
        "mixup=0.7 cutmix=0.7",
        "schedule=linear",
        "mean=1",
        "std=0.2,0.2,0",
        "lr=nan",
        "loss='unclosed",
    ],
)
def test_bad_settings_are_refused(text):
    with pytest.raises(InputError):
        settings.override(catalog.get("resnet34"), text)


def test_an_unknown_setting_lists_the_known_ones():
    with pytest.raises(InputError) as error:
        settings.override(catalog.get("resnet34"), "learning_rate=1")
    for setting in dataclasses.fields(Recipe)[1:]:  # without the name
        assert setting.name in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.pop("lr"),
        lambda v: v.update(extra=1),
        lambda v: v.update(epochs="3"),
        lambda v: v.update(epochs=True),
    ],
)
def test_a_recipe_json_of_another_shape_is_refused(change):
    values = frozen.to_json(catalog.get("resnet34"))
    change(values)
    with pytest.raises(InputError, match="settings"):
        frozen.from_json(values, "recipe.json")
