"""Competitions of every kind whose folds, photos and runs' predictions are drawn; names may hold anything."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from small_competitions import random_probs, small

from comp import files
from comp.competition import labels
from comp.competition.competition import Competition
from comp.metrics import named_metrics
from comp.store import fold_table, frozen_competition
from comp.store.paths import folds_file
from comp.store.predictions import save_predictions
from comp.store.runs import Run

METRICS = {"regression": "rmse", "ordinal": "quadratic_kappa", "binary": "auc", "multilabel": "micro_f1"}
KINDS = ("multiclass", "binary", "multilabel", "ordinal", "regression")
FOLDS = 3


def drawn(folder: Path, target: str = "multiclass", rows: int = 60, classes=None, photos: int = 60, **names) -> Path:
    """in/ with photos, out/ with folds and the runs a and b. names: file="…", group="…" go into every such name."""
    answer = {"multilabel": "labels", "regression": "number"}.get(target, "index")
    competition = small(target, answer, classes=classes, metric=named_metrics.get(METRICS.get(target, "macro_f1")))
    table = draw_folds(competition, rows, **names)
    for i, image in enumerate(table["image"][:photos]):
        draw_photo(folder / "in" / image, i)
    (folder / "out").mkdir(parents=True)
    frozen_competition.save(folder / "out", competition)
    fold_table.save_folds(folds_file(folder / "out"), table)
    for seed, name in enumerate("ab"):
        draw_run(folder / "out", name, seed, competition)
    return folder


def draw_folds(competition: Competition, rows: int, file: str = "", group: str = "") -> pd.DataFrame:
    """A fold table: five photos in each group, and a kept column `place` with two values."""
    rng, label = np.random.default_rng(0), truths(competition, rows)
    return pd.DataFrame(
        {
            "image": [f"train/{i:05d}{file}.png" for i in range(rows)],
            "group": [f"g{i // 5}{group}" for i in range(rows)],
            "label": label,
            "fold": [i // 5 % FOLDS for i in range(rows)],
            "place": rng.choice(["here", f"there{group}"], rows),
        }
    )


def truths(competition: Competition, rows: int) -> list:
    rng = np.random.default_rng(1)
    if competition.target == "regression":
        return rng.normal(50, 20, rows).round(2).tolist()
    if competition.target == "multilabel":
        return [labels.to_text(np.flatnonzero(row)) for row in rng.random((rows, competition.size)) < 0.4]
    return (np.arange(rows) // 5 % competition.size).tolist()


def draw_photo(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (12, 9, 3), dtype=np.uint8)).save(path)


def draw_run(outputs: Path, name: str, seed: int, competition: Competition, **settings) -> Run:
    """A run that is better than chance, with the histories of its folds. settings: more of its recipe."""
    run, table = Run(outputs, name), fold_table.load_folds(folds_file(outputs), competition)
    truth = labels.to_array(table["label"], competition)
    probs = random_probs(competition, len(table), seed)
    if competition.target == "regression":
        probs = truth[:, None] + 20 * (probs - 0.5)
    else:
        seen = truth if truth.ndim == 2 else np.eye(competition.size)[mixed_up(truth, competition.size, seed)]
        probs = 0.7 * probs + 0.3 * seen
    recipe = {"name": "resnet18", **settings}
    content = {"kind": "trained", "recipe": recipe, "command": f"make train MODEL={recipe['name']} RUN={name}"}
    files.write_json(run.recipe, content | {"classes": list(competition.classes)})
    meta = {"run": name, "recipe": files.digest(run.recipe), "folds": files.digest(folds_file(outputs))}
    for k in range(FOLDS):
        inside = (table["fold"] == k).to_numpy()
        save_predictions(run.oof(k), table["image"][inside], probs[inside], competition, meta | {"fold": k})
        draw_history(run.history(k), competition.metric.name, k)
    return run


def mixed_up(truth: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """The truth, and in every fifth row any class."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(truth)) < 0.2, rng.integers(0, classes, len(truth)), truth)


def draw_history(path: Path, metric: str, k: int) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["epoch", "train_loss", "val_loss", metric, "lr", "seconds"])
        rows.writerows([epoch, 1 / epoch, 1.2 / epoch + k / 9, 1 - 1 / epoch, 0.1, 3] for epoch in range(1, 5))
