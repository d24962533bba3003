"""Settings that are "auto": each rule keeps its promise whatever the facts, and says why it chose the value."""

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comp.competition.competition import TARGETS, Competition
from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.metrics import named_metrics
from comp.recipes import automatic, catalog, recipe_json
from comp.recipes.automatic import Facts, chosen_settings, resolved_recipe
from comp.recipes.recipe_settings import Recipe, override_settings, validated_recipe
from comp.settings import automatic_settings, setting_types

HOME = mask_gender_age.competition()
COLUMN = HOME.ranges[0].column
CONVOLUTIONS, TRANSFORMER = catalog.get_recipe("test_resnet"), catalog.get_recipe("test_vit")
FACTS = Facts(rows=1000, photo_side=300, own_size=160)


def of(target, metric="accuracy", **changes):
    classes = {"binary": ("no", "yes"), "regression": ("value",)}.get(target, ("a", "b", "c"))
    limits = {"limits": (0.0, 1.0)} if target == "regression" else {}
    return Competition(target, classes, named_metrics.get(metric), **limits, **changes)


PLAIN = of("multiclass")
facts = st.builds(
    Facts,
    rows=st.integers(1, 2_000_000),
    photo_side=st.integers(1, 6000),
    own_size=st.sampled_from([96, 224, 240, 256, 384]),
    deviations=st.dictionaries(st.just(COLUMN), st.floats(0.001, 1e6)),
    mirrored=st.sampled_from(["", "they are harder to predict"]),
)
recipes = st.builds(
    lambda recipe, batch_size, accumulate: dataclasses.replace(recipe, batch_size=batch_size, accumulate=accumulate),
    st.sampled_from([CONVOLUTIONS, TRANSFORMER]),
    st.sampled_from([1, 8, 32, 100, 512]),
    st.integers(1, 4),
)
competitions = st.sampled_from([HOME, *(of(target) for target in TARGETS)])


def value(name, recipe=CONVOLUTIONS, competition=PLAIN, known=FACTS):
    return getattr(resolved_recipe(recipe, competition, known), name)


def steps(recipe, known):
    return recipe.epochs * math.ceil(known.rows / recipe.batch_size) / recipe.accumulate


# What holds for every rule --------------------------------------------------------------------------------------------


@given(recipes, competitions, st.none() | facts)
def test_what_is_chosen_is_allowed_stays_and_is_stored(recipe, competition, known):
    made = resolved_recipe(recipe, competition, known)
    assert all(getattr(made, name) != "auto" for name in automatic.RULES)
    assert validated_recipe(made) == made
    assert resolved_recipe(made, competition, known) == made
    assert resolved_recipe(made, competition) == made
    assert recipe_json.from_json(json.loads(json.dumps(recipe_json.to_json(made))), "x") == made
    types = setting_types(Recipe)
    assert all(type(getattr(made, name)) is types[name] for name in automatic.RULES)


@given(facts)
def test_a_recipe_without_auto_is_not_changed(known):
    recipe = resolved_recipe(TRANSFORMER, PLAIN, FACTS)
    assert chosen_settings(recipe, PLAIN, known) == []
    assert resolved_recipe(recipe, PLAIN, known) == recipe


def test_every_setting_that_may_be_auto_has_a_rule_that_replaces_it():
    assert set(automatic.RULES) == {*automatic_settings(Recipe), "head", "loss", "sampler"}
    assert [choice.setting for choice in chosen_settings(Recipe(), PLAIN)] == list(automatic.RULES)


FIXED = {
    "head": "classes",
    "loss": "focal",
    "sampler": "shuffle",
    "best_by": "val_loss",
    "smoothing": 0.05,
    "soften": f"{COLUMN}:7",
    "image_size": 40,
    "augment": "none",
    "tta": "none",
    "lr": 0.5,
    "epochs": 77,
    "warmup_epochs": 0.7,
    "ema_decay": 0.0,
}


@pytest.mark.parametrize("name", automatic.RULES)
def test_a_value_that_is_given_is_kept_and_not_explained(name):
    recipe = dataclasses.replace(CONVOLUTIONS, **{name: FIXED[name]})
    assert value(name, recipe, HOME) == FIXED[name] != value(name, competition=HOME)
    assert name not in [choice.setting for choice in chosen_settings(recipe, HOME, FACTS)]


def test_a_rule_uses_the_settings_that_are_given():
    """Twice the epochs have twice the steps, so the averages cover more of them."""
    short, long = (dataclasses.replace(CONVOLUTIONS, epochs=epochs) for epochs in (10, 40))
    assert value("ema_decay", long) > value("ema_decay", short)
    assert value("warmup_epochs", long) > value("warmup_epochs", short)


@given(recipes, competitions, facts)
def test_each_value_has_a_reason_and_reasons_name_the_numbers(recipe, competition, known):
    choices = {choice.setting: choice for choice in chosen_settings(recipe, competition, known)}
    made = resolved_recipe(recipe, competition, known)
    assert {name: choice.value for name, choice in choices.items()} == {name: getattr(made, name) for name in choices}
    assert all(choice.reason for choice in choices.values())
    assert f"{known.rows:,} training rows" in choices["epochs"].reason
    assert f"{recipe.batch_size * recipe.accumulate} photos" in choices["lr"].reason
    assert (competition.metric.name in choices["sampler"].reason) == (competition.target != "regression")
    assert competition.target in choices["head"].reason
    for name in ("augment", "tta"):
        assert ("mirrored photos" in choices[name].reason) == bool(known.mirrored)


@pytest.mark.parametrize(
    ("metric", "head", "loss"),
    [
        ("quadratic_kappa", "regression", "mse"),
        ("rmse", "regression", "mse"),
        ("mae", "regression", named_metrics.get("mae").number_loss),
        ("accuracy", "classes", "cross_entropy"),
        ("macro_f1", "classes", "cross_entropy"),
        ("log_loss", "classes", "cross_entropy"),
    ],
)
def test_grades_are_numbers_if_the_metric_measures_how_far_they_are_apart(metric, head, loss):
    competition = of("ordinal", metric)
    assert (value("head", competition=competition), value("loss", competition=competition)) == (head, loss)
    choices = {choice.setting: choice for choice in chosen_settings(CONVOLUTIONS, competition, FACTS)}
    assert (metric in choices["head"].reason) == (head == "regression")


@pytest.mark.parametrize(("kept", "head"), [(3, "attributes"), (2, "attributes"), (1, "classes"), (0, "classes")])
def test_classes_that_are_combinations_of_attributes_are_learned_by_attribute(kept, head):
    attributes = dict(list(HOME.attributes.items())[:kept])
    competition = dataclasses.replace(HOME, attributes=attributes, ranges=())
    choices = {choice.setting: choice for choice in chosen_settings(CONVOLUTIONS, competition, FACTS)}
    assert choices["head"].value == head
    assert all(name in choices["head"].reason for name in attributes if kept > 1)


@pytest.mark.parametrize("name", ["vit_small_r26", "efficientnetv2_rw_t", "resnet34"])
def test_the_recipes_of_the_course_team_predict_classes_as_the_team_did(name):
    assert value("head", catalog.get_recipe(name), HOME) == "classes"


@given(recipes, competitions)
def test_without_facts_nothing_of_rows_or_photos_is_claimed(recipe, competition):
    made = resolved_recipe(recipe, competition)
    typical = Facts(rows=15_000, photo_side=1000, own_size=224)
    known = resolved_recipe(recipe, competition, typical)
    assert made.image_size == known.image_size
    assert (made.augment, made.tta, made.soften) == (known.augment, known.tta, "")
    reasons = " ".join(choice.reason for choice in chosen_settings(recipe, competition))
    assert "training rows" not in reasons
    assert "None" not in reasons


# The competition ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["multiclass", "binary"])
def test_probabilities_that_are_scored_are_not_smoothed(target):
    choices = {choice.setting: choice for choice in chosen_settings(Recipe(), of(target, "log_loss"))}
    assert choices["smoothing"].value == 0
    assert "log_loss" in choices["smoothing"].reason
    assert value("smoothing", competition=of(target, "accuracy")) > 0


@pytest.mark.parametrize(
    ("target", "head"), [("regression", "regression"), ("regression", "bins"), ("ordinal", "auto")]
)
def test_numbers_are_not_smoothed(target, head):
    chosen = chosen_settings(dataclasses.replace(CONVOLUTIONS, head=head), of(target, "mae"))
    assert next(choice for choice in chosen if choice.setting == "smoothing").value == 0


def test_a_schedule_that_ends_at_zero_keeps_its_last_epoch_and_others_their_best():
    assert value("best_by") == "last"
    assert value("best_by", dataclasses.replace(CONVOLUTIONS, patience=3)) == "accuracy"
    for schedule in ("step", "constant"):
        assert value("best_by", dataclasses.replace(CONVOLUTIONS, schedule=schedule)) == "accuracy"
    asked = dataclasses.replace(CONVOLUTIONS, best_by="metric")
    assert value("best_by", asked, of("binary", "auc")) == "auc"


def test_patience_needs_a_score_that_can_become_worse():
    waiting = dataclasses.replace(CONVOLUTIONS, patience=3, best_by="last")
    with pytest.raises(InputError, match="patience=3 is not possible with best_by=last"):
        resolved_recipe(waiting, of("binary", "auc"))
    assert resolved_recipe(dataclasses.replace(waiting, best_by="metric"), of("binary", "auc")).best_by == "auc"


# Rows -----------------------------------------------------------------------------------------------------------------


@given(recipes, st.integers(1, 1_000_000), st.integers(1, 1_000_000))
def test_more_rows_never_have_more_epochs(recipe, rows, more):
    few, many = (value("epochs", recipe, known=dataclasses.replace(FACTS, rows=count)) for count in (rows, rows + more))
    assert few >= many >= 1


@given(recipes, st.integers(1, 1_000_000))
def test_of_twice_as_many_rows_no_fewer_photos_are_seen(recipe, rows):
    few, many = (
        count * value("epochs", recipe, known=dataclasses.replace(FACTS, rows=count)) for count in (rows, 2 * rows)
    )
    assert many >= few


@given(recipes, facts)
def test_the_warm_up_and_the_ema_are_short_beside_the_training(recipe, known):
    made = resolved_recipe(recipe, PLAIN, known)
    assert 0 < made.warmup_epochs <= 0.25 * made.epochs
    assert 0 <= made.ema_decay < 1
    window = 1 / (1 - made.ema_decay)
    assert window <= max(0.25 * steps(made, known), automatic.EMA_STEPS[0] + 1)


@given(st.integers(1, 500), st.integers(1, 500))
def test_more_epochs_never_have_a_shorter_warm_up_or_average(epochs, more):
    few, many = (
        resolved_recipe(dataclasses.replace(CONVOLUTIONS, epochs=count), PLAIN, FACTS)
        for count in (epochs, epochs + more)
    )
    assert many.warmup_epochs >= few.warmup_epochs
    assert many.ema_decay >= few.ema_decay


@given(st.integers(1, 512), st.integers(1, 8))
def test_larger_steps_have_a_larger_lr_however_they_are_made_and_transformers_a_smaller_one(batch_size, accumulate):
    whole = value("lr", dataclasses.replace(CONVOLUTIONS, batch_size=batch_size * accumulate))
    assert value("lr", dataclasses.replace(CONVOLUTIONS, batch_size=batch_size, accumulate=accumulate)) == whole
    larger = value("lr", dataclasses.replace(CONVOLUTIONS, batch_size=4 * batch_size * accumulate))
    assert larger == pytest.approx(2 * whole, rel=0.1)  # the square root; two digits are kept
    assert 0 < value("lr", dataclasses.replace(TRANSFORMER, batch_size=batch_size * accumulate)) < whole


# Photos ---------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 6000), st.integers(0, 6000), st.sampled_from([96, 224, 240, 384]))
def test_an_image_is_no_larger_than_the_weights_know_and_no_smaller_than_photos_show(side, more, own):
    small, large = (
        value("image_size", known=dataclasses.replace(FACTS, photo_side=pixels, own_size=own))
        for pixels in (side, side + more)
    )
    assert small <= large <= own
    assert small == own or small >= max(side, automatic.FEWEST_PIXELS)
    assert small == own or small % automatic.SIZE_STEP == 0


@given(facts)
def test_a_transformer_keeps_the_size_of_its_weights(known):
    assert value("image_size", TRANSFORMER, known=known) == known.own_size


def test_small_photos_are_named_as_the_reason():
    choices = chosen_settings(CONVOLUTIONS, PLAIN, Facts(rows=100, photo_side=40, own_size=224))
    assert "40 px" in next(choice.reason for choice in choices if choice.setting == "image_size")


def test_photos_that_must_not_be_mirrored_are_mirrored_nowhere():
    from comp.data import augment
    from comp.prediction import tta

    made = resolved_recipe(CONVOLUTIONS, PLAIN, dataclasses.replace(FACTS, mirrored="they are harder to predict"))
    assert tta.views(made.tta) == 1
    assert "Flip" not in str(augment.pipeline(made.augment))
    usual = resolved_recipe(CONVOLUTIONS, PLAIN, FACTS)
    assert tta.views(usual.tta) == 2
    assert "Flip" in str(augment.pipeline(usual.augment))


# Ranges ---------------------------------------------------------------------------------------------------------------


@given(st.floats(0.01, 1e5))
def test_labels_are_softened_in_proportion_to_the_spread_of_the_number(deviation):
    def width(deviation):
        text = value("soften", competition=HOME, known=dataclasses.replace(FACTS, deviations={COLUMN: deviation}))
        column, _, number = text.partition(":")
        assert column == COLUMN
        return float(number)

    assert 0 < width(deviation) < deviation
    for scale in (1, 10):  # two digits are kept, so the error is below 5 %
        assert width(scale * deviation) == pytest.approx(automatic.SOFT * scale * deviation, rel=0.05)


def test_nothing_is_softened_without_a_number_that_varies_or_with_other_edges():
    known = dataclasses.replace(FACTS, deviations={COLUMN: 3.0})
    assert value("soften", competition=HOME, known=known)
    assert value("soften", competition=HOME) == ""
    assert value("soften", competition=HOME, known=dataclasses.replace(FACTS, deviations={COLUMN: 0.0})) == ""
    unknown = dataclasses.replace(FACTS, deviations={COLUMN: float("nan")})
    assert value("soften", competition=HOME, known=unknown) == ""
    assert value("soften", competition=PLAIN, known=known) == ""
    moved = dataclasses.replace(CONVOLUTIONS, edges=f"{HOME.ranges[0].attribute}:30,58")
    assert value("soften", moved, HOME, known) == ""


# The text of SET and recipe.json --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", automatic.RULES)
def test_each_may_be_set_to_auto_again(name):
    fixed = dataclasses.replace(CONVOLUTIONS, **{name: FIXED[name]})
    made = override_settings(fixed, f"{name}=auto")
    assert made == CONVOLUTIONS
    assert recipe_json.from_json(json.loads(json.dumps(recipe_json.to_json(made))), "x") == made


@pytest.mark.parametrize("text", ["epochs=abc", "lr=fast", "image_size=Auto", "epochs=0", "smoothing=2", "ema_decay="])
def test_a_word_that_is_neither_auto_nor_a_number_is_refused(text):
    with pytest.raises(InputError, match=text.partition("=")[0]) as error:
        override_settings(CONVOLUTIONS, text)
    assert "number" in error.value.expected


def test_the_error_says_that_auto_is_allowed_where_it_is():
    for text, allowed in (("epochs=abc", True), ("bins=abc", False)):
        with pytest.raises(InputError) as error:
            override_settings(CONVOLUTIONS, text)
        assert ("auto" in error.value.expected) is allowed


@pytest.mark.parametrize(("name", "wrong"), [("epochs", "three"), ("batch_size", "auto"), ("lr", "Auto"), ("tta", 3)])
def test_recipe_json_has_no_other_word(name, wrong):
    values = recipe_json.to_json(CONVOLUTIONS) | {name: wrong}
    with pytest.raises(InputError, match=name):
        recipe_json.from_json(values, "recipe.json")


# Named recipes --------------------------------------------------------------------------------------------------------

SHARED = {
    "pretrained": True,
    "head": "classes",
    "bins": 20,
    "bin_edges": "",
    "drop_rate": 0.0,
    "drop_path_rate": 0.0,
    "init": "",
    "freeze_epochs": 0,
    "freeze_stages": 0,
    "checkpointing": False,
    "image_size": 224,
    "crop": 350,
    "fit": "squash",
    "mean": (0.548, 0.504, 0.479),
    "std": (0.237, 0.247, 0.246),
    "augment": "none",
    "gamma": 2.0,
    "halfmix": 0.0,
    "halfmix_within": "",
    "mix_alpha": 1.0,
    "weight_decay": 0.0005,
    "momentum": 0.9,
    "layer_decay": 1.0,
    "clip_grad": 0.0,
    "accumulate": 2,
    "schedule": "step",
    "warmup_epochs": 0.0,
    "step_epochs": 20,
    "step_factor": 0.5,
    "ema_decay": 0.0,
    "average_best": 1,
    "best_by": "macro_f1",
    "epochs": 60,
    "patience": 5,
    "all_data": False,
    "sampler": "shuffle",
    "edges": "",
    "soften": "",
    "auxiliary": "",
    "drop": "",
    "pseudo": "",
    "pseudo_share": 0.3,
    "tta": "hflip",
    "amp": "auto",
    "channels_last": "auto",
    "compile": False,
    "cache": True,
    "workers": -1,
    "seed": 0,
}
SECOND = {
    "augment": "upright",
    "loss": "cross_entropy",
    "smoothing": 0.1,
    "class_weights": "none",
    "mixup": 0.1,
    "cutmix": 0.0,
    "halfmix": 0.3,
    "optimizer": "adamw",
    "weight_decay": 0.02,
    "clip_grad": 1.0,
    "accumulate": 1,
    "schedule": "cosine",
    "warmup_epochs": 1.0,
    "ema_decay": 0.998,
    "epochs": 15,
    "patience": 0,
    "batch_size": 64,
    "soften": "years:3",
}
SEED_TEAM = {
    "resnet34": {
        "model": "resnet34",
        "loss": "focal",
        "smoothing": 0.0,
        "class_weights": "none",
        "mixup": 0.25,
        "cutmix": 0.25,
        "optimizer": "adam",
        "lr": 0.0001,
        "batch_size": 128,
    },
    "vit_small_r26": {
        "model": "vit_small_r26_s32_224.augreg_in21k",
        "loss": "cross_entropy",
        "smoothing": 0.1,
        "class_weights": "none",
        "mixup": 0.35,
        "cutmix": 0.35,
        "optimizer": "sgd",
        "lr": 0.001,
        "batch_size": 64,
    },
    "efficientnetv2_rw_t": {
        "model": "efficientnetv2_rw_t",
        "loss": "cross_entropy",
        "smoothing": 0.0,
        "class_weights": "balanced",
        "mixup": 0.5,
        "cutmix": 0.0,
        "optimizer": "adam",
        "lr": 0.00025,
        "batch_size": 128,
    },
}
SEED_TEAM |= {
    "resnet34_v2": SEED_TEAM["resnet34"] | SECOND | {"lr": 0.001},
    "vit_small_r26_v2": SEED_TEAM["vit_small_r26"]
    | SECOND
    | {"lr": 0.0005, "weight_decay": 0.05, "layer_decay": 0.75, "drop_path_rate": 0.1},
    "efficientnetv2_rw_t_v2": SEED_TEAM["efficientnetv2_rw_t"]
    | SECOND
    | {"lr": 0.001, "drop_path_rate": 0.1, "sampler": "balanced"},
}


@pytest.mark.parametrize("known", [None, Facts(15_000, 384, 224, {COLUMN: 20.0}, "they are harder to predict")])
@pytest.mark.parametrize("name", SEED_TEAM)
def test_the_seed_teams_recipes_are_what_they_were_whatever_the_facts(name, known):
    """As they were resolved before any setting but head, loss and sampler could be auto."""
    recipe = catalog.get_recipe(name, HOME.defaults)
    assert dataclasses.asdict(resolved_recipe(recipe, HOME, known)) == SHARED | SEED_TEAM[name] | {"name": name}
