"""Is run B better than run A (`make compare`)? The difference of a metric between two sets of runs on the same rows.

Its uncertainty has two sources: which groups there are (bootstrap over groups, the same draws for all runs, so that
what both sets find hard cancels), and the seed of each training (the spread of the scores within a set that the groups
do not explain, by the method of moments of DerSimonian and Laird 1986). In simulations with normal scores and two to
five runs of each set, 93 to 96 % of the 95 % intervals cover the true difference. With three runs in all (one degree of
freedom) they are very wide.

The competition's metrics are compared, and the metric of each attribute, class or label.

Letters: N rows, C classes, G groups, R rounds, M runs of both sets.
"""

from dataclasses import dataclass, replace

import numpy as np

from comp import console
from comp.blending import bootstrap, combine
from comp.blending.bootstrap import AllRows, GroupSums
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.competition.scored_rows import scored_rows
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.metrics.formulas import counts, f_scores
from comp.metrics.metric import Metric
from comp.project import Project
from comp.store import runs
from comp.store.blend_files import load_blend
from comp.store.out_of_fold import common_folds, oof_of_folds
from comp.store.paths import BLEND, blend_file

MOST_CELLS = 200_000  # probabilities of a run to resample, at most, for metrics that need the rows, such as AUC
SEED = 1


@dataclass(frozen=True)
class Difference:
    """Values of the metric, as the leaderboard shows them, of two sets of runs: `first` and `second`.

    first, second: means over the runs of each set; interval: 95 % of second - first; better: the probability that
    second is better; each: the value of each run of both sets.
    """

    first: float
    second: float
    interval: tuple[float, float]
    better: float
    each: tuple[tuple[float, ...], tuple[float, ...]]

    @property
    def value(self) -> float:
        return self.second - self.first


@dataclass(frozen=True)
class Part:
    """What is compared: predictions of two sets of runs for the same N rows.

    competition: its metric and its classes; labels: as its target has them; first, second: the predictions of each run,
    in the form that the metric takes (see scoring.predictions).
    """

    competition: Competition
    labels: np.ndarray
    first: list[np.ndarray]
    second: list[np.ndarray]


def differences(parts: dict[str, Part], group: np.ndarray) -> dict[str, Difference]:
    """The difference of each part, by its name. group (N,): the group of each row, 0 … G-1."""
    groups = int(group.max()) + 1
    summed = {
        name: bootstrap.sums_of_predictions(part.competition, part.labels, group, groups, [*part.first, *part.second])
        for name, part in parts.items()
    }
    drawn = _drawn_parts(summed, groups)
    return {
        name: _difference(part, np.array([sums.score() for sums in summed[name]]), drawn[name])
        for name, part in parts.items()
    }


def _difference(part: Part, scores: np.ndarray, drawn: np.ndarray) -> Difference:
    """From the scores (M,) of the runs of both sets, and the same on drawn groups (M, R)."""
    shown, count = part.competition.metric.shown, len(part.first)
    first, second = scores[:count], scores[count:]
    values = _with_seeds(drawn, scores, count)
    return Difference(
        first=shown(float(first.mean())),
        second=shown(float(second.mean())),
        interval=tuple(sorted(shown(float(x)) for x in np.percentile(values, [2.5, 97.5]))),
        better=float((values > 0).mean() + (values == 0).mean() / 2),
        each=(tuple(map(shown, first.tolist())), tuple(map(shown, second.tolist()))),
    )


def _drawn_parts(summed: dict[str, list], groups: int) -> dict[str, np.ndarray]:
    """The scores (M, R) of each part. Parts of one kind share their draws, which cost more than the scores."""
    scores = {}
    for kind in (GroupSums, AllRows):
        of_kind = {name: several for name, several in summed.items() if isinstance(several[0], kind)}
        if of_kind:
            values = iter(_drawn([sums for several in of_kind.values() for sums in several], groups))
            scores |= {name: np.stack([next(values) for _ in several]) for name, several in of_kind.items()}
    return scores


def _drawn(summed: list[GroupSums] | list[AllRows], groups: int) -> np.ndarray:
    """The score of each prediction (M, R) on groups drawn with replacement.

    If the rows themselves are resampled and there are many, only a random part of the groups is drawn from. Then the
    deviations from the score are scaled by the root of that part.
    """
    kept = _some_groups(summed, groups)
    if len(kept) == groups:
        return bootstrap.bootstrap_scores(summed, groups)
    some = [sums.of_groups(kept) for sums in summed]
    centre, scores = (np.array([sums.score() for sums in several])[:, None] for several in (some, summed))
    return scores + (bootstrap.bootstrap_scores(some, len(kept)) - centre) * np.sqrt(len(kept) / groups)


def _some_groups(summed: list[GroupSums] | list[AllRows], groups: int) -> np.ndarray:
    """The groups to draw from, sorted: all, or a random part of those whose rows are too many."""
    cells = max(rows.predictions.size for rows in summed) if isinstance(summed[0], AllRows) else 0
    if cells <= MOST_CELLS:
        return np.arange(groups)
    wanted = max(2, int(groups * MOST_CELLS / cells))
    return np.sort(np.random.default_rng(SEED).choice(groups, min(wanted, groups), replace=False))


def _with_seeds(drawn: np.ndarray, scores: np.ndarray, count: int) -> np.ndarray:
    """The differences of the means on drawn groups with the noise of seeds added, (2R,); (R,) for one run each.

    The variance between runs of a set is partly from the groups, which `drawn` has already. What is left is the seeds'.
    Their noise is the standard error of the difference of two means, times Student's t. Each draw of it is added and
    subtracted, so that exchanging the sets gives the mirrored result.
    """
    differences, freedom = drawn[count:].mean(0) - drawn[:count].mean(0), len(scores) - 2
    if freedom == 0:
        return differences
    by_groups = _squares_within((drawn - scores[:, None]), count).mean()
    variance = max(0.0, float(_squares_within(scores[:, None], count)[0] - by_groups)) / freedom
    error = np.sqrt(variance * (1 / count + 1 / (len(scores) - count)))
    noise = error * np.random.default_rng(SEED).standard_t(freedom, len(differences))
    return np.concatenate([differences + noise, differences - noise])


def _squares_within(values: np.ndarray, count: int) -> np.ndarray:
    """Sum (R,) of the squared deviations of values (M, R) from the mean of their set."""
    return sum(((part - part.mean(0)) ** 2).sum(0) for part in (values[:count], values[count:]))


SHOWN = 12  # classes or labels, at most: of more those that differ most


@dataclass(frozen=True)
class Compared:
    """Two sets of runs: the probabilities (N, C) of each run, for the same rows; group (N,): 0 … G-1."""

    competition: Competition
    labels: np.ndarray
    folds: np.ndarray
    group: np.ndarray
    first: list[np.ndarray]
    second: list[np.ndarray]

    def predictions(self, metric: Metric) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Both sets in the form that the metric takes."""
        first, second = (
            [scoring.predictions(self.competition, metric, values) for values in part]
            for part in (self.first, self.second)
        )
        return first, second


def compared_metrics(data: Compared) -> dict[str, Difference]:
    """The difference of the competition's metric, then of each metric in `also`, then of each attribute."""
    parts = {
        metric.name: Part(replace(data.competition, metric=metric), data.labels, *data.predictions(metric))
        for metric in (data.competition.metric, *data.competition.also)
    }
    return differences(parts | _attributes(data), data.group)


def _attributes(data: Compared) -> dict[str, Part]:
    """The metric of the attributes of the answers, such as F1 over two colours; only for metrics of counts."""
    metric, values = data.competition.metric, data.competition.attribute_values
    if not values or metric.terms is None:
        return {}
    first, second = data.predictions(metric)
    return {
        f"{metric.name}, {name}": Part(
            Competition("multiclass", data.competition.attributes[name].values, metric),
            value[data.labels],
            [value[classes] for classes in first],
            [value[classes] for classes in second],
        )
        for name, value in values.items()
    }


def compared_folds(data: Compared) -> dict[int, tuple[float, float]]:
    """The value of the metric in each fold, for both sets: the mean over their runs."""
    competition, values = data.competition, {}
    predictions = data.predictions(competition.metric)
    for k in np.unique(data.folds):
        rows = data.folds == k
        values[int(k)] = tuple(
            float(
                np.mean(
                    [
                        competition.metric.value(data.labels[rows], predicted[rows], competition.size)
                        for predicted in part
                    ]
                )
            )
            for part in predictions
        )
    return values


def compared_labels(data: Compared) -> tuple[str, dict[str, Difference]]:
    """The name of a measure, and its difference for each class or label: of many those that differ most.

    Answers are measured by F1, probabilities of several labels by the metric itself. Both are empty for other metrics.
    """
    competition, metric = data.competition, data.competition.metric
    decides, first_and_second = metric.decides(competition.target), data.predictions(metric)
    if decides in ("class", "labels"):
        metric = named_metrics.get("macro_f1")  # of one column: its F1
    elif competition.target != "multilabel" or metric.needs not in ("ranks", "probabilities"):
        return "", {}
    parts = {}
    for c in _most_different(data.labels, first_and_second, competition.size):
        name = competition.classes[c]
        columns = [[_column(answers, c) for answers in part] for part in first_and_second]
        own = Competition("multilabel", (name,), metric, at_least_one=False)
        parts[name] = Part(own, _column(data.labels, c).astype(np.uint8), *columns)
    return "F1" if decides in ("class", "labels") else metric.name, differences(parts, data.group)


def _column(answers: np.ndarray, c: int) -> np.ndarray:
    """Column c (N, 1) of labels or probabilities (N, C); of classes (N,) whether it is class c."""
    return answers[:, [c]] if answers.ndim == 2 else (answers == c)[:, None]


def _most_different(labels: np.ndarray, first_and_second, size: int) -> np.ndarray:
    """The classes (at most SHOWN) whose predictions differ most, roughly in standard errors; sorted."""
    if size <= SHOWN:
        return np.arange(size)
    rows = np.count_nonzero(labels, axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=size)
    first, second = (
        np.mean([_measured(labels, answers, size) for answers in part], axis=0) for part in first_and_second
    )
    return np.sort(np.argsort(-np.abs(second - first) * np.sqrt(rows), kind="stable")[:SHOWN])


def _measured(labels: np.ndarray, predictions: np.ndarray, size: int) -> np.ndarray:
    """F1 (C,) of answers; of probabilities the mean probability (C,) of the true state of each label."""
    if predictions.dtype.kind != "f":
        return f_scores(*counts(labels, predictions, size))[0]
    return np.where(labels, predictions, 1 - predictions).mean(0)


# ---- the stage


def compare_runs(project: Project, first: list[str], second: list[str]) -> None:
    """Print what `make compare` says of two sets of runs. Raises InputError for names that are no runs."""
    check_names(project, first, second)
    if BLEND in (*first, *second) and project.blend.stale:
        console.warn(project.blend.stale)
    show_comparison(load_compared(project, first, second), first, second)


def comparable(project: Project) -> list[str]:
    """The names of everything that can be compared: all runs, and the blend if there is one."""
    blend = [BLEND] if blend_file(project.outputs, "oof.npz").is_file() else []
    return [*(run.name for run in project.runs), *blend]


def check_names(project: Project, first: list[str], second: list[str]) -> None:
    """Raise InputError unless both sides name runs, each run once."""
    known = comparable(project)
    runs.check_known(project.outputs, [name for name in (*first, *second) if name not in known and name != BLEND])
    free = [name for name in known if name not in (*first, *second)]
    for letter, side in (("A", first), ("B", second)):
        if not side:
            raise InputError(
                f"no {letter}",
                'two runs, as in A=x B=y, or several seeds: A="x_s0 x_s1" B="y_s0 y_s1"',
                _advice((first or free[:1]), (second or free[-1:])),
            )
    twice = [name for name in dict.fromkeys((*first, *second)) if [*first, *second].count(name) > 1]
    if twice:
        raise InputError(
            f"{', '.join(twice)} twice: A={' '.join(first)} B={' '.join(second)}",
            "each run once",
            _advice(first[:1], [name for name in known if name != first[0]][:1]),
        )


def _advice(first: list[str], second: list[str]) -> str:
    """The command that compares these two; if there are no two runs, the one that trains another."""
    if not (first and second) or set(first) & set(second):
        return "make train MODEL=<a model> RUN=<another name>"
    a, b = (f'"{" ".join(side)}"' if " " in " ".join(side) else side[0] for side in (first, second))
    return f"make compare A={a} B={b}"


def load_compared(project: Project, first: list[str], second: list[str]) -> Compared:
    """The data of both sets; a warning names the folds that are left out.

    Raises InputError if there is no common fold, and for two runs with the same predictions.
    """
    names = [*first, *second]
    numbers = common_folds(project, names)
    left = [str(k) for k in range(project.fold_count) if k not in numbers]
    if left:
        console.warn(f"left out: fold {', '.join(left)}, which not all of these runs have predicted")
    rows = scored_rows(project.folds[project.folds["fold"].isin(numbers)], project.competition)

    def load(name: str) -> np.ndarray:
        if name == BLEND:
            return load_blend(project)[0][np.isin(project.scored_rows.ids, rows.ids)]
        return rows.combine(oof_of_folds(project, project.run(name), numbers))

    probs = [load(name) for name in names]
    _check_distinct(names, probs)
    group = np.unique(rows.groups, return_inverse=True)[1]
    return Compared(project.competition, rows.labels, rows.folds, group, probs[: len(first)], probs[len(first) :])


def _check_distinct(names: list[str], probs: list[np.ndarray]) -> None:
    """Raise InputError for two runs with the same predictions: their difference is 0, and not by chance."""
    order, of = combine.distinct_models(probs)
    for place in range(len(order)):
        same = [name for name, where in zip(names, of, strict=True) if where == place]
        if len(same) > 1:
            raise InputError(
                f"{' and '.join(same)} hold the same predictions",
                "runs that differ",
                "make scores shows all runs, then the same command with others",
            )


COLUMNS = ("A", "B", "B - A", "95 % low", "high", "B better")


def show_comparison(data: Compared, first: list[str], second: list[str]) -> None:
    """Print the difference of each metric, in each fold and for each label; first, second: names of the runs."""
    for letter, names in (("A", first), ("B", second)):
        console.say(f"{letter}: {', '.join(names)}")
    metric, by_metric = data.competition.metric, compared_metrics(data)
    groups = int(data.group.max()) + 1
    title = f"out of fold, {len(data.labels):,} rows of {groups:,} groups{_lower(data)}"
    console.table(title, ["metric", *COLUMNS], _rows(by_metric))
    if not data.competition.attributes:
        measure, labels = compared_labels(data)
        few = "" if len(labels) < SHOWN else f", the {len(labels)} that differ most"
        if len(labels) > 1:
            console.table(f"{measure} of each class{few}", ["class", *COLUMNS], _rows(labels))
    if max(len(first), len(second)) > 1:
        _show_runs(by_metric[metric.name], metric.name, first, second)
    won = _show_folds(data)
    _show_result(data, by_metric[metric.name], won, groups)


def _lower(data: Compared) -> str:
    """The metrics that are better if lower, in words; empty if there are none."""
    names = [metric.name for metric in (data.competition.metric, *data.competition.also) if not metric.higher_is_better]
    return f"; {', '.join(names)}: lower is better" if names else ""


def _rows(differences_by_name: dict[str, Difference]) -> list[list]:
    return [
        [
            name,
            difference.first,
            difference.second,
            *(f"{x:+.4f}" for x in (difference.value, *difference.interval)),
            f"{difference.better:.2f}",
        ]
        for name, difference in differences_by_name.items()
    ]


def _show_runs(difference: Difference, name: str, first: list[str], second: list[str]) -> None:
    """Print the value of each run, and the spread of each set."""
    rows = [
        [f"{letter}: {name}", value]
        for letter, names, values in zip("AB", (first, second), difference.each, strict=True)
        for name, value in zip(names, values, strict=True)
    ]
    rows += [
        [f"standard deviation of {letter}", float(np.std(values, ddof=1))]
        for letter, values in zip("AB", difference.each, strict=True)
        if len(values) > 1
    ]
    console.table("each run", ["run", name], rows)


def _show_folds(data: Compared) -> str:
    """Print both sets in each fold. Returns in how many of them B is better."""
    of_folds, shown = compared_folds(data), data.competition.metric.shown
    rows = [[str(k), first, second, f"{second - first:+.4f}"] for k, (first, second) in of_folds.items()]
    console.table(f"{data.competition.metric.name} in each fold", ["fold", "A", "B", "B - A"], rows)
    won = sum(shown(second) > shown(first) for first, second in of_folds.values())
    return f"{won} of {len(of_folds)} folds"


def _show_result(data: Compared, difference: Difference, won: str, groups: int) -> None:
    """Print the result, and what its interval is made of."""
    name, counts_of_seeds = data.competition.metric.name, (len(data.first), len(data.second))
    low, high = difference.interval
    console.say(f"{name}: B - A = {difference.value:+.4f}, 95 % {low:+.4f} to {high:+.4f}")
    console.say(f"B is better with probability {difference.better:.2f}, and in {won}")
    of_seeds = (
        f"seeds ({counts_of_seeds[0]} of A, {counts_of_seeds[1]} of B)"
        if max(counts_of_seeds) > 1
        else "not seeds: one run of each is known"
    )
    console.say(f"95 %: bootstrap over {groups:,} groups, {of_seeds}")
