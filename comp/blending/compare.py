"""The comparison of `make compare`: is run B better than run A? Two sets of runs are compared on the same rows.

The difference of a metric between the sets has two sources of uncertainty. One is the sample of groups. It is estimated
by a bootstrap over groups with the same draws for all runs, so that rows which are hard for both sets cancel out. The
other is the seed of each training. It is estimated from the part of the spread of scores within a set that the groups
do not explain, by the method of moments of DerSimonian and Laird (1986). In simulations with normal scores and two to
five runs of each set, 93 to 96 % of the 95 % intervals cover the true difference. With three runs in all, which is one
degree of freedom, the intervals are very wide.

The comparison covers each metric of the competition, and the metric of each attribute, class or label.

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

MOST_CELLS = 200_000  # most probabilities of a run to resample, for metrics that need the rows, such as AUC
SEED = 1


@dataclass(frozen=True)
class Difference:
    """The difference of a metric between a first and a second set of runs. Values are as the leaderboard shows them.

    first, second: the mean value over the runs of the set. interval: the 95 % interval of second - first. better: the
    probability that the second set is better. each: the values of the runs of the first set, and of the second set.
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
    """One thing to compare: the predictions of two sets of runs for the same N rows by one metric.

    competition: has the metric and the classes of this comparison. labels: in the form of its target. first, second:
    the predictions of each run of the set, in the form that the metric takes (see scoring.predictions).
    """

    competition: Competition
    labels: np.ndarray
    first: list[np.ndarray]
    second: list[np.ndarray]


def differences(parts: dict[str, Part], group: np.ndarray) -> dict[str, Difference]:
    """The name and the difference of each part. group (N,): the group of each row as a number 0 … G-1."""
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
    """The difference of a part. scores (M,): the score of each run, those of the first set first.

    drawn (M, R): the scores of the same runs on drawn groups.
    """
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
    """The name of each part, and the scores (M, R) of its runs on drawn groups. summed: name to the M predictions.

    All parts of GroupSums share their draws, and so do all parts of AllRows, because drawing takes longer than scoring.
    """
    scores = {}
    for kind in (GroupSums, AllRows):
        of_kind = {name: several for name, several in summed.items() if isinstance(several[0], kind)}
        if of_kind:
            values = iter(_drawn([sums for several in of_kind.values() for sums in several], groups))
            scores |= {name: np.stack([next(values) for _ in several]) for name, several in of_kind.items()}
    return scores


def _drawn(summed: list[GroupSums] | list[AllRows], groups: int) -> np.ndarray:
    """The scores (M, R) of each prediction on groups drawn with replacement.

    If the metric needs the rows and there are too many, the draws come from a random part of the groups. The deviations
    from the score are then scaled by the root of the share of the groups that this part has.
    """
    kept = _some_groups(summed, groups)
    if len(kept) == groups:
        return bootstrap.bootstrap_scores(summed, groups)
    some = [sums.of_groups(kept) for sums in summed]
    centre, scores = (np.array([sums.score() for sums in several])[:, None] for several in (some, summed))
    return scores + (bootstrap.bootstrap_scores(some, len(kept)) - centre) * np.sqrt(len(kept) / groups)


def _some_groups(summed: list[GroupSums] | list[AllRows], groups: int) -> np.ndarray:
    """The sorted numbers of the groups to draw from: all groups, or a random part if the metric needs too many rows."""
    cells = max(rows.predictions.size for rows in summed) if isinstance(summed[0], AllRows) else 0
    if cells <= MOST_CELLS:
        return np.arange(groups)
    wanted = max(2, int(groups * MOST_CELLS / cells))
    return np.sort(np.random.default_rng(SEED).choice(groups, min(wanted, groups), replace=False))


def _with_seeds(drawn: np.ndarray, scores: np.ndarray, count: int) -> np.ndarray:
    """The differences (2R,) between the means of the two sets on drawn groups, with the noise of seeds added.

    If each set has one run, the noise of seeds is not known, and the result is (R,) without it. drawn (M, R) and
    scores (M,) have the runs of the first set first; count: the number of these runs. One part of the variance between
    the runs of a set comes from the groups, and `drawn` has this part already; the rest comes from the seeds. The noise
    of seeds is the standard error of the difference of the two means, times Student's t. Each draw of this noise is
    added once and subtracted once, so that exchanging the sets mirrors the result.
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
    """The sums (R,) of the squared deviations of values (M, R) from the mean of their set.

    count: the number of runs in the first set.
    """
    return sum(((part - part.mean(0)) ** 2).sum(0) for part in (values[:count], values[count:]))


SHOWN = 12  # most classes or labels in the table: if there are more, it shows the classes that differ most


@dataclass(frozen=True)
class Compared:
    """Two sets of runs with predictions for the same rows.

    labels: in the form of the target. folds (N,). group (N,): the group of each row as a number 0 … G-1. first, second:
    the probabilities (N, C) of each run of the set.
    """

    competition: Competition
    labels: np.ndarray
    folds: np.ndarray
    group: np.ndarray
    first: list[np.ndarray]
    second: list[np.ndarray]

    def predictions(self, metric: Metric) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The predictions of the runs of the first set and of the second set, in the form that the metric takes."""
        first, second = (
            [scoring.predictions(self.competition, metric, values) for values in part]
            for part in (self.first, self.second)
        )
        return first, second


def compared_metrics(data: Compared) -> dict[str, Difference]:
    """Return name to difference between A and B: of the metric, the metrics in `also`, and of each attribute."""
    parts = {
        metric.name: Part(replace(data.competition, metric=metric), data.labels, *data.predictions(metric))
        for metric in (data.competition.metric, *data.competition.also)
    }
    return differences(parts | _attributes(data), data.group)


def _attributes(data: Compared) -> dict[str, Part]:
    """The name and the Part of each attribute of the classes, such as F1 over the two values of a colour.

    The result is empty if the classes have no attributes, or if the metric is not computed from counts.
    """
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
    """The number of each fold, and the metric's mean value over the runs of the first set and of the second set."""
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
    """The name of a measure, and the name and the difference of each class or label by this measure.

    At most SHOWN classes are compared, namely those that differ most. If the metric takes answers, the measure is F1.
    If the metric takes ranks or probabilities of several labels, the measure is the metric itself. For all other
    metrics the name and the differences are empty.
    """
    competition, metric = data.competition, data.competition.metric
    decides, first_and_second = metric.decides(competition.target), data.predictions(metric)
    if decides in ("class", "labels"):
        metric = named_metrics.get("macro_f1")  # over a single column this is the F1 of the column
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
    """Column c (N, 1) of answers (N, C). For classes (N,) the result (N, 1) says whether each row has class c."""
    return answers[:, [c]] if answers.ndim == 2 else (answers == c)[:, None]


def _most_different(labels: np.ndarray, first_and_second, size: int) -> np.ndarray:
    """The sorted numbers of the at most SHOWN classes whose predictions differ most, roughly in standard errors."""
    if size <= SHOWN:
        return np.arange(size)
    rows = np.count_nonzero(labels, axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=size)
    first, second = (
        np.mean([_measured(labels, answers, size) for answers in part], axis=0) for part in first_and_second
    )
    return np.sort(np.argsort(-np.abs(second - first) * np.sqrt(rows), kind="stable")[:SHOWN])


def _measured(labels: np.ndarray, predictions: np.ndarray, size: int) -> np.ndarray:
    """The F1 (C,) of each class if `predictions` are answers.

    If `predictions` are probabilities, return the mean probability (C,) of the true state of each label.
    """
    if predictions.dtype.kind != "f":
        return f_scores(*counts(labels, predictions, size))[0]
    return np.where(labels, predictions, 1 - predictions).mean(0)


# ---- the stage


def compare_runs(project: Project, first: list[str], second: list[str]) -> None:
    """Print the comparison of two sets of runs, which are given by name. Raises InputError if a name is not a run."""
    check_names(project, first, second)
    if BLEND in (*first, *second) and project.blend.stale:
        console.warn(project.blend.stale)
    show_comparison(load_compared(project, first, second), first, second)


def comparable(project: Project) -> list[str]:
    """The names of all runs, and of the blend if there is a blend: everything that can be compared."""
    blend = [BLEND] if blend_file(project.outputs, "oof.npz").is_file() else []
    return [*(run.name for run in project.runs), *blend]


def check_names(project: Project, first: list[str], second: list[str]) -> None:
    """Raise InputError unless both sets name at least one run, and no run is named twice."""
    known = comparable(project)
    runs.check_known(project.outputs, [name for name in (*first, *second) if name not in known and name != BLEND])
    free = [name for name in known if name not in (*first, *second)]
    for letter, side in (("A", first), ("B", second)):
        if not side:
            raise InputError(
                f"no {letter} is given",
                'two runs, as in A=x B=y, or the seeds of two runs, as in A="x_s0 x_s1" B="y_s0 y_s1"',
                _advice((first or free[:1]), (second or free[-1:])),
            )
    twice = [name for name in dict.fromkeys((*first, *second)) if [*first, *second].count(name) > 1]
    if twice:
        raise InputError(
            f"{', '.join(twice)} twice in A={' '.join(first)} B={' '.join(second)}",
            "each run named once",
            _advice(first[:1], [name for name in known if name != first[0]][:1]),
        )


def _advice(first: list[str], second: list[str]) -> str:
    """The command that compares these two sets of runs; if there is no second run, the command that trains one."""
    if not (first and second) or set(first) & set(second):
        return "make train MODEL=<a model> RUN=<another name>"
    a, b = (f'"{" ".join(side)}"' if " " in " ".join(side) else side[0] for side in (first, second))
    return f"make compare A={a} B={b}"


def load_compared(project: Project, first: list[str], second: list[str]) -> Compared:
    """The predictions of both sets for the folds that all of these runs have predicted.

    A warning names the folds that are left out. Raises InputError if there is no common fold, or if two runs have the
    same predictions.
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
    """Raise InputError if two runs have the same predictions, because their difference would be exactly 0."""
    order, of = combine.distinct_models(probs)
    for place in range(len(order)):
        same = [name for name, where in zip(names, of, strict=True) if where == place]
        if len(same) > 1:
            raise InputError(
                f"{' and '.join(same)} hold the same predictions",
                "runs with different predictions",
                "make scores, which lists all runs, then the same command with other runs",
            )


COLUMNS = ("A", "B", "B - A", "95 % low", "high", "B better")


def show_comparison(data: Compared, first: list[str], second: list[str]) -> None:
    """Print the difference of each metric, of each class or label, and of each fold.

    first, second: the names of the runs of each set.
    """
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
    """A text that names the metrics of which a lower value is better; an empty text if there are none."""
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
    """Print the value of each run, and the standard deviation of each set. name: the name of the metric."""
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
    """Print the value of both sets in each fold. Returns in how many folds B is better, as a text."""
    of_folds, shown = compared_folds(data), data.competition.metric.shown
    rows = [[str(k), first, second, f"{second - first:+.4f}"] for k, (first, second) in of_folds.items()]
    console.table(f"{data.competition.metric.name} in each fold", ["fold", "A", "B", "B - A"], rows)
    won = sum(shown(second) > shown(first) for first, second in of_folds.values())
    return f"{won} of {len(of_folds)} folds"


def _show_result(data: Compared, difference: Difference, won: str, groups: int) -> None:
    """Print the difference of the metric, the probability that B is better, and the sources of the interval."""
    name, counts_of_seeds = data.competition.metric.name, (len(data.first), len(data.second))
    low, high = difference.interval
    console.say(f"{name}: B - A = {difference.value:+.4f}, 95 % {low:+.4f} to {high:+.4f}")
    console.say(f"B is better with probability {difference.better:.2f}, and in {won}")
    of_seeds = (
        f"seeds ({counts_of_seeds[0]} of A, {counts_of_seeds[1]} of B)"
        if max(counts_of_seeds) > 1
        else "not seeds, because each side has only one run"
    )
    console.say(f"95 %: bootstrap over {groups:,} groups, {of_seeds}")
