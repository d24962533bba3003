"""Runs without a network of their own: classifiers on features (`make embed`) and on predictions (`make stack`).

The recipe.json of such a run holds its settings as plain values, its kind, and the command that makes the run again.
The oof.npz and test.npz of each fold have the form that a trained run gives them, so all code that reads predictions
treats both sorts of runs alike.
"""

import json
import platform
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np

from comp import console, files
from comp.competition import scored_rows, scoring
from comp.competition.competition import Competition
from comp.errors import InputError, quoted
from comp.store import made_of
from comp.store.out_of_fold import is_current
from comp.store.predictions import load_predictions, save_predictions
from comp.store.runs import DERIVED, Run
from comp.tabular.classifiers import ClassifierSettings
from comp.tabular.cross_fitting import CrossFitting, FoldResult, LearningRows

# ---- recipe.json


def claim_derived(
    run: Run, kind: str, settings: dict, command: str, competition: Competition, packages: tuple[str, ...], **more
) -> None:
    """Write the recipe.json of a run, or check it if it exists.

    kind: a kind of run of store/runs.py. settings: plain values, "name" among them. packages: the packages whose
    versions are written. more: further plain values to write, such as the origin of pretrained weights.
    """
    check_derived(run, settings, competition)
    if run.recipe.is_file():
        return
    versions = {name: version(name) for name in packages} | {"python": platform.python_version()}
    known = {"target": competition.target, "classes": list(competition.classes), "versions": versions}
    recipe = {"format": 1, "kind": kind, "recipe": _plain(settings), "command": command}
    files.write_json(run.recipe, {**recipe, **known, **more})


def check_derived(run: Run, settings: dict, competition: Competition) -> None:
    """Raise InputError if the run exists and has other settings or other classes, or was trained."""
    if not run.recipe.is_file():
        return
    other = f"the same command with RUN=<another name>, or rm -r {quoted(run.folder)}"
    content = files.read_json(run.recipe, "the recipe of a run", other)
    kept = content.get("recipe")
    if run.kind not in DERIVED or not isinstance(kept, dict):
        raise InputError(f"run {run.name} was trained", "another name: a run name belongs to one recipe", other)
    if content.get("classes") != list(competition.classes):
        raise InputError(f"{run.recipe} is not of this competition's classes", "a run of this competition", other)
    changes = made_of.changes({"recipe": kept}, {"recipe": _plain(settings)})
    if changes:
        changed = "; ".join(f"{change.key}: {change.before!r}, not {change.now!r}" for change in changes)
        raise InputError(
            f"run {run.name} was made with another recipe ({changed})",
            f"the recipe in {run.recipe}: a run name belongs to one recipe",
            other,
        )


def _plain(settings: dict) -> dict:
    return json.loads(json.dumps(settings))


# ---- predictions


@dataclass(frozen=True)
class Places:
    """Which photos and ids the files of a run are about.

    images (P,): the training photos. row_of_image (P,): the row of LearningRows that each training photo belongs to.
    test_ids (M,): the prediction ids of the test rows. folds_digest: a hash of folds.csv. meta: further values for the
    metadata of the files.
    """

    images: np.ndarray
    row_of_image: np.ndarray
    test_ids: np.ndarray
    folds_digest: str
    meta: dict = field(default_factory=dict)

    def of_fold(self, k: int, rows: LearningRows) -> np.ndarray:
        """Whether each training photo (P,) is in fold k."""
        return rows.folds[self.row_of_image] == k


def predict_derived(run: Run, rows: LearningRows, settings: ClassifierSettings, seed: int, places: Places) -> None:
    """Write the predictions of all folds, and print their scores.

    A fold whose predictions exist and were made of the current values is not made again.
    """
    count = int(rows.folds.max()) + 1
    values = files.checksum([rows.values.digest(), rows.test.digest()])
    records = [_record(run, places, k, values) for k in range(count)]
    pending = [k for k in range(count) if not _is_made(run, k, records[k], rows, places)]
    fitting = CrossFitting(rows, settings, seed)
    with console.progress(f"{run.name}: fitting", len(pending), "folds") as advance:
        for k in pending:
            with files.lock(run.lock(k), f"fold {k} of {run.name}"):
                _write(run, fitting.fold(k), records[k], rows, places)
            advance(1)
    done = [k for k in range(count) if k not in pending]
    if done:
        console.say(f"{run.name}: fold {', '.join(map(str, done))} already made from the same values")
    _show(run, [_scores(run, k, rows, places) for k in range(count)], rows.competition)


def _record(run: Run, places: Places, k: int, values: str) -> dict:
    """Return what the predictions of fold k depend on, in the form that store/made_of.py explains.

    values: a hash of the classifier's inputs.
    """
    known = {"run": run.name, "recipe": files.digest(run.recipe), "folds": places.folds_digest, "fold": k}
    return {"tta": "", **known, "made_of": values, **places.meta}


def _is_made(run: Run, k: int, record: dict, rows: LearningRows, places: Places) -> bool:
    ids = {run.oof(k): places.images[places.of_fold(k, rows)], run.test(k): places.test_ids}
    return all(is_current(path, wanted, record, rows.competition) for path, wanted in ids.items())


def _write(run: Run, result: FoldResult, record: dict, rows: LearningRows, places: Places) -> None:
    k, competition = result.k, rows.competition
    probs = np.zeros((len(rows.folds), competition.size))
    probs[rows.folds == k] = result.held_out
    record, photos = {**record, "value": result.value}, places.of_fold(k, rows)
    ids, combined = scored_rows.combine_by_id(competition, places.test_ids, result.test)
    save_predictions(run.oof(k), places.images[photos], probs[places.row_of_image[photos]], competition, record)
    save_predictions(run.test(k), ids, combined, competition, record)


def _scores(run: Run, k: int, rows: LearningRows, places: Places) -> list:
    """Return a row of the printed table: the fold, its metrics, and the value of the grid that was chosen."""
    competition, photos = rows.competition, places.of_fold(k, rows)
    predictions = load_predictions(run.oof(k), competition, run.command)
    row = places.row_of_image[photos]
    ids = None if rows.ids is None else rows.ids[row]
    scored = scored_rows.scored_ids(competition, rows.labels[row], predictions.at(places.images[photos]), ids)
    return [f"fold {k}", *scoring.scores(competition, *scored).values(), f"{predictions.meta['value']:g}"]


def _show(run: Run, table: list[list], competition: Competition) -> None:
    columns = ["fold", *scoring.titles(competition), "chosen"]
    console.table(f"{run.name}: out of fold", columns, scoring.with_mean_row(table))
