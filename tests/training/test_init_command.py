"""INIT and all_data as the commands of train: what they train, and mistakes that leave no trace."""

import json
import shlex

import pytest
from conftest import draw_competition, tool

from comp.models import weights_file
from comp.store.runs import ALL_DATA, Run

PEOPLE = [(gender, age) for gender in ("male", "female") for age in (20, 40, 60)]
TINY = "image_size=32 crop=0 epochs=1 batch_size=32 workers=0 augment=flip pretrained=false tta=none"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two folds of 42 photos, and the trained run `base`."""
    home = tmp_path_factory.mktemp("init")
    draw_competition(home / "in", PEOPLE, test=3)
    assert tool("make_folds", "--inputs", home / "in", "--outputs", home / "out", "--folds", 2).returncode == 0
    done = train(home, "base", settings=f"{TINY} head=classes")
    assert done.returncode == 0, done.stderr
    return home


def train(home, run, *more, settings=TINY, model="test_resnet"):
    where = ("--inputs", home / "in", "--outputs", home / "out", "--device", "cpu")
    return tool("train_fold", *where, "--model", model, "--run", run, "--set", settings, *more)


def test_init_says_what_begins_and_what_is_new(home):
    done = train(home, "next", "--init", "base", "--fold", 0, settings=f"{TINY} image_size=64 head=attributes")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "the weights of fold 0 of base; new tensor: fc.weight (18×" in said
    assert json.loads((home / "out/next/recipe.json").read_text())["recipe"]["init"] == "base"
    kept = weights_file.weights_metadata(Run(home / "out", "next").weights(0), "")["from_weights"]
    assert list(kept) == ["base/fold0/model.safetensors"]
    assert (
        train(
            home, "next", "--init", "base", "--fold", 0, settings=f"{TINY} image_size=64 head=attributes"
        ).stdout.count("already")
        == 2
    )
    other = train(home, "next", "--fold", 0, settings=f"{TINY} image_size=64 head=attributes")
    assert other.returncode == 2
    assert "init: 'base', not ''" in " ".join(other.stderr.split())


@pytest.mark.parametrize(
    ("more", "settings", "words"),
    [
        (("--init", "new"), TINY, "is the run itself"),
        (("--init", "zz"), TINY, "no trained run zz"),
        (("--init", "base", "--fold", 7), TINY, "FOLD=7"),
        (("--fold", ALL_DATA), TINY, "folds of new, but these are not trained: 0, 1"),
        (("--init", "base"), f"{TINY} all_data=true", "INIT=base has no trained fold all_data"),
        (("--init", "base"), f"{TINY} checkpointing=true optimizer=sgdd", "optimizer=sgdd"),
    ],
)
def test_a_mistake_is_one_clear_error_before_anything_is_written(home, more, settings, words):
    before = sorted(home.rglob("*"))
    done = train(home, "new", *more, settings=settings)
    assert done.returncode == 2, done.stderr
    assert words in " ".join(done.stderr.split())
    assert "run:" in done.stderr
    assert sorted(home.rglob("*")) == before


def by_hand(home, command):
    """Run a command of make on the home, with the words that make would pass on."""
    make, target, *words = shlex.split(command)
    assert make == "make"
    script = {"train": "train_fold", "predict": "predict_fold"}[target]
    done = tool(script, f"INPUTS={home / 'in'}", f"OUTPUTS={home / 'out'}", "DEVICE=cpu", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_in_recipe_json_finds_the_run_up_to_date(home):
    """With SET, INIT and SEED, for all folds and for one."""
    settings = f"{TINY} loss='0.4 f1 + 0.6 focal'"
    done = train(home, "asked", "--init", "base", "--seed", 3, "--fold", 1, settings=settings)
    assert done.returncode == 0, done.stderr
    run = Run(home / "out", "asked")
    assert (run.is_trained(0), run.is_trained(1), run.is_trained(ALL_DATA)) == (False, True, False)
    kept = json.loads(run.recipe.read_text())
    assert kept["command"] == run.command == run.train_command()
    assert (kept["recipe"]["seed"], kept["recipe"]["init"]) == (3, "base")
    before = state_of(run)
    assert by_hand(home, run.train_command(1)).count("fold 1: already trained") == 1
    assert "already predicted" in by_hand(home, run.repair_command(1))
    assert state_of(run) == before
    assert "asked fold 0: 21 training rows" in by_hand(home, run.command)  # the folds that are not trained yet
    assert run.is_trained(0)
    before = state_of(run)
    printed = by_hand(home, run.command)
    assert printed.count("already trained") == printed.count("already predicted") == 2
    assert state_of(run) == before


def state_of(run) -> dict:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.folder.rglob("*.*")}


def test_init_needs_a_name_of_its_own(home):
    done = train(home, "", "--init", "base", settings="")
    assert done.returncode == 2
    assert "RUN=<new name>" in done.stderr


def test_a_run_that_begins_with_another_trains_on_all_rows_after_its_folds(home):
    first, last = (Run(home / "out", name) for name in ("first", "last"))
    assert train(home, "first", "--no-predict", settings=f"{TINY} all_data=true").returncode == 0
    words, settings = ("last", "--init", "first"), f"{TINY} image_size=64 all_data=true"
    done = train(home, *words, settings=settings)
    assert done.returncode == 0, done.stderr
    for k in (0, 1, ALL_DATA):
        assert not first.test(k).exists()
        assert last.test(k).is_file()
        kept = weights_file.weights_metadata(last.weights(k), "")["from_weights"]
        assert next(iter(kept)) == f"first/{last.fold(k).name}/model.safetensors"
    assert not last.oof(ALL_DATA).exists()
    status = tool("status", "--inputs", home / "in", "--outputs", home / "out").stdout
    lines = {line.strip().split("  ")[0]: line for line in status.splitlines()}
    assert "complete" in lines["last fold all_data"]
    assert "complete" in lines["base fold 1"]
    assert "trained" in lines["first fold 0"]
    assert train(home, *words, settings=settings).stdout.count("already trained") == 3
    where = ("--inputs", home / "in", "--outputs", home / "out", "--device", "cpu")
    predicted = tool("predict_fold", *where, "--model", "test_resnet", "--run", "last", "--tta", "hflip")
    assert predicted.returncode == 0, predicted.stderr
    assert "folds 0 1 all_data: wrote" in " ".join(predicted.stdout.split())
