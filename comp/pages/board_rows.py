"""Collect the scores, times and states of all runs for the table of `make board`.

The table has a row for each run, for each set of external predictions (which other people made), and for the blend.
`board_rows` returns the rows sorted by score. `scores_of_parts` scores single labels, or single attributes of the
classes (properties such as a colour). This module does not import torch.
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
    """One row of the table of `make board`: a run, a set of external predictions (made by other people), or the blend.

    All scores are out-of-fold values of the competition's metric. family: the model family, such as "resnet". settings:
    a text that says how the settings of the run differ from those of most runs. state: for example "complete", "stale"
    (out of date), or "3/5" if three of five folds are complete. why: why the run is not complete, or "". score: the
    score over all folds together, or None if the run is not complete. folds: the score of each predicted fold, by fold
    number. parts: the score of each label or, if the classes have attributes (properties such as a colour), of each
    attribute, by name. times: the training times.
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
    """Return a row for each run, for each set of external predictions and for the blend, the best score first.

    External predictions were made by other people. Incomplete runs come last. settings: the settings of all runs, from
    `recipe_json.read_run_settings`.
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
    """Return the scores to show for a run. If the run is not complete, only the scores of its folds are kept.

    scored: a dictionary of the RunRow fields score, folds and parts, or {}.
    """
    return scored if state == "complete" else {name: value for name, value in scored.items() if name == "folds"}


def _summary(states: list[State]) -> tuple[str, str]:
    """Combine the states of a run's folds into the state of the run, and say why the run is not complete.

    If a fold is "stale" (out of date) or "diverged", this is also the state of the run. Otherwise, if all folds have
    the same state, this is the state of the run. In all other cases, the state is, for example, "3/5": three of five
    folds are complete. The reason is that of the first fold that is not complete, or "" if all are complete.
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
    """Return the scores of a run's usable predictions, as a dictionary of the RunRow fields score, folds and parts.

    The dictionary is empty if no fold has usable predictions.
    """
    fold, rows = project.folds["fold"].to_numpy(), project.scored_rows
    probs, _ = out_of_fold.usable_oof(project, run)
    known = np.isfinite(probs).all(1)
    predicted = [k for k in range(project.fold_count) if known[fold == k].all()]
    probs[~known] = 1 / project.competition.size  # any valid value, because these rows are not scored
    return _scores(rows.combine(probs), predicted, rows) if predicted else {}


def _scores(probs: np.ndarray, folds: list[int], rows: ScoredRows) -> dict:
    """Return the scores of predictions, as a dictionary of the RunRow fields score, folds and parts.

    probs (S, C): the probabilities of C classes for each of S rows. folds: the numbers of the folds to score. rows: the
    true labels and the fold numbers of the S rows.
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
    """Return the cross-validated score of the blend, and the lower and the upper end of its 95 % interval.

    Return None if the file weights.json of the blend does not have these three numbers.
    """
    record = project.blend.weights
    score, ends = record.get("cross_fitted"), record.get("interval_95")
    return (float(score), *map(float, ends)) if score is not None and ends else None


# ---- scores of single attributes or labels


def scores_of_parts(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    """Return the score of each label or, if the classes have attributes, of each attribute, as a dictionary by name.

    An attribute is a property of the classes, such as a colour. The most probable class of a row decides the predicted
    attributes. Scores are values of the metric that `metric_of_parts` returns. labels: the true classes (N,) of N rows
    or, for a multilabel target, 0 and 1 (N, C). probs (N, C): the probabilities of C classes or labels. The dictionary
    is empty if there are neither several labels nor attributes, or if there are more than MOST_PARTS labels.
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
    """Return the metric for the score of a single label, or of a single attribute (a property of the classes).

    This is the competition's metric, if it can score one label or one attribute alone. Otherwise, labels are scored by
    macro_f1, and attributes by accuracy.
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
