"""What is printed after folds were predicted: the score of each, TTA included."""

import numpy as np

from comp import console
from comp.competition import scoring
from comp.competition.combining import scored
from comp.data.rows import RunData
from comp.models import weights_file
from comp.store.paths import Run
from comp.store.predictions import load_predictions


def fold_table(run: Run, data: RunData, numbers: list[int]) -> None:
    """Print the competition's metrics for each predicted fold, then their mean and spread."""
    rows = [_row(run, data, k) for k in numbers]
    values = np.array([row[1:-1] for row in rows], float)
    if len(rows) > 1:
        spread = zip(values.mean(0), values.std(0), strict=True)
        rows.append(["mean ± sd", *[f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in spread], ""])
    views = load_predictions(run.oof(numbers[-1]), data.competition).meta.get("tta")
    columns = ["fold", *scoring.titles(data.competition), "best epoch"]
    console.table(f"{run.name}: out of fold, TTA {views}", columns, rows)


def _row(run: Run, data: RunData, k: int) -> list:
    held_out = data.held_out(k)
    made = load_predictions(run.oof(k), data.competition)
    probs = made.at(data.held_out_images(k))
    values = scoring.scores(data.competition, *scored(data.competition, held_out.labels, probs, held_out.ids))
    trained = weights_file.weights_metadata(run.weights(k), "") if run.weights(k).is_file() else {}
    best = f"{trained['epoch']} of {trained['epochs']}" if trained else "-"
    return [f"fold {k}", *values.values(), best]
