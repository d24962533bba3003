"""What the board knows of each run: scores, times, best epochs, settings and state. No torch."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import files
from comp.pages import part_scores, training_times
from comp.pages.training_times import Times
from comp.recipes.family_names import family
from comp.recipes.setting_differences import differing, in_words, usual
from comp.store import blend_record, run_predictions, run_status, runs
from comp.store.blend_predictions import load_blend
from comp.store.paths import BLEND, Run
from comp.store.run_status import State
from comp.store.scored_rows import ScoredRows

EXTERNAL = "external"


@dataclass(frozen=True)
class RunRow:
    """One run, external predictions, or the blend. Scores are values of the competition's metric.

    settings: what differs from the other runs, in words; score: over all rows out of fold, None unless complete;
    folds: fold to its score, of the folds that have predictions; parts: score of each attribute or label.
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
        """Mean of the scores of its folds."""
        return float(np.mean(list(self.folds.values()))) if self.folds else None

    @property
    def spread(self) -> float | None:
        """Standard deviation of the scores of its folds; None of fewer than two."""
        return float(np.std(list(self.folds.values()))) if len(self.folds) > 1 else None


@dataclass(frozen=True)
class Predicted:
    """What runs are scored on: the fold table, its hash, the scored rows, and the ids of the sample submission."""

    outputs: Path
    inputs: Path
    folds: pd.DataFrame
    digest: str
    rows: ScoredRows
    test_ids: list[str] | None


def rows_of(on: Predicted) -> list[RunRow]:
    """A row per run, external predictions and the blend: the best score first, then those without a whole score."""
    competition = on.rows.competition
    states: dict[str, list[State]] = defaultdict(list)
    for state in run_status.status(on.outputs, on.folds, on.digest, competition, on.test_ids):
        states[state.run].append(state)
    recipes = {name: _recipe(Run(on.outputs, name)) for name in runs.trained(on.outputs)}
    words = _words({name: recipe for name, recipe in recipes.items() if recipe})
    found = [_run_row(name, of, recipes.get(name), words.get(name, ""), on) for name, of in states.items()]
    blend = run_status.blend_status(on.outputs, on.inputs, competition)
    if blend.state != "missing":
        found.append(_blend_row(blend, on))
    return sorted(found, key=lambda row: _order(row, competition))


def _order(row: RunRow, competition: Competition) -> tuple:
    whole, value = row.score is not None, row.mean if row.score is None else row.score
    return not whole, value is None, -competition.metric.shown(value) if value is not None else 0, row.name


def _recipe(run: Run) -> dict | None:
    """The plain settings of recipe.json; None where it cannot be read, which the state of its folds tells."""
    try:
        recipe = files.read_json(run.recipe, "", "").get("recipe")
    except InputError:
        return None
    return recipe if isinstance(recipe, dict) else None


def _words(recipes: dict[str, dict]) -> dict[str, str]:
    """What differs in each recipe from the usual of all."""
    names = differing(recipes)
    common = usual(recipes, names)
    return {name: in_words(recipe, names, common) for name, recipe in recipes.items()}


def usual_words(outputs: Path) -> str:
    """What holds for the runs whose row does not say otherwise, in words; empty where nothing differs."""
    recipes = {name: recipe for name in runs.trained(outputs) if (recipe := _recipe(Run(outputs, name)))}
    common = usual(recipes, differing(recipes))
    return in_words(common, list(common))


def _run_row(name: str, states: list[State], recipe: dict | None, words: str, on: Predicted) -> RunRow:
    run, complete = Run(on.outputs, name), all(state.state == "complete" for state in states)
    kind = family(str(recipe.get("model", name))) if recipe else EXTERNAL
    if not recipe:
        words = "recipe.json cannot be read" if run.recipe.is_file() else "external predictions"
    state, why = _summary(states)
    scored = _scored(*_out_of_fold(run, states, on), on) if state != "unused" else {}
    if not complete:
        scored = {name: value for name, value in scored.items() if name == "folds"}
    best_by = str((recipe or {}).get("best_by", "metric"))
    times = training_times.of(run, len(states), on.rows.competition, best_by)
    return RunRow(name, kind, words, state, why, times=times, **scored)


def _summary(states: list[State]) -> tuple[str, str]:
    """The state of a run from those of its folds: the common one, or how many are complete; and the first reason."""
    kinds = [state.state for state in states]
    bad = [state for state in states if state.state != "complete"]
    why = f"fold {bad[0].fold}: {bad[0].state}; {bad[0].why}" if bad and len(states) > 1 else bad[0].why if bad else ""
    if len(set(kinds)) == 1:
        return kinds[0], why
    worst = [kind for kind in ("stale", "diverged") if kind in kinds]
    return f"{kinds.count('complete')} of {len(kinds)} folds" + "".join(f", {kind}" for kind in worst[:1]), why


def _out_of_fold(run: Run, states: list[State], on: Predicted) -> tuple[np.ndarray, list[int]]:
    """OOF probabilities (N, C) of the folds that are complete, and which these are."""
    competition, count = on.rows.competition, int(on.folds["fold"].max()) + 1
    probs = np.full((len(on.folds), competition.size), 1 / competition.size, np.float32)
    there = [int(state.fold) for state in states if state.state == "complete" and state.fold.isdecimal()]
    if not run.recipe.is_file():
        whole = [state.state for state in states] == ["complete"]
        args = (run, on.folds, on.digest, competition, on.test_ids)
        return (run_predictions.load(*args)[0], list(range(count))) if whole else (probs, [])
    for k in there:
        part, _ = run_predictions.load_fold(run, k, on.folds, on.digest, competition, on.test_ids)
        places = (on.folds["fold"] == k).to_numpy()
        probs[places] = part.at(on.folds["image"][places])
    return probs, there


def _scored(probs: np.ndarray, there: list[int], on: Predicted) -> dict:
    """Fields of RunRow from the OOF probabilities (N, C) of the photos."""
    return _of_scored_rows(on.rows.combine(probs), there, on.rows) if there else {}


def _of_scored_rows(probs: np.ndarray, there: list[int], rows: ScoredRows) -> dict:
    competition = rows.competition
    parts = {k: rows.folds == k for k in there}
    return {
        "score": _value(competition, rows.labels, probs),
        "folds": {k: _value(competition, rows.labels[part], probs[part]) for k, part in parts.items()},
        "parts": part_scores.of(competition, rows.labels, probs),
    }


def _value(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> float:
    return competition.metric.shown(scoring.score(competition, labels, probs))


def _blend_row(state: State, on: Predicted) -> RunRow:
    try:
        oof, _, made = load_blend(on.outputs, on.rows, on.digest, on.rows.competition)
    except InputError as error:
        return RunRow(BLEND, BLEND, "", "stale", f"{error.found}; {error.run}")
    scored = _of_scored_rows(oof, sorted(set(on.rows.folds.tolist())), on.rows)
    words = f"{made.get('method')} + {made.get('rule')} of {', '.join(map(str, made.get('runs', ())))}"
    why = state.why if state.state != "complete" else ""
    return RunRow(BLEND, BLEND, words, state.state, why, **scored)


def blend_interval(on: Predicted) -> tuple[float, float, float] | None:
    """The cross-validated score of the blend, and the ends of its 95 % interval; None where they are not known."""
    made = blend_record.state(on.outputs, on.inputs, on.rows.competition).made
    score, ends = made.get("cross_fitted"), made.get("interval_95")
    return (float(score), *map(float, ends)) if score is not None and ends else None
