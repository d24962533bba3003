"""Compare two sets of runs on the same rows, to find out whether set B is better than set A. This is `make compare`.

The comparison covers each metric of the competition. It also covers each attribute of the classes, such as a colour, or
each class or label if the classes have no attributes.

The difference between the sets has two sources of uncertainty. The first source is the sample of groups, which a
bootstrap over groups estimates. It draws the same groups for all runs, so that rows that are hard for both sets cancel
out. The second source is the random seed of each training. It is estimated from the spread of the scores within a set,
less the part of the spread that the groups explain, by the method of moments of DerSimonian and Laird (1986). In
simulations with normally distributed scores and two to five runs in each set, 93 to 96 % of the 95 % intervals
contained the true difference. With only three runs in both sets together, the intervals are very wide, because one
degree of freedom is left.

Letters in the shapes: N rows, C classes, G groups, R rounds of the bootstrap, M runs in both sets together.
"""

from dataclasses import dataclass, replace

import numpy as np

from comp import console
from comp.blending import bootstrap, combine
from comp.blending.bootstrap import AllRows, GroupSums
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.competition.scored_rows import scored_rows
from comp.console import score_text
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.metrics.formulas import counts, f_scores
from comp.metrics.metric import Metric
from comp.project import Project
from comp.store import runs
from comp.store.blend_files import load_blend
from comp.store.out_of_fold import common_folds, oof_of_folds
from comp.store.paths import BLEND, blend_file

MOST_CELLS = 200_000  # largest number of probabilities of a run to resample, for metrics that need the rows (AUC)
SEED = 1


@dataclass(frozen=True)
class Difference:
    """How much two sets of runs differ in a metric. All values are as the leaderboard shows them.

    first, second: the mean value of the runs of the first set, and of the runs of the second set. interval: the 95 %
    interval of second - first. better: the probability that the second set is better. each: the value of each run, in
    one tuple for the first set and one tuple for the second set.
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
    """The predictions of two sets of runs for the same rows, and the metric by which they are compared.

    competition: a Competition with this metric, and with the classes that are compared. labels: the true labels, as
    (N,) or, for multilabel data, as (N, C) of 0 and 1. first, second: the predictions of each run of the first set, and
    of each run of the second set, in the form that the metric takes (see scoring.predictions).
    """

    competition: Competition
    labels: np.ndarray
    first: list[np.ndarray]
    second: list[np.ndarray]


def differences(parts: dict[str, Part], group: np.ndarray) -> dict[str, Difference]:
    """Return for each name in `parts` how much the two sets of runs differ.

    parts: a dictionary from a name (such as that of a metric or of a class) to the predictions to compare. group (N,):
    the number of each row's group, from 0.
    """
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
    """Return how much two sets of runs differ in one metric.

    scores (M,): the score of each run; the runs of the first set come first. drawn (M, R): the scores of the same runs
    in R rounds of a bootstrap over groups.
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
    """Return for each name in `summed` the scores (M, R) of M runs in R rounds of a bootstrap over groups.

    summed: a dictionary from a name to the prepared predictions of the M runs. groups: the number of groups. The draws
    are the same for all metrics that are computed from sums, and the same for all other metrics, because drawing takes
    longer than scoring.
    """
    scores = {}
    for kind in (GroupSums, AllRows):
        of_kind = {name: several for name, several in summed.items() if isinstance(several[0], kind)}
        if of_kind:
            values = iter(_drawn([sums for several in of_kind.values() for sums in several], groups))
            scores |= {name: np.stack([next(values) for _ in several]) for name, several in of_kind.items()}
    return scores


def _drawn(summed: list[GroupSums] | list[AllRows], groups: int) -> np.ndarray:
    """Return the scores (M, R) of M predictions in R rounds of a bootstrap, which draws groups with replacement.

    summed: the M predictions. groups: the number of groups. If the metric must go through the rows and these are very
    many, the groups are drawn from only some of all groups, to save time. The deviations of the scores are then too
    large. So they are multiplied by the square root of the share of groups that is drawn from.
    """
    kept = _some_groups(summed, groups)
    if len(kept) == groups:
        return bootstrap.bootstrap_scores(summed, groups)
    some = [sums.of_groups(kept) for sums in summed]
    centre, scores = (np.array([sums.score() for sums in several])[:, None] for several in (some, summed))
    return scores + (bootstrap.bootstrap_scores(some, len(kept)) - centre) * np.sqrt(len(kept) / groups)


def _some_groups(summed: list[GroupSums] | list[AllRows], groups: int) -> np.ndarray:
    """Return the sorted numbers of the groups from which the bootstrap draws.

    The result is all groups, except if `summed` holds all rows, because the metric cannot be computed from sums, and
    there are very many rows. Then the result is a random choice of groups. summed: the result of `sums_of_predictions`.
    groups: the number of all groups.
    """
    cells = max(rows.predictions.size for rows in summed) if isinstance(summed[0], AllRows) else 0
    if cells <= MOST_CELLS:
        return np.arange(groups)
    wanted = max(2, int(groups * MOST_CELLS / cells))
    return np.sort(np.random.default_rng(SEED).choice(groups, min(wanted, groups), replace=False))


def _with_seeds(drawn: np.ndarray, scores: np.ndarray, count: int) -> np.ndarray:
    """Return 2R possible differences between the mean scores of the two sets, with the noise of training seeds.

    drawn (M, R): the scores of M runs in R rounds of a bootstrap over groups. scores (M,): the scores of the runs on
    all groups. count: the number of runs in the first set, which come first in both arrays.

    The bootstrap gives R differences. The scores of the runs in a set have a variance. One part of it comes from the
    groups, and `drawn` has this part already; the rest comes from the seeds. The standard error of the difference is
    computed from this rest, and the noise is the standard error times a draw of Student's t. The noise is once added to
    and once subtracted from each of the R differences, so that exchanging the sets only changes the signs. If each set
    has only one run, the noise of seeds is not known, and the R differences are returned without noise.
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
    """Return the sum (R,) of squared deviations of all runs from the mean of their own set.

    values (M, R): R values of each of M runs; the runs of the first set come first. count: the number of runs in the
    first set.
    """
    return sum(((part - part.mean(0)) ** 2).sum(0) for part in (values[:count], values[count:]))


SHOWN = 12  # largest number of classes in the table; if there are more, the table has those that differ most


@dataclass(frozen=True)
class Compared:
    """The predictions of two sets of runs for the same rows, and the labels, folds and groups of these rows.

    labels: the true labels, as (N,) or, for multilabel data, as (N, C) of 0 and 1. folds (N,): the fold of each row.
    group (N,): the number of each row's group, from 0. first, second: the probabilities (N, C) of each run, in one list
    for the first set and one list for the second set.
    """

    competition: Competition
    labels: np.ndarray
    folds: np.ndarray
    group: np.ndarray
    first: list[np.ndarray]
    second: list[np.ndarray]

    def predictions(self, metric: Metric) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the predictions of each run in the form that the metric takes.

        The first list has the predictions of the first set of runs, and the second list has those of the second set.
        """
        first, second = (
            [scoring.predictions(self.competition, metric, values) for values in part]
            for part in (self.first, self.second)
        )
        return first, second


def compared_metrics(data: Compared) -> dict[str, Difference]:
    """Return how much the two sets differ in each metric of the competition and in each attribute of its classes.

    The result is a dictionary from the name of the metric, or of the metric and the attribute, to the Difference. The
    metrics are `metric` and `also` in competition.toml. An attribute is a property of the classes, such as a colour.
    """
    parts = {
        metric.name: Part(replace(data.competition, metric=metric), data.labels, *data.predictions(metric))
        for metric in (data.competition.metric, *data.competition.also)
    }
    return differences(parts | _attributes(data), data.group)


def _attributes(data: Compared) -> dict[str, Part]:
    """Return what to compare for each attribute of the classes, such as a colour, by name.

    The values of the attribute take the place of the classes. The result is empty if the classes have no attributes, or
    if the metric is not computed from counts of each class.
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
    """Return a dictionary from the number of each fold to two values of the metric.

    They are the mean over the runs of the first set and the mean over the runs of the second set.
    """
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
    """Return the name of a measure, and how much the two sets differ in it for each class or label, by name.

    At most SHOWN classes or labels are compared, namely those that differ most. If the metric takes predicted classes
    or labels, the measure is F1. For multilabel data, and a metric that takes probabilities, it is the metric itself.
    In all other cases, return "" and {}.
    """
    competition, metric = data.competition, data.competition.metric
    decides, first_and_second = competition.decides(metric), data.predictions(metric)
    if decides in ("class", "labels"):
        metric = named_metrics.get("macro_f1")  # for a single column, this is the F1 of the column
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
    """Return column `c` of predicted labels or probabilities (N, C) as (N, 1).

    If `answers` are predicted classes (N,), return a bool array (N, 1), which is True for each row with class `c`.
    """
    return answers[:, [c]] if answers.ndim == 2 else (answers == c)[:, None]


def _most_different(labels: np.ndarray, first_and_second, size: int) -> np.ndarray:
    """Return the sorted numbers of at most SHOWN classes, which are those that the two sets predict most differently.

    The differences are measured roughly in standard errors. labels: the true labels, as (N,) or, for multilabel data,
    as (N, C) of 0 and 1. first_and_second: two lists, with the predictions of the runs of the first and of the second
    set. size: the number C of classes.
    """
    if size <= SHOWN:
        return np.arange(size)
    rows = np.count_nonzero(labels, axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=size)
    first, second = (
        np.mean([_measured(labels, answers, size) for answers in part], axis=0) for part in first_and_second
    )
    return np.sort(np.argsort(-np.abs(second - first) * np.sqrt(rows), kind="stable")[:SHOWN])


def _measured(labels: np.ndarray, predictions: np.ndarray, size: int) -> np.ndarray:
    """Return for each of C classes or labels a number (C,) that says how good the predictions are.

    For predicted classes or labels, this is F1. For probabilities of labels, it is the mean over the rows of p if the
    label is present and of 1 - p if it is absent, where p is the probability of the label. size: the number C.
    """
    if predictions.dtype.kind != "f":
        return f_scores(*counts(labels, predictions, size))[0]
    return np.where(labels, predictions, 1 - predictions).mean(0)


# ---- the stage


def compare_runs(project: Project, first: list[str], second: list[str]) -> None:
    """Print the comparison of two sets of runs, and a warning if a compared blend is not up to date.

    first, second: the names of the runs of each set. Raise InputError if a set is empty, if there is no run with one of
    the names, or if a name occurs twice.
    """
    check_names(project, first, second)
    if BLEND in (*first, *second) and project.blend.stale:
        console.warn(project.blend.stale)
    show_comparison(load_compared(project, first, second), first, second)


def comparable(project: Project) -> list[str]:
    """Return the names of everything that can be compared, which are all runs and, if it exists, the blend."""
    blend = [BLEND] if blend_file(project.outputs, "oof.npz").is_file() else []
    return [*(run.name for run in project.runs), *blend]


def check_names(project: Project, first: list[str], second: list[str]) -> None:
    """Raise InputError unless both sets name at least one run, each named run exists, and no run is named twice.

    first, second: the names of the runs of each set.
    """
    known = comparable(project)
    runs.check_known(project.outputs, [name for name in (*first, *second) if name not in known and name != BLEND])
    free = [name for name in known if name not in (*first, *second)]
    for letter, side in (("A", first), ("B", second)):
        if not side:
            raise InputError(
                f"the option {letter} is missing, but A and B name the runs to compare",
                "one run for A and one for B, as in A=x B=y, or several runs that differ only in their seeds, "
                'as in A="x_s0 x_s1" B="y_s0 y_s1"',
                _advice((first or free[:1]), (second or free[-1:])),
            )
    twice = [name for name in dict.fromkeys((*first, *second)) if [*first, *second].count(name) > 1]
    if twice:
        raise InputError(
            f"run(s) named twice in A={' '.join(first)} B={' '.join(second)}: {', '.join(twice)}",
            "each run named only once",
            _advice(first[:1], [name for name in known if name != first[0]][:1]),
        )


def _advice(first: list[str], second: list[str]) -> str:
    """Return a command that compares these two sets of runs, or one that trains another run.

    The second command is returned if a set is empty or if a run is in both sets. first, second: the names of the runs
    of each set.
    """
    if not (first and second) or set(first) & set(second):
        return "make train MODEL=<a model> RUN=<another name>"
    a, b = (f'"{" ".join(side)}"' if " " in " ".join(side) else side[0] for side in (first, second))
    return f"make compare A={a} B={b}"


def load_compared(project: Project, first: list[str], second: list[str]) -> Compared:
    """Return the predictions of two sets of runs for the folds that all of these runs have predicted.

    Print a warning with the folds that are left out. first, second: the names of the runs of each set. Raise InputError
    if no fold was predicted by all runs, or if two runs have the same predictions.
    """
    names = [*first, *second]
    numbers = common_folds(project, names)
    left = [str(k) for k in range(project.fold_count) if k not in numbers]
    if left:
        console.warn(f"left out: fold {', '.join(left)}, which not every compared run has predicted")
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
    """Raise InputError if two runs have the same predictions, because their difference would be exactly 0.

    names: the names of the runs. probs: their predictions, in the order of `names`.
    """
    same = combine.identical_models(names, probs)
    if same:
        raise InputError(
            f"the runs {' and '.join(same)} hold the same predictions",
            "runs with different predictions",
            "first `make scores`, which lists all runs, then the same command with other runs",
        )


COLUMNS = ("A", "B", "B - A", "95 % low", "95 % high", "P(B better)")


def show_comparison(data: Compared, first: list[str], second: list[str]) -> None:
    """Print how two sets of runs differ in each metric, in each class or label, and in each fold.

    data: the predictions of the runs. first, second: the names of the runs of each set.
    """
    for letter, names in (("A", first), ("B", second)):
        console.say(f"{letter}: {', '.join(names)}")
    metric, by_metric = data.competition.metric, compared_metrics(data)
    groups = int(data.group.max()) + 1
    title = f"out-of-fold scores, {len(data.labels):,} rows of {groups:,} groups{_lower(data)}"
    console.table(title, ["metric", *COLUMNS], _rows(by_metric))
    if not data.competition.attributes:
        measure, labels = compared_labels(data)
        few = "" if len(labels) < SHOWN else f" (the {len(labels)} classes that differ most)"
        if len(labels) > 1:
            console.table(f"{measure} of each class{few}", ["class", *COLUMNS], _rows(labels))
    if max(len(first), len(second)) > 1:
        _show_runs(by_metric[metric.name], metric.name, first, second)
    won = _show_folds(data)
    _show_result(data, by_metric[metric.name], won, groups)


def _lower(data: Compared) -> str:
    """Return a text that names the metrics for which a lower value is better, or "" if there are none."""
    names = [metric.name for metric in (data.competition.metric, *data.competition.also) if not metric.higher_is_better]
    return f"; {', '.join(names)}: lower is better" if names else ""


def _rows(differences_by_name: dict[str, Difference]) -> list[list]:
    return [
        [
            name,
            difference.first,
            difference.second,
            *(_signed(x, difference) for x in (difference.value, *difference.interval)),
            f"{difference.better:.2f}",
        ]
        for name, difference in differences_by_name.items()
    ]


def _signed(value: float, difference: Difference) -> str:
    """Return `value`, which is a difference of scores or an end of its interval, as text with its sign."""
    return score_text(value, difference.first, "+")


def _show_runs(difference: Difference, name: str, first: list[str], second: list[str]) -> None:
    """Print the metric's value for each run, and the standard deviation of these values in each set.

    name: the name of the metric. first, second: the names of the runs of each set.
    """
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
    console.table(f"{name} of each run", ["run", name], rows)


def _show_folds(data: Compared) -> str:
    """Print the metric's value for both sets in each fold. Return a text with the number of folds in which B is better.

    An example of the text is "3 of 5 folds".
    """
    of_folds, shown = compared_folds(data), data.competition.metric.shown
    rows = [[str(k), first, second, score_text(second - first, first, "+")] for k, (first, second) in of_folds.items()]
    console.table(f"{data.competition.metric.name} in each fold", ["fold", "A", "B", "B - A"], rows)
    won = sum(shown(second) > shown(first) for first, second in of_folds.values())
    return f"{won} of {len(of_folds)} folds"


def _show_result(data: Compared, difference: Difference, won: str, groups: int) -> None:
    """Print the difference in the main metric, the probability that B is better, and what its 95 % interval includes.

    won: the text from `_show_folds`. groups: the number of groups.
    """
    name, counts_of_seeds = data.competition.metric.name, (len(data.first), len(data.second))
    low, high = difference.interval
    console.say(
        f"{name}: B - A = {_signed(difference.value, difference)}, "
        f"95 % interval {_signed(low, difference)} to {_signed(high, difference)}"
    )
    console.say(f"B is better with probability {difference.better:.2f}, and in {won}")
    if max(counts_of_seeds) > 1:
        seeds = (
            f"The interval includes the spread over seeds ({counts_of_seeds[0]} runs of A, {counts_of_seeds[1]} of B)."
        )
    else:
        seeds = "The interval leaves out the spread over seeds: A and B have one run each."
    console.say(f"The 95 % interval comes from a bootstrap over {groups:,} groups.\n{seeds}")
