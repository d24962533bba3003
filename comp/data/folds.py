"""Make folds in which groups stay together and labels are spread evenly. This module does not import torch.

1. `assign_folds` adds the column `fold` to the training table, for every kind of target.
2. `split_rows` splits the rows into folds with one seed. It chooses a method that suits the labels and the groups.
3. `best_seed` tries several seeds and returns the seed that spreads the labels most evenly.
4. `audit_folds` raises an error if a group or a photo is in two folds.
5. `labels_by_fold` counts the labels in each fold. `missing_labels` and `crowded_labels` warn of labels that cannot be
   spread evenly over the folds.

Two methods of other packages are replaced here. `stratified_group` makes the same folds as StratifiedGroupKFold of
scikit-learn (a test compares them) in a tenth of the time, because a search may try a thousand seeds.
`split_iteratively` keeps groups together, while the package iterative-stratification splits single rows.

Letters in the shapes: N rows, G groups, C classes or labels, K folds.
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
DECILES = 10  # number of ranges to spread evenly if the target is a number


def assign_folds(
    table: pd.DataFrame,
    competition: Competition,
    folds: int = USUAL_FOLDS,
    seed: int = 0,
    search: int = 1,
    progress: Callable[[int], None] = lambda count: None,
) -> pd.DataFrame:
    """Return `table`, sorted by image, with a new column `fold` that has the numbers from 0 to folds - 1.

    table: the training rows with the columns image and label, and with the column group if photos have groups. All rows
    of a group get the same fold, and no fold is empty. Each class is spread evenly over the folds. If a row can have
    several labels, each label is spread evenly. If the target is a number, the range of the target is cut into at most
    10 parts, and each part is spread evenly.
    folds: the number of folds. seed, search: `search` seeds are tried, from `seed` on, and the most even folds are
    kept. progress: a function that is called with the number of seeds tried since its last call.
    The rows are sorted so that their order in `table` does not change the result.
    Raises InputError for fewer than 2 folds, for more folds than groups, and for seeds outside of 0 … 2**32 - 1.
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

    If the table has a column `id`, several photos can share one id of the sample submission and get one answer. The
    groups of such photos are merged.
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
    """Return for each of N rows what the folds must spread evenly.

    This is the class number, (N,) int. If a row can have several labels, it is 1 for each of the row's labels and 0 for
    all other labels, (N, C) uint8 for C labels. If the target is a number, the range of the target is cut into parts,
    and the result is the number of the row's part, (N,) int. folds: the number of folds; if there are few rows for each
    fold, there are fewer parts.
    """
    values = labels.to_array(table["label"], competition)
    if values.dtype.kind != "f":
        return values
    few = len(np.unique(values)) <= DECILES  # then each value is a range
    # there are fewer ranges of a number if a range would have fewer rows than there are folds
    return labels.strata(values, DECILES if few else max(1, min(DECILES, len(values) // folds)), folds)


def without_empty(fold: np.ndarray, group: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold of each row, (N,), after each empty fold has received a group from another fold.

    fold, group (N,): the fold and the group number of each of N rows; folds: the number of folds. The group that is
    moved is the smallest group of the fold that has the most groups. A fold can be empty if there are few groups of
    unequal size.
    """
    of_group, rows = fold[np.unique(group, return_index=True)[1]], np.bincount(group)
    for k in np.setdiff1d(np.arange(folds), of_group):
        members = np.flatnonzero(of_group == np.bincount(of_group, minlength=folds).argmax())
        of_group[members[rows[members].argmin()]] = k
    return of_group[group]


def _check_fold_count(folds: int, groups: int, seed: int, search: int) -> None:
    found = f"FOLDS={folds} does not fit the training photos, which have {groups} group(s)"
    if groups < 2:
        expected = "at least 2 groups, since photos of one group and near-identical photos stay in one fold"
        raise InputError(
            found, expected, "in competition.toml, set `group` to a column with more values, or remove `group`"
        )
    if not 2 <= folds <= groups:
        raise InputError(found, f"2 to {groups} folds", f"make folds FOLDS={min(USUAL_FOLDS, groups)}")
    if search < 1 or not 0 <= seed <= SEEDS - search:
        raise InputError(
            f"SEED={seed} with SEARCH={search} is not possible",
            f"SEARCH is at least 1, and all seeds from SEED to SEED + SEARCH - 1 are in 0 … {SEEDS - 1}",
            "make folds SEED=0 SEARCH=1",
        )


# ---- split by one seed

MOST_CELLS = 20_000_000  # largest size of a table of groups by classes; it takes 160 MB


def split_rows(strata: np.ndarray, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Split N rows into folds. Returns the fold of each row, (N,) int. All rows of a group get the same fold.

    strata (N,): the class number of each row, or (N, C): for each of C labels, whether the row has the label (1) or not
    (0). group (N,): the group number of each row, from 0. folds: the number of folds. The method is the first in this
    table whose condition is true:

    | condition                                                                   | method                          |
    |-----------------------------------------------------------------------------|---------------------------------|
    | a row can have several labels                                               | `split_iteratively`             |
    | each class has fewer rows than there are folds                              | `split_iteratively`             |
    | each group has one row                                                      | scikit-learn's StratifiedKFold  |
    | the number of groups times the number of classes is above MOST_CELLS        | `split_iteratively`             |
    | all other cases                                                             | `stratified_group`              |
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
    from sklearn.model_selection import StratifiedKFold  # the import takes a second; --help need not wait

    fold, splitter = np.empty(len(strata), int), StratifiedKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # this warning is not needed, because `missing_labels` names the small classes
        warnings.filterwarnings("ignore", "The least populated class")
        for k, (_, held_out) in enumerate(splitter.split(strata, strata)):
            fold[held_out] = k
    return fold


def stratified_group(strata: np.ndarray, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the folds (N,) that scikit-learn's StratifiedGroupKFold(folds, shuffle=True, random_state=seed) makes.

    strata, group (N,): the class number and the group number of each of N rows. For each group, scikit-learn tries one
    fold after the other. This function tries all folds at once, which is ten times as fast.
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
    """Return how uneven the folds are in each of T different splits, as (T,).

    shares (T, K, C): for each of T splits, K folds and C classes, the share of the rows of the class that is in the
    fold. The unevenness is the standard deviation of a class's shares over the folds, averaged over the classes. The
    array `shares` is overwritten.
    """
    # the same steps as np.std and np.mean, without their overhead
    folds, classes = shares.shape[1:]
    shares -= np.add.reduce(shares, axis=1, keepdims=True) / folds
    shares *= shares
    return np.add.reduce(np.sqrt(np.add.reduce(shares, axis=1) / folds), axis=1) / classes


def _first_best(uneven: list[float], rows: list[float]) -> int:
    """Return the number of the fold to which a group is added, so that the folds become least uneven.

    uneven: for each fold, how uneven all folds are if the group is added to this fold. rows: the number of rows in each
    fold before the group is added. If several folds are nearly equally good, the fold with the fewest rows is chosen.
    """
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
    """Return the fold of each of G groups, (G,) int, with iterative stratification.

    counts (G, C): in each group, the number of rows with each of C labels, as an array or a sparse matrix. rows (G,):
    the number of rows in each group. folds: the number of folds.
    The original method (Sechidis, Tsoumakas & Vlahavas 2011, "On the stratification of multi-label data") takes the
    label with the fewest remaining rows, and gives each of these rows to the fold that needs the label most. This
    function gives a whole group at a time. If several folds need the label equally, the group goes to the one that
    needs the most rows. If there is still a tie, a fold is drawn at random with `seed`.
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
    """The state of `split_iteratively`: the folds that groups have so far, and the rows that each fold still needs.

    There are G groups, C labels and K folds. counts (G, C), rows (G,): as in `split_iteratively`. owed (C, K): how many
    rows with each label each fold still needs. owed_rows (K,): how many rows each fold still needs, whatever their
    labels. Both owed and owed_rows are multiplied by the number of folds, so that they are whole numbers and ties are
    exact. left (C,): how many rows with each label are in groups without a fold. fold (G,): the fold of each group, or
    -1 if the group has no fold yet.
    """

    def __init__(self, counts: sparse.csr_matrix, rows: np.ndarray, folds: int, rng: np.random.Generator):
        self.counts, self.rows, self.folds, self.rng = counts, rows, folds, rng
        self.left = np.asarray(counts.sum(0)).ravel()
        self.owed = np.repeat(self.left[:, None], folds, axis=1)
        self.owed_rows = np.full(folds, rows.sum())
        self.fold = np.full(len(rows), -1)

    def rarest_label(self) -> int | None:
        """Return the number of the label with the fewest rows in groups that have no fold yet.

        Labels without such rows are ignored. Return None if no label has such rows.
        """
        left = np.where(self.left > 0, self.left, np.iinfo(np.int64).max)
        return int(left.argmin()) if (self.left > 0).any() else None

    def give(self, group: int, wanted: np.ndarray) -> None:
        """Give a group to the fold with the largest value in `wanted`, and update what this fold still needs.

        group: the number of the group; wanted (K,): one value for each fold. If several folds have the largest value,
        the group goes to the one that needs the most rows. If there is still a tie, a fold is drawn at random.
        """
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
WORTH_PROCESSES = 500_000  # rows times seeds; below it, starting processes takes longer than the search


def best_seed(
    strata: np.ndarray, group: np.ndarray, folds: int, seed: int, search: int, progress: Callable[[int], None]
) -> int:
    """Try `search` seeds, from `seed` on, and return the seed whose folds are most even.

    Most even means the lowest `imbalance`. If several seeds are equally good, the first is returned. strata, group,
    folds: as in `split_rows`. progress: a function that is called with the number of seeds tried since its last call.
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
    """Return how unevenly the classes are spread over the folds. The result is 0 if all are spread evenly.

    strata: the class or the labels of each row, as in `split_rows`; fold (N,): the fold of each of N rows; folds: the
    number of folds. The result is Pearson's chi-square statistic of each class, averaged over the classes. All rows
    together are treated as one more class, so that folds of unequal size also raise the result.
    """
    counts = np.vstack([class_counts(strata, fold, folds), np.bincount(fold, minlength=folds)])
    counts = counts[counts.sum(1) > 0]
    expected = counts.sum(1, keepdims=True) / folds
    return float(((counts - expected) ** 2 / expected).sum(1).mean())


def class_counts(strata: np.ndarray, fold: np.ndarray, folds: int, classes: int = 0) -> np.ndarray:
    """Count the rows of each class in each fold. Returns (C, K) int for C classes and K folds.

    strata: the class or the labels of each row, as in `split_rows`; fold (N,): the fold of each of N rows; folds: the
    number of folds. If a row can have several labels, the rows with each label are counted. classes: C is at least this
    number, even if the last classes have no rows.
    """
    if strata.ndim == 2:
        member = sparse.csr_matrix((np.ones(len(fold), int), (fold, np.arange(len(fold)))), shape=(folds, len(fold)))
        return (member @ strata.astype(np.int64)).T
    counts = np.zeros((max(classes, int(strata.max()) + 1), folds), int)
    np.add.at(counts, (strata, fold), 1)
    return counts


# ---- audit


def audit_folds(table: pd.DataFrame, digests: dict[str, str] | None = None) -> None:
    """Raise InputError if a group or a photo is in two folds. A photo is recognised by its name and by its bytes.

    digests: for each photo, by its path, a hash of its bytes; None if the bytes are not compared. Photos with equal
    bytes may have two names in one fold.
    """
    problems = [f"group {name} is in folds {where}" for name, where in _in_two_folds(table, table["group"])]
    problems += [f"photo {name} is in folds {where}" for name, where in _in_two_folds(table, table["image"])]
    if digests:
        bytes_of = table["image"].map(digests)
        for digest, where in _in_two_folds(table, bytes_of):
            names = table["image"][bytes_of == digest].tolist()
            problems.append(f"photos with the same bytes are in folds {where}: {', '.join(names)}")
    if problems:
        raise InputError(
            f"{len(problems)} leak(s) between folds:{listed(problems)}",
            "each group and each photo in one fold only, so that no model is scored on photos that it trained on",
            "make folds",
        )


def _in_two_folds(table: pd.DataFrame, key: pd.Series) -> list[tuple[str, str]]:
    """Return the values of `key` that are in several folds, each as a pair with a text of its folds, such as "0 and 2".

    key: one value for each row of `table`, such as the name of its group.
    """
    several = table["fold"].groupby(key.to_numpy()).transform("nunique") > 1
    folds_of = table["fold"][several].groupby(key[several].to_numpy()).unique()
    return [(name, " and ".join(map(str, sorted(where)))) for name, where in folds_of.items()]


# ---- report

MOST_CLASSES = 40  # with more classes, the printed table is a summary
MOST_OF_A_CLASS = 0.5  # if one group has a larger share of a class, the folds cannot be alike
FEW = 10  # rows; in a class with fewer rows, one group often holds most of them
KINDS = {"regression": ("ranges", "range"), "multilabel": ("labels", "label")}


def counts_by_fold(table: pd.DataFrame, competition: Competition) -> np.ndarray:
    """Count the rows of each class in each fold. Returns (C, K) int for C classes and K folds.

    If a row can have several labels, the rows with each label are counted. If the target is a number, its range is cut
    into parts, and the rows in each part are counted.
    """
    folds = fold_count(table)
    classes = 0 if competition.target == "regression" else competition.size
    return class_counts(strata_of(table, competition, folds), table["fold"].to_numpy(), folds, classes)


def labels_by_fold(table: pd.DataFrame, competition: Competition) -> tuple[str, list[str], list[list]]:
    """Count labels, photos and groups in each fold, for a table that is printed.

    Returns the plural of what is counted ("classes", "labels" or "ranges"), the column headers, and the rows of the
    table. "ranges" are counted if the target is a number; one more row then has the mean of the target in each fold. If
    there are more than MOST_CLASSES classes, a summary replaces the rows of single classes.
    """
    counts = counts_by_fold(table, competition)
    plural, singular = KINDS.get(competition.target, ("classes", "class"))
    rows = _summary(counts, plural) if len(counts) > MOST_CLASSES else _rows(table, counts, competition)
    if competition.target == "regression":
        values = table["label"].astype(float)
        rows.append(["mean", *values.groupby(table["fold"]).mean(), values.mean()])
    photos, groups = table["fold"].value_counts().sort_index(), table.groupby("fold")["group"].nunique()
    rows += [["photos", *photos, photos.sum()], ["groups", *groups, groups.sum()]]
    return plural, [singular, *[f"fold {k}" for k in range(counts.shape[1])], "all"], rows


def missing_labels(table: pd.DataFrame, competition: Competition) -> list[str]:
    """Return a list of warnings, one for each class that has no photo in some folds or in all folds.

    A warning advises a smaller FOLDS or a search over seeds only if this can put photos of the class into more folds.
    """
    counts = counts_by_fold(table, competition)
    named = zip(_names(table, competition), counts, _groups_of_classes(table, competition, len(counts)), strict=True)
    return [_warning_of_missing(*values) for values in named if (values[1] == 0).any()]


def _warning_of_missing(name: str, counts: np.ndarray, groups: int) -> str:
    """Return the warning for a class. counts (K,): its photos in each of K folds; groups: how many groups have it."""
    photos, without = counts.sum(), np.flatnonzero(counts == 0)
    if photos == 0:
        return f"there is no photo of {name}, so no model can learn it"
    if photos == 1:
        return f"{name} has one photo: it is held out by one fold and cannot be learnt there"
    if groups == 1:
        return f"{name} has {photos} photos in one group: they are held out by one fold and cannot be learnt there"
    if len(without) == len(counts) - 1:
        found = f"{name} is in one fold only, so the model that is scored on this fold cannot learn it"
    else:
        found = f"{name} has no photo in fold {', '.join(map(str, without))}, so the score of such a fold ignores it"
    if groups < len(counts):
        return f"{found}; the photos of {name} are in {groups} groups, so FOLDS={groups} may help"
    return f"{found}; SEARCH=100 or another SEED may find better folds"


def _groups_of_classes(table: pd.DataFrame, competition: Competition, classes: int) -> np.ndarray:
    """Return the number of groups with photos of each class, (classes,), as `counts_by_fold` counts photos."""
    group = np.unique(table["group"], return_inverse=True)[1]
    row, kind = _rows_and_classes(strata_of(table, competition, fold_count(table)))
    return np.bincount(np.unique(np.stack([kind, group[row]]), axis=1)[0], minlength=classes)


def crowded_labels(table: pd.DataFrame, competition: Competition) -> list[str]:
    """Return a list of warnings, one for each class that has most of its photos in one group.

    Most means more than the share MOST_OF_A_CLASS. Classes with fewer than FEW photos are ignored.
    """
    row, kind = _rows_and_classes(strata_of(table, competition, fold_count(table)))
    pairs = pd.DataFrame({"kind": kind, "group": table["group"].to_numpy()[row]}).value_counts(sort=False)
    total = pairs.groupby("kind").transform("sum")
    share, names = pairs / total, _names(table, competition)
    return [
        f"{part:.0%} of the photos of {names[kind]} are in group {group}, so folds cannot share them evenly"
        for (kind, group), part in share[(share > MOST_OF_A_CLASS) & (total >= FEW)].items()
    ]


def _rows_and_classes(strata: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each pair of a row and one of its classes, as two arrays. strata: as `strata_of` returns them."""
    return np.nonzero(strata) if strata.ndim == 2 else (np.arange(len(strata)), strata)


def _names(table: pd.DataFrame, competition: Competition) -> list[str]:
    """Return the name of each class, or of each range of a number, such as "range 3" or, for one value, "value 2.5"."""
    if competition.target != "regression":
        return list(competition.classes)
    values = table["label"].astype(float).groupby(strata_of(table, competition, fold_count(table))).unique()
    return [f"value {value[0]:.6g}" if len(value) == 1 else f"range {c + 1}" for c, value in values.items()]


def _rows(table: pd.DataFrame, counts: np.ndarray, competition: Competition) -> list[list]:
    names = _names(table, competition)
    numbered = names if competition.target == "regression" else [f"{c:2d} {name}" for c, name in enumerate(names)]
    return [[name, *row, row.sum()] for name, row in zip(numbered, counts, strict=True)]


def _summary(counts: np.ndarray, plural: str) -> list[list]:
    """Return the rows of a printed table that summarises the classes of each fold.

    The rows have the number of classes with photos, the number of classes without photos, and the number of photos of
    the smallest and of the largest class. counts (C, K): the photos of each of C classes in each of K folds; plural:
    "classes", "labels" or "ranges".
    """
    sums = np.column_stack([counts, counts.sum(1)])
    figures = {
        f"{plural} with photos": (sums > 0).sum(0),
        f"{plural} without photos": (sums == 0).sum(0),
        "smallest number of photos": sums.min(0),
        "largest number of photos": sums.max(0),
    }
    return [[name, *figure] for name, figure in figures.items()]
