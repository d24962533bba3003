"""Copy the results into another tool: TensorBoard, MLflow or FiftyOne. Made again, it replaces the earlier copy.

reads   outputs/<run>/recipe.json, fold<k>/history.csv, oof.npz, blend/, folds.csv
writes  outputs/export/tensorboard/ or mlflow/ (or where MLFLOW_TRACKING_URI says), or a dataset of FiftyOne

Each needs an extra: .venv/bin/python -m pip install -e ".[tensorboard]" (or mlflow, fiftyone).
"""

from options import competition_of, parser

from comp import console
from comp.export.exported_runs import TOOLS, tool_module
from comp.store.runs import export_folder


def main() -> None:
    args = arguments()
    tool = tool_module(args.to)
    competition = competition_of(args)
    from comp.pages.report import report_data

    data = report_data.load_report_data(args.outputs, args.inputs, competition)
    for note in data.notes:
        console.warn(note.text + (f"; {note.run}" if note.run else ""))
    look = tool.export(data, export_folder(args.outputs) / args.to)
    console.say(f"exported to {args.to}; look at it with: {look}")


def arguments():
    made = parser(__doc__)
    made.add_argument("--to", default="", help=f"one of {', '.join(TOOLS)}")
    return made.parse_args()


if __name__ == "__main__":
    console.run_stage(main)
