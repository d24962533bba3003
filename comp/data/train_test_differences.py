"""Find columns by which the test set was split off, and measure how much the test rows differ from the training rows.

1. `suggest_groups` finds columns by which the test set was probably split off. All rows with the same value in such a
   column are then in the same table, such as all photos of one camera. Folds should be split by these columns too.
2. `adversarial_auc` measures how well a quick model tells training photos from test photos (adversarial validation).
3. `differences` measures how well each single column of the tables tells training rows from test rows. `together`
   measures how well all columns at once do so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.data.photo_check import PhotoFacts, PhotoSummary
from comp.inputs.cell_values import to_numbers
from comp.metrics import named_metrics

# ---- columns that the test set was split by

BY_CHANCE = 1e-3  # largest probability that test rows drawn at random would share no value with the training rows


@dataclass(frozen=True)
class Suggestion:
    """A column by which folds should probably be split, because none of its values is in both tables.

    train_values, test_values: the number of different values of the column in the training table and in the test table.
    """

    column: str
    train_values: int
    test_values: int


def suggest_groups(train: pd.DataFrame, test: pd.DataFrame, ignore: Sequence[str] = ()) -> list[Suggestion]:
    """Find the columns that have no value in both tables. The columns with the fewest values in `train` come first.

    train, test: the training table and the test table of the competition, with one row per photo; ignore: the names of
    columns to skip, such as ids and labels. A suggested column has at least two values in `train`, and at least one of
    these values is in several rows. If the test rows had been drawn at random, the probability that no value is in both
    tables would be at most BY_CHANCE. Empty fields are ignored.
    """
    shared = [column for column in train if column in test and column not in ignore]
    suggestions = (_suggestion(str(c), _rows_by_value(train[c]), _rows_by_value(test[c])) for c in shared)
    return sorted(filter(None, suggestions), key=lambda suggestion: suggestion.train_values)


def _rows_by_value(column: pd.Series) -> pd.Series:
    """Return how many rows have each value of the column. The index of the result is the values as text.

    Values become text because the same value, such as 7, may be a number in one table and text in the other.
    """
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")  # whole numbers in a column with empty fields
    text = column.dropna().astype(str)
    return text[text != ""].value_counts()


def _suggestion(name: str, train: pd.Series, test: pd.Series) -> Suggestion | None:
    if len(train) < 2 or len(test) == 0 or train.index.isin(test.index).any():
        return None
    counts = np.concatenate([train.to_numpy(), test.to_numpy()]).astype(float)
    share = test.sum() / counts.sum()
    # the logarithm of the probability that, for every value, all rows with the value are in one table
    chance = np.log(share**counts + (1 - share) ** counts).sum() if 0 < share < 1 else 0.0
    unrepeated = train.max() == 1
    if unrepeated or chance > np.log(BY_CHANCE):
        return None
    return Suggestion(name, len(train), len(test))


# ---- photos

PARTS = 5  # number of parts in cross-validation
MOST_PHOTOS = 20_000  # of train and of test, in the adversarial check; more change only the third digit of the AUC


def adversarial_auc(train: Sequence[PhotoSummary], test: Sequence[PhotoSummary], groups: Sequence[str]) -> float | None:
    """Return how well a logistic regression tells training photos from test photos by their thumbnails.

    The result is a cross-validated AUC; 0.5 means that the model cannot tell them apart. groups: the group of each
    training photo; photos of one group stay together in cross-validation. At most MOST_PHOTOS training photos and at
    most MOST_PHOTOS test photos are drawn at random. Returns None if there are too few groups or too few test photos,
    as `_cross_validated_auc` does.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, test_rows = drawn(len(train), MOST_PHOTOS), drawn(len(test), MOST_PHOTOS)
    photos = [*(train[i] for i in rows), *(test[i] for i in test_rows)]
    x = np.array([photo.thumbnail for photo in photos], np.float32).reshape(len(photos), -1)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=200))
    return _cross_validated_auc(model, x, np.asarray(groups, str)[rows])


def drawn(count: int, most: int) -> np.ndarray:
    """Draw at most `most` of the positions 0 … count - 1 at random, and return them in ascending order."""
    return np.sort(np.random.default_rng(0).permutation(count)[:most])


def _cross_validated_auc(model, features: np.ndarray, groups: np.ndarray) -> float | None:
    """Return the cross-validated AUC with which the model tells test rows from training rows.

    model: a classifier of scikit-learn. features: one line for each training row, then one line for each test row.
    groups: the group of each training row; all rows of a group are in the same part of the cross-validation. Returns
    None if there are fewer than PARTS groups or fewer than PARTS test rows, because the cross-validation has PARTS
    parts, and each part needs rows of both kinds.
    """
    from sklearn.model_selection import GroupKFold, PredefinedSplit, cross_val_predict

    tests = len(features) - len(groups)
    if len(set(groups)) < PARTS or tests < PARTS:
        return None
    is_test = np.repeat([0, 1], [len(groups), tests])
    # the groups of test rows are not known; if GroupKFold placed them too, all of them could be in one part
    part = np.append(np.empty(len(groups), int), np.arange(tests) % PARTS)
    for number, (_, rows) in enumerate(GroupKFold(PARTS).split(groups, groups=groups)):
        part[rows] = number
    probs = cross_val_predict(model, features, is_test, cv=PredefinedSplit(part), method="predict_proba")
    return named_metrics.auc_score(is_test, probs)


def photo_columns(photos: Sequence[PhotoFacts]) -> pd.DataFrame:
    """Return a table with the properties of readable photos, such as width and brightness, one row per photo."""
    table = pd.DataFrame(
        [(p.width, p.height, p.size / 1000, p.brightness, p.contrast, p.format) for p in photos],
        columns=["width", "height", "file size, kB", "brightness", "contrast", "format"],
    )
    table.insert(2, "width / height", table["width"] / table["height"].clip(lower=1))
    return table


# ---- columns that tell train from test

MOST_ROWS = 5_000  # largest number of rows of each table that `together` uses


@dataclass(frozen=True)
class Difference:
    """A column that both tables have, and how well this column tells test rows from training rows.

    auc: the AUC, from 0.5 (the column does not tell them apart) to 1. train, test: a typical value of the column in the
    training table and in the test table, as text. This is the median if the column has numbers, and otherwise the most
    frequent value with its share. unseen: the share of test rows whose value does not occur in the training table, or
    None if the column has numbers that hardly repeat.
    """

    column: str
    auc: float
    train: str
    test: str
    unseen: float | None


def differences(train: pd.DataFrame, test: pd.DataFrame) -> list[Difference]:
    """Return a Difference for each column that both tables have. The column with the highest AUC comes first."""
    columns = [_difference(str(column), train[column], test[column]) for column in train if column in test]
    return sorted(columns, key=lambda difference: -difference.auc)


def together(train: pd.DataFrame, test: pd.DataFrame, groups: Sequence[str]) -> float | None:
    """Return the cross-validated AUC with which gradient boosting tells training rows from test rows.

    The model uses all columns that both tables have. At most MOST_ROWS rows of each table are drawn at random. groups:
    the group of each training row; rows of one group stay together in cross-validation. Returns None if there are too
    few groups or too few test rows, as `_cross_validated_auc` does.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows, test_rows = drawn(len(train), MOST_ROWS), drawn(len(test), MOST_ROWS)
    shared = [column for column in train if column in test]
    both = pd.concat([train.iloc[rows], test.iloc[test_rows]], ignore_index=True)[shared]
    x = np.column_stack([_numbers(both[column])[0] for column in both])
    model = HistGradientBoostingClassifier(max_iter=50, random_state=0)
    return _cross_validated_auc(model, x, np.asarray(groups, str)[rows])


def _numbers(column: pd.Series) -> tuple[np.ndarray, bool]:
    """Return the column as an array of floats, and whether its values are numbers and not texts.

    Texts are numbered in alphabetical order. An empty field becomes a number below all other numbers.
    """
    text = column.astype(str).where(column.notna(), "")
    values = to_numbers(text).replace([np.inf, -np.inf], np.nan)
    if not (values.isna() & (text != "")).any():
        return values.fillna(values.min() - 1 if values.notna().any() else 0.0).to_numpy(float), True
    return np.unique(text.to_numpy(str), return_inverse=True)[1].astype(float), False


def _difference(name: str, train: pd.Series, test: pd.Series) -> Difference:
    is_test = np.repeat([0, 1], [len(train), len(test)])
    values, is_number = _numbers(pd.concat([train, test], ignore_index=True).astype(object))
    by_rank = _auc(is_test, values) if is_number else 0.5
    repeated = len(np.unique(values)) <= len(values) / 2
    by_value = _auc(is_test, _rates(values, is_test)) if repeated or not is_number else 0.5
    parts = values[is_test == 0], values[is_test == 1]
    unseen = float(1 - np.isin(parts[1], parts[0]).mean()) if repeated or not is_number else None
    typical = [f"{np.median(part):.6g}" for part in parts] if is_number else [_most_frequent(s) for s in (train, test)]
    return Difference(name, max(by_rank, 1 - by_rank, by_value), *typical, unseen)


def _auc(is_test: np.ndarray, values: np.ndarray) -> float:
    return named_metrics.auc_score(is_test, np.column_stack([-values, values]))


def _rates(values: np.ndarray, is_test: np.ndarray) -> np.ndarray:
    """Return for each of N rows the share of test rows among other rows with the same value, as (N,) float.

    values (N,): the values of the column as numbers; is_test (N,): 1 for test rows, 0 for training rows. The rows are
    divided at random into PARTS parts. For each row, only rows in other parts than its own are counted. One row with
    the overall share of test rows is added, so a value that is in no other part gets the overall share.
    """
    kind, rate = np.unique(values, return_inverse=True)[1], is_test.mean()
    part = np.random.default_rng(0).permutation(len(values)) % PARTS
    count = np.zeros((PARTS, kind.max() + 1))
    tests = count.copy()
    np.add.at(count, (part, kind), 1)
    np.add.at(tests, (part, kind), is_test)
    others = count.sum(0)[kind] - count[part, kind], tests.sum(0)[kind] - tests[part, kind]
    return (others[1] + rate) / (others[0] + 1)


def _most_frequent(column: pd.Series) -> str:
    counts = column.astype(str).where(column.notna(), "").value_counts()
    return f"{counts.index[0] or '(empty)'} ({counts.iloc[0] / len(column):.0%})"
