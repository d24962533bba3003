"""Columns that the tables of the training and the test photos share, as values that a model may learn from."""

from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.competition.layout import template, test_table, training_table
from comp.competition.layout.find_sample_submission import read_sample
from comp.competition.layout.photo_paths import PhotoRows
from comp.competition.settings import Settings, parse


def read_columns(competition: Competition, inputs: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns that both tables have, but for the labels: a row per photo, with the index "image" (test: id, image).

    A column is numbers where all values of the training table are; what is no number in the test table is then NaN.
    Other columns are text, "" for empty fields.
    """
    settings = parse(competition.source)
    train = training_table.training_photos(settings, inputs)
    sample = read_sample(settings, inputs, competition.sample.file)
    test, ids = test_table.test_photos(competition, inputs, sample)
    labels = {*settings.listed("label"), *settings.attributes, *competition.sample.columns}
    shared = [name for name in train.table if name in test.table and name not in labels]
    first, second = _of(train, shared), _of(test, shared)
    first = first.apply(training_table.numbers_if_all_are)
    for name in shared:
        if pd.api.types.is_numeric_dtype(first[name]):
            second[name] = pd.to_numeric(second[name].where(second[name] != ""), errors="coerce")
    first = first.set_axis(pd.Index(train.images.to_numpy(), name="image"))
    second = second.set_axis(pd.MultiIndex.from_arrays([ids, test.images.to_numpy()], names=["id", "image"]))
    return first[~first.index.duplicated()], second[~second.index.duplicated()]


def _of(rows: PhotoRows, names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name: np.asarray(rows.table[name].fillna(""), dtype=object) for name in names})


def names_of_rows(settings: Settings) -> set[str]:
    """The columns that say which photo, prediction or group a row is: a model learns nothing from names."""
    templates = (settings.train_images, settings.test_images, settings.id, *settings.listed("group"))
    fields = {name for text in templates if "{" in text for name in template.fields(text)}
    return fields | {text for text in templates if "{" not in text}
