"""Make the rows of the board: one for each run, for each set of external predictions, and for the blend.

A row has scores, times, settings and a state. External predictions are predictions of other people. `board_rows`
returns the rows in the order of their scores. `scores_of_parts` scores single attributes or labels. The module does not
import torch.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.competition.scored_rows import ScoredRows
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.metrics.metric import Metric
from comp.project import Project
from comp.recipes.catalog import family_of_model
from comp.recipes.recipe_json import RunSettings
from comp.store import history, out_of_fold
from comp.store.blend_files import load_blend
from comp.store.history import Times
from comp.store.paths import BLEND
from comp.store.runs import EXTERNAL, Run
from comp.submission import status
from comp.submission.status import State

MOST_PARTS = 60  # if there are more labels, single labels are not scored
UNKNOWN = "unknown"  # the family of a model that is in no family


@dataclass(frozen=True)
class RunRow:
    """One row of the board, for a run, for external predictions or for the blend.

    All scores are out-of-fold values of the competition's metric. family: the family of the model, such as "resnet".
    settings: a text that says how the settings of the run differ from those of most runs. state: such as "complete",
    "stale", or "3/5" if three of five folds are complete. why: the reason why the state is not "complete", or "".
    score: the score over all rows, or None for a run that is not complete. folds: the score of each predicted fold, by
    the number of the fold. parts: the score of each attribute or label, by its name. times: the training times.
    """

    name: str
    family: str
    settings: str
    state: str
    why: str = ""
    score: float | None = None
    folds: dict[int, float] = field(default_factory=dict)
    parts: dict[str, float] = field(default_factory=dict)
    times: Times = field(default_factory=Times)

    @property
    def mean(self) -> float | None:
        """Return the mean score over the predicted folds, or None if no fold is predicted."""
        return float(np.mean(list(self.folds.values()))) if self.folds else None

    @property
    def spread(self) -> float | None:
        """Return the standard deviation of the scores of the predicted folds, or None if there are fewer than two."""
        return float(np.std(list(self.folds.values()))) if len(self.folds) > 1 else None


def board_rows(project: Project, settings: RunSettings) -> list[RunRow]:
    """Return the rows of all runs, of external predictions and of the blend, the best score first.

    Rows of incomplete runs come last. settings: the settings of all runs, from `recipe_json.read_run_settings`.
    """
    states: dict[str, list[State]] = defaultdict(list)
    for state in status.run_states(project):
        states[state.run].append(state)
    rows = [_run_row(project, name, of_run, settings) for name, of_run in states.items()]
    blend = status.blend_state(project)
    if blend.state != "missing":
        rows.append(_blend_row(project, blend))
    return sorted(rows, key=lambda row: _order(row, project.competition))


def _order(row: RunRow, competition: Competition) -> tuple:
    value = row.mean if row.score is None else row.score
    return row.score is None, value is None, 0 if value is None else -competition.metric.shown(value), row.name


def _run_row(project: Project, name: str, states: list[State], settings: RunSettings) -> RunRow:
    run, recipe = project.run(name), settings.recipes.get(name, {})
    family = (family_of_model(str(recipe["model"])) or UNKNOWN) if recipe else EXTERNAL
    words = settings.words.get(name, "recipe.json cannot be read" if run.has_folds else "external predictions")
    state, why = _summary(states)
    scored = _shown_scores(state, _scored(project, run) if state != "unused" else {})
    best_by = str(recipe.get("best_by", "metric"))
    times = history.training_times(run, len(states), project.competition, best_by)
    return RunRow(name, family, words, state, why, times=times, **scored)


def _shown_scores(state: str, scored: dict) -> dict:
    """Return the scores of a run for its row. If the run is not complete, only the scores of its folds are kept."""
    return scored if state == "complete" else {name: value for name, value in scored.items() if name == "folds"}


def _summary(states: list[State]) -> tuple[str, str]:
    """Return the state of a run, and the reason why the run is not complete ("" if it is complete).

    states: the states of the folds of the run. If a fold is "stale" or "diverged", this is the state of the run, too.
    Otherwise, if all folds have the same state, the run has it as well. In all other cases, the state is such as "3/5",
    which means that three of five folds are complete. The reason is about the first fold that is not complete.
    """
    kinds = [state.state for state in states]
    incomplete = [state for state in states if state.state != "complete"]
    why = incomplete[0].why if incomplete else ""
    if len(states) == 1 or not incomplete:
        return kinds[0], why
    worst = [kind for kind in ("stale", "diverged") if kind in kinds] + [kinds[0]] * (len(set(kinds)) == 1)
    done = kinds.count("complete")
    why = f"{done} of {len(kinds)} folds are complete; fold {incomplete[0].fold} is {incomplete[0].state}: {why}"
    return worst[0] if worst else f"{done}/{len(kinds)}", why


def _scored(project: Project, run: Run) -> dict:
    """Return the values of the fields score, folds and parts of a RunRow, from the usable predictions of a run.

    The result is {} if no fold has usable predictions.
    """
    fold, rows = project.folds["fold"].to_numpy(), project.scored_rows
    probs, _ = out_of_fold.usable_oof(project, run)
    known = np.isfinite(probs).all(1)
    predicted = [k for k in range(project.fold_count) if known[fold == k].all()]
    probs[~known] = 1 / project.competition.size  # any valid value, because these rows are not scored
    return _scores(rows.combine(probs), predicted, rows) if predicted else {}


def _scores(probs: np.ndarray, folds: list[int], rows: ScoredRows) -> dict:
    """Return the values of the fields score, folds and parts of a RunRow.

    probs (S, C): the probabilities of S scored rows and C classes. folds: the numbers of the predicted folds.
    """
    competition = rows.competition
    parts = {k: rows.folds == k for k in folds}
    return {
        "score": _value(competition, rows.labels, probs),
        "folds": {k: _value(competition, rows.labels[part], probs[part]) for k, part in parts.items()},
        "parts": scores_of_parts(competition, rows.labels, probs),
    }


def _value(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> float:
    return competition.metric.shown(scoring.score(competition, labels, probs))


def _blend_row(project: Project, state: State) -> RunRow:
    try:
        oof, _, record = load_blend(project)
    except InputError as error:
        return RunRow(BLEND, BLEND, "", "stale", f"{error.found}; {error.run}")
    scored = _scores(oof, sorted(set(project.scored_rows.folds.tolist())), project.scored_rows)
    words = f"{record.get('method')} + {record.get('rule')} of {', '.join(map(str, record.get('runs', ())))}"
    why = state.why if state.state != "complete" else ""
    return RunRow(BLEND, BLEND, words, state.state, why, **_shown_scores(state.state, scored))


def blend_interval(project: Project) -> tuple[float, float, float] | None:
    """Return the cross-validated score of the blend and the lower and the upper end of its 95 % interval.

    Return None if weights.json does not have these three numbers.
    """
    record = project.blend.weights
    score, ends = record.get("cross_fitted"), record.get("interval_95")
    return (float(score), *map(float, ends)) if score is not None and ends else None


# ---- scores of single attributes or labels


def scores_of_parts(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    """Return the score of each attribute or label, by its name, computed with the metric of `metric_of_parts`.

    labels: the true classes (N,) of N rows or, for a multilabel target, 0 and 1 (N, C). probs (N, C): the probabilities
    of C classes or labels. The most probable class of a row decides the answer for each attribute. The result is empty
    if the competition has neither attributes nor a multilabel target, or if it has more than MOST_PARTS labels.
    """
    if competition.target == "multilabel":
        return _of_labels(competition, labels, probs)
    if not competition.attributes:
        return {}
    answers, metric = probs.argmax(1), metric_of_parts(competition)
    return {
        name: metric.value(values[labels], values[answers], len(competition.attributes[name].values))
        for name, values in competition.attribute_values.items()
    }


def metric_of_parts(competition: Competition) -> Metric:
    """Return the metric for the score of a single attribute or label.

    This is the competition's metric, if that metric can score one attribute or label alone. Otherwise it is macro_f1
    for labels and accuracy for attributes.
    """
    metric = competition.metric
    if competition.target == "multilabel":
        return metric if metric.terms or metric.needs in ("ranks", "probabilities") else named_metrics.get("macro_f1")
    return metric if metric.terms else named_metrics.get("accuracy")


def _of_labels(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    if competition.size > MOST_PARTS:
        return {}
    metric = metric_of_parts(competition)
    predictions = scoring.predictions(competition, metric, probs)
    return {name: metric.value(labels[:, [c]], predictions[:, [c]], 1) for c, name in enumerate(competition.classes)}
