"""Make the training rows and the test rows, and find the columns that the training table and the test table share.

The functions in this module open no file. input_tables.py reads the files and calls the functions.

Training rows: one row per photo.

| column            | content                                                                             |
|-------------------|-------------------------------------------------------------------------------------|
| image             | path of the photo, relative to inputs, with forward slashes; unique                 |
| group             | text; rows with equal text stay in one fold; the path of the photo if there are no groups |
| label             | class index; for multilabel class indices separated by spaces, or ""; for regression a float |
| attributes        | one int column for each property of the classes, such as colour, with the index of its value |
| id                | only if several photos may share an id and get one answer (key `combine`): the id of the photo |
| further columns   | `columns` of competition.toml, and the columns of `ranges`; as numbers if all values are numbers |

Test rows: id and image, in the order of the sample submission. An id has several rows if it has several photos.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.competition.competition_toml import Settings
from comp.competition.scored_rows import check_same
from comp.errors import InputError, listed
from comp.inputs import label_columns, path_templates
from comp.inputs.photo_paths import PhotoRows
from comp.inputs.sample_submission import SampleFile
from comp.inputs.source_table import SourceTable, check_columns

BETWEEN = "_"  # joins the values of several columns

# ---- training rows


def training_rows(rows: PhotoRows, competition: Competition, settings: Settings) -> pd.DataFrame:
    """Return a row for each training photo: its path (image), group, label, attributes and further columns.

    rows: the training photos, with the columns of the training table. Raises InputError for a missing column, for a
    label that is not a class, for a photo with two different labels, and for photos that get one answer (key `combine`)
    but have different labels.
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
    table = _each_photo_once(pd.DataFrame({name: np.asarray(values) for name, values in columns.items()}), rows)
    if competition.combine:
        check_same(table, "label", rows.file, f"correct the labels in {rows.file}, or `id` in competition.toml")
    return table


def without_test_photos(rows: PhotoRows, settings: Settings) -> PhotoRows:
    """Return the training photos without the photos in the folder of the test photos.

    A path template such as {label}/{id}.jpg matches test photos too, because their folder can be taken for a label.
    `rows` is returned unchanged if all training photos are in the folder of the test photos, or if the key
    `test_images` of competition.toml gives no folder.
    rows: the photos that match the template of the training photos.
    """
    folder = path_templates.literal_folder(settings.test_images)
    own = path_templates.literal_folder(settings.train_images)
    if not folder or f"{own}/".startswith(f"{folder}/"):
        return rows
    test = rows.images.str.startswith(f"{folder}/")
    return PhotoRows(rows.table[~test], rows.images[~test], rows.source)


def _groups(rows: PhotoRows, settings: Settings) -> pd.Series:
    """Return the group of each photo as text (N,). Photos of one group stay in one fold.

    The key `group` of competition.toml names columns, or puts them in braces as in {patient}_{side}. The key
    `group_pattern` is a regular expression that finds the group in the path of the photo. Without both keys, or if the
    columns are empty for a photo, the group is the path of the photo. Raises InputError for a missing column, and for a
    path that the regular expression does not match.
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
            "a regular expression that matches a part of the path of each photo",
            "edit group_pattern in competition.toml",
        )
    return groups


def _prediction_ids(rows: PhotoRows, settings: Settings) -> pd.Series:
    """Return the id of each training photo (N,), for a competition in which photos with the same id get one answer."""
    template = settings.id if "{" in settings.id else f"{{{settings.id or 'id'}}}"
    check_columns(rows.table, path_templates.fields(template), "id", rows.file)
    return path_templates.fill(template, rows.table)


def _numbers_if_all_are(column: pd.Series) -> pd.Series:
    """Return the column as numbers, with NaN for empty fields, if all other fields are numbers.

    Otherwise, or if all fields are empty, the column is returned unchanged.
    """
    numbers = pd.to_numeric(column.where(column != ""), errors="coerce")
    return numbers if (numbers.notna() | (column == "")).all() and numbers.notna().any() else column


def _each_photo_once(table: pd.DataFrame, rows: PhotoRows) -> pd.DataFrame:
    """Return the table without rows that repeat the photo and the label of an earlier row.

    table: the training rows; rows: their photos, for the error. Raises InputError if a photo has two different labels.
    """
    repeated = table["image"].duplicated(keep=False).to_numpy()
    if not repeated.any():
        return table
    table, names = table.drop_duplicates(["image", "label"]), np.array(rows.named(np.ones(len(table), bool)))
    twice = table["image"].duplicated(keep=False)
    if twice.any():
        shown = [f"{names[i]}: {table['image'][i]} has the label {table['label'][i]}" for i in table.index[twice]]
        raise InputError(
            f"{len(shown)} rows of {rows.file} give the same photos different labels:{listed(shown)}",
            "one label per photo",
            f"delete the wrong rows of {rows.file}",
        )
    return table.reset_index(drop=True)


# ---- test rows


def rows_of_sample(
    settings: Settings, sample: SampleFile, filled: tuple[str, ...], test: SourceTable | None, inputs: Path
) -> tuple[SourceTable, pd.Series]:
    """Return the test rows whose ids are in the sample submission, and these ids.

    filled: the names of the columns that a submission must fill; test: the test table, or None to take the rows of the
    sample submission as test rows. Raises InputError if the test table lacks an id of the sample submission.
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
            f"a row for each id of the sample submission; {test.path.name} has ids such as {ids.iloc[0]}",
            "edit id, test or sample in competition.toml",
        )
    asked = ids.isin(wanted)
    table = test.table if sample.id in test.table else test.table.assign(**{sample.id: ids})
    return SourceTable(test.path, test.size, table[asked]), ids[asked]


def _sample_ids(settings: Settings, test: SourceTable, sample: SampleFile) -> pd.Series:
    """Return the id of each row of the test table, as the sample submission has it.

    The key `id` of competition.toml names the column of ids, or puts several columns in braces, as in {patient}_{side}.
    Without this key, the ids are in the column that has the same name as the column of ids in the sample submission.
    Raises InputError if a column is missing.
    """
    if "{" in settings.id:
        check_columns(test.table, path_templates.fields(settings.id), "id", str(test.path))
        return path_templates.fill(settings.id, test.table)
    same = [name for name in test.table if name.lower() == sample.id.lower()]
    name = settings.id or (sample.id if sample.id in test.table else next(iter(same), sample.id))
    check_columns(test.table, (name,), "id", str(test.path))
    return test.table[name]


def test_rows(rows: PhotoRows, ids: np.ndarray, sample: SampleFile, competition: Competition) -> pd.DataFrame:
    """Return a row for each test photo, with the columns id and image, in the order of the sample submission.

    The column image is the path of the photo. rows: the M test photos; ids (M,): the id of each photo in the sample
    submission. Raises InputError if several photos have the same id, unless competition.toml has the key `combine`.
    """
    table = pd.DataFrame({"id": ids, "image": rows.images.to_numpy()})
    repeated = table["id"][table["id"].duplicated()].unique().tolist()
    if repeated and not competition.combine:
        raise InputError(
            f"{len(repeated)} id(s) of {rows.file} have several photos:{listed(repeated)}",
            "one photo for each id of the sample submission, or the key `combine` in competition.toml",
            'write combine = "mean" or combine = "max" in competition.toml, '
            "and set `id` to columns that the training table and the test table have",
        )
    place = pd.Index(sample.table[sample.id]).get_indexer(table["id"])
    return table.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


# ---- columns that both tables share


def shared_columns(
    train: PhotoRows, test: PhotoRows, ids: np.ndarray, competition: Competition, settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the columns that the training table and the test table share, without labels, as two tables.

    The first table has a row for each training photo, and its index is the path (image). The second table has a row for
    each test photo, and its index is the id in the sample submission and the path (id, image). A column holds numbers
    if all its training values are numbers; a test value that is not a number then becomes NaN. Other columns hold text,
    with "" for empty fields.
    train, test: the photos, each with the columns of its table row; ids: the id of each test photo.
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
    """Return the names of the columns that only identify a photo, an id of the sample submission or a group.

    A model does not get these columns as inputs, because their values do not describe the photo.
    """
    templates = (settings.train_images, settings.test_images, settings.id, *settings.listed("group"))
    fields = {name for text in templates if "{" in text for name in path_templates.fields(text)}
    return fields | {text for text in templates if "{" not in text}
