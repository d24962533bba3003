"""How folds are made: groups stay together, labels are spread evenly. No torch.

1. `assign_folds` adds the column `fold` to the training table, for every kind of target.
2. One seed: `split_rows` chooses a method that suits the labels and groups.
3. Several seeds: `best_seed` finds the split whose folds are most alike.
4. Audit: `audit_folds` finds groups and photos that are in two folds.
5. Report: counts of labels by fold, and warnings for labels that the folds cannot share evenly.

Own code stands here for two methods of libraries. StratifiedGroupKFold of scikit-learn gives the same folds (a test
compares them), but it takes ten times as long, too long for a search over a thousand seeds. iterative-stratification
splits single rows; it cannot keep groups together.
"""

import warnings
from collections.abc import Callable

import joblib
import numpy as np
import pandas as pd
from scipy import sparse

from comp.competition import labels
from comp.competition.competition import Competition
from comp.data.near_duplicates import merged_groups
from comp.errors import InputError, listed
from comp.store.fold_table import USUAL_FOLDS, fold_count

# ---- assign

SEEDS = 2**32  # that numpy's generators take
DECILES = 10  # ranges of a number that are spread evenly


def assign_folds(
    table: pd.DataFrame,
    competition: Competition,
    folds: int = USUAL_FOLDS,
    seed: int = 0,
    search: int = 1,
    progress: Callable[[int], None] = lambda count: None,
) -> pd.DataFrame:
    """`table` (image, group, label, …) with a new column `fold` 0 … K-1, sorted by image.

    Each group is in one fold, no fold is empty, and labels are spread evenly (`split_rows`, shuffled by seed): classes,
    each of several labels, or the deciles of a number. search: how many seeds to try, from `seed` on; the most even
    folds are kept. progress is called with the number of seeds just tried.
    Rows are sorted first, so that the result does not depend on the order of files on a disk.
    Raises InputError for fewer than 2 folds, for more folds than groups, and for seeds that do not exist.
    """
    table = with_groups(table).sort_values("image", ignore_index=True)
    _check_fold_count(folds, table["group"].nunique(), seed, search)
    strata, group = strata_of(table, competition, folds), np.unique(table["group"], return_inverse=True)[1]
    if search > 1:
        seed = best_seed(strata, group, folds, seed, search, progress)
    fold = without_empty(split_rows(strata, group, folds, seed), group, folds)
    first = ["image", "group", "label", "fold"]
    table = table.assign(fold=fold)
    return table[first + [column for column in table if column not in first]]


def with_groups(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with text in its column `group`. A row without a group becomes a group named by its image.

    Photos of one prediction id (column `id`, if there is one) are scored together, so their groups become one.
    """
    group = table["group"] if "group" in table else pd.Series(None, table.index, object)
    none = group.isna() | (group.astype(str) == "")
    table = table.assign(group=group.astype(str).where(~none, table["image"]))
    if "id" not in table:
        return table
    places = pd.Series(np.arange(len(table))).groupby(table["id"].to_numpy())
    pairs = [(int(rows.iloc[0]), int(row)) for _, rows in places for row in rows.iloc[1:]]
    return table.assign(group=merged_groups(table["group"].tolist(), pairs))


def strata_of(table: pd.DataFrame, competition: Competition, folds: int) -> np.ndarray:
    """What to spread evenly: class numbers (N,) int, or several labels (N, C) uint8 of 0 and 1."""
    values = labels.to_array(table["label"], competition)
    # fewer ranges of a number if a range would have fewer rows than there are folds
    return values if values.ndim == 2 else labels.strata(values, max(1, min(DECILES, len(values) // folds)))


def without_empty(fold: np.ndarray, group: np.ndarray, folds: int) -> np.ndarray:
    """`fold` (N,) without empty folds: each empty one gets the smallest group of the fold with the most groups.

    Stratification can leave a fold empty if there are few groups of unequal size.
    """
    of_group, rows = fold[np.unique(group, return_index=True)[1]], np.bincount(group)
    for k in np.setdiff1d(np.arange(folds), of_group):
        members = np.flatnonzero(of_group == np.bincount(of_group, minlength=folds).argmax())
        of_group[members[rows[members].argmin()]] = k
    return of_group[group]


def _check_fold_count(folds: int, groups: int, seed: int, search: int) -> None:
    asked = f"{folds} folds of {groups} group(s)"
    if groups < 2:
        expected = "at least 2 groups: photos of one group, and near-identical photos, stay in one fold"
        raise InputError(asked, expected, "a finer `group` in competition.toml, or none")
    if not 2 <= folds <= groups:
        raise InputError(asked, f"2 to {groups} folds", f"make folds FOLDS={min(USUAL_FOLDS, groups)}")
    if search < 1 or not 0 <= seed <= SEEDS - search:
        raise InputError(
            f"SEED={seed} SEARCH={search}",
            f"SEARCH of at least 1, and seeds from 0 to {SEEDS - 1}",
            "make folds SEED=0 SEARCH=1",
        )


# ---- split by one seed

MOST_CELLS = 20_000_000  # groups times classes, at most, for a table of both: 160 MB


def split_rows(strata: np.ndarray, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, (N,) int. Each group is in one fold.

    strata: (N,) class numbers, or (N, C) of 0 and 1 for several labels; group: (N,) int from 0.

    | labels                                                       | method                            |
    |--------------------------------------------------------------|-----------------------------------|
    | one, and no two rows of one group                            | scikit-learn's StratifiedKFold    |
    | one, with groups                                             | `stratified_group`                |
    | several; or all classes have fewer rows than folds;          | `split_iteratively`               |
    | or more than MOST_CELLS groups times classes                 |                                   |
    """
    if strata.ndim == 2:
        return _iterative(sparse.csr_matrix(strata), group, folds, seed)
    strata = np.unique(strata, return_inverse=True)[1]
    groups, classes = group.max() + 1, strata.max() + 1
    alone = groups == len(group)
    if np.bincount(strata).max() < folds or (not alone and groups * classes > MOST_CELLS):
        rows = np.arange(len(strata))
        return _iterative(sparse.csr_matrix((np.ones(len(rows), int), (rows, strata))), group, folds, seed)
    return _stratified(strata, folds, seed) if alone else stratified_group(strata, group, folds, seed)


def _stratified(strata: np.ndarray, folds: int, seed: int) -> np.ndarray:
    from sklearn.model_selection import StratifiedKFold  # a second to import: not for --help

    fold, splitter = np.empty(len(strata), int), StratifiedKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # `missing_labels` warns of small classes by their names
        warnings.filterwarnings("ignore", "The least populated class")
        for k, (_, held_out) in enumerate(splitter.split(strata, strata)):
            fold[held_out] = k
    return fold


def stratified_group(strata: np.ndarray, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Exactly the folds of scikit-learn's StratifiedGroupKFold(folds, shuffle=True, random_state=seed); see above.

    scikit-learn tries the folds for a group one after the other. Here they are tried at once, ten times as fast.
    """
    total = np.bincount(strata)
    counts = np.zeros((group.max() + 1, len(total)))
    np.add.at(counts, (group, strata), 1)
    order = np.arange(len(counts))
    np.random.RandomState(seed).shuffle(order)
    order = order[np.argsort(-np.std(counts[order], axis=1), kind="stable")]
    fold, held, own = np.empty(len(counts), int), np.zeros((folds, len(total))), np.eye(folds)[:, :, None]
    for i in order:
        uneven = _mean_deviation((held + own * counts[i]) / total)
        fold[i] = _first_best(uneven.tolist(), held.sum(1).tolist())
        held[fold[i]] += counts[i]
    return fold[group]


def _mean_deviation(shares: np.ndarray) -> np.ndarray:
    """Mean over classes of the standard deviation over folds, for each trial; shares: (trial, K, C)."""
    # the same steps as np.std and np.mean, without their overhead
    folds, classes = shares.shape[1:]
    shares -= np.add.reduce(shares, axis=1, keepdims=True) / folds
    shares *= shares
    return np.add.reduce(np.sqrt(np.add.reduce(shares, axis=1) / folds), axis=1) / classes


def _first_best(uneven: list[float], rows: list[float]) -> int:
    """The trial with the least uneven folds; among nearly equal ones, the one where the fold has the fewest rows."""
    best, lowest, fewest = 0, float("inf"), float("inf")
    for k, (value, size) in enumerate(zip(uneven, rows, strict=True)):
        near = abs(value - lowest) <= 1e-8 + 1e-5 * lowest and lowest < float("inf")  # np.isclose
        if value < lowest or (near and size < fewest):
            best, lowest, fewest = k, value, size
    return best


def _iterative(positive: sparse.csr_matrix, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    rows, ones = np.bincount(group), np.ones(len(group), int)
    member = sparse.csr_matrix((ones, (group, np.arange(len(group)))), shape=(len(rows), len(group)))
    return split_iteratively(member @ positive.astype(np.int64), rows, folds, seed)[group]


def split_iteratively(counts, rows: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold 0 … folds - 1 of each group, (G,) int, by iterative stratification.

    Sechidis, Tsoumakas & Vlahavas 2011, "On the stratification of multi-label data": take the label with the fewest
    rows left, and give each of its rows to the fold that needs this label most. Here whole groups are given, with all
    labels of their rows. Ties go to the fold that needs the most rows, then to a random one, drawn by seed.

    counts: (G, C) array or sparse matrix, how many rows a group has of each label; rows: (G,) how many rows it has.
    """
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.permutation(len(rows)), -rows))  # large groups first
    deal = _Deal(sparse.csr_matrix(counts)[order].astype(np.int64), rows[order].astype(np.int64), folds, rng)
    members = deal.counts.tocsc()
    while (label := deal.rarest_label()) is not None:
        here = slice(members.indptr[label], members.indptr[label + 1])
        for group in members.indices[here][np.argsort(-members.data[here], kind="stable")]:
            if deal.fold[group] < 0:
                deal.give(group, deal.owed[label])
    for group in np.flatnonzero(deal.fold < 0):  # groups without any label
        deal.give(group, deal.owed_rows)
    fold = np.empty_like(deal.fold)
    fold[order] = deal.fold
    return fold


class _Deal:
    """How many rows each fold still needs, in units of 1 / folds rows: whole numbers give exact ties.

    owed: (C, K) rows by label; owed_rows: (K,) all rows; left: (C,) rows that have no fold yet; fold: (G,), -1: none.
    """

    def __init__(self, counts: sparse.csr_matrix, rows: np.ndarray, folds: int, rng: np.random.Generator):
        self.counts, self.rows, self.folds, self.rng = counts, rows, folds, rng
        self.left = np.asarray(counts.sum(0)).ravel()
        self.owed = np.repeat(self.left[:, None], folds, axis=1)
        self.owed_rows = np.full(folds, rows.sum())
        self.fold = np.full(len(rows), -1)

    def rarest_label(self) -> int | None:
        """The label with the fewest rows left; None if no rows are left."""
        left = np.where(self.left > 0, self.left, np.iinfo(np.int64).max)
        return int(left.argmin()) if (self.left > 0).any() else None

    def give(self, group: int, wanted: np.ndarray) -> None:
        """Give a group to the fold with the largest `wanted` (K,), and subtract its rows from what that fold needs."""
        best = np.flatnonzero(wanted == wanted.max())
        best = best[self.owed_rows[best] == self.owed_rows[best].max()]
        k = best[0] if len(best) == 1 else self.rng.choice(best)
        here = slice(self.counts.indptr[group], self.counts.indptr[group + 1])
        kinds, amounts = self.counts.indices[here], self.counts.data[here]
        self.owed[kinds, k] -= self.folds * amounts
        self.left[kinds] -= amounts
        self.owed_rows[k] -= self.folds * self.rows[group]
        self.fold[group] = k


# ---- search over seeds

SEEDS_PER_TASK = 10
WORTH_PROCESSES = 500_000  # rows times seeds; below, starting processes takes longer than the search


def best_seed(
    strata: np.ndarray, group: np.ndarray, folds: int, seed: int, search: int, progress: Callable[[int], None]
) -> int:
    """The seed in seed … seed + search - 1 with the lowest `imbalance`; among equal ones the first.

    strata, group: as for `split_rows`. progress is called with the number of seeds just tried.
    """
    starts = range(seed, seed + search, SEEDS_PER_TASK)
    parts = [range(start, min(start + SEEDS_PER_TASK, seed + search)) for start in starts]
    tasks = (joblib.delayed(_scores_of_seeds)(strata, group, folds, part) for part in parts)
    scores: list[float] = []
    jobs = -1 if len(strata) * search > WORTH_PROCESSES else 1
    for part in joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks):
        scores += part
        progress(len(part))
    return seed + int(np.argmin(scores))


def _scores_of_seeds(strata: np.ndarray, group: np.ndarray, folds: int, seeds: range) -> list[float]:
    return [imbalance(strata, split_rows(strata, group, folds, seed), folds) for seed in seeds]


def imbalance(strata: np.ndarray, fold: np.ndarray, folds: int) -> float:
    """How unevenly classes are spread: the mean over classes of Pearson's chi-square against equal parts, 0 is even.

    The number of rows per fold counts as one more class.
    """
    counts = np.vstack([class_counts(strata, fold, folds), np.bincount(fold, minlength=folds)])
    counts = counts[counts.sum(1) > 0]
    expected = counts.sum(1, keepdims=True) / folds
    return float(((counts - expected) ** 2 / expected).sum(1).mean())


def class_counts(strata: np.ndarray, fold: np.ndarray, folds: int, classes: int = 0) -> np.ndarray:
    """Rows by class and fold, or positive rows by label and fold: (C, K) int; C is at least `classes`."""
    if strata.ndim == 2:
        member = sparse.csr_matrix((np.ones(len(fold), int), (fold, np.arange(len(fold)))), shape=(folds, len(fold)))
        return (member @ strata.astype(np.int64)).T
    counts = np.zeros((max(classes, int(strata.max()) + 1), folds), int)
    np.add.at(counts, (strata, fold), 1)
    return counts


# ---- audit


def audit_folds(table: pd.DataFrame, digests: dict[str, str] | None = None) -> None:
    """Raise InputError if a group or a photo (by name or by bytes) is in two folds.

    digests: image to a hash of its bytes. Equal bytes under two names in one fold are allowed.
    """
    problems = [f"group {name} is in folds {where}" for name, where in _in_two_folds(table, table["group"])]
    problems += [f"photo {name} is in folds {where}" for name, where in _in_two_folds(table, table["image"])]
    if digests:
        bytes_of = table["image"].map(digests)
        for digest, where in _in_two_folds(table, bytes_of):
            names = table["image"][bytes_of == digest].tolist()
            problems.append(f"the same bytes in folds {where}: {', '.join(names)}")
    if problems:
        raise InputError(
            f"{len(problems)} leak(s) between folds:{listed(problems)}",
            "each group and each photo in one fold; otherwise models have seen the answers",
            "make folds, which puts such photos into one group",
        )


def _in_two_folds(table: pd.DataFrame, key: pd.Series) -> list[tuple[str, str]]:
    """The values of `key` that are in more than one fold, with these folds."""
    several = table["fold"].groupby(key.to_numpy()).transform("nunique") > 1
    folds_of = table["fold"][several].groupby(key[several].to_numpy()).unique()
    return [(name, " and ".join(map(str, sorted(where)))) for name, where in folds_of.items()]


# ---- report

MOST_CLASSES = 40  # with more classes, the table is a summary
MOST_OF_A_CLASS = 0.5  # if one group has a larger share of a class, the folds cannot be alike
FEW = 10  # rows; in smaller classes one group often holds most of them
KINDS = {"regression": ("ranges", "range"), "multilabel": ("labels", "label")}


def counts_by_fold(table: pd.DataFrame, competition: Competition) -> np.ndarray:
    """(C, K) int: rows by class, positive rows by label, or rows by range of a number, in each fold."""
    folds = fold_count(table)
    classes = 0 if competition.target == "regression" else competition.size
    return class_counts(strata_of(table, competition, folds), table["fold"].to_numpy(), folds, classes)


def labels_by_fold(table: pd.DataFrame, competition: Competition) -> tuple[str, list[str], list[list]]:
    """A table: what is counted, the column headers, and the rows (labels, photos and groups by fold).

    Regression: rows by decile, and the mean. More than MOST_CLASSES classes: a summary.
    """
    counts = counts_by_fold(table, competition)
    plural, singular = KINDS.get(competition.target, ("classes", "class"))
    rows = _summary(counts, plural) if len(counts) > MOST_CLASSES else _rows(counts, competition)
    if competition.target == "regression":
        values = table["label"].astype(float)
        rows.append(["mean", *values.groupby(table["fold"]).mean(), values.mean()])
    photos, groups = table["fold"].value_counts().sort_index(), table.groupby("fold")["group"].nunique()
    rows += [["photos", *photos, photos.sum()], ["groups", *groups, groups.sum()]]
    return plural, [singular, *[f"fold {k}" for k in range(counts.shape[1])], "all"], rows


def missing_labels(table: pd.DataFrame, competition: Competition) -> list[str]:
    """A line for each class that is missing in some folds or in all."""
    counts, lines = counts_by_fold(table, competition), []
    for name, row in zip(_names(counts, competition), counts, strict=True):
        without = np.flatnonzero(row == 0)
        if row.sum() == 0:
            lines.append(f"no photo of {name} at all: no model can learn it")
        elif len(without) == len(row) - 1:
            lines.append(f"{name} is in one fold only: that fold's model never sees it; use fewer FOLDS")
        elif len(without):
            folds_of = ", ".join(map(str, without))
            lines.append(f"fold {folds_of} has no photo of {name}: its score ignores that class; use fewer FOLDS")
    return lines


def crowded_labels(table: pd.DataFrame, competition: Competition) -> list[str]:
    """A line for each class of at least FEW photos if one group has more than MOST_OF_A_CLASS of them."""
    folds = fold_count(table)
    strata = strata_of(table, competition, folds)
    row, kind = np.nonzero(strata) if strata.ndim == 2 else (np.arange(len(strata)), strata)
    pairs = pd.DataFrame({"kind": kind, "group": table["group"].to_numpy()[row]}).value_counts(sort=False)
    total = pairs.groupby("kind").transform("sum")
    share, names = pairs / total, _names(counts_by_fold(table, competition), competition)
    return [
        f"{part:.0%} of the photos of {names[kind]} are in group {group}: folds cannot share it evenly"
        for (kind, group), part in share[(share > MOST_OF_A_CLASS) & (total >= FEW)].items()
    ]


def _names(counts: np.ndarray, competition: Competition) -> list[str]:
    if competition.target == "regression":
        return [f"range {c + 1}" for c in range(len(counts))]
    return list(competition.classes)


def _rows(counts: np.ndarray, competition: Competition) -> list[list]:
    names = _names(counts, competition)
    numbered = names if competition.target == "regression" else [f"{c:2d} {name}" for c, name in enumerate(names)]
    return [[name, *row, row.sum()] for name, row in zip(numbered, counts, strict=True)]


def _summary(counts: np.ndarray, plural: str) -> list[list]:
    """For many classes: how many have photos in each fold, how many have none, and the smallest and largest."""
    sums = np.column_stack([counts, counts.sum(1)])
    figures = {
        f"{plural} with photos": (sums > 0).sum(0),
        f"{plural} without": (sums == 0).sum(0),
        "photos of the smallest": sums.min(0),
        "photos of the largest": sums.max(0),
    }
    return [[name, *figure] for name, figure in figures.items()]
