"""make export: the error where a package is missing, and what each tool is given, read back where it is installed."""

import importlib
import importlib.util
import shutil
import tomllib

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from drawn_reports import KINDS, draw_run, drawn
from drawn_runs import run

from comp.competition import scoring
from comp.errors import InputError
from comp.export import exported_runs, to_fiftyone
from comp.export.exported_runs import TOOLS, check_installed, tool_module
from comp.pages.report import report_data
from comp.project import Project


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = drawn(tmp_path_factory.mktemp("export"), photos=0)
    draw_run(home / "out", "a", 0, Project(home / "in", home / "out").competition, lr=0.1, mean=[0.5, 0.5], cache=True)
    return home


def data_of(home):
    return report_data.load_report_data(Project(home / "in", home / "out"))


def fold_of(home, k):
    """A copy of the history of run a."""
    return pd.read_csv(home / f"out/a/fold{k}/history.csv")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_missing_package_is_named_with_the_command_that_installs_it(home, tool):
    if importlib.util.find_spec(tool):
        pytest.skip(f"{tool} is installed")
    code, printed = run(home, "export", "--to", tool)
    assert code == 2
    assert f"the package {tool} is not installed" in printed
    assert f'.venv/bin/python -m pip install -e ".[{tool}]"' in printed
    assert not (home / "out/export").exists()


def test_a_package_that_nobody_has_is_an_error_and_one_that_is_there_is_none():
    check_installed("numpy")
    with pytest.raises(InputError, match="no_such_package is not installed"):
        check_installed("no_such_package")


@pytest.mark.parametrize("tool", ["", "excel"])
def test_an_unknown_tool_lists_the_known_ones(tool):
    with pytest.raises(InputError, match="TO") as error:
        tool_module(tool)
    assert all(name in error.value.expected for name in TOOLS)


def test_every_module_of_a_tool_exports():
    for name in TOOLS.values():
        assert callable(importlib.import_module(name).export)


def test_the_extras_of_pyproject_are_the_tools():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(TOOLS) <= set(extras)


def test_a_run_is_exported_with_its_settings_epochs_and_scores(home):
    data = data_of(home)
    runs = {run.name: run for run in exported_runs.exported_runs(data)}
    assert list(runs) == ["a", "b"]
    a, source = runs["a"], next(source for source in data.runs if source.name == "a")
    assert a.settings == {"name": "resnet18", "lr": 0.1, "mean": "[0.5, 0.5]", "cache": True}
    expected = scoring.scores(data.competition, data.rows.labels, source.probs)["macro_f1"]
    assert a.scores["oof macro_f1"] == pytest.approx(expected)
    assert sorted(a.scores) == ["oof macro_f1", *(f"oof macro_f1 fold {k}" for k in range(3))]
    assert sorted(a.epochs) == [0, 1, 2]
    assert a.digest != runs["b"].digest
    assert a.digest == exported_runs.exported_runs(data_of(home))[0].digest


def test_without_runs_there_is_nothing_to_export(tmp_path):
    home = drawn(tmp_path, photos=0)
    for name in "ab":
        shutil.rmtree(home / "out" / name)
    for export in (exported_runs.exported_runs, to_fiftyone.samples):
        with pytest.raises(InputError, match="no run"):
            export(data_of(home))


@pytest.mark.parametrize("target", KINDS)
def test_a_sample_has_the_truth_and_every_runs_answer(tmp_path, target):
    data = data_of(drawn(tmp_path, target, photos=0))
    samples = to_fiftyone.samples(data)
    assert [sample["filepath"] for sample in samples] == [str(data.inputs.resolve() / image) for image in data.images]
    assert [sample["fold"] for sample in samples] == data.rows.folds.tolist()
    assert samples[0]["tags"] == [f"group:{data.rows.groups[0]}"]
    run_a = next(source for source in data.runs if source.name == "a")
    answers = scoring.answers(data.competition, run_a.probs)
    for i, sample in enumerate(samples):
        if target == "regression":
            assert (sample["ground_truth"], sample["run_a"]) == (data.rows.labels[i], pytest.approx(answers[i]))
            continue
        places = np.flatnonzero(answers[i]) if target == "multilabel" else [answers[i]]
        assert sample["run_a"] == [(data.competition.classes[c], pytest.approx(run_a.probs[i, c])) for c in places]


def test_names_of_runs_become_different_fields():
    assert list(to_fiftyone.field_names(["a-b", "a.b", "a_b"]).values()) == ["run_a_b", "run_a_b_", "run_a_b__"]


def test_tensorboard_reads_what_the_histories_and_scores_hold_and_nothing_twice(home):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def values(folder):
        events = accumulators.EventAccumulator(str(home / "out/export/tensorboard" / folder))
        events.Reload()
        return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}

    for _ in range(2):
        code, printed = run(home, "export", "--to", "tensorboard")
        assert code == 0, printed
        history = fold_of(home, 1)
        np.testing.assert_allclose(values("a/fold1")["val_loss"], history[["epoch", "val_loss"]], rtol=1e-6)
        assert len(values("a")["oof_macro_f1"]) == 1
        assert len(list((home / "out/export/tensorboard/a").glob("events*"))) == 1
    assert not list((home / "out/export").glob(".*"))


def test_mlflow_has_a_run_for_each_run_and_none_twice(home, monkeypatch):
    tracking = pytest.importorskip("mlflow.tracking")
    pytest.importorskip("sqlalchemy")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for _ in range(2):
        code, printed = run(home, "export", "--to", "mlflow")
        assert code == 0, printed
    client = tracking.MlflowClient(f"sqlite:///{home / 'out/export/mlflow/mlflow.db'}")
    experiment = client.get_experiment_by_name(str((home / "out").resolve()))
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert sorted(runs) == ["a", "b"]
    assert len(client.search_runs([experiment.experiment_id])) == 2
    assert runs["a"].data.params["lr"] == "0.1"
    points = client.get_metric_history(runs["a"].info.run_id, "fold1/val_loss")
    history = fold_of(home, 1)
    assert [(point.step, point.value) for point in points] == list(
        zip(history["epoch"], history["val_loss"], strict=True)
    )
    assert {artifact.path for artifact in client.list_artifacts(runs["a"].info.run_id)} >= {"recipe.json", "fold0"}
