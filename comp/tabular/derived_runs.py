"""recipe.json of runs that are not trained: classifiers on embeddings, and stacks of other runs.

It has the settings as plain values and the command that makes the run. Everything that reads predictions treats these
runs like trained ones; where their files have to be made again, the advice is that command.

Cross-fit the classifiers of a run and write oof.npz and test.npz of each fold, as a trained run has them.
"""

import json
import platform
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np

from comp import console, files
from comp.competition import scored_rows, scoring
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.files import checksum
from comp.store.predictions import load_predictions, save_predictions
from comp.store.runs import Run
from comp.tabular.classifiers import ClassifierSettings
from comp.tabular.cross_fitting import CrossFitting, FoldResult, LearningRows


def check_derived(run: Run, settings: dict, competition: Competition) -> None:
    """Raise InputError if the run exists with other settings, was trained, or is of other classes.

    settings: plain values, "name" among them.
    """
    if not run.recipe.is_file():
        return
    other = f"the same command with RUN=<another name>, or rm -r {run.folder}"
    content = files.read_json(run.recipe, "the recipe of a run", other)
    there = content.get("recipe")
    if not content.get("command") or not isinstance(there, dict):
        raise InputError(f"run {run.name} was trained", "another name: a run name belongs to one recipe", other)
    if content.get("classes") != list(competition.classes):
        raise InputError(f"{run.recipe} is not of this competition's classes", "a run of this competition", other)
    changed = _changed_settings(there, _plain(settings))
    if changed:
        raise InputError(
            f"run {run.name} was made with another recipe ({'; '.join(changed)})",
            f"the recipe in {run.recipe}: a run name belongs to one recipe",
            other,
        )


def _changed_settings(there: dict, wanted: dict) -> list[str]:
    """ "key: value there, not wanted value" for each different setting."""
    keys = dict.fromkeys((*there, *wanted))
    return [f"{k}: {there.get(k)!r}, not {wanted.get(k)!r}" for k in keys if there.get(k) != wanted.get(k)]


def claim_derived(
    run: Run, settings: dict, command: str, competition: Competition, packages: tuple[str, ...], **more
) -> None:
    """Write recipe.json, or check the existing one. command: makes the run again; packages: whose versions it keeps.

    more: other plain values to keep, such as what the pretrained weights were.
    """
    check_derived(run, settings, competition)
    if run.recipe.is_file():
        return
    versions = {name: version(name) for name in packages} | {"python": platform.python_version()}
    known = {"target": competition.target, "classes": list(competition.classes), "versions": versions}
    files.write_json(run.recipe, {"format": 1, "recipe": _plain(settings), "command": command, **known, **more})


def _plain(settings: dict) -> dict:
    return json.loads(json.dumps(settings))


@dataclass(frozen=True)
class Places:
    """Which rows the files are about.

    images (P,): the training photos; row_of_image (P,): the row of LearningRows that each belongs to; test_ids (M,):
    prediction ids of the test rows; folds_digest: of folds.csv; meta: what else the files say of how they were made.
    """

    images: np.ndarray
    row_of_image: np.ndarray
    test_ids: np.ndarray
    folds_digest: str
    meta: dict = field(default_factory=dict)


def predict_derived(run: Run, rows: LearningRows, settings: ClassifierSettings, seed: int, places: Places) -> None:
    """Write the predictions of all folds, and print their scores. Folds made of the same values are left alone."""
    competition, count = rows.competition, int(rows.folds.max()) + 1
    made_of = checksum([rows.values.digest(), rows.test.digest()])
    origins = [_origin(run, places, k, made_of) for k in range(count)]
    pending = [k for k in range(count) if not _is_current(run, k, origins[k], rows, places)]
    fitting = CrossFitting(rows, settings, seed)
    with console.progress(f"{run.name}: fitting", len(pending), "folds") as advance:
        for k in pending:
            with files.lock(run.lock(k), f"fold {k} of {run.name}"):
                _write(run, fitting.fold(k), origins[k], rows, places)
            advance(1)
    done = [k for k in range(count) if k not in pending]
    if done:
        console.say(f"{run.name}: fold {', '.join(map(str, done))} already made of the same values")
    table = [_scores(run, k, rows, places, competition) for k in range(count)]
    _show(run, table, competition)


def _origin(run: Run, places: Places, k: int, made_of: str) -> dict:
    known = {"run": run.name, "recipe": files.digest(run.recipe), "folds": places.folds_digest, "fold": k}
    return {"tta": "", **known, "made_of": made_of, **places.meta}


def _is_current(run: Run, k: int, origin: dict, rows: LearningRows, places: Places) -> bool:
    """Whether oof.npz and test.npz have the right ids and were made of these values."""
    ids = {run.oof(k): _images(k, rows, places), run.test(k): places.test_ids}
    for path, wanted in ids.items():
        try:
            made = load_predictions(path, rows.competition)
        except InputError:
            return False
        if {name: made.meta.get(name) for name in origin} != origin or set(made.ids) != set(wanted):
            return False
    return True


def _in_fold(k: int, rows: LearningRows, places: Places) -> np.ndarray:
    """Which photos (P,) are in fold k."""
    return rows.folds[places.row_of_image] == k


def _images(k: int, rows: LearningRows, places: Places) -> np.ndarray:
    return places.images[_in_fold(k, rows, places)]


def _write(run: Run, made: FoldResult, origin: dict, rows: LearningRows, places: Places) -> None:
    k, competition = made.k, rows.competition
    probs = np.zeros((len(rows.folds), competition.size))
    probs[rows.folds == k] = made.held_out
    origin = {**origin, "value": made.value}
    of_photos = probs[places.row_of_image[_in_fold(k, rows, places)]]
    ids, combined = scored_rows.combine_by_id(competition, places.test_ids, made.test)
    save_predictions(run.oof(k), _images(k, rows, places), of_photos, competition, origin)
    save_predictions(run.test(k), ids, combined, competition, origin)


def _scores(run: Run, k: int, rows: LearningRows, places: Places, competition: Competition) -> list:
    """A row of the table: the fold, its metrics, and the value of the grid that was chosen."""
    made, inside = load_predictions(run.oof(k), competition), _in_fold(k, rows, places)
    of_row = places.row_of_image[inside]
    ids = None if rows.ids is None else rows.ids[of_row]
    scored = scored_rows.scored_ids(competition, rows.labels[of_row], made.at(places.images[inside]), ids)
    return [f"fold {k}", *scoring.scores(competition, *scored).values(), f"{made.meta['value']:g}"]


def _show(run: Run, table: list[list], competition: Competition) -> None:
    values = np.array([row[1:-1] for row in table], float)
    spread = zip(values.mean(0), values.std(0), strict=True)
    table.append(["mean ± sd", *[f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in spread], ""])
    console.table(f"{run.name}: out of fold", ["fold", *scoring.titles(competition), "chosen"], table)
