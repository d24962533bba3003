"""Export runs to MLflow: settings as params, epochs and scores as metrics, recipe.json and history.csv as artifacts.

The runs go to the server that the environment variable MLFLOW_TRACKING_URI names, or to a SQLite file if the variable
is not set. A run that was exported before is replaced only if the hash of its contents has changed.
"""

import os
from pathlib import Path

from comp.export.exported_runs import ExportedRun, exported_runs
from comp.pages.report.report_data import ReportData

LONGEST = 6000  # the most characters of a param that MLflow stores
DIGEST = "comp.digest"  # the tag with the hash of a run's contents


def export(data: ReportData, target: Path) -> str:
    """Write all runs to an experiment that is named after the outputs folder, and return the command that shows them.

    data: the results in outputs/. target: the folder for the SQLite file and the artifacts if no server is used.
    """
    from mlflow.tracking import MlflowClient

    runs, uri = exported_runs(data), os.environ.get("MLFLOW_TRACKING_URI") or _local_uri(target)
    client = MlflowClient(tracking_uri=uri)
    experiment = _experiment(client, str(data.outputs.resolve()), target)
    for run in runs:
        _replace(client, experiment, run)
    return f".venv/bin/mlflow ui --backend-store-uri {uri}"


def _local_uri(target: Path) -> str:
    target.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{target.resolve()}/mlflow.db"


def _experiment(client, name: str, target: Path) -> str:
    """Return the id of the experiment with this name. Create the experiment if it does not exist.

    target: the folder for the artifacts if no server is used.
    """
    experiment = client.get_experiment_by_name(name)
    if experiment:
        return experiment.experiment_id
    local = None if os.environ.get("MLFLOW_TRACKING_URI") else (target.resolve() / "artifacts").as_uri()
    return client.create_experiment(name, artifact_location=local)


def _replace(client, experiment: str, run: ExportedRun) -> None:
    """Write the run to the experiment unless MLflow has it already with the same contents.

    Earlier runs in MLflow that have this name but other contents are deleted first. experiment: the id of the
    experiment.
    """
    quoted = run.name.replace("'", "\\'")
    earlier = client.search_runs([experiment], f"tags.mlflow.runName = '{quoted}'")
    same = [old for old in earlier if old.data.tags.get(DIGEST) == run.digest and old.info.status == "FINISHED"]
    for old in earlier:
        if old not in same[:1]:
            client.delete_run(old.info.run_id)
    if not same:
        _write(client, experiment, run)


def _write(client, experiment: str, run: ExportedRun) -> None:
    from mlflow.entities import Metric, Param

    time = int(run.changed * 1000)
    run_id = client.create_run(experiment, start_time=time, tags={DIGEST: run.digest}, run_name=run.name).info.run_id
    params = [Param(name, str(value)[:LONGEST]) for name, value in run.settings.items()]
    scores = [Metric(_key(name), value, time, 0) for name, value in run.scores.items()]
    epochs = [
        Metric(f"fold{k}/{_key(name)}", float(row[name]), time, int(row["epoch"]))
        for k, table in run.epochs.items()
        for row in table.to_dict("records")
        for name in row
        if name != "epoch"
    ]
    for start in range(0, len(params), 100):  # MLflow takes at most 100 params and 1,000 metrics in one call
        client.log_batch(run_id, params=params[start : start + 100])
    for start in range(0, len(scores) + len(epochs), 1000):
        client.log_batch(run_id, metrics=[*scores, *epochs][start : start + 1000])
    for path in run.files:
        folder = path.parent.name if path.parent.name != run.name else None
        client.log_artifact(run_id, str(path), folder)
    client.set_terminated(run_id, "FINISHED", end_time=time)


def _key(name: str) -> str:
    """Return the name with "_" in place of each character that MLflow does not accept."""
    return "".join(letter if letter.isalnum() or letter in "_-. /" else "_" for letter in name)
