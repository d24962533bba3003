"""The columns of the tables that a run's setting `columns` names, for each training and each test row.

What a classifier sees of each row, and the preparation that is learned on training rows alone.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.inputs import loading
from comp.text import split_names


def chosen_columns(
    text: str, competition: Competition, inputs: Path, images, test: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns (N, T) of the photos `images` (N,), and (M, T) of the test rows (id, image), in their orders.

    text: names with commas between, "all" for every column that is no name of a row, or "" for none. Raises InputError
    for a column that is not in both tables, and lists those that are.
    """
    if not text:
        return pd.DataFrame(index=range(len(images))), pd.DataFrame(index=range(len(test)))
    train, of_test, usual = loading.shared_columns(competition, inputs)
    names = usual if text == "all" else list(dict.fromkeys(split_names(text, train.columns.__contains__)))
    missing = [name for name in names if name not in train]
    if missing or not names:
        raise _not_shared(missing, text, list(train), usual)
    places = pd.MultiIndex.from_frame(test[["id", "image"]])
    chosen = train[names].loc[np.asarray(images)], of_test[names].loc[places]
    return tuple(one.reset_index(drop=True) for one in chosen)


def _not_shared(missing: list[str], text: str, known: list[str], usual: list[str]) -> InputError:
    found = f"no column {', '.join(missing)} in both tables" if missing else f"columns={text}: the tables share none"
    expected = f"columns that the training and the test table have: {', '.join(known) or 'none'}"
    other = f"columns={usual[0]} or columns=all in SET" if usual else "columns= left out of SET"
    return InputError(found, expected, f"the same command with {other}")


RARE = 2  # categories of fewer training rows are one category together


@dataclass(frozen=True)
class RowValues:
    """vectors (N, D) float32: embeddings, or predictions of runs; columns (N, T): numbers with NaN, or text with ""."""

    vectors: np.ndarray
    columns: pd.DataFrame

    def at(self, rows: np.ndarray) -> "RowValues":
        """The values of some rows."""
        return RowValues(self.vectors[rows], self.columns.iloc[rows])

    def digest(self) -> str:
        """SHA-256 of all values, first 16 hexadecimal digits."""
        sha = hashlib.sha256(str(self.vectors.shape).encode())
        sha.update(np.ascontiguousarray(self.vectors))
        sha.update(self.columns.to_csv(index=False).encode())
        return sha.hexdigest()[:16]


class Preparation:
    """Standardised vectors (their principal components, if asked for), imputed numbers and one-hot categories.

    Means, deviations, components, medians and categories are learned from the rows that `fit` is given.
    """

    def __init__(self, components: int, seed: int):
        self.components, self.seed = components, seed

    def fit(self, values: RowValues) -> "Preparation":
        """Learn from the training rows."""
        self.parts = [self._vectors(values), self._columns(values)]
        for part, given in zip(self.parts, (values.vectors, values.columns), strict=True):
            if part is not None:
                part.fit(given)
        return self

    def transform(self, values: RowValues) -> np.ndarray:
        """(N, F) float32 of any rows."""
        given = zip(self.parts, (values.vectors, values.columns), strict=True)
        return np.hstack([part.transform(one) for part, one in given if part is not None]).astype(np.float32)

    def _vectors(self, values: RowValues):
        from sklearn.decomposition import PCA
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if not values.vectors.shape[1]:
            return None
        kept = min(self.components, *values.vectors.shape)
        steps = [PCA(kept, random_state=self.seed), StandardScaler()] if kept else []
        return make_pipeline(StandardScaler(), *steps)

    def _columns(self, values: RowValues):
        from sklearn.compose import ColumnTransformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        if values.columns.empty:
            return None
        numbers = [name for name in values.columns if pd.api.types.is_numeric_dtype(values.columns[name])]
        words = [name for name in values.columns if name not in numbers]
        # an indicator of empty fields: that a value is missing may say something
        filled = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE, sparse_output=False)
        parts = [("numbers", make_pipeline(filled, StandardScaler()), numbers), ("words", one_hot, words)]
        return ColumnTransformer([part for part in parts if part[2]])
