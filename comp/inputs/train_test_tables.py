"""Make the training rows, the test rows and the columns that both tables share from tables and photos.

The functions here open no file. input_tables.py reads the files and calls the functions.

Training rows: one row per photo.

| column            | content                                                                             |
|-------------------|-------------------------------------------------------------------------------------|
| image             | path relative to inputs, posix; unique                                              |
| group             | text, the same for rows that stay in one fold; the image itself without groups      |
| label             | class index; multilabel: class indices with spaces between, "" for none; regression: float |
| attributes        | one int column per attribute: the index of its value                                |
| id                | prediction id of the photo, only if the competition combines photos                 |
| kept columns      | `columns` of competition.toml, and the columns of `ranges`; as numbers if all values are numbers |

Test rows: id and image, in the order of the sample submission. An id has several rows if it has several photos.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.competition.competition_toml import Settings
from comp.errors import InputError, listed
from comp.inputs import label_columns, path_templates
from comp.inputs.photo_paths import PhotoRows
from comp.inputs.sample_submission import SampleFile
from comp.inputs.source_table import SourceTable, check_columns

BETWEEN = "_"  # joins the values of several columns

# ---- training rows


def training_rows(rows: PhotoRows, competition: Competition, settings: Settings) -> pd.DataFrame:
    """Return the training rows with the columns of the table above. rows: the photos and the training table's columns.

    Raises InputError for a missing column, a label that is not a class, and a photo with two different labels.
    """
    attributes = label_columns.attribute_columns(rows, competition)
    columns = {"image": rows.images, "group": _groups(rows, settings)}
    columns["label"] = label_columns.labels_of(rows, competition, settings, attributes)
    columns |= attributes
    if competition.combine:
        columns["id"] = _prediction_ids(rows, settings)
    for name in dict.fromkeys((*settings.columns, *(number_range.column for number_range in competition.ranges))):
        check_columns(rows.table, (name,), "columns", rows.file)
        columns[name] = _numbers_if_all_are(rows.table[name])
    table = pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})
    return _each_photo_once(table, rows)


def without_test_photos(rows: PhotoRows, settings: Settings) -> PhotoRows:
    """Return the rows without photos in the folder of the test photos, which {label}/{id}.jpg would match too."""
    folder = path_templates.literal_folder(settings.test_images)
    own = path_templates.literal_folder(settings.train_images)
    if not folder or f"{own}/".startswith(f"{folder}/"):
        return rows
    test = rows.images.str.startswith(f"{folder}/")
    return PhotoRows(rows.table[~test], rows.images[~test], rows.source)


def _groups(rows: PhotoRows, settings: Settings) -> pd.Series:
    """Return the group (N,) of each photo as text, from columns, a template, or a pattern that is searched in the path.

    If no groups are given, or if the columns of a photo are empty, the photo is a group of its own, named by its path.
    Raises InputError for a missing column, and for a path that the pattern does not match.
    """
    if settings.group_pattern:
        return _groups_by_pattern(rows, settings.group_pattern)
    if not settings.group:
        return rows.images
    names = settings.listed("group")
    is_template = len(names) == 1 and "{" in names[0]
    template = names[0] if is_template else BETWEEN.join(f"{{{name}}}" for name in names)
    columns = path_templates.fields(template)
    check_columns(rows.table, columns, "group", rows.file)
    empty = (rows.table[columns] == "").all(axis=1)
    return path_templates.fill(template, rows.table).where(~empty, rows.images)


def _groups_by_pattern(rows: PhotoRows, pattern: str) -> pd.Series:
    groups = rows.images.str.extract(pattern)[0]
    if groups.isna().any():
        paths = rows.images[groups.isna()].tolist()
        raise InputError(
            f"group_pattern = {pattern!r} does not match {len(paths)} path(s):{listed(paths)}",
            "a pattern that matches in the path of each photo",
            "edit group_pattern in competition.toml",
        )
    return groups


def _prediction_ids(rows: PhotoRows, settings: Settings) -> pd.Series:
    """Return the prediction id (N,) of each training photo, for a competition that combines photos."""
    template = settings.id if "{" in settings.id else f"{{{settings.id or 'id'}}}"
    check_columns(rows.table, path_templates.fields(template), "id (needed for `combine`)", rows.file)
    return path_templates.fill(template, rows.table)


def _numbers_if_all_are(column: pd.Series) -> pd.Series:
    """Return a column of numbers as numbers, with NaN for empty fields. Any other column is returned unchanged."""
    numbers = pd.to_numeric(column.where(column != ""), errors="coerce")
    return numbers if (numbers.notna() | (column == "")).all() and numbers.notna().any() else column


def _each_photo_once(table: pd.DataFrame, rows: PhotoRows) -> pd.DataFrame:
    """Drop rows that repeat a photo and its label. Raises InputError if a photo has two different labels."""
    repeated = table["image"].duplicated(keep=False).to_numpy()
    if not repeated.any():
        return table
    table, names = table.drop_duplicates(["image", "label"]), np.array(rows.named(np.ones(len(table), bool)))
    twice = table["image"].duplicated(keep=False)
    if twice.any():
        shown = [f"{names[i]}: {table['image'][i]} is {table['label'][i]}" for i in table.index[twice]]
        raise InputError(
            f"{len(shown)} rows of {rows.file} give one photo different labels:{listed(shown)}",
            "one label per photo",
            f"delete the wrong rows of {rows.file}",
        )
    return table.reset_index(drop=True)


# ---- test rows


def rows_of_sample(
    settings: Settings, sample: SampleFile, filled: tuple[str, ...], test: SourceTable | None, inputs: Path
) -> tuple[SourceTable, pd.Series]:
    """Return the rows of the test table that the sample asks for, and their prediction ids.

    test: the test table, or None if the rows of the sample itself are the test rows. filled: the columns of the sample
    that a submission fills. Raises InputError for an id of the sample that the test table lacks.
    """
    wanted = sample.table[sample.id]
    if test is None:
        # the columns to fill are dropped, because their example answers must not become a part of a path
        table = sample.table.drop(columns=[name for name in filled if name in sample.table])
        return SourceTable(inputs / sample.path, len(table), table), wanted
    ids = _sample_ids(settings, test, sample)
    missing = wanted[~wanted.isin(ids)].tolist()
    if missing:
        raise InputError(
            f"{len(missing)} of {len(wanted)} ids of {sample.path} are not in {test.path}:{listed(missing)}",
            f"a row for each id of the sample; {test.path.name} has ids such as {ids.iloc[0]}",
            "edit id, test or sample in competition.toml",
        )
    asked = ids.isin(wanted)
    table = test.table if sample.id in test.table else test.table.assign(**{sample.id: ids})
    return SourceTable(test.path, test.size, table[asked]), ids[asked]


def _sample_ids(settings: Settings, test: SourceTable, sample: SampleFile) -> pd.Series:
    """Return the prediction id of each row of the test table.

    The ids are in the column or template that the key `id` names, or else in the column with the name of the sample's.
    """
    if "{" in settings.id:
        check_columns(test.table, path_templates.fields(settings.id), "id", str(test.path))
        return path_templates.fill(settings.id, test.table)
    same = [name for name in test.table if name.lower() == sample.id.lower()]
    name = settings.id or (sample.id if sample.id in test.table else next(iter(same), sample.id))
    check_columns(test.table, (name,), "id", str(test.path))
    return test.table[name]


def test_rows(rows: PhotoRows, ids: np.ndarray, sample: SampleFile, competition: Competition) -> pd.DataFrame:
    """Return the columns id and image, one row per test photo, in the order of the sample.

    rows: the M test photos; ids (M,): their prediction ids. Raises InputError if an id has several photos although the
    competition does not combine photos.
    """
    table = pd.DataFrame({"id": ids, "image": rows.images.to_numpy()})
    repeated = table["id"][table["id"].duplicated()].unique().tolist()
    if repeated and not competition.combine:
        raise InputError(
            f"{len(repeated)} id(s) of {rows.file} have several photos:{listed(repeated)}",
            "one photo per id of the sample, or the key `combine` in competition.toml",
            'write combine = "mean" or combine = "max" in competition.toml, and set `id` to columns of both tables',
        )
    place = pd.Index(sample.table[sample.id]).get_indexer(table["id"])
    return table.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


# ---- columns that both tables share


def shared_columns(
    train: PhotoRows, test: PhotoRows, ids: np.ndarray, competition: Competition, settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the columns that both tables have, except labels, for the training photos and for the test photos.

    Both results have one row per photo. The index of the first is image; the index of the second is id and image. A
    column has numbers if all its training values are numbers; a test value that is not a number then becomes NaN. Other
    columns have text, with "" for empty fields.
    """
    labels = {*settings.listed("label"), *settings.attributes, *competition.sample.columns}
    shared = [name for name in train.table if name in test.table and name not in labels]
    of_train, of_test = _columns_of(train, shared).apply(_numbers_if_all_are), _columns_of(test, shared)
    for name in shared:
        if pd.api.types.is_numeric_dtype(of_train[name]):
            of_test[name] = pd.to_numeric(of_test[name].where(of_test[name] != ""), errors="coerce")
    of_train = of_train.set_axis(pd.Index(train.images.to_numpy(), name="image"))
    of_test = of_test.set_axis(pd.MultiIndex.from_arrays([ids, test.images.to_numpy()], names=["id", "image"]))
    return of_train[~of_train.index.duplicated()], of_test[~of_test.index.duplicated()]


def _columns_of(rows: PhotoRows, names: list[str]) -> pd.DataFrame:
    columns = {name: np.asarray(rows.table[name].fillna(""), dtype=object) for name in names}
    return pd.DataFrame(columns, index=range(len(rows.table)))


def names_of_rows(settings: Settings) -> set[str]:
    """Return the columns that only identify the photo, the prediction id or the group of a row.

    These columns are no inputs of a model, because a model can learn nothing from names.
    """
    templates = (settings.train_images, settings.test_images, settings.id, *settings.listed("group"))
    fields = {name for text in templates if "{" in text for name in path_templates.fields(text)}
    return fields | {text for text in templates if "{" not in text}
