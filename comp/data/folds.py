"""Make folds in which groups stay together and labels are spread evenly. Torch is not imported.

1. `assign_folds` adds the column `fold` to the training table, for every kind of target.
2. `split_rows` splits the rows by one seed, with a method that suits the labels and groups.
3. `best_seed` tries several seeds and chooses the seed whose folds are most alike.
4. `audit_folds` finds groups and photos that are in two folds.
5. `labels_by_fold` counts the labels of each fold, and two functions warn of labels that folds cannot share evenly.

Two methods of libraries are replaced by own code. StratifiedGroupKFold of scikit-learn makes the same folds (a test
compares them), but takes ten times as long, too long for a search over a thousand seeds. iterative-stratification
splits single rows and cannot keep groups together.
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

SEEDS = 2**32  # number of seeds that numpy's generators accept
DECILES = 10  # number of ranges that are spread evenly if the target is a number


def assign_folds(
    table: pd.DataFrame,
    competition: Competition,
    folds: int = USUAL_FOLDS,
    seed: int = 0,
    search: int = 1,
    progress: Callable[[int], None] = lambda count: None,
) -> pd.DataFrame:
    """Return `table` (image, group, label, …), sorted by image, with a new column `fold` of 0 … K-1.

    Each group is in one fold, no fold is empty, and `split_rows` spreads the classes, each of several labels, or the
    deciles of a number evenly. search: the number of seeds to try, from `seed` on; the most even folds are kept.
    progress: a function that is called with the number of seeds just tried.
    The rows are sorted first, so that the result does not depend on the order of files on a disk.
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
    """Return `table` with a group in every row, as text. A row without a group gets its image as the group.

    If the table has a column `id`, photos of one prediction id are scored together, so their groups are merged.
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
    """The values to spread evenly: class or range numbers (N,) int, or several labels (N, C) uint8 of 0 and 1."""
    values = labels.to_array(table["label"], competition)
    # a number gets fewer ranges if a range would have fewer rows than there are folds
    return values if values.ndim == 2 else labels.strata(values, max(1, min(DECILES, len(values) // folds)))


def without_empty(fold: np.ndarray, group: np.ndarray, folds: int) -> np.ndarray:
    """Return `fold` (N,) after each empty fold has received the smallest group of the fold with the most groups.

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
        expected = "at least 2 groups, since photos of one group and near-identical photos stay in one fold"
        raise InputError(asked, expected, "in competition.toml, choose a column with more values as `group`, or none")
    if not 2 <= folds <= groups:
        raise InputError(asked, f"2 to {groups} folds", f"make folds FOLDS={min(USUAL_FOLDS, groups)}")
    if search < 1 or not 0 <= seed <= SEEDS - search:
        raise InputError(
            f"SEED={seed} SEARCH={search}",
            f"SEARCH of at least 1, and only seeds from 0 to {SEEDS - 1}",
            "make folds SEED=0 SEARCH=1",
        )


# ---- split by one seed

MOST_CELLS = 20_000_000  # largest product of groups and classes for a table of both, which takes 160 MB


def split_rows(strata: np.ndarray, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, (N,) int. Each group is in one fold.

    strata: class numbers (N,), or several labels (N, C) of 0 and 1; group: the number (N,) of each row's group, from 0.

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
    from sklearn.model_selection import StratifiedKFold  # takes a second to import, for which --help should not wait

    fold, splitter = np.empty(len(strata), int), StratifiedKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # `missing_labels` warns of small classes by their names
        warnings.filterwarnings("ignore", "The least populated class")
        for k, (_, held_out) in enumerate(splitter.split(strata, strata)):
            fold[held_out] = k
    return fold


def stratified_group(strata: np.ndarray, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The folds (N,) that scikit-learn's StratifiedGroupKFold(folds, shuffle=True, random_state=seed) makes.

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
    """The standard deviation over folds, averaged over classes, (trial,). shares (trial, K, C) is overwritten."""
    # the same steps as np.std and np.mean, without their overhead
    folds, classes = shares.shape[1:]
    shares -= np.add.reduce(shares, axis=1, keepdims=True) / folds
    shares *= shares
    return np.add.reduce(np.sqrt(np.add.reduce(shares, axis=1) / folds), axis=1) / classes


def _first_best(uneven: list[float], rows: list[float]) -> int:
    """The trial with the least uneven folds, or, of nearly equal trials, the trial whose fold has the fewest rows."""
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

    The method of Sechidis, Tsoumakas & Vlahavas 2011, "On the stratification of multi-label data", takes the label with
    the fewest rows left, and gives each of its rows to the fold that needs this label most. Here whole groups are
    given, with all labels of their rows. If several folds need the label equally, the group goes to the fold that needs
    the most rows, and if these are equal too, to a random fold, drawn by seed.

    counts: (G, C) array or sparse matrix, the rows of each label in a group; rows: (G,), the rows of a group.
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
    """The folds of the groups so far, and the rows that each fold still needs.

    owed (C, K): the rows of each label that each fold needs; owed_rows (K,): the rows of any label that it needs. Both
    are in units of 1 / folds rows, so that they are whole numbers and ties are exact. left (C,): the rows of each label
    that have no fold yet. fold (G,): the fold of each group, -1 if the group has no fold yet.
    """

    def __init__(self, counts: sparse.csr_matrix, rows: np.ndarray, folds: int, rng: np.random.Generator):
        self.counts, self.rows, self.folds, self.rng = counts, rows, folds, rng
        self.left = np.asarray(counts.sum(0)).ravel()
        self.owed = np.repeat(self.left[:, None], folds, axis=1)
        self.owed_rows = np.full(folds, rows.sum())
        self.fold = np.full(len(rows), -1)

    def rarest_label(self) -> int | None:
        """The label with the fewest rows without a fold; None if no label has such rows."""
        left = np.where(self.left > 0, self.left, np.iinfo(np.int64).max)
        return int(left.argmin()) if (self.left > 0).any() else None

    def give(self, group: int, wanted: np.ndarray) -> None:
        """Give a group to the fold with the largest value in `wanted` (K,), and reduce the rows that the fold needs."""
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
WORTH_PROCESSES = 500_000  # rows times seeds; for fewer, the start of processes takes longer than the search


def best_seed(
    strata: np.ndarray, group: np.ndarray, folds: int, seed: int, search: int, progress: Callable[[int], None]
) -> int:
    """The first seed in seed … seed + search - 1 whose folds have the lowest `imbalance`.

    strata, group: as for `split_rows`. progress: a function that is called with the number of seeds just tried.
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
    """How unevenly the classes are spread over the folds. 0 means that each fold has an equal part of each class.

    This is Pearson's chi-square statistic of each class, averaged over the classes. The sizes of the folds are included
    as if all rows together formed one additional class.
    """
    counts = np.vstack([class_counts(strata, fold, folds), np.bincount(fold, minlength=folds)])
    counts = counts[counts.sum(1) > 0]
    expected = counts.sum(1, keepdims=True) / folds
    return float(((counts - expected) ** 2 / expected).sum(1).mean())


def class_counts(strata: np.ndarray, fold: np.ndarray, folds: int, classes: int = 0) -> np.ndarray:
    """Count the rows of each class, or the positive rows of each label, by fold: (C, K) int, C at least `classes`."""
    if strata.ndim == 2:
        member = sparse.csr_matrix((np.ones(len(fold), int), (fold, np.arange(len(fold)))), shape=(folds, len(fold)))
        return (member @ strata.astype(np.int64)).T
    counts = np.zeros((max(classes, int(strata.max()) + 1), folds), int)
    np.add.at(counts, (strata, fold), 1)
    return counts


# ---- audit


def audit_folds(table: pd.DataFrame, digests: dict[str, str] | None = None) -> None:
    """Raise InputError if a group or a photo (by name or by bytes) is in two folds.

    digests: a hash of the bytes of each photo, by image. Photos with equal bytes may have two names in one fold.
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
            "each group and each photo in one fold, so that no model is scored on photos that it trained on",
            "make folds",
        )


def _in_two_folds(table: pd.DataFrame, key: pd.Series) -> list[tuple[str, str]]:
    """The values of `key` that are in more than one fold, each with a text such as "0 and 2" for its folds."""
    several = table["fold"].groupby(key.to_numpy()).transform("nunique") > 1
    folds_of = table["fold"][several].groupby(key[several].to_numpy()).unique()
    return [(name, " and ".join(map(str, sorted(where)))) for name, where in folds_of.items()]


# ---- report

MOST_CLASSES = 40  # with more classes, the table is a summary
MOST_OF_A_CLASS = 0.5  # if one group has a larger share of a class, the folds cannot be alike
FEW = 10  # rows; in a class with fewer rows, one group often holds most of them
KINDS = {"regression": ("ranges", "range"), "multilabel": ("labels", "label")}


def counts_by_fold(table: pd.DataFrame, competition: Competition) -> np.ndarray:
    """Count rows by class, positive rows by label, or rows by range of a number, in each fold: (C, K) int."""
    folds = fold_count(table)
    classes = 0 if competition.target == "regression" else competition.size
    return class_counts(strata_of(table, competition, folds), table["fold"].to_numpy(), folds, classes)


def labels_by_fold(table: pd.DataFrame, competition: Competition) -> tuple[str, list[str], list[list]]:
    """Count labels, photos and groups by fold, for a table.

    Returns what the labels are called (such as "classes"), the column headers, and the rows. If the target is a number,
    its ranges are counted, and a row has the means. If there are more than MOST_CLASSES classes, a summary of them is
    returned.
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
    """A warning for each class that is missing in some folds or in all folds."""
    counts, lines = counts_by_fold(table, competition), []
    for name, row in zip(_names(counts, competition), counts, strict=True):
        without = np.flatnonzero(row == 0)
        if row.sum() == 0:
            lines.append(f"no photo of {name} at all: no model can learn it")
        elif len(without) == len(row) - 1:
            lines.append(f"{name} is in one fold only, and the model of this fold never sees it; use fewer FOLDS")
        elif len(without):
            folds_of = ", ".join(map(str, without))
            lines.append(f"no photo of {name} is in fold {folds_of}, whose score ignores this class; use fewer FOLDS")
    return lines


def crowded_labels(table: pd.DataFrame, competition: Competition) -> list[str]:
    """A warning for each class with at least FEW photos of which one group has more than the share MOST_OF_A_CLASS."""
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
    """The rows of the table for many classes: how many have photos or none in each fold, and the extreme numbers."""
    sums = np.column_stack([counts, counts.sum(1)])
    figures = {
        f"{plural} with photos": (sums > 0).sum(0),
        f"{plural} without": (sums == 0).sum(0),
        "photos of the smallest": sums.min(0),
        "photos of the largest": sums.max(0),
    }
    return [[name, *figure] for name, figure in figures.items()]
