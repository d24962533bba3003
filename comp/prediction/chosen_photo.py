"""The photo that is asked for by name, and whose models did not train on it. No torch."""

import difflib
import shlex
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from comp.competition import labels, tables
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.store import runs
from comp.store.fold_table import fold_count
from comp.store.paths import Run
from comp.store.repair_commands import command, repair

WEIGHTS = "fold*/model.safetensors"


@dataclass(frozen=True)
class ChosenPhoto:
    """image: relative to inputs; folds: whose models are asked; label: as in labels.py, None for a test photo."""

    image: str
    folds: tuple[int, ...]
    label: object = None

    @property
    def is_test(self) -> bool:
        return self.label is None


def names(folds: pd.DataFrame, competition: Competition, inputs: Path) -> list[str]:
    """Every name that `chosen` takes: the images of folds.csv, and the images and ids of the test photos."""
    test = tables.read_test(competition, inputs)
    return list(dict.fromkeys([*folds["image"], *test["image"], *test["id"].astype(str)]))


def chosen(name: str, run: Run, folds: pd.DataFrame, competition: Competition, inputs: Path) -> ChosenPhoto:
    """The photo of that name; of a training photo the fold that holds it, of a test photo all folds with weights.

    InputError for an unknown photo, and for folds without weights.
    """
    rows = folds[folds["image"] == name]
    if len(rows):
        k, label = int(rows["fold"].iloc[0]), labels.to_array(rows["label"], competition)[0]
        _check_weights(run, [k])
        return ChosenPhoto(name, (k,), label)
    test = tables.read_test(competition, inputs)
    found = test["image"][(test["image"] == name) | (test["id"].astype(str) == name)]
    if found.empty:
        raise unknown(name, run, [*folds["image"], *test["image"]])
    there = tuple(k for k in range(fold_count(folds)) if run.weights(k).is_file())
    _check_weights(run, there or [0])
    return ChosenPhoto(found.iloc[0], there)


def unknown(name: str, run: Run, images: list[str]) -> InputError:
    """The error for a name that is no photo; its advice is the nearest one, else the first."""
    nearest = (difflib.get_close_matches(name, images, 1) or images)[0]
    found = f"no photo {name} in folds.csv or among the test photos" if name else "no IMAGE"
    return InputError(found, "an image as folds.csv writes it, or a test photo",
                      f"make look RUN={run.name} IMAGE={shlex.quote(nearest)}")  # fmt: skip


def _check_weights(run: Run, numbers) -> None:
    for k in numbers:
        if not run.weights(k).is_file():
            raise InputError(f"no {run.weights(k)}", "the weights of the fold that did not train on this photo",
                             repair(run, k))  # fmt: skip


def check_run(run: Run) -> None:
    """Raise InputError for an unknown run, and for one without models of photos: external predictions, stacks."""
    there = [name for name in runs.trained(run.outputs) if any(Run(run.outputs, name).folder.glob(WEIGHTS))]
    expected = f"a run with weights: {', '.join(there) or 'none yet'}"
    advice = f"the same command with RUN={there[0]}" if there else "make train MODEL=<a model>"
    if not run.name:
        raise InputError("no RUN", expected, advice)
    runs.check_known(run.outputs, [run.name])
    if not run.recipe.is_file() or command(run):
        kind = "made of other predictions or embeddings" if run.recipe.is_file() else "external predictions"
        raise InputError(f"{run.name} is {kind}: there is no model of photos to look into", expected, advice)
