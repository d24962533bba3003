import dataclasses
import importlib
import json

import pytest
import timm

from comp.competition.competition import ONE_LABEL, TARGETS, Competition
from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.metrics import named_metrics
from comp.recipes import catalog, default_recipe, recipe_json, recipe_settings
from comp.recipes.automatic import resolved_recipe
from comp.recipes.catalog import is_transformer
from comp.recipes.recipe_settings import HEADS, Recipe
from comp.store.runs import Run
from comp.training import optimizers

HOME = mask_gender_age.competition()
SEED_TEAM = ("efficientnetv2_rw_t", "resnet34", "vit_small_r26")


def of(target, metric="accuracy", **changes):
    """A competition of three classes with a metric of that name."""
    classes = {"binary": ("no", "yes"), "regression": ("value",)}.get(target, ("a", "b", "c"))
    return Competition(target, classes, named_metrics.get(metric), **changes)


@pytest.mark.parametrize("name", SEED_TEAM)
def test_a_v2_recipe_takes_the_same_photos_and_weights_and_learns_in_another_way(name):
    first, second = catalog.get_recipe(name), catalog.get_recipe(f"{name}_v2")
    of_photos = [key for key, group in groups().items() if group == "image" and key != "augment"]
    for key in ("model", "pretrained", "head", "tta", *of_photos):
        assert getattr(first, key) == getattr(second, key), key
    assert first.optimizer != second.optimizer
    assert (first.ema_decay, first.patience > 0) == (0, True)  # theirs: plain weights, stopped early
    assert (second.ema_decay > 0, second.patience) == (True, 0)  # a cosine is not stopped


@pytest.mark.parametrize("name", catalog.recipe_names())
def test_a_named_recipe_says_what_to_expect_and_how_to_run_it(name):
    text = importlib.import_module(f"comp.recipes.named.{name}").__doc__
    assert "Expected score:" in text
    assert f"make train MODEL={name}" in text
    assert "Hardware:" in text


@pytest.mark.parametrize("name", catalog.recipe_names())
def test_a_named_recipe_fits_the_home_competition_and_its_schedule_ends_within_its_epochs(name):
    recipe = resolved_recipe(catalog.get_recipe(name), HOME)
    assert recipe.warmup_epochs < recipe.epochs
    assert recipe.freeze_epochs < recipe.epochs
    assert recipe.schedule != "step" or recipe.step_epochs < recipe.epochs
    assert resolved_recipe(recipe, HOME) == recipe
    assert timm.is_model(recipe.model.partition(".")[0])


def test_resnet18_differs_from_resnet34_in_the_model_alone():
    small, large = catalog.get_recipe("resnet18"), catalog.get_recipe("resnet34")
    assert dataclasses.replace(large, name="resnet18", model="resnet18") == small


def groups():
    """Setting to its group in --help."""
    return {field.name: field.metadata["group"] for field in dataclasses.fields(Recipe)}


def test_the_defaults_of_the_fields_are_those_of_a_model_without_a_recipe():
    assert Recipe() == default_recipe.RECIPE
    assert catalog.get_recipe("test_resnet") == dataclasses.replace(Recipe(), name="test_resnet", model="test_resnet")
    assert Recipe().crop == 0  # the whole photo: nothing is known of it


def test_a_competitions_defaults_hold_for_models_without_a_recipe_only():
    general = catalog.get_recipe("tf_efficientnet_lite0")
    assert catalog.get_recipe("tf_efficientnet_lite0", HOME.defaults) == recipe_settings.override_settings(
        general, HOME.defaults
    )
    assert catalog.get_recipe("tf_efficientnet_lite0", HOME.defaults) != general
    assert catalog.get_recipe("resnet34", "crop=7 epochs=1") == catalog.get_recipe("resnet34")


CONVOLUTIONS = [
    "resnet34",
    "mobilevit_s",
    "mobilevitv2_050",
    "repvit_m0_9",
    "levit_128",
    "convmixer_768_32",
    "efficientvit_b0",
    "fastvit_t8",
    "efficientvit_m0",
    "convnext_tiny",
    "tf_efficientnet_lite0",
    "efficientnetv2_rw_t",
    "edgenext_small",
    "test_resnet",
    "nextvit_small",
]
TRANSFORMERS = [
    "coatnet_0_rw_224",
    "pvt_v2_b0",
    "vit_small_patch16_224.augreg_in21k",
    "vit_small_r26_s32_224",
    "test_vit",
    "deit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
    "swinv2_tiny_window8_256",
    "beit_base_patch16_224",
    "eva02_tiny_patch14_224",
    "cait_xxs24_224",
    "xcit_nano_12_p16_224",
    "mixer_s32_224",
    "maxvit_tiny_rw_224",
    "crossvit_tiny_240",
    "flexivit_small",
]


@pytest.mark.parametrize(("name", "expected"), [(n, False) for n in CONVOLUTIONS] + [(n, True) for n in TRANSFORMERS])
def test_transformers_are_told_from_convolutions_whatever_their_names(name, expected):
    assert is_transformer(name) is expected
    assert (catalog.get_recipe(name).layer_decay < 1) is expected


def test_a_name_that_timm_does_not_know_is_no_transformer():
    assert not is_transformer("vitt_small")


# What follows the competition -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "head", "loss"),
    [
        ("multiclass", "classes", "cross_entropy"),
        ("binary", "classes", "cross_entropy"),
        ("multilabel", "classes", "bce"),
        ("ordinal", "classes", "cross_entropy"),
        ("regression", "regression", "mse"),
    ],
)
def test_auto_is_chosen_by_the_target(target, head, loss):
    made = resolved_recipe(Recipe(), of(target))
    assert (made.head, made.loss, made.best_by) == (head, loss, "last")
    assert "auto" not in (made.head, made.loss, made.sampler, made.epochs, made.lr)
    assert resolved_recipe(made, of(target)) == made


@pytest.mark.parametrize(
    ("target", "head", "metric", "loss"),
    [
        ("ordinal", "regression", "quadratic_kappa", "mse"),
        ("ordinal", "cumulative", "quadratic_kappa", "bce"),
        ("regression", "bins", "rmse", "cross_entropy"),
        ("regression", "regression", "mae", "mae"),
        ("regression", "regression", "rmse", "mse"),
    ],
)
def test_the_loss_follows_the_head_and_the_metric(target, head, metric, loss):
    assert resolved_recipe(Recipe(head=head), of(target, metric)).loss == loss


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("metric", "alike"),
    [
        ("macro_f1", True),
        ("macro_f_beta@2", True),
        ("balanced_accuracy", True),
        ("accuracy", False),
        ("log_loss", False),
        ("auc", False),
        ("micro_f1", False),
    ],
)
def test_the_sampler_is_balanced_where_the_metric_counts_classes_alike(target, metric, alike):
    expected = "balanced" if alike and target in ONE_LABEL else "shuffle"
    assert resolved_recipe(Recipe(), of(target, metric)).sampler == expected


@pytest.mark.parametrize(
    ("target", "setting"),
    [
        ("multilabel", dict(sampler="balanced")),
        ("regression", dict(sampler="balanced")),
        ("multiclass", dict(best_by="rmse")),
        ("multiclass", dict(halfmix_within="colour")),
        ("multiclass", dict(head="attributes")),
        ("multilabel", dict(head="cumulative")),
    ],
)
def test_settings_that_do_not_go_with_the_target_are_refused(target, setting):
    with pytest.raises(InputError, match=list(setting)[-1]):
        resolved_recipe(Recipe(**setting), of(target))


def test_the_choices_of_a_setting_are_the_names_of_its_table():
    choices = {field.name: set(field.metadata["choices"]) for field in dataclasses.fields(Recipe)}
    assert choices["head"] == {"auto"} | {head for heads in HEADS.values() for head in heads}
    assert choices["schedule"] == set(optimizers.SCHEDULES)


def test_a_recipe_of_other_classes_is_refused(tmp_path):
    run = Run(tmp_path, "a")
    recipe_json.claim_run(run, Recipe(epochs=12), of("multiclass"), "make train")
    assert recipe_json.load_recipe(run, of("multiclass")) == Recipe(epochs=12)
    with pytest.raises(InputError, match="classes"):
        recipe_json.load_recipe(run, of("binary"))
    with pytest.raises(InputError, match="epochs: 12, not 3"):
        recipe_json.claim_run(run, Recipe(epochs=3), of("multiclass"), "make train")
    written = run.recipe.read_bytes()
    recipe_json.claim_run(run, Recipe(epochs=12, workers=3), of("multiclass"), "make train")
    assert run.recipe.read_bytes() == written


# Settings and recipe.json ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*catalog.recipe_names(), "swin_base_patch4_window7_224"])
def test_every_recipe_is_valid_and_survives_json(name):
    recipe = recipe_settings.validated_recipe(catalog.get_recipe(name))
    assert recipe.name == name
    assert recipe_json.from_json(json.loads(json.dumps(recipe_json.to_json(recipe))), "x") == recipe


def test_overrides_keep_types_and_leave_the_original():
    recipe = catalog.get_recipe("resnet34")
    changed = recipe_settings.override_settings(
        recipe, "epochs=3 lr=1e-2 pretrained=false mean=0.5,0.5,0.5 loss='0.4 f1 + 0.6 focal'"
    )
    assert (changed.epochs, changed.lr, changed.pretrained, changed.mean) == (3, 1e-2, False, (0.5, 0.5, 0.5))
    assert changed.loss == "0.4 f1 + 0.6 focal"
    assert recipe == catalog.get_recipe("resnet34")
    assert len(recipe_json.differences(recipe, changed)) == 5


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
        "mixup=nan",
        "bins=1",
        "fit=stretch",
        "average_best=0",
        "head=masks",
        "loss='unclosed",
    ],
)
def test_bad_settings_are_refused(text):
    with pytest.raises(InputError):
        recipe_settings.override_settings(catalog.get_recipe("resnet34"), text)


def test_an_unknown_setting_lists_the_known_ones():
    with pytest.raises(InputError) as error:
        recipe_settings.override_settings(catalog.get_recipe("resnet34"), "learning_rate=1")
    for setting in dataclasses.fields(Recipe)[1:]:  # without the name
        assert setting.name in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(extra=1),
        lambda v: v.update(epochs="3"),
        lambda v: v.update(epochs=True),
        lambda v: v.update(pretrained=1),
        lambda v: v.pop("soften"),
    ],
)
def test_a_recipe_json_of_another_shape_is_refused(change):
    values = recipe_json.to_json(catalog.get_recipe("resnet34"))
    change(values)
    with pytest.raises(InputError, match="settings"):
        recipe_json.from_json(values, "recipe.json")


def test_a_trained_run_is_predicted_with_other_workers_or_without_the_cache_and_with_nothing_else(tmp_path):
    recipe, run = catalog.get_recipe("resnet18"), Run(tmp_path, "r")
    faster = recipe_json.at_other_speed(recipe, "workers=0 cache=false", run)
    assert (faster.workers, faster.cache) == (0, False)
    assert recipe_json.differences(faster, recipe) == []
    assert recipe_json.at_other_speed(recipe, "", run) == recipe
    with pytest.raises(InputError, match="image_size") as error:
        recipe_json.at_other_speed(recipe, "workers=0 image_size=64", run)
    assert "workers and cache" in str(error.value)
