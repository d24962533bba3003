"""The scripts as a user runs them: the whole chain, its starts, and bad input."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, Forked, draw_competition, tool
from PIL import Image

from comp.inputs import mask_gender_age as competition
from comp.store import fold_table
from comp.store.predictions import load_predictions

TINY = (
    "pretrained=false image_size=32 crop=0 epochs=2 batch_size=16 accumulate=1 patience=0 workers=0 lr=3e-3 "
    "optimizer=adamw mixup=0 cutmix=0"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Inputs, folds and two trained runs of three folds."""
    folder = tmp_path_factory.mktemp("chain")
    draw_competition(folder / "in")
    steps = (
        [("make_folds", "--folds", 3)]
        + [
            ("train_fold", "--model", model, "--run", run, "--set", TINY, "--device", "cpu")
            for model, run in (("test_resnet", "a"), ("test_vit", "b"))
        ]
        + [("blend",), ("make_sub",)]
    )
    for name, *more in steps:
        done = tool(name, "--inputs", folder / "in", "--outputs", folder / "out", *more)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copy(home, tmp_path):
    return shutil.copytree(home, tmp_path / "copy", copy_function=shutil.copy2)


def run(home, name, *more):
    return tool(name, "--inputs", home / "in", "--outputs", home / "out", *more)


def fails(done, *words):
    """One clear error: status 2, no traceback, and the words."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ") or "\nerror: " in done.stderr
    for word in words:
        assert str(word) in done.stderr
    return True


def test_the_chain_ends_with_a_submission_of_the_samples_rows(home):
    sample = pd.read_csv(home / "in/eval/info.csv")
    made = pd.read_csv(home / "out/submission.csv")
    assert made["ImageID"].tolist() == sample["ImageID"].tolist()
    assert made["ans"].between(0, 17).all()
    files = {str(path.relative_to(home / "out")) for path in (home / "out").rglob("*") if path.is_file()}
    expected = {"competition.json", "folds.csv", "folds.json", "submission.csv", "submission.json"}
    expected |= {f"blend/{name}" for name in ("weights.json", "oof.npz", "test.npz")}
    expected |= {f"{r}/recipe.json" for r in "ab"}
    expected |= {
        f"{r}/fold{k}/{f}"
        for r in "ab"
        for k in range(3)
        for f in ("model.safetensors", "history.csv", "oof.npz", "test.npz")
    }
    kept = {f for f in files if f.startswith("submissions/")}
    assert {Path(f).suffix for f in kept} == {".csv", ".json"}
    aside = kept | {f for f in files if f.startswith(("cache/", "locks/"))}
    assert files - aside == expected  # no resume file, no temporary file is left


def test_the_answers_are_the_argmax_of_the_blend(home):
    made = load_predictions(home / "out/blend/test.npz", competition.competition(), "")
    submitted = pd.read_csv(home / "out/submission.csv")
    assert (made.at(submitted["ImageID"]).argmax(1) == submitted["ans"]).all()


def test_oof_is_over_every_training_photo_once(home):
    ids = np.concatenate(
        [load_predictions(home / f"out/a/fold{k}/oof.npz", competition.competition(), "").ids for k in range(3)]
    )
    assert sorted(ids) == sorted(competition.read_train(home / "in")["image"])


def test_training_again_does_nothing_and_changes_nothing(home):
    before = {p: p.stat().st_mtime_ns for p in (home / "out/a").rglob("*")}
    done = run(home, "train_fold", "--model", "test_resnet", "--run", "a", "--set", TINY)
    assert done.returncode == 0, done.stderr
    assert "already trained" in done.stdout
    assert before == {p: p.stat().st_mtime_ns for p in (home / "out/a").rglob("*")}


def test_predicting_reads_the_recipe_on_disk_and_other_views_change_it(copy):
    before = load_predictions(copy / "out/a/fold1/oof.npz", competition.competition(), "")
    done = run(copy, "predict_fold", "--model", "a", "--fold", "1", "--tta", "zoom")
    assert done.returncode == 0, done.stderr
    after = load_predictions(copy / "out/a/fold1/oof.npz", competition.competition(), "")
    assert (before.meta["tta"], after.meta["tta"]) == ("hflip", "zoom")
    assert not np.allclose(before.at(after.ids), after.probs)


def test_one_pass_for_all_folds_predicts_what_each_alone_does(copy):
    assert run(copy, "predict_fold", "--model", "a", "--tta", "none").returncode == 0
    together = {path: path.read_bytes() for path in (copy / "out/a").rglob("*.npz")}
    assert len(together) == 6
    for name in ("oof.npz", "test.npz"):
        (copy / "out/a/fold1" / name).unlink()
    assert run(copy, "predict_fold", "--model", "a", "--tta", "none", "--fold", 1).returncode == 0
    assert {path: path.read_bytes() for path in together} == together


def test_persons_who_share_a_photo_are_kept_in_one_fold_and_train_is_told_from_test(copy):
    folds = pd.read_csv(copy / "out/folds.csv")
    first, second = (folds[(folds["fold"] == k) & folds["image"].str.contains("normal")].iloc[0] for k in (0, 1))
    coarse = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    for image, quality in ((first["image"], 95), (second["image"], 60)):  # one photo, handed in twice
        Image.fromarray(coarse).resize((300, 400)).save(copy / "in" / image, quality=quality)
    done = tool("make_folds", "--inputs", copy / "in", "--outputs", copy / "new", "--folds", 3, "--adversarial")
    assert done.returncode == 0, done.stderr
    assert f"{first['image']} and {second['image']} are near-identical" in done.stderr
    assert "distinguishes training photos from test photos with AUC" in done.stdout
    again = pd.read_csv(copy / "new/folds.csv").set_index("image")
    assert again["fold"][first["image"]] == again["fold"][second["image"]]
    assert again["group"][first["image"]] == again["group"][second["image"]]


def test_scores_shows_a_row_for_each_run_and_the_blend(home):
    done = run(home, "scores", "--answers", home / "in/answers.csv")
    assert [line.split()[0] for line in done.stdout.splitlines()[2:]] == ["a", "b", "blend"]


def test_stages_without_a_model_import_no_torch(home):
    code = f"""
import runpy, sys
sys.path.insert(0, "tools")
for name in ("make_folds", "blend", "make_sub", "scores", "status", "report"):
    sys.argv = [name, "--inputs", {str(home / "in")!r}, "--outputs", {str(home / "out")!r}]
    sys.argv += ["--folds", "3"] if name == "make_folds" else []
    runpy.run_path("tools/" + name + ".py", run_name="__main__")
    assert "torch" not in sys.modules, name
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def train_fold_0(copy):
    """The training of fold 0 of run a, as a process of its own, which has nothing of it on disk."""
    shutil.rmtree(copy / "out/a/fold0", ignore_errors=True)
    return Forked(run, copy, "train_fold", "--model", "test_resnet", "--run", "a", "--set", TINY, "--fold", "0")


def test_a_killed_training_goes_on(copy):
    expected = (copy / "out/a/fold0/model.safetensors").read_bytes()
    training = train_fold_0(copy)
    while not (copy / "out/a/fold0/resume.pt").exists():
        assert training.is_alive()
        time.sleep(0.01)
    training.kill()
    assert not (copy / "out/a/fold0/model.safetensors").exists()
    done = run(copy, "train_fold", "--model", "test_resnet", "--run", "a", "--set", TINY, "--fold", "0")
    assert done.returncode == 0, done.stderr
    assert "resumed" in done.stdout
    assert not (copy / "out/a/fold0/resume.pt").exists()
    assert (copy / "out/a/fold0/model.safetensors").read_bytes() == expected


def test_two_trainings_of_one_fold_at_once_end_as_one(copy):
    expected = (copy / "out/a/fold0/model.safetensors").read_bytes()
    both = [train_fold_0(copy) for _ in range(2)]
    ends = [training.result() for training in both]
    codes = [end.returncode for end in ends]
    assert sorted(codes) in ([0, 2], [0, 0])  # 0, 0: the second came when the first was done
    assert all(f"in use by process {both[1 - i].pid}" in ends[i].stderr for i in range(2) if codes[i] == 2)
    assert (copy / "out/a/fold0/model.safetensors").read_bytes() == expected


# Bad input -----------------------------------------------------------------------------------------------------------


def test_no_inputs(tmp_path):
    fails(tool("make_folds", "--inputs", tmp_path / "no", "--outputs", tmp_path), tmp_path / "no", "make demo")


def test_unreadable_and_truncated_photos_are_all_listed(copy):
    images = competition.read_train(copy / "in")["image"].tolist()
    (copy / "in" / images[0]).write_bytes(b"")
    data = (copy / "in" / images[1]).read_bytes()
    (copy / "in" / images[1]).write_bytes(data[: len(data) // 2])
    before = (copy / "out/folds.csv").read_bytes()
    fails(run(copy, "make_folds", "--folds", 3), images[0], images[1], "2 photo(s)")
    fails(run(copy, "train_fold", "--model", "test_resnet", "--run", "c", "--set", TINY), images[0], images[1])
    assert (copy / "out/folds.csv").read_bytes() == before
    assert not (copy / "out/c").exists()


def test_other_folds_under_trained_runs_are_refused(copy):
    before = (copy / "out/folds.csv").read_bytes()
    fails(run(copy, "make_folds", "--folds", 4), "a, b", "OUTPUTS=")
    assert (copy / "out/folds.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("train_fold", ("--model", "resnet43"), ("unknown MODEL=resnet43", "resnet34")),
        ("train_fold", ("--model", "test_resnet", "--run", "a", "--set", TINY, "--fold", "7"), ("FOLD=7", "0 to 2")),
        (
            "train_fold",
            ("--model", "test_resnet", "--run", "x", "--set", "colour=1"),
            ("unknown setting 'colour'", "image_size"),
        ),
        ("train_fold", ("--model", "test_resnet", "--run", "x", "--set", "tta=sideways"), ("TTA=sideways", "hflip")),
        ("train_fold", ("--model", "test_resnet", "--run", "x", "--set", "loss=guess"), ("guess", "focal")),
        ("train_fold", ("--model", "test_resnet", "--set", "epochs=1"), ("the run has no new name", "RUN=")),
        (
            "train_fold",
            ("--model", "test_resnet", "--run", "a", "--set", TINY + " lr=1"),
            ("another recipe", "lr: 0.003, not 1.0"),
        ),
        (
            "train_fold",
            ("--model", "test_resnet", "--run", "x", "--device", "cuda:9"),
            ("DEVICE=cuda:9", "DEVICE=auto"),
        ),
        (
            "predict_fold",
            ("--model", "nothing"),
            ("no trained run nothing", "a, b", "make predict MODEL=test_resnet RUN=a"),
        ),
        ("predict_fold", ("--model", "a", "--tta", "sideways"), ("TTA=sideways", "hflip")),
        ("blend", ("--runs", "a zz"), ("zz", "a, b")),
        ("blend", ("--method", "vote"), ("METHOD=vote", "log_loss")),
        ("blend", ("--rule", "best"), ("RULE=best", "expected")),
        ("make_sub", ("--run", "zz"), ("zz", "make train")),
    ],
)
def test_a_wrong_word_is_one_clear_error(home, name, more, words):
    fails(run(home, name, *more), *words)
    assert not (home / "out/x").exists()


def test_blend_with_a_fold_missing(copy):
    (copy / "out/b/fold2/oof.npz").unlink()
    before = (copy / "out/submission.csv").read_bytes()
    fails(run(copy, "blend", "--runs", "a b"), "b/fold2/oof.npz", "make predict MODEL=test_vit RUN=b FOLD=2")
    assert (copy / "out/submission.csv").read_bytes() == before


def test_a_blend_of_all_names_the_run_that_is_not_complete_and_leaves_it_out(copy):
    (copy / "out/b/fold2/oof.npz").unlink()
    done = run(copy, "blend")
    assert done.returncode == 0, done.stderr
    assert "b is left out of the blend, because it has no predictions for fold 2 yet" in done.stderr
    assert json.loads((copy / "out/blend/weights.json").read_text())["runs"] == ["a"]


def test_blend_of_a_run_and_its_copy(copy):
    shutil.copytree(copy / "out/a", copy / "out/a_again")
    before = (copy / "out/blend/weights.json").read_bytes()
    fails(run(copy, "blend"), "runs a and a_again hold the same predictions", 'RUNS="a b"')
    assert (copy / "out/blend/weights.json").read_bytes() == before


def test_external_predictions_are_blended(copy):
    folds = pd.read_csv(copy / "out/folds.csv")
    test = pd.read_csv(copy / "in/eval/info.csv")["ImageID"]
    for name, ids in (("oof", folds["image"]), ("test", test)):
        probs = np.random.default_rng(0).dirichlet(np.ones(18), len(ids))
        table = pd.DataFrame(probs, columns=competition.CLASSES).assign(id=list(ids)).sample(frac=1, random_state=0)
        (copy / "out/mate").mkdir(exist_ok=True)
        table[["id", *competition.CLASSES]].to_csv(copy / f"out/mate/{name}.csv", index=False)
    done = run(copy, "blend")
    assert done.returncode == 0, done.stderr
    assert json.loads((copy / "out/blend/weights.json").read_text())["runs"] == ["a", "b", "mate"]
    table[1:].to_csv(copy / "out/mate/oof.csv", index=False)
    fails(run(copy, "blend"), "mate", "oof.csv")


def test_blending_twice_gives_the_same_bytes(copy):
    names = [copy / "out/blend" / name for name in ("weights.json", "oof.npz", "test.npz")]
    before = [path.read_bytes() for path in names]
    assert run(copy, "blend").returncode == 0
    assert [path.read_bytes() for path in names] == before


def test_files_are_voted_on(copy):
    sample = pd.read_csv(copy / "in/eval/info.csv")
    for name, answers in (("x", 3), ("y", 5), ("z", 5)):
        sample.assign(ans=answers).sample(frac=1, random_state=1).to_csv(copy / f"{name}.csv", index=False)
    done = run(copy, "vote", "--files", f"{copy}/x.csv {copy}/y.csv {copy}/z.csv")
    assert done.returncode == 0, done.stderr
    made = pd.read_csv(copy / "out/submission.csv")
    assert made["ImageID"].tolist() == sample["ImageID"].tolist()
    assert set(made["ans"]) == {5}
    sample[1:].to_csv(copy / "x.csv", index=False)
    fails(run(copy, "vote", "--files", f"{copy}/x.csv {copy}/y.csv"), "1 missing id", "x.csv")
    fails(run(copy, "vote", f"FILES={copy}/y.csv"), "FILES names 1 file(s)")


def test_blend_of_runs_with_different_folds(copy):
    table = pd.read_csv(copy / "out/folds.csv")
    table["fold"] = table["fold"].map({0: 1, 1: 0, 2: 2})
    fold_table.save_folds(copy / "out/folds.csv", table)
    fails(run(copy, "blend"), "folds.csv", "make train MODEL=test_resnet RUN=a", " FOLD=0\n")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "1 id(s) missing, 0 too many"),
        ("extra", "0 id(s) missing, 1 too many"),
    ],
)
def test_a_submission_of_other_ids_is_not_written(copy, kind, words):
    path = copy / "in/eval/info.csv"
    sample = pd.read_csv(path)
    if kind == "missing":  # a test photo that was not predicted
        (copy / "in/eval/images/new.jpg").write_bytes((copy / "in/eval/images" / sample["ImageID"][0]).read_bytes())
        pd.concat([sample, pd.DataFrame({"ImageID": ["new.jpg"], "ans": [0]})]).to_csv(path, index=False)
    else:
        sample[1:].to_csv(path, index=False)
    before = (copy / "out/submission.csv").read_bytes()
    fails(run(copy, "make_sub"), words)
    assert (copy / "out/submission.csv").read_bytes() == before


def test_all_rows_of_a_repeated_id_have_one_answer(copy):
    path = copy / "in/eval/info.csv"
    sample = pd.read_csv(path)
    pd.concat([sample, sample[:1]]).to_csv(path, index=False)
    assert run(copy, "make_sub").returncode == 0
    made = pd.read_csv(copy / "out/submission.csv")
    assert made["ImageID"].tolist() == [*sample["ImageID"], sample["ImageID"][0]]
    assert made["ans"].iloc[-1] == made["ans"][0]


def test_a_round_of_pseudo_labels_is_a_run_like_any_other(copy):
    fails(run(copy, "pseudo", "--run", "nobody"), "nobody", "a, b")
    done = run(copy, "pseudo", "--run", "a", "--rounds", 1, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "labelled by a, b" in done.stdout
    assert "pseudo-labelled rows" in done.stdout
    assert "better with probability" in done.stdout
    before = (copy / "out/a_pseudo1/fold0/oof.npz").read_bytes()
    again = run(copy, "pseudo", "--run", "a", "--rounds", 1, "--device", "cpu")
    assert again.returncode == 0, again.stderr
    assert (copy / "out/a_pseudo1/fold0/oof.npz").read_bytes() == before
    shutil.rmtree(copy / "out/blend")
    fails(run(copy, "pseudo", "--run", "a"), "no blend", "make blend")
