"""make train puts a value in place of each "auto", says why, and never changes the values of a run that exists."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from known_project import known_project
from PIL import Image
from test_engine import CPU, HOME

from comp.errors import InputError
from comp.recipes import catalog, recipe_json
from comp.recipes.recipe_settings import override_settings
from comp.training.checks_before_training import facts_of, with_chosen_settings

RECIPE = dataclasses.replace(catalog.get_recipe("test_resnet"), pretrained=False)
COLUMN = HOME.ranges[0].column
FOLDS = 4


def draw(folder, rows, side=40):
    """A project with drawn photos of one size, one column of numbers, and four folds."""
    images = [f"train/{i}.png" for i in range(rows)]
    (folder / "in/train").mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(np.full((side + 10, side, 3), i % 250, np.uint8)).save(folder / "in" / image)
    numbers = np.arange(rows) % 50
    table = {"image": images, "group": images, "label": np.arange(rows) % 3, "fold": np.arange(rows) % FOLDS}
    folds = pd.DataFrame(table | {COLUMN: numbers})
    return known_project(folder / "out", HOME, folds, inputs=folder / "in", fold_count=FOLDS)


def test_the_facts_are_those_of_the_rows_and_photos(tmp_path):
    known = facts_of(draw(tmp_path, 40), RECIPE)
    assert (known.rows, known.photo_side, known.mirrored) == (30, 40, "")
    assert known.own_size == 160  # at which timm trained its tiny test models
    assert known.deviations == {COLUMN: pytest.approx(np.std(np.arange(40) % 50, ddof=1))}
    assert facts_of(draw(tmp_path, 40), dataclasses.replace(RECIPE, crop=24)).photo_side == 24


def test_photos_that_cannot_be_read_do_not_count(tmp_path):
    project = draw(tmp_path, 40)
    for i in range(0, 40, 2):
        (tmp_path / f"in/train/{i}.png").write_bytes(b"torn")
    assert facts_of(project, RECIPE).photo_side == 40
    (tmp_path / "in/train").rename(tmp_path / "in/moved")
    assert facts_of(project, RECIPE).photo_side >= facts_of(project, RECIPE).own_size


def test_each_choice_is_printed_with_its_reason_and_what_is_given_is_not(tmp_path, capsys):
    project = draw(tmp_path, 40)
    recipe = override_settings(RECIPE, "lr=0.002 augment=none tta=none")
    made = with_chosen_settings(project, project.run("r"), recipe, CPU)
    said = capsys.readouterr().out
    assert (made.lr, made.augment, made.tta) == (0.002, "none", "none")
    assert "auto" not in [made.epochs, made.image_size, made.ema_decay, made.best_by, made.soften, made.smoothing]
    assert "30 training rows" in said
    lines = [line.split()[0] for line in said.splitlines() if line.startswith("  ")]
    assert f"epochs={made.epochs}" in lines
    assert f"image_size={made.image_size}" in lines
    assert not {line.partition("=")[0] for line in lines} & {"lr", "augment", "tta"}


def test_nothing_is_printed_for_a_recipe_without_auto(tmp_path, capsys):
    project = draw(tmp_path, 40)
    recipe = override_settings(RECIPE, "augment=none tta=none")
    made = with_chosen_settings(project, project.run("r"), recipe, CPU)
    capsys.readouterr()
    assert with_chosen_settings(project, project.run("s"), made, CPU) == made
    assert not capsys.readouterr().out


def test_photos_are_looked_at_in_a_mirror_only_if_a_setting_depends_on_it(tmp_path):
    """To look at them, it reads the pretrained weights, which are torn here."""
    project, recipe = draw(tmp_path, 40), dataclasses.replace(RECIPE, pretrained=True)
    (tmp_path / "in/weights").mkdir()
    (tmp_path / "in/weights/test_resnet.safetensors").write_bytes(b"torn")
    made = with_chosen_settings(project, project.run("r"), override_settings(recipe, "augment=none tta=none"), CPU)
    assert (made.augment, made.tta) == ("none", "none")
    for settings in ("augment=none", "tta=none", ""):
        with pytest.raises(InputError, match="not a readable weights file"):
            with_chosen_settings(project, project.run("r"), override_settings(recipe, settings), CPU)


def test_a_run_goes_on_with_the_values_of_its_recipe_json_whatever_the_facts(tmp_path, capsys):
    run_settings = override_settings(RECIPE, "augment=none tta=none")
    small = draw(tmp_path, 40)
    run = small.run("r")
    first = with_chosen_settings(small, run, run_settings, CPU)
    recipe_json.claim_run(run, first, HOME, "make train")
    capsys.readouterr()
    large = draw(tmp_path, 400, side=200)
    again = with_chosen_settings(large, run, run_settings, CPU)
    assert again == first
    assert not capsys.readouterr().out
    other = with_chosen_settings(large, large.run("new"), run_settings, CPU)
    assert other.epochs < first.epochs
    assert other.image_size > first.image_size


def test_a_run_of_an_older_version_goes_on_with_its_values(tmp_path):
    """Its recipe.json never had "auto" in it, and other values than those of today."""
    project = draw(tmp_path, 40)
    run = project.run("r")
    old = dict(image_size=224, augment="upright", smoothing=0.1, lr=1e-3, warmup_epochs=1.0, ema_decay=0.99)
    old |= dict(best_by="macro_f1", epochs=12, soften="", tta="hflip", head="classes", loss="cross_entropy")
    recipe = dataclasses.replace(RECIPE, sampler="balanced", **old)
    recipe_json.claim_run(run, recipe, HOME, "make train")
    assert with_chosen_settings(project, run, RECIPE, CPU) == recipe


def test_a_setting_that_is_given_anew_is_not_taken_from_recipe_json(tmp_path):
    """So that the run is refused, because its folds would have different recipes."""
    project = draw(tmp_path, 40)
    run = project.run("r")
    asked = override_settings(RECIPE, "augment=none tta=none")
    first = with_chosen_settings(project, run, asked, CPU)
    recipe_json.claim_run(run, first, HOME, "make train")
    changed = with_chosen_settings(project, run, override_settings(asked, f"epochs={first.epochs + 1}"), CPU)
    assert changed == dataclasses.replace(first, epochs=first.epochs + 1)


def test_recipe_json_holds_values_and_no_auto(tmp_path):
    project = draw(tmp_path, 40)
    run = project.run("r")
    made = with_chosen_settings(project, run, override_settings(RECIPE, "augment=none tta=none"), CPU)
    recipe_json.claim_run(run, made, HOME, "make train")
    stored = json.loads(run.recipe.read_text())["recipe"]
    assert [name for name, value in stored.items() if value == "auto"] == ["amp", "channels_last"]
