"""Cross-fit the classifiers of a run and write oof.npz and test.npz of each fold, as a trained run has them."""

from dataclasses import dataclass, field

import numpy as np

from comp import console
from comp.competition import combining, scoring
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import files, locks
from comp.io.files import checksum
from comp.store.paths import Run
from comp.store.predictions import load_predictions, save_predictions
from comp.tabular.classifier_settings import ClassifierSettings
from comp.tabular.cross_fitting import CrossFitting, FoldResult, LearningRows


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
            with locks.lock(run.lock(k), f"fold {k} of {run.name}"):
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
    ids, combined = combining.by_id(competition, places.test_ids, made.test)
    save_predictions(run.oof(k), _images(k, rows, places), of_photos, competition, origin)
    save_predictions(run.test(k), ids, combined, competition, origin)


def _scores(run: Run, k: int, rows: LearningRows, places: Places, competition: Competition) -> list:
    """A row of the table: the fold, its metrics, and the value of the grid that was chosen."""
    made, inside = load_predictions(run.oof(k), competition), _in_fold(k, rows, places)
    of_row = places.row_of_image[inside]
    ids = None if rows.ids is None else rows.ids[of_row]
    scored = combining.scored(competition, rows.labels[of_row], made.at(places.images[inside]), ids)
    return [f"fold {k}", *scoring.scores(competition, *scored).values(), f"{made.meta['value']:g}"]


def _show(run: Run, table: list[list], competition: Competition) -> None:
    values = np.array([row[1:-1] for row in table], float)
    spread = zip(values.mean(0), values.std(0), strict=True)
    table.append(["mean ± sd", *[f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in spread], ""])
    console.table(f"{run.name}: out of fold", ["fold", *scoring.titles(competition), "chosen"], table)
