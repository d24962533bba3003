"""Write the files of runs that train no network, but fit classifiers.

`make embed` fits classifiers to the features of a frozen network, and `make stack` to the predictions of other runs.
The recipe.json of such a run has its settings, its kind ("features" or "stack"), and the command that makes the run
again. Each fold has the files oof.npz and test.npz, like a fold of a trained run, so the predictions of all runs are
read by the same code.
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
    """Write the recipe.json of a run. If the file exists, only check it, as `check_derived` does.

    kind: FEATURES for a run of `make embed`, STACK for a run of `make stack`. settings: a dictionary of the run's
    settings. command: the command that makes the run again. packages: the packages whose versions are written to the
    file. more: further entries to write, such as the origin of pretrained weights.
    """
    check_derived(run, settings, competition)
    if run.recipe.is_file():
        return
    versions = {name: version(name) for name in packages} | {"python": platform.python_version()}
    known = {"target": competition.target, "classes": list(competition.classes), "versions": versions}
    recipe = {"format": 1, "kind": kind, "recipe": _plain(settings), "command": command}
    files.write_json(run.recipe, {**recipe, **known, **more})


def check_derived(run: Run, settings: dict, competition: Competition) -> None:
    """Raise InputError if the run exists and was made with other settings or classes, or is a trained network.

    settings: a dictionary of the settings that the run should have.
    """
    if not run.recipe.is_file():
        return
    other = f"the same command with RUN=<another name>, or rm -r {quoted(run.folder)}"
    content = files.read_json(run.recipe, "the recipe of a run", other)
    kept = content.get("recipe")
    if run.kind not in DERIVED or not isinstance(kept, dict):
        found = f"the run {run.name} was trained as a network, and this command must not replace it"
        raise InputError(found, "a new name for the run that this command makes", other)
    if content.get("classes") != list(competition.classes):
        found = f"{run.recipe} has other classes than the competition"
        raise InputError(found, "a run that was made for this competition", other)
    changes = made_of.changes({"recipe": kept}, {"recipe": _plain(settings)})
    if changes:
        changed = "; ".join(f"{change.key}: {change.before!r}, not {change.now!r}" for change in changes)
        raise InputError(
            f"the run {run.name} was made with other settings ({changed})",
            f"the settings in {run.recipe}, because the settings of a run cannot be changed",
            other,
        )


def _plain(settings: dict) -> dict:
    return json.loads(json.dumps(settings))


# ---- predictions


@dataclass(frozen=True)
class Places:
    """Tells which training photos and which ids of the sample submission the predictions of a run belong to.

    images (P,): the paths of the P training photos. row_of_image (P,): for each training photo, the position of its row
    in LearningRows. test_ids (M,): for each of the M test rows, its id in the sample submission. folds_digest: a hash
    of folds.csv. meta: further entries for the metadata that is saved with the predictions.
    """

    images: np.ndarray
    row_of_image: np.ndarray
    test_ids: np.ndarray
    folds_digest: str
    meta: dict = field(default_factory=dict)

    def of_fold(self, k: int, rows: LearningRows) -> np.ndarray:
        """Return a bool array (P,), True for the training photos in fold number k. rows: tells the fold of each row."""
        return rows.folds[self.row_of_image] == k


def predict_derived(run: Run, rows: LearningRows, settings: ClassifierSettings, seed: int, places: Places) -> None:
    """Fit a classifier for each fold, write its predictions, and print the scores of all folds.

    A fold is skipped if its predictions were already made from the same input. rows: the rows to learn from, and the
    test rows. places: the photos and ids of these rows.
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
        numbers = ", ".join(map(str, done))
        console.say(f"{run.name}: nothing to do for fold {numbers}, because the predictions are up to date")
    _show(run, [_scores(run, k, rows, places) for k in range(count)], rows.competition)


def _record(run: Run, places: Places, k: int, values: str) -> dict:
    """Return the metadata that is saved with the predictions of fold k. It tells what they were made from.

    values: a hash of the classifier's input.
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
    if result.factor is not None:
        record["factor"] = result.factor
    ids, combined = scored_rows.combine_by_id(competition, places.test_ids, result.test)
    save_predictions(run.oof(k), places.images[photos], probs[places.row_of_image[photos]], competition, record)
    save_predictions(run.test(k), ids, combined, competition, record)


def _scores(run: Run, k: int, rows: LearningRows, places: Places) -> list:
    """Return the row of fold k for the printed table: the fold, its score in each metric, and the chosen value.

    The chosen value is the value of the classifier's hyperparameter, followed by the factor of the columns if one was
    chosen. places: the photos and ids of the rows.
    """
    competition, photos = rows.competition, places.of_fold(k, rows)
    predictions = load_predictions(run.oof(k), competition, run.command)
    row = places.row_of_image[photos]
    ids = None if rows.ids is None else rows.ids[row]
    scored = scored_rows.scored_ids(competition, rows.labels[row], predictions.at(places.images[photos]), ids)
    chosen = f"{predictions.meta['value']:g}"
    if "factor" in predictions.meta:
        chosen += f", columns x {predictions.meta['factor']:.3g}"
    return [f"fold {k}", *scoring.scores(competition, *scored).values(), chosen]


def _show(run: Run, table: list[list], competition: Competition) -> None:
    columns = ["fold", *scoring.titles(competition), "chosen value"]
    console.table(f"{run.name}: out-of-fold scores", columns, scoring.with_mean_row(table))
