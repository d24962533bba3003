"""The advice to try `make embed` and `make stack`, and what is said of their runs beside the trained networks."""

import dataclasses
import shlex

import numpy as np
import pandas as pd
import pytest
from drawn_runs import run as run_script
from known_project import known_project
from layouts.table import ROWS
from small_competitions import small

from comp import files
from comp.metrics import named_metrics
from comp.prediction.frozen_features import chosen_embed_recipe
from comp.project import Project
from comp.recipes import catalog
from comp.store.predictions import save_predictions
from comp.store.runs import FEATURES, STACK, TRAINED
from comp.tabular.beside_networks import beside_networks, say_beside_networks, untried_command
from comp.tabular.stacking import stack

TINY = (
    "pretrained=false image_size=32 crop=0 epochs=1 batch_size=16 accumulate=1 patience=0 workers=0 augment=flip "
    "tta=none"
)

# ---- the new run beside the networks


@pytest.fixture(params=["rmse", "accuracy"])
def project(request, tmp_path):
    """90 rows in groups of two and three folds: a regression (lower is better) or three classes (higher is better)."""
    target, answer = {"rmse": ("regression", "number"), "accuracy": ("multiclass", "index")}[request.param]
    competition = small(target, answer, metric=named_metrics.get(request.param))
    images = [f"{i:02d}.jpg" for i in range(90)]
    labels = np.random.default_rng(0).integers(0, 3, 90)
    folds = {"image": images, "group": np.arange(90) // 2, "label": labels, "fold": np.arange(90) // 2 % 3}
    return known_project(tmp_path, competition, pd.DataFrame(folds))


def write_run(project, name, kind, noise, seed):
    """A run whose predictions are the labels under noise, which no other seed shares."""
    run, rng, folds = project.run(name), np.random.default_rng(seed), project.folds
    files.write_json(run.recipe, {"kind": kind, "recipe": {"name": "resnet18"}, "command": f"make train RUN={name}"})
    truth = folds["label"].to_numpy(float)[:, None]
    if project.competition.target == "regression":
        probs = truth + noise * rng.normal(size=(90, 1))
    else:
        probs = np.exp(2 * (truth == np.arange(3)) + 2 * noise * rng.normal(size=(90, 3)))
        probs /= probs.sum(1, keepdims=True)
    meta = {"run": name, "tta": "", "recipe": files.digest(run.recipe), "folds": project.folds_digest}
    for k in range(3):
        rows = (folds["fold"] == k).to_numpy()
        for path in (run.oof(k), run.test(k)):
            save_predictions(path, folds["image"][rows], probs[rows], project.competition, meta | {"fold": k})
    return run


def said(project, run, capsys) -> str:
    capsys.readouterr()
    say_beside_networks(project, run)
    return capsys.readouterr().out


def test_a_better_run_is_called_better_than_every_network_and_make_blend_is_next(project, capsys):
    for seed, name in enumerate(("worst", "best", "middle")):
        write_run(project, name, TRAINED, {"worst": 3, "best": 1, "middle": 2}[name], seed)
    new = write_run(project, "new", FEATURES, 0.2, 3)
    assert beside_networks(project, new).network == "best"
    text = said(project, new, capsys)
    assert "new is better than every trained network, by " in text
    assert "luck" not in text
    assert text.endswith("next: make blend\n")


def test_an_equal_run_with_other_mistakes_helps_the_mean_of_both(project, capsys):
    write_run(project, "net", TRAINED, 1, 0)
    new = write_run(project, "new", STACK, 1.15, 5)
    found = beside_networks(project, new)
    text = said(project, new, capsys)
    assert "new is not better than net, but the mean of both is, by " in text
    assert f"the mean of both {found.mean.second:.4f}" in text
    assert text.endswith("next: make blend\n")


def test_a_useless_run_is_not_advised_for_the_blend(project, capsys):
    write_run(project, "net", TRAINED, 0.1, 0)
    text = said(project, write_run(project, "new", FEATURES, 9, 1), capsys)
    assert "neither new nor the mean of both is better than net" in text
    assert "make blend" not in text


def test_only_complete_and_current_networks_are_compared(project, capsys):
    new = write_run(project, "new", FEATURES, 1, 0)
    write_run(project, "other", STACK, 0.1, 1)
    write_run(project, "part", TRAINED, 0.1, 2).oof(1).unlink()
    stale = write_run(project, "stale", TRAINED, 0.1, 3)
    files.write_json(stale.recipe, {**files.read_json(stale.recipe, "", ""), "command": "make train MODEL=x"})
    assert beside_networks(project, new) is None
    assert said(project, new, capsys) == ""
    write_run(project, "net", TRAINED, 2, 4)
    assert beside_networks(project, new).network == "net"


# ---- the advice after a training


@pytest.fixture(scope="module")
def with_columns(tmp_path_factory):
    """A place whose tables share columns, with folds."""
    place = tmp_path_factory.mktemp("columns")
    next(row for row in ROWS if row.number == 21).write(place / "in")
    code, printed = run_script(place, "make_folds", "--folds", "2")
    assert code == 0, printed
    return place


def test_the_advised_command_is_made_of_the_runs_settings_and_ends_once_it_was_tried(with_columns, tmp_path):
    project = Project(with_columns / "in", with_columns / "out")
    recipe = dataclasses.replace(catalog.get_recipe("test_resnet"), image_size=48)
    # without the runs that the other tests make
    project = known_project(tmp_path, project.competition, inputs=project.inputs, tables=project.tables)
    trained = project.run("net")
    command = untried_command(project, trained, recipe)
    target, *words = shlex.split(command)[1:]
    given = dict(word.split("=", 1) for word in words)
    assert (target, given["MODEL"], given["RUN"]) == ("embed", "test_resnet", "net_embed")
    understood = chosen_embed_recipe(given["MODEL"], given["SET"], 0, project.competition)
    assert understood.recipe.image_size == 48
    assert understood.classifier.columns == "all"
    scratch = dataclasses.replace(recipe, pretrained=False)
    assert untried_command(project, trained, scratch) == "make stack SET=columns=all"
    files.write_json(project.run("e").recipe, {"kind": FEATURES})
    assert untried_command(project, trained, recipe) == "make stack SET=columns=all"
    files.write_json(project.run("s").recipe, {"kind": STACK})
    assert untried_command(project, trained, recipe) == ""


def test_a_training_advises_a_stack_on_columns_which_is_compared_with_it(with_columns, capsys):
    train = ("train_fold", "--model", "test_resnet", "--run", "a", "--set", TINY, "--device", "cpu")
    code, printed = run_script(with_columns, *train, "--fold", "0")
    assert code == 0, printed
    assert "not tried yet" not in printed, "a fold is missing"
    code, printed = run_script(with_columns, *train)
    assert code == 0, printed
    assert printed.count("not tried yet") == 1
    assert "make stack SET=columns=all" in printed.splitlines()[-1]
    stack(Project(with_columns / "in", with_columns / "out"), "stack", [], "columns=all")
    printed = capsys.readouterr().out
    assert ", columns x " in printed, "the table shows the factor of the columns"
    assert "the best trained network a " in printed.splitlines()[-2]
    assert "not tried yet" not in run_script(with_columns, *train)[1]
