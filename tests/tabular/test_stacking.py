"""A stack of drawn runs is a run like any other: it blends, it is complete, and it is stale once its sources change."""

import dataclasses
import json
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import PEOPLE, ROOT
from drawn_runs import draw_guest, draw_run, drawn_home, run
from small_competitions import small
from test_make import make

from comp.errors import InputError
from comp.inputs.mask_gender_age import competition
from comp.project import Project
from comp.recipes import catalog, recipe_json
from comp.store.predictions import load_predictions
from comp.store.runs import Run
from comp.tabular import stacking
from comp.tabular.classifiers import ClassifierSettings, resolved_settings
from comp.tabular.cross_fitting import CrossFitting

HOME = competition()
QUICK = ("--set", "grid=0.1")
EQUAL = ("--method", "equal", "--rule", "argmax")


@pytest.fixture(scope="module")
def stacked(tmp_path_factory):
    home = drawn_home(tmp_path_factory.mktemp("stack"), [*PEOPLE, *PEOPLE[:10]])
    draw_guest(home, "mate", 5)
    code, printed = run(home, "stack", "--runs", "a b mate", *QUICK)
    assert code == 0, printed
    return home


@pytest.fixture
def copy(stacked, tmp_path):
    return shutil.copytree(stacked, tmp_path / "home")


def files_of(home, name="stack"):
    return {path: path.read_bytes() for path in sorted((home / "out" / name).rglob("*.*"))}


def test_a_stack_is_a_run_that_scores_blends_and_submits(copy):
    of_blend, of_one = ("make_sub",), ("make_sub", "--run", "stack")
    for stage in (("status",), ("scores",), ("blend", "--runs", "a stack", *EQUAL), of_blend, of_one):
        code, printed = run(copy, *stage)
        assert code == 0, printed
    printed = run(copy, "status")[1]
    assert [line.split()[3] for line in printed.splitlines() if "stack fold" in line] == ["complete"] * 3


def test_it_is_better_than_its_runs_and_says_what_it_is_made_of(stacked):
    folds = pd.read_csv(stacked / "out/folds.csv").set_index("image")
    hits = {}
    for name in ("a", "b", "stack"):
        parts = [load_predictions(Run(stacked / "out", name).oof(k), HOME, "") for k in range(3)]
        hits[name] = np.mean(np.concatenate([one.probs.argmax(1) == folds["label"][one.ids] for one in parts]))
    assert hits["stack"] > max(hits["a"], hits["b"])
    kept = json.loads((stacked / "out/stack/recipe.json").read_text())
    assert kept["recipe"]["runs"] == ["a", "b", "mate"]
    assert kept["command"] == "make stack RUN=stack RUNS='a b mate' SET=grid=0.1"


def test_again_changes_nothing_and_anew_gives_the_same_bits(copy):
    before = files_of(copy)
    code, printed = run(copy, "stack", "--runs", "a b mate", *QUICK)
    assert code == 0, printed
    assert "nothing to do" in printed
    assert files_of(copy) == before
    (copy / "out/stack/fold1/oof.npz").write_bytes(b"damaged")
    shutil.rmtree(copy / "out/stack/fold2")
    assert run(copy, "stack", "--runs", "a b mate", *QUICK)[0] == 0
    assert files_of(copy) == before


def test_other_predictions_of_a_source_make_it_stale_and_the_advice_mends_it(copy):
    draw_run(copy, "b", seed=9)
    code, printed = run(copy, "blend", "--runs", "a stack")
    assert code == 2
    assert "was made from earlier predictions of run b" in printed
    assert "make stack RUN=stack RUNS='a b mate' SET=grid=0.1" in printed
    assert run(copy, "status")[1].count("made from earlier predictions") == 3
    assert run(copy, "stack", "--runs", "a b mate", *QUICK)[0] == 0
    assert run(copy, "blend", "--runs", "a stack", *EQUAL)[0] == 0


def test_without_runs_all_complete_ones_that_are_no_stacks(copy):
    shutil.rmtree(copy / "out/b/fold1")
    code, printed = run(copy, "stack", "--run", "second", *QUICK)
    assert code == 0, printed
    assert "logistic is fitted to the predictions of a, mate" in printed


def test_it_imports_no_torch(copy):
    code = f"""
import runpy, sys
sys.path.insert(0, "tools")
sys.argv = ["stack", "--inputs", "{copy}/in", "--outputs", "{copy}/out", "--runs", "a b mate", *{QUICK}]
runpy.run_path("tools/stack.py", run_name="__main__")
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_in_its_recipe_is_one_of_make(copy):
    before = files_of(copy)
    command = json.loads((copy / "out/stack/recipe.json").read_text())["command"]
    code, printed = make(*shlex.split(command)[1:], inputs=copy / "in", outputs=copy / "out")
    assert code == 0, printed
    assert "nothing to do" in printed
    assert files_of(copy) == before


def test_labels_of_a_fold_do_not_reach_its_classifier(stacked):
    """Level one is drawn once; only the labels of fold 0 change. The classifier of fold 0 stays the same."""
    rows, _ = stacking.stacked(Project(stacked / "in", stacked / "out"), ["a", "b"], "")
    other = np.where(rows.folds == 0, (rows.labels + 1) % 18, rows.labels)
    how = resolved_settings(ClassifierSettings(grid=(0.01, 1.0)), HOME, "")
    plain, planted = (CrossFitting(one, how, 0) for one in (rows, dataclasses.replace(rows, labels=other)))
    np.testing.assert_array_equal(plain.fold(0).held_out, planted.fold(0).held_out)
    assert not np.array_equal(plain.fold(1).held_out, planted.fold(1).held_out)


@pytest.mark.parametrize("target", ["multiclass", "multilabel", "regression"])
def test_values_of_runs_are_finite_and_keep_their_order(target):
    made = small(target, {"regression": "number", "multilabel": "labels"}.get(target, "index"))
    probs = np.linspace(0, 1, 5)[:, None] * np.ones(made.size)
    vectors = stacking.as_vectors(made, probs)
    assert np.isfinite(vectors).all()
    assert (np.diff(vectors, axis=0) > 0).all()


BAD = {
    "with other runs": (("stack", "--runs", "a b"), "runs: ['a', 'b', 'mate'], not ['a', 'b']"),
    "of itself": (("stack", "--runs", "a stack"), "contains stack, which is the run to make"),
    "predicted as a trained run": (("predict_fold", "--model", "test_resnet", "--run", "stack"), "was not trained"),
}


def test_a_training_does_not_take_its_name(stacked):
    with pytest.raises(InputError, match="run stack was not trained"):
        recipe_json.claim_run(Run(stacked / "out", "stack"), catalog.get_recipe("resnet18"), HOME, "make train")


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_clear_error_and_changes_no_run(copy, kind):
    (script, *more), words = BAD[kind]
    before = {path: path.read_bytes() for path in (copy / "out").rglob("*.*") if "cache" not in path.parts}
    code, printed = run(copy, script, *more)
    assert code == 2, printed
    assert words in printed
    assert "run:      " in printed
    assert {path: path.read_bytes() for path in (copy / "out").rglob("*.*") if "cache" not in path.parts} == before
