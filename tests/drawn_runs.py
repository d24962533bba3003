"""A home whose runs' predictions are drawn, not learned, and the scripts run on it in this process."""

from pathlib import Path

import numpy as np
import pandas as pd
from conftest import PEOPLE, draw_competition, tool

from comp import files
from comp.inputs import mask_gender_age as competition
from comp.store.predictions import save_predictions
from comp.store.runs import Run


def drawn_home(folder: Path, people=PEOPLE) -> Path:
    """Inputs in folder/in; in folder/out three folds and the runs a and b."""
    draw_competition(folder / "in", people)
    assert tool("make_folds", "--inputs", folder / "in", "--outputs", folder / "out", "--folds", 3).returncode == 0
    for seed, name in enumerate("ab"):
        draw_run(folder, name, seed)
    return folder


def draw_run(home: Path, name: str, seed: int) -> Run:
    """A run of three folds, better than chance."""
    run, rng = Run(home / "out", name), np.random.default_rng(seed)
    folds = pd.read_csv(home / "out/folds.csv")
    test = pd.read_csv(home / "in/eval/info.csv")["ImageID"]
    command = f"make train MODEL=resnet18 RUN={name}"
    recipe = {"kind": "trained", "recipe": {"name": "resnet18"}, "command": command, "classes": competition.CLASSES}
    files.write_json(run.recipe, recipe)
    meta = {"run": run.name, "tta": "none", "recipe": files.digest(run.recipe)}
    meta["folds"] = files.digest(home / "out/folds.csv")
    for k in range(3):
        inside = folds[folds["fold"] == k]
        for path, ids in ((run.oof(k), inside["image"]), (run.test(k), test)):
            probs = rng.dirichlet(np.ones(18), len(ids))
            if path == run.oof(k):
                probs = 0.85 * probs + 0.15 * np.eye(18)[inside["label"]]
            save_predictions(path, ids, probs, competition.competition(), meta | {"fold": k})
    return run


def draw_guest(home: Path, name: str, seed: int) -> list[Path]:
    """External predictions in out/<name>/: oof.csv and test.csv."""
    rng, paths = np.random.default_rng(seed), []
    folds = pd.read_csv(home / "out/folds.csv")
    test = pd.read_csv(home / "in/eval/info.csv")["ImageID"]
    for role, ids, truth in (("oof", folds["image"], folds["label"]), ("test", test, None)):
        probs = rng.dirichlet(np.ones(18), len(ids))
        if truth is not None:
            probs = 0.8 * probs + 0.2 * np.eye(18)[truth]
        table = pd.DataFrame(probs, columns=competition.CLASSES)
        table.insert(0, "id", ids.to_numpy())
        paths.append(home / "out" / name / f"{role}.csv")
        paths[-1].parent.mkdir(exist_ok=True)
        table.to_csv(paths[-1], index=False)
    return paths


def run(home, name, *more):
    """A script on a home: (exit code, what it printed)."""
    done = tool(name, "--inputs", home / "in", "--outputs", home / "out", *more)
    return done.returncode, done.stdout + done.stderr
