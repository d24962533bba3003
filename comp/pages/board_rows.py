"""The rows of the board: the scores, times, settings and state of each run, of external predictions and of the blend.

`board_rows` returns the rows in the order of their scores. `scores_of_parts` scores single attributes or labels. The
module does not use torch.
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

MOST_PARTS = 60  # most labels that have a score each; if there are more labels, none has a score
UNKNOWN = "unknown"  # the family of a model that is in no family


@dataclass(frozen=True)
class RunRow:
    """The row of a run, of external predictions or of the blend. Scores are out-of-fold values of the metric.

    settings: a text on how the run differs from the other runs. why: the reason if the state is not "complete". score:
    the score over all rows, or None unless all folds are predicted. folds: each predicted fold and its score. parts:
    each attribute or label and its score.
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
        """The mean of the scores of the predicted folds, or None if there are none."""
        return float(np.mean(list(self.folds.values()))) if self.folds else None

    @property
    def spread(self) -> float | None:
        """The standard deviation of the scores of the predicted folds, or None if there are fewer than two."""
        return float(np.std(list(self.folds.values()))) if len(self.folds) > 1 else None


def board_rows(project: Project, settings: RunSettings) -> list[RunRow]:
    """The rows of all runs, external predictions and the blend, the best score first and incomplete runs last."""
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
    scored = _scored(project, run) if state != "unused" else {}
    if state != "complete":
        scored = {name: value for name, value in scored.items() if name == "folds"}
    best_by = str(recipe.get("best_by", "metric"))
    times = history.training_times(run, len(states), project.competition, best_by)
    return RunRow(name, family, words, state, why, times=times, **scored)


def _summary(states: list[State]) -> tuple[str, str]:
    """The state of a run, and the reason why its first incomplete fold is not complete. states: those of its folds.

    The state is such as "3/5" if only some folds are complete and none of them is stale or diverged.
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
    """The fields score, folds and parts of a RunRow, from the folds of a run that have usable predictions."""
    fold, rows = project.folds["fold"].to_numpy(), project.scored_rows
    probs, _ = out_of_fold.usable_oof(project, run)
    known = np.isfinite(probs).all(1)
    predicted = [k for k in range(project.fold_count) if known[fold == k].all()]
    probs[~known] = 1 / project.competition.size  # a valid value for rows that are never scored
    return _scores(rows.combine(probs), predicted, rows) if predicted else {}


def _scores(probs: np.ndarray, folds: list[int], rows: ScoredRows) -> dict:
    """The fields score, folds and parts of a RunRow. probs (S, C): probabilities of the scored rows.

    folds: the numbers of the predicted folds.
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
    return RunRow(BLEND, BLEND, words, state.state, why, **scored)


def blend_interval(project: Project) -> tuple[float, float, float] | None:
    """The cross-validated score of the blend and the ends of its 95 % interval; None if weights.json lacks them."""
    record = project.blend.weights
    score, ends = record.get("cross_fitted"), record.get("interval_95")
    return (float(score), *map(float, ends)) if score is not None and ends else None


# ---- scores of single attributes or labels


def scores_of_parts(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    """The name and the score of each attribute or label, by `metric_of_parts`. labels (N,) or (N, C), probs (N, C).

    The answer for an attribute is the value that the most probable class has. The result is empty if the target has no
    attributes and no labels, or more than MOST_PARTS labels.
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
    """The metric of single attributes or labels.

    It is the competition's metric if this metric can score one of them alone. Else it is macro_f1 for labels, and
    accuracy for attributes.
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
