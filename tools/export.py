"""Copy the results of all runs to TensorBoard, MLflow or FiftyOne. A new export replaces the earlier copy.

reads   outputs/folds.csv, <run>/recipe.json, <run>/fold<k>/history.csv, oof.npz, blend/
writes  for TensorBoard: outputs/export/tensorboard/
        for MLflow: the server that the environment variable MLFLOW_TRACKING_URI names, else outputs/export/mlflow/
        for FiftyOne: a dataset in the database of FiftyOne

Each tool needs its package, for example: .venv/bin/python -m pip install -e ".[tensorboard]" (or mlflow, or fiftyone).
"""

from options import project_and_options

from comp import console
from comp.store.paths import export_folder


def main() -> None:
    project, given = project_and_options(__doc__, "to")
    from comp.export.exported_runs import tool_module
    from comp.pages.report import report_data

    tool = tool_module(given.to)
    data = report_data.load_report_data(project)
    for note in data.notes:
        console.warn(note.text, note.run)
    command = tool.export(data, export_folder(project.outputs) / given.to)
    console.say(f"exported the results to {given.to}; to see them, run: {command}")


if __name__ == "__main__":
    console.run_stage(main)
