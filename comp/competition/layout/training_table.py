"""The training rows: photos, groups, labels, attributes and kept columns."""

from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.competition.layout import groups, label_columns, photo_paths, template
from comp.competition.layout.photo_paths import PhotoRows
from comp.competition.layout.source_table import check_columns, read_source
from comp.competition.settings import Settings, parse
from comp.errors import InputError, listed


def read_train(competition: Competition, inputs: Path) -> pd.DataFrame:
    """One row per training photo, as comp.competition.tables describes it."""
    settings = parse(competition.source)
    rows = training_photos(settings, inputs)
    attributes = label_columns.attribute_columns(rows, competition)
    columns = {"image": rows.images, "group": groups.groups_of(rows, settings)}
    columns["label"] = label_columns.labels_of(rows, competition, settings, attributes)
    columns |= attributes
    if competition.combine:
        columns["id"] = prediction_ids(rows, settings)
    for name in dict.fromkeys((*settings.columns, *(one.column for one in competition.ranges))):
        check_columns(rows.table, (name,), "columns", rows.file)
        columns[name] = numbers_if_all_are(rows.table[name])
    table = pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})
    return _each_photo_once(table, rows)


def training_photos(settings: Settings, inputs: Path) -> PhotoRows:
    """The photos of the training rows; without a table, all photos that match the template, except test photos."""
    source = read_source(inputs, settings.train, "train") if settings.train else None
    rows = photo_paths.find(inputs, settings.train_images, source, "train_images")
    return rows if source is not None else _without_test_photos(rows, settings)


def labelled_rows(settings: Settings, inputs: Path) -> PhotoRows:
    """The rows from which the classes are read. Photos are searched only if the labels are in the paths."""
    if settings.train:
        source = read_source(inputs, settings.train, "train")
        columns = settings.attributes or settings.listed("label")
        if set(columns) <= set(source.table) or set(template.fields(settings.train_images)) <= set(source.table):
            return PhotoRows(source.table, pd.Series("", index=source.table.index), source)
    return training_photos(settings, inputs)


def _without_test_photos(rows: PhotoRows, settings: Settings) -> PhotoRows:
    """Leave out the folder of the test photos: a template such as {label}/{id}.jpg matches it too."""
    folder = template.literal_folder(settings.test_images)
    own = template.literal_folder(settings.train_images)
    if not folder or f"{own}/".startswith(f"{folder}/"):
        return rows
    test = rows.images.str.startswith(f"{folder}/")
    return PhotoRows(rows.table[~test], rows.images[~test], rows.source)


def prediction_ids(rows: PhotoRows, settings: Settings) -> pd.Series:
    """The prediction id (N,) of each training photo, for `combine`."""
    text = settings.id if "{" in settings.id else f"{{{settings.id or 'id'}}}"
    check_columns(rows.table, template.fields(text), "id (needed for `combine`)", rows.file)
    return template.fill(text, rows.table)


def numbers_if_all_are(column: pd.Series) -> pd.Series:
    """The column as numbers if all its values are numbers, with NaN for empty fields; else as text."""
    numbers = pd.to_numeric(column.where(column != ""), errors="coerce")
    return numbers if (numbers.notna() | (column == "")).all() and numbers.notna().any() else column


def _each_photo_once(table: pd.DataFrame, rows: PhotoRows) -> pd.DataFrame:
    """Drop rows that repeat a photo with the same label. Raises InputError if its labels differ."""
    repeated = table["image"].duplicated(keep=False).to_numpy()
    if not repeated.any():
        return table
    table, names = table.drop_duplicates(["image", "label"]), np.array(rows.named(np.ones(len(table), bool)))
    twice = table["image"].duplicated(keep=False)
    if twice.any():
        shown = [f"{names[i]}: {table['image'][i]} is {table['label'][i]}" for i in table.index[twice]]
        raise InputError(f"{len(shown)} rows of {rows.file} give one photo different labels:{listed(shown)}",
                         "one row per photo", f"delete the wrong rows of {rows.file}")  # fmt: skip
    return table.reset_index(drop=True)
