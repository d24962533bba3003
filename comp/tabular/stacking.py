"""Stack runs (`make stack`): fit a second-level classifier to the OOF predictions of runs, cross-fitted on their folds.

The classifier that predicts fold k learns from the rows of the other folds, and sees no row of fold k. But, as in all
usual stacking, its inputs depend on the labels of fold k: the models that predicted the other folds were trained on
fold k. So the OOF score of a stack may be slightly too high. The bias is small, because the classifier has few
parameters. A blend that contains a stack has the same bias. If a blend is better only because of a stack, believe the
gain only if it is clearly larger than the 95 % interval of the blend's score, or if the leaderboard shows it, too. For
the same reason, pseudo-labels are never made from a stack (training/pseudo_labelling.py).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from comp import console
from comp.competition.competition import Competition
from comp.competition.scored_rows import ScoredRows
from comp.errors import InputError
from comp.project import Project
from comp.settings import how_to_list, parsed_settings
from comp.store import made_of, out_of_fold, runs
from comp.store.runs import STACK, Run, check_run_name, make_command
from comp.tabular import beside_networks, classifiers
from comp.tabular.classifiers import ClassifierSettings
from comp.tabular.cross_fitting import LearningRows
from comp.tabular.derived_runs import Places, check_derived, claim_derived, predict_derived
from comp.tabular.row_values import RowValues, chosen_columns

SMALLEST = 1e-5  # the smallest probability whose logarithm is taken, since the logarithm of 0 is infinite
HELP = how_to_list("stack")
PACKAGES = ("numpy", "scikit-learn")


def stack(project: Project, name: str, wanted: Sequence[str], text: str = "", seed: int = 0) -> None:
    """Fit a classifier to the predictions of other runs, and write its predictions as the run `name`.

    wanted: the names of the other runs; if empty, all runs that have predictions of all folds and are not stacks. text:
    the value of the option SET, such as "classifier=knn". seed: the random seed of the classifier.
    """
    check_run_name(name)
    run = project.run(name)
    given = ClassifierSettings(**parsed_settings(text, classifiers.setting_types(), HELP))
    settings = classifiers.resolved_settings(given, project.competition, HELP)
    names = sources(project, run, list(dict.fromkeys(wanted)))
    plain = {"name": "stack", "runs": names, "seed": seed} | dataclasses.asdict(settings)
    check_derived(run, plain, project.competition)
    rows, places = stacked(project, names, settings.columns)
    command = make_command("stack", RUN=run.name, RUNS=" ".join(names), SET=text, SEED=seed)
    claim_derived(run, STACK, plain, command, project.competition, PACKAGES)
    console.say(f"{run.name}: the classifier {settings.classifier} is fitted to the predictions of {', '.join(names)}")
    places = dataclasses.replace(places, meta=places.meta | {"classifier": settings.classifier})
    predict_derived(run, rows, settings, seed, places)
    beside_networks.say_beside_networks(project, run)


def sources(project: Project, run: Run, wanted: Sequence[str]) -> list[str]:
    """Return the names of the runs from whose predictions the new run `run` learns.

    These are the names in `wanted` or, if `wanted` is empty, all runs that have predictions of all folds and are not
    stacks. Raises InputError if a name is unknown or is the name of the new run, or if there is no run to learn from.
    """
    runs.check_known(project.outputs, wanted)
    if run.name in wanted:
        raise InputError(
            f"RUNS={' '.join(wanted)} contains {run.name}, which is the run to make",
            "in RUNS only other runs, because a run cannot learn from itself",
            "the same command with another RUN",
        )
    names = list(wanted) or [n for n in project.complete_runs if n != run.name and project.run(n).kind != STACK]
    if not names:
        first = project.runs[0]
        found = "no run is complete (stacks are not counted)"
        raise InputError(found, "a run that is not a stack and has predictions of all folds", first.repair_command())
    return names


def stacked(project: Project, names: Sequence[str], columns: str) -> tuple[LearningRows, Places]:
    """Return the training and test rows of a stack, and the photos and ids of the sample submission they belong to.

    Each photo has its own row, but photos that share one id and get one answer are one row. names: the names of the
    runs from whose predictions the stack learns. columns: the names of table columns to add, with commas between them,
    or "all", or "". Raises InputError if predictions of a run are missing or out of date.
    """
    rows, competition = project.scored_rows, project.competition
    tests = [project.predictions(name)[1] for name in names]
    ids = tests[0].ids
    for test in tests:
        out_of_fold.check_ids(test, ids)
    of_oof = np.hstack([as_vectors(competition, project.scored_oof(name)) for name in names])
    of_test = np.hstack([as_vectors(competition, test.at(ids)) for test in tests])
    added = _columns(project, columns, ids)
    values = [RowValues(*parts) for parts in zip((of_oof, of_test), added, strict=True)]
    learning = LearningRows(competition, values[0], rows.labels, rows.folds, rows.groups, values[1], rows.ids)
    meta = {"runs": list(names), made_of.SOURCES: {name: project.run(name).digest() for name in names}}
    return learning, Places(project.folds["image"].to_numpy(), _row_of_image(rows), ids, project.folds_digest, meta)


def as_vectors(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """Return predictions (N, C) in a form that suits a linear model, as float32 (N, C).

    Probabilities of a multilabel target become logits, and other probabilities become logarithms. The numbers of a
    regression target stay unchanged.
    """
    if competition.target == "regression":
        return probs.astype(np.float32)
    clipped = probs.astype(np.float64).clip(SMALLEST, 1 - SMALLEST)
    if competition.target == "multilabel":
        return np.log(clipped / (1 - clipped)).astype(np.float32)
    return np.log(clipped).astype(np.float32)


def _row_of_image(rows: ScoredRows) -> np.ndarray:
    """Return, for each of the P training photos, the position of its row in `rows`, as an array (P,).

    Photos that share one id of the sample submission, and get one answer, have the same row.
    """
    if rows.photo_ids is None:
        return np.arange(len(rows.ids))
    return pd.Index(rows.ids).get_indexer(pd.Index(rows.photo_ids))


def _columns(project: Project, text: str, ids: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables with the chosen columns: one for the training rows of a stack, and one for its test rows.

    If several photos share one id and get one answer, the first photo's columns are used. text: the names of the
    columns, with commas between them, or "all", or "". ids: the ids of the test rows in the sample submission.
    """
    folds = project.folds.drop_duplicates("id") if project.competition.combine else project.folds
    if not text:
        return pd.DataFrame(index=range(len(folds))), pd.DataFrame(index=range(len(ids)))
    test = project.test_rows.drop_duplicates("id").set_index("id", drop=False)
    return chosen_columns(text, project.tables, folds["image"], test.loc[ids].reset_index(drop=True))
