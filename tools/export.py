"""Copy the results into another tool: TensorBoard, MLflow or FiftyOne. A second export replaces the earlier copy.

reads   outputs/<run>/recipe.json, fold<k>/history.csv, oof.npz, blend/, folds.csv
writes  outputs/export/tensorboard/; or outputs/export/mlflow/, or the place in MLFLOW_TRACKING_URI; or a dataset of
        FiftyOne

Each tool needs an extra: .venv/bin/python -m pip install -e ".[tensorboard]" (or mlflow, or fiftyone).
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
        console.warn(note.text + (f"; {note.run}" if note.run else ""))
    command = tool.export(data, export_folder(project.outputs) / given.to)
    console.say(f"exported to {given.to}; look at it with: {command}")


if __name__ == "__main__":
    console.run_stage(main)
