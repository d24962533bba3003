"""Collect and prepare the input of a classifier: for each row a vector, and columns of the competition's tables.

The vector of a row is the embedding of its photo, or the predictions that other runs made for the row. The setting
`columns` names the columns, which both the training table and the test table must have. Scaling, imputing and one-hot
encoding are fitted on training rows alone.

Letters in the shapes: N rows, M test rows, D numbers in a vector, T columns, F features.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp import console
from comp.competition.auxiliary_targets import taken_for
from comp.errors import InputError
from comp.inputs.input_tables import InputTables
from comp.inputs.mask_gender_age import MaskGenderAgeTables
from comp.text import split_names

RARE = 2  # all categories that have fewer training rows than this are joined to one category


@dataclass(frozen=True)
class RowValues:
    """The input of a classifier for N rows, before scaling, imputing and one-hot encoding.

    vectors (N, D) float32: the embeddings of the rows, or the predictions of other runs. columns (N, T): the chosen
    columns of the competition's tables. An empty field is NaN in a column of numbers and "" in a column of text.
    """

    vectors: np.ndarray
    columns: pd.DataFrame

    @property
    def has_both(self) -> bool:
        """Whether the rows have both vectors and columns."""
        return self.vectors.shape[1] > 0 and not self.columns.empty

    def at(self, rows: np.ndarray) -> "RowValues":
        """Return the values of some rows. rows: their positions, or a bool array (N,) that is True for them."""
        return RowValues(self.vectors[rows], self.columns.iloc[rows])

    def digest(self) -> str:
        """Return a hash of all values: the first 16 hexadecimal digits of SHA-256."""
        sha = hashlib.sha256(str(self.vectors.shape).encode())
        sha.update(np.ascontiguousarray(self.vectors))
        sha.update(self.columns.to_csv(index=False).encode())
        return sha.hexdigest()[:16]


# ---- columns of the tables


def chosen_columns(
    text: str, tables: InputTables | MaskGenderAgeTables, images: Sequence[str], test: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables with the chosen columns: (N, T) for the training photos and (M, T) for the test rows.

    text: the setting `columns`, which is a list of names with commas between them, "all" for all columns except those
    that only identify a row, or "" for no columns. tables: the tables of the competition. images (N,): the paths of the
    training photos. test: a table with the id and the path (image) of each test row. Raises InputError if a chosen
    column is not in both the training table and the test table.
    """
    if not text:
        return pd.DataFrame(index=range(len(images))), pd.DataFrame(index=range(len(test)))
    of_train, of_test, usual = tables.shared_columns
    names = usual if text == "all" else list(dict.fromkeys(split_names(text, of_train.columns.__contains__)))
    missing = [name for name in names if name not in of_train]
    if missing or not names:
        raise _not_shared(missing, text, list(of_train), usual)
    test_rows = pd.MultiIndex.from_frame(test[["id", "image"]])
    console.say(f"columns: {', '.join(map(_described, (of_train[name] for name in names)))}")
    train, test_columns = of_train[names].loc[np.asarray(images)], of_test[names].loc[test_rows]
    return train.reset_index(drop=True), test_columns.reset_index(drop=True)


def _described(column: pd.Series) -> str:
    return taken_for(column.name, pd.api.types.is_numeric_dtype(column), column.nunique())


def _not_shared(missing: list[str], text: str, known: list[str], usual: list[str]) -> InputError:
    wanted = f"columns={', '.join(missing) or text}"
    problem = f"{wanted} names no column that both the training table and the test table have"
    expected = f"columns that both tables have: {', '.join(known) or 'there are none'}"
    other = f"columns={usual[0]} or columns=all in SET" if usual else "columns= left out of SET"
    return InputError(problem, expected, f"the same command with {other}")


# ---- preparation


class Preparation:
    """Turns RowValues into features. It standardises vectors and numbers, and encodes text columns one-hot.

    A missing number becomes the median of its column. `fit` learns means, standard deviations, principal components,
    medians and categories from training rows. components: the number of principal components to which the vectors are
    reduced; 0 means that they are not reduced. seed: the random seed of the principal components.
    """

    def __init__(self, components: int, seed: int):
        self.components, self.seed = components, seed

    def fit(self, values: RowValues) -> "Preparation":
        """Fit the scaling, imputing and encoding to training rows, and return this object."""
        self._parts = []  # (the name of a field of RowValues, the fitted transformer)
        if values.vectors.shape[1]:
            self._parts.append(("vectors", self._for_vectors(values.vectors.shape).fit(values.vectors)))
        if not values.columns.empty:
            self._parts.append(("columns", _for_columns(values.columns).fit(values.columns)))
        return self

    def transform(self, values: RowValues, factor: float = 1.0) -> np.ndarray:
        """Return the features (N, F) float32 that the classifier takes.

        values: the input of any N rows. factor: multiplies the features that come from columns.
        """
        factors = {"vectors": 1.0, "columns": factor}
        features = [factors[name] * part.transform(getattr(values, name)) for name, part in self._parts]
        return np.hstack(features).astype(np.float32)

    def _for_vectors(self, shape: tuple[int, int]):
        from sklearn.decomposition import PCA
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        kept = min(self.components, *shape)
        steps = [PCA(kept, random_state=self.seed), StandardScaler()] if kept else []
        return make_pipeline(StandardScaler(), *steps)


def _for_columns(columns: pd.DataFrame):
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [name for name in columns if pd.api.types.is_numeric_dtype(columns[name])]
    words = [name for name in columns if name not in numbers]
    # add_indicator adds a column that marks missing values, because it may matter that a value is missing
    filled = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE, sparse_output=False)
    parts = [("numbers", make_pipeline(filled, StandardScaler()), numbers), ("words", one_hot, words)]
    return ColumnTransformer([part for part in parts if part[2]])
