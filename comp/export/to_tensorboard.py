"""Export runs to TensorBoard: curves over the epochs of each fold, and the settings and scores in the tab HPARAMS."""

import os
import shutil
from pathlib import Path

from comp.export.exported_runs import ExportedRun, exported_runs
from comp.pages.report.report_data import ReportData


def export(data: ReportData, target: Path) -> str:
    """Write TensorBoard's files for all runs to the folder `target`, and return the command that shows them.

    data: the results in outputs/. Each run has a folder <run>/ with its scores and a folder <run>/fold<k>/ for each
    fold. Earlier files in `target` are deleted.
    """
    runs = exported_runs(data)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        for run in runs:
            _write(run, temporary / run.name)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return f".venv/bin/tensorboard --logdir {target}"


def _write(run: ExportedRun, folder: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter
    from torch.utils.tensorboard.summary import hparams

    for k, table in run.epochs.items():
        with SummaryWriter(folder / f"fold{k}") as writer:
            for row in table.to_dict("records"):
                for name in [name for name in row if name != "epoch"]:
                    writer.add_scalar(_tag(name), row[name], int(row["epoch"]), walltime=run.changed)
    with SummaryWriter(folder) as writer:
        for name, value in run.scores.items():
            writer.add_scalar(_tag(name), value, 0, walltime=run.changed)
        if run.settings and run.scores:
            for summary in hparams(dict(run.settings), {_tag(name): value for name, value in run.scores.items()}):
                writer.file_writer.add_summary(summary, walltime=run.changed)


def _tag(name: str) -> str:
    """Return the name in a spelling that TensorBoard accepts without a warning."""
    return name.replace(" ", "_").replace("@", "_at_")
