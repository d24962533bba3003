"""What a run is, which of its files exist, and the commands that make it."""

import pytest

from comp import files
from comp.errors import InputError
from comp.store import runs
from comp.store.paths import ALL_DATA
from comp.store.runs import Run, check_run_name

TRAINING = {"recipe": {"name": "resnet18"}}


def make_run(outputs, name="run", content=TRAINING) -> Run:
    run = Run(outputs, name)
    files.write_json(run.recipe, content)
    return run


def touch(*paths) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


# ---- what it is


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (TRAINING, "trained"),
        ({"recipe": {"name": "resnet18", "pseudo": ""}}, "trained"),
        ({"recipe": {"name": "resnet18", "pseudo": "run_pseudo1"}}, "pseudo"),
        ({"kind": "features", "command": "make embed MODEL=resnet18 RUN=run"}, "features"),
        ({"kind": "stack", "command": "make stack RUN=run"}, "stack"),
    ],
)
def test_the_kind_is_in_the_recipe(tmp_path, content, kind):
    run = make_run(tmp_path, content=content)
    assert (run.kind, run.has_folds) == (kind, True)


def test_a_name_does_not_make_a_kind(tmp_path):
    for name in ("vit_pseudo_clean", "stack", "features", "external", "x_pseudo1"):
        assert make_run(tmp_path, name).kind == "trained"


def test_predictions_without_a_recipe_are_external_and_the_blend_is_the_blend(tmp_path):
    touch(
        tmp_path / "mate/oof.csv", tmp_path / "mate/test.csv", tmp_path / "blend/oof.npz", tmp_path / "blend/test.npz"
    )
    assert [(Run(tmp_path, name).kind, Run(tmp_path, name).has_folds) for name in ("mate", "blend")] == [
        ("external", False),
        ("blend", False),
    ]
    assert Run(tmp_path, "not_there").kind == "external"


@pytest.mark.parametrize("content", [{"recipe": 3}, {"recipe": {}}, {}])
def test_a_recipe_that_says_nothing_is_no_error(tmp_path, content):
    run = make_run(tmp_path, content=content)
    assert (run.kind, run.model, run.init, run.wants_all_data) == ("trained", "<its model>", "", False)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"recipe": {"name": "x"}}'])
def test_a_damaged_recipe_is_no_error_here(tmp_path, data):
    run = make_run(tmp_path)
    run.recipe.write_bytes(data)
    assert (run.kind, run.model) == ("trained", "<its model>")
    assert run.train_command() == "make train MODEL=<its model> RUN=run"


def test_the_recipe_tells_model_init_and_all_data(tmp_path):
    run = make_run(tmp_path, content={"recipe": {"name": "vit", "init": "before", "all_data": True}})
    assert (run.model, run.init, run.wants_all_data) == ("vit", "before", True)


# ---- what there is


def test_runs_are_listed_by_name_without_the_blend_and_other_folders(tmp_path):
    for name in ("b", "a"):
        make_run(tmp_path, name)
    touch(tmp_path / "mate/oof.csv", tmp_path / "mate/test.csv.gz")
    touch(*(tmp_path / folder / f"{role}.npz" for folder in ("blend", "cache") for role in ("oof", "test")))
    assert runs.run_names(tmp_path) == ["a", "b", "mate"]
    assert [run.name for run in runs.own_runs(tmp_path)] == ["a", "b"]
    assert runs.complete_runs(tmp_path, 2) == ["mate"]


def test_a_fold_is_complete_with_both_of_its_predictions(tmp_path):
    run = make_run(tmp_path)
    touch(run.oof(0), run.test(0), run.oof(1))
    assert (run.predicted_folds(3), run.missing_folds(3)) == ([0, 1], [1, 2])
    touch(run.test(1))
    assert runs.complete_runs(tmp_path, 2) == ["run"]
    assert Run(tmp_path, "mate").missing_folds(3) == []


def test_a_fold_is_trained_when_its_training_has_ended(tmp_path):
    run = make_run(tmp_path)
    assert not run.is_trained(0)
    touch(run.weights(0), run.resume(0))
    assert not run.is_trained(0)
    run.resume(0).unlink()
    assert run.is_trained(0)
    assert not run.is_trained(ALL_DATA)


def test_the_digest_changes_with_every_file_that_a_blend_reads_and_with_no_other(tmp_path):
    run = make_run(tmp_path)
    touch(run.oof(0), run.test(0), run.test(ALL_DATA))
    before = run.digest()
    touch(run.history(0), run.weights(0), run.resume(1))
    assert run.digest() == before
    for path in (run.recipe, run.oof(0), run.test(0), run.test(ALL_DATA)):
        kept = path.read_bytes()
        path.write_bytes(b"other")
        assert run.digest() != before
        path.write_bytes(kept)
    assert run.digest() == before


# ---- the commands that make it


def test_commands_of_a_run_that_was_trained(tmp_path):
    run = make_run(tmp_path)
    assert run.train_command() == "make train MODEL=resnet18 RUN=run"
    assert run.train_command(1) == run.repair_command(1) == "make train MODEL=resnet18 RUN=run FOLD=1"
    touch(run.weights(1))
    assert run.repair_command(1) == "make predict MODEL=resnet18 RUN=run FOLD=1"
    assert run.repair_command() == "make predict MODEL=resnet18 RUN=run"
    assert run.repair_command(0) == "make train MODEL=resnet18 RUN=run FOLD=0"
    assert run.train_command(ALL_DATA).endswith(" FOLD=all_data")


def test_the_command_that_made_a_run_is_kept(tmp_path):
    command = "make train MODEL=resnet18 RUN=run SET='epochs=3 lr=0.1'"
    run = make_run(tmp_path, content={**TRAINING, "command": command})
    assert run.train_command() == command
    assert run.train_command(2) == f"{command} FOLD=2"


@pytest.mark.parametrize("kind", ["features", "stack"])
def test_a_derived_run_is_made_as_a_whole(tmp_path, kind):
    run = make_run(tmp_path, content={"kind": kind, "command": "make stack RUN=run"})
    assert {run.train_command(1), run.repair_command(1), run.restart_command(1)} == {"make stack RUN=run"}


def test_a_pseudo_labelled_run_is_made_as_a_whole_and_predicted_by_fold(tmp_path):
    content = {"recipe": {"name": "resnet18", "pseudo": "x_pseudo1"}, "command": "make pseudo RUN=x ROUNDS=1"}
    run = make_run(tmp_path, "x_pseudo1", content)
    assert run.train_command(1) == "make pseudo RUN=x ROUNDS=1"
    touch(run.weights(1))
    assert run.repair_command(1) == "make predict MODEL=resnet18 RUN=x_pseudo1 FOLD=1"


def test_a_fold_is_made_anew_by_two_commands_with_its_path_quoted(tmp_path):
    run = make_run(tmp_path / "my home")
    assert run.restart_command(1) == f"rm -r '{run.fold(1)}' && make train MODEL=resnet18 RUN=run FOLD=1"


@pytest.mark.parametrize("name", ["../x", "a b", "", ".hidden", "blend", "cache", "a/b", "a\nb"])
def test_a_run_name_is_a_plain_folder_name(name):
    with pytest.raises(InputError, match="RUN="):
        check_run_name(name)
    check_run_name("vit_small_r26_s32_224.augreg_in21k")
