"""The board of drawn runs: its scores are those of their predictions, and every state is named."""

import json
import shutil
import tomllib

import numpy as np
import pandas as pd
import pytest
from conftest import tool
from drawn_runs import draw_guest, draw_run, drawn_home, run
from html_tables import column, tables, tags, text
from small_competitions import ANSWERS, random_probs, small

from comp import files
from comp.competition import scoring
from comp.inputs import mask_gender_age as competition
from comp.metrics import named_metrics
from comp.pages import board_rows
from comp.recipes.automatic import resolved_recipe
from comp.recipes.catalog import family_of_model
from comp.recipes.recipe_json import differences_in_words, differing_settings, usual_values
from comp.recipes.recipe_settings import Recipe
from comp.store.runs import Run
from comp.submission import leaderboard, submission_file

METRICS = (
    "accuracy",
    "macro_f1",
    "log_loss",
    "auc",
    "quadratic_kappa",
    "rmse",
    "map@2",
    "samples_f_beta@2",
    "average_precision",
)
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Three folds; the runs a and b with recipes and histories, a teammate's predictions, the blend, submissions."""
    folder = drawn_home(tmp_path_factory.mktemp("board"))
    for name, seed in (("a", 0), ("b", 1)):
        with_recipe(folder, name, model="resnet34", epochs=3 + seed, lr=0.01)
    draw_guest(folder, NASTY, 5)
    assert run(folder, "blend", "--runs", "a,b")[0] == 0
    for name in ("blend", "a", "b"):
        assert run(folder, "make_sub", "--run", name)[0] == 0
    return folder


@pytest.fixture
def copy(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "copy")


def with_recipe(folder, name, **settings):
    """A whole recipe.json for a drawn run, and a history of its epochs, of which the second is the best."""
    drawn_run = Run(folder / "out", name)
    known = resolved_recipe(Recipe(best_by="metric"), competition.competition())
    recipe = {**json.loads(json.dumps(vars(known))), "name": name, **settings}
    content = {
        "kind": "trained",
        "recipe": recipe,
        "command": f"make train MODEL={name}",
        "classes": competition.CLASSES,
    }
    files.write_json(drawn_run.recipe, content)
    draw_again(folder, drawn_run)
    epochs = recipe["epochs"]
    values = [0.1, 0.4, 0.4, 0.2][:epochs]
    table = {
        "epoch": range(1, epochs + 1),
        "train_loss": 1.0,
        "val_loss": 1.0,
        "macro_f1": values,
        "lr": 0.1,
        "seconds": 30.0,
        "images_per_second": [100.0, *[200.0] * (epochs - 1)],
    }
    for k in range(3):
        pd.DataFrame(table).to_csv(drawn_run.history(k), index=False)


def draw_again(folder, drawn_run):
    """The predictions of a run with the hash of the recipe that it has now."""
    kept = drawn_run.recipe.read_bytes()
    draw_run(folder, drawn_run.name, ord(drawn_run.name))
    drawn_run.recipe.write_bytes(kept)
    for path in drawn_run.folder.glob("fold*/*.npz"):
        with np.load(path) as arrays:
            values = dict(arrays)
        meta = json.loads(str(values["meta"])) | {"recipe": files.digest(drawn_run.recipe)}
        np.savez(path, **{**values, "meta": np.asarray(json.dumps(meta))})


def board(folder):
    """What was printed, and the page's table of runs by name."""
    code, printed = run(folder, "board")
    assert code == 0, printed
    page = folder / "out/board.html"
    rows = tables(page).get("runs by out-of-fold macro_f1", [["run"]])
    return printed, page, {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}


def predicted(folder, name):
    """Labels, folds and OOF probabilities of a run, read without comp."""
    folds = pd.read_csv(folder / "out/folds.csv")
    probs = {}
    for path in (folder / "out" / name).glob("fold*/oof.npz"):
        with np.load(path) as arrays:
            probs |= dict(zip(arrays["ids"], arrays["probs"], strict=True))
    return folds, np.stack([probs[image] for image in folds["image"]])


def test_scores_are_those_of_the_predictions_the_best_run_first(drawn):
    printed, _, rows = board(drawn)
    from sklearn.metrics import f1_score

    for name in "ab":
        folds, probs = predicted(drawn, name)
        answers, labels = probs.argmax(1), folds["label"].to_numpy()
        each = [f1_score(labels[folds["fold"] == k], answers[folds["fold"] == k], average="macro") for k in range(3)]
        row = rows[name]
        assert float(row["macro_f1"]) == pytest.approx(f1_score(labels, answers, average="macro"), abs=1e-4)
        assert float(row["folds"]) == pytest.approx(np.mean(each), abs=1e-4)
        assert float(row["±"]) == pytest.approx(np.std(each), abs=1e-4)
        mask = f1_score(labels // 6, answers // 6, average="macro")
        assert float(row["mask"]) == pytest.approx(mask, abs=1e-4)
        assert row["macro_f1"] in printed
    scores = [float(row["macro_f1"]) for row in rows.values()]
    assert scores == sorted(scores, reverse=True)
    assert set(rows) == {"a", "b", NASTY, "blend"}


def test_times_epochs_and_what_differs(drawn):
    _, page, rows = board(drawn)
    assert (rows["a"]["minutes"], rows["b"]["minutes"]) == ("4.5", "6.0")
    assert rows["a"]["images/s"] == "167"  # 100, 200, 200
    assert (rows["a"]["best epochs"], rows["b"]["best epochs"]) == ("2 2 2 of 3", "2 2 2 of 4")
    words = {name: rows[name]["what differs"] for name in "ab"}
    assert sorted(words.values()) == ["epochs 4", "–"]
    assert "A run has these settings, unless its row names others: resnet34, epochs 3." in text(page)
    assert rows[NASTY]["what differs"] == "external predictions"


def test_bars_stand_by_family_and_names_with_markup_are_text(drawn):
    _, page, _ = board(drawn)
    bars = tables(page)["out-of-fold macro_f1 by model family"]
    assert dict(zip(column(bars, "run"), column(bars, "family"), strict=True)) == {
        "a": "resnet",
        "b": "resnet",
        NASTY: "external",
        "blend": "blend",
    }
    assert not [tag for tag, attributes in tags(page) if tag in ("script", "img") or "onerror" in attributes]


def test_incomplete_and_stale_runs_are_shown_with_their_state(copy):
    (copy / "out/a/fold1/oof.npz").unlink()
    path = copy / "out/b/recipe.json"
    recipe = json.loads(path.read_text())
    recipe.pop("sha256")
    files.write_json(path, {**recipe, "recipe": recipe["recipe"] | {"lr": 0.02}})
    (copy / "out/notes").mkdir()
    (copy / "out/notes/oof.csv").write_text("id\n")
    printed, page, rows = board(copy)
    assert (rows["a"]["state"], rows["a"]["macro_f1"]) == ("2/3", "–")
    assert float(rows["a"]["folds"]) > 0
    assert (rows["b"]["state"], rows["b"]["folds"]) == ("stale", "–")
    assert rows["notes"]["state"] == "unused"
    assert rows["blend"]["state"] == "stale"
    why = {row[0]: row[2] for row in tables(page)["runs that are not complete"][1:]}
    assert "make train" in why["a"]
    assert "2 of 3 folds are complete" in why["a"]
    assert "a: 2 of 3 folds are complete" in printed
    assert list(rows)[:2] == [NASTY, "blend"] or list(rows)[:2] == ["blend", NASTY]


def test_damaged_histories_and_recipes_do_not_stop_the_board(copy):
    (copy / "out/a/fold0/history.csv").write_bytes(b"\0\xff")
    (copy / "out/a/fold1/history.csv").write_text("epoch,seconds\n1,2\n")
    (copy / "out/b/recipe.json").write_text("{")
    _, _, rows = board(copy)
    assert rows["a"]["minutes"] == "1.5"
    assert rows["b"]["what differs"] == "recipe.json cannot be read"


def test_one_run_alone_and_no_runs_say_what_to_do(copy):
    for name in ("b", "blend", NASTY, "submissions"):
        shutil.rmtree(copy / "out" / name)
    printed, page, rows = board(copy)
    assert list(rows) == ["a"]
    assert "make blend" in text(page)
    assert "A run has these settings, unless its row names others: resnet34." in printed
    shutil.rmtree(copy / "out/a")
    printed, page, rows = board(copy)
    assert "make train" in printed
    assert "make train" in text(page)
    shutil.rmtree(copy / "out")
    code, printed = run(copy, "board")
    assert code == 2
    assert "make folds" in printed


def test_cross_validated_scores_stand_beside_the_noted_ones(copy):
    out = copy / "out"
    _, page, _ = board(copy)
    assert "make lb" in text(page)
    kept = submission_file.kept_submissions(out)
    noted = {}
    for i, record in enumerate(kept):
        noted[record["file"].removesuffix(".csv")] = 0.3 + 0.1 * i
        leaderboard.note_score(out, record["file"].removesuffix(".csv"), 0.3 + 0.1 * i, None)
    _, page, _ = board(copy)
    submitted = tables(page)["submissions, macro_f1"]
    shown = dict(zip(column(submitted, "submission"), map(float, column(submitted, "leaderboard")), strict=True))
    assert shown == pytest.approx(noted)
    scores = {record["file"].removesuffix(".csv"): record["cross_fitted"] for record in kept}
    crossed = dict(zip(column(submitted, "submission"), map(float, column(submitted, "cross-validated")), strict=True))
    assert crossed == pytest.approx(scores, abs=1e-4)
    correlation = np.corrcoef([scores[name] for name in noted], list(noted.values()))[0, 1]
    assert f"The correlation of the two scores is {correlation:.2f}" in text(page)
    (out / "submissions/leaderboard.json").write_text("{}")
    _, page, _ = board(copy)
    assert "leaderboard.json" in text(page)


@pytest.mark.parametrize("target", ANSWERS)
def test_parts_of_every_target_are_scored_by_every_metric(target):
    for name in [name for name in METRICS if target in named_metrics.get(name).targets]:
        target_competition = small(target, metric=named_metrics.get(name))
        probs = random_probs(target_competition, 60)
        rng = np.random.default_rng(1)
        labels = (rng.random(probs.shape) < 0.4).astype(np.uint8)
        labels = labels if target == "multilabel" else rng.integers(0, target_competition.size, 60)
        scores = board_rows.scores_of_parts(target_competition, labels, probs)
        assert set(scores) == (set(target_competition.classes) if target == "multilabel" else set())
        assert all(np.isfinite(value) for value in scores.values())


def test_the_part_of_a_label_is_its_own_score_and_they_average_to_the_whole():
    target_competition = small("multilabel", metric=named_metrics.get("auc"))
    probs = random_probs(target_competition, 80)
    labels = (np.random.default_rng(2).random(probs.shape) < 0.4).astype(np.uint8)
    scores = board_rows.scores_of_parts(target_competition, labels, probs)
    assert np.mean(list(scores.values())) == pytest.approx(scoring.score(target_competition, labels, probs))


def test_settings_that_do_not_differ_are_not_named():
    recipes = {
        "a": {"model": "m1", "lr": 0.1, "pretrained": True, "mean": [0.5], "workers": 1, "name": "x"},
        "b": {"model": "m2", "lr": 0.1, "pretrained": False, "mean": [0.1], "workers": 2, "name": "y"},
        "c": {"model": "m2", "lr": 0.1, "pretrained": True, "mean": [0.5], "new": 3, "name": "z"},
    }
    names = differing_settings(recipes)
    assert names == ["model", "pretrained", "mean", "new"]
    common = usual_values(recipes, names)
    words = {name: differences_in_words(recipe, names, common) for name, recipe in recipes.items()}
    assert words == {"a": "m1", "b": "m2, pretrained off, mean (0.1)", "c": "m2"}
    assert differences_in_words(common, list(common)) == "pretrained on, mean (0.5), new 3"
    assert differing_settings({"a": recipes["a"]}) == []


def test_families_are_the_first_word_of_a_model():
    models = {
        "resnet34": "resnet",
        "tf_efficientnet_lite0": "efficientnet",
        "efficientnetv2_rw_t": "efficientnetv2",
        "vit_small_r26_s32_224.augreg_in21k": "vit",
        "convnext_tiny": "convnext",
        "test_resnet": "resnet",
        "swin_base_patch4_window7_224": "swin",
        "mobilenetv3_large_100": "mobilenetv3",
        "": "",
        "한글": "한글",
        "resnet10t": "resnet",
        "eva02_tiny": "eva",
    }
    assert {model: family_of_model(model) for model in models} == models


def test_the_board_of_another_target_has_no_attributes(tmp_path):
    from layouts.table import ROWS

    inputs = ROWS[21].write(tmp_path / "in")
    assert tomllib.loads((inputs / "competition.toml").read_text())["target"] == "regression"
    assert run(tmp_path, "make_folds", "--folds", 2)[0] == 0
    folds = pd.read_csv(tmp_path / "out/folds.csv")
    sample = pd.read_csv(inputs / "sample_submission.csv")
    for name, noise in (("close", 1.0), ("far", 9.0)):
        (tmp_path / "out" / name).mkdir()
        rng = np.random.default_rng(0)
        oof = pd.DataFrame({"id": folds["image"], "value": folds["label"] + noise * rng.normal(size=len(folds))})
        oof.to_csv(tmp_path / "out" / name / "oof.csv", index=False)
        pd.DataFrame({"id": sample["Id"], "value": 50.0}).to_csv(tmp_path / "out" / name / "test.csv", index=False)
    done = tool("board", "--inputs", inputs, "--outputs", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    table = tables(tmp_path / "out/board.html")["runs by out-of-fold rmse, lower is better"]
    assert column(table, "run") == ["close", "far"]
    assert "mask" not in table[0]
    assert float(column(table, "rmse")[0]) == pytest.approx(1, abs=0.5)
