"""The group of each training photo: rows of one group stay in one fold.

The training rows: photos, groups, labels, attributes and kept columns.

The test rows: the photos of each prediction id of the sample submission.

Columns that the tables of the training and the test photos share, as values that a model may learn from.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.competition.competition_toml import Settings, parse_settings
from comp.errors import InputError, listed
from comp.inputs import label_columns, path_templates, photo_paths
from comp.inputs.photo_paths import PhotoRows, test_photo_template
from comp.inputs.sample_submission import SampleFile, sample_file
from comp.inputs.source_table import SourceTable, check_columns, read_source

BETWEEN = "_"  # joins the values of several columns


def groups_of(rows: PhotoRows, settings: Settings) -> pd.Series:
    """The group (N,) of each photo as text, from columns, a template, or a pattern that is found in the path.

    A photo is a group of its own, named by its path, if no groups are given or if its columns are empty. Raises
    InputError for a missing column, and for a path that the pattern does not match.
    """
    if settings.group_pattern:
        return _by_pattern(rows, settings.group_pattern)
    if not settings.group:
        return rows.images
    text = _template(settings.listed("group"))
    columns = path_templates.fields(text)
    check_columns(rows.table, columns, "group", rows.file)
    empty = (rows.table[columns] == "").all(axis=1)
    return path_templates.fill(text, rows.table).where(~empty, rows.images)


def _template(names: tuple[str, ...]) -> str:
    """The given template, or a template that joins the given columns."""
    if len(names) == 1 and "{" in names[0]:
        return names[0]
    return BETWEEN.join(f"{{{name}}}" for name in names)


def _by_pattern(rows: PhotoRows, pattern: str) -> pd.Series:
    found = rows.images.str.extract(pattern)[0]
    if found.isna().any():
        paths = rows.images[found.isna()].tolist()
        raise InputError(
            f"group_pattern = {pattern!r} does not match {len(paths)} path(s):{listed(paths)}",
            "a match in each photo's path",
            "edit group_pattern in competition.toml",
        )
    return found


def read_training_rows(competition: Competition, inputs: Path) -> pd.DataFrame:
    """One row per training photo, as comp.competition.tables describes it."""
    settings = parse_settings(competition.source)
    rows = training_photos(settings, inputs)
    attributes = label_columns.attribute_columns(rows, competition)
    columns = {"image": rows.images, "group": groups_of(rows, settings)}
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
    rows = photo_paths.find_photos(inputs, settings.train_images, source, "train_images")
    return rows if source is not None else _without_test_photos(rows, settings)


def labelled_rows(settings: Settings, inputs: Path) -> PhotoRows:
    """The rows from which the classes are read. Photos are searched only if the labels are in the paths."""
    if settings.train:
        source = read_source(inputs, settings.train, "train")
        columns = settings.attributes or settings.listed("label")
        if set(columns) <= set(source.table) or set(path_templates.fields(settings.train_images)) <= set(source.table):
            return PhotoRows(source.table, pd.Series("", index=source.table.index), source)
    return training_photos(settings, inputs)


def _without_test_photos(rows: PhotoRows, settings: Settings) -> PhotoRows:
    """Leave out the folder of the test photos: a template such as {label}/{id}.jpg matches it too."""
    folder = path_templates.literal_folder(settings.test_images)
    own = path_templates.literal_folder(settings.train_images)
    if not folder or f"{own}/".startswith(f"{folder}/"):
        return rows
    test = rows.images.str.startswith(f"{folder}/")
    return PhotoRows(rows.table[~test], rows.images[~test], rows.source)


def prediction_ids(rows: PhotoRows, settings: Settings) -> pd.Series:
    """The prediction id (N,) of each training photo, for `combine`."""
    text = settings.id if "{" in settings.id else f"{{{settings.id or 'id'}}}"
    check_columns(rows.table, path_templates.fields(text), "id (needed for `combine`)", rows.file)
    return path_templates.fill(text, rows.table)


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
        raise InputError(
            f"{len(shown)} rows of {rows.file} give one photo different labels:{listed(shown)}",
            "one row per photo",
            f"delete the wrong rows of {rows.file}",
        )
    return table.reset_index(drop=True)


def read_test_rows(competition: Competition, inputs: Path) -> pd.DataFrame:
    """Columns id and image, in the order of the sample; with `combine` an id may have several rows."""
    sample = sample_file(parse_settings(competition.source), inputs, competition.sample.file)
    rows, ids = test_photos(competition, inputs, sample)
    table = pd.DataFrame({"id": ids, "image": rows.images.to_numpy()})
    _check_ids(table, sample, competition, rows.source)
    place = pd.Index(sample.table[sample.id]).get_indexer(table["id"])
    return table.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def test_photos(competition: Competition, inputs: Path, sample: SampleFile) -> tuple[PhotoRows, np.ndarray]:
    """The photos of the test rows in the order of their table, with its columns, and their prediction ids (M,)."""
    settings = parse_settings(competition.source)
    source, ids = _rows_of_sample(settings, sample, competition.sample.columns, Path(inputs))
    images = test_photo_template(settings, inputs, source.table, sample.id)
    rows = photo_paths.find_photos(inputs, images, source, "test_images")
    return rows, ids.loc[rows.table.index].to_numpy()


def _rows_of_sample(
    settings: Settings, sample: SampleFile, filled: tuple[str, ...], inputs: Path
) -> tuple[SourceTable, pd.Series]:
    """The rows of the test table that the sample asks for, or the rows of the sample; and their prediction ids."""
    wanted = sample.table[sample.id]
    if not settings.test:
        # the columns to fill hold example answers: they must not become a part of a path
        table = sample.table.drop(columns=[name for name in filled if name in sample.table])
        return SourceTable(inputs / sample.path, len(table), table), wanted
    source = read_source(inputs, settings.test, "test")
    ids = _sample_ids(settings, source, sample)
    _check_overlap(ids, wanted, source, sample)
    asked = ids.isin(wanted)
    table = source.table.assign(**{} if sample.id in source.table else {sample.id: ids})
    return SourceTable(source.path, source.size, table[asked]), ids[asked]


def _sample_ids(settings: Settings, source: SourceTable, sample: SampleFile) -> pd.Series:
    """The prediction id of each test row: from `id`, else from the column with the same name as in the sample."""
    if "{" in settings.id:
        check_columns(source.table, path_templates.fields(settings.id), "id", str(source.path))
        return path_templates.fill(settings.id, source.table)
    same = [name for name in source.table if name.lower() == sample.id.lower()]
    name = settings.id or (sample.id if sample.id in source.table else next(iter(same), sample.id))
    check_columns(source.table, (name,), "id", str(source.path))
    return source.table[name]


def _check_overlap(ids: pd.Series, wanted: pd.Series, source: SourceTable, sample: SampleFile) -> None:
    missing = wanted[~wanted.isin(ids)].tolist()
    if missing:
        found = f"{len(missing)} of {len(wanted)} ids of {sample.path} are not in {source.path}:{listed(missing)}"
        raise InputError(
            found,
            f"a row for each; {source.path.name} has ids such as {ids.iloc[0]}",
            "edit id, test or sample in competition.toml",
        )


def _check_ids(table: pd.DataFrame, sample: SampleFile, competition: Competition, source: SourceTable) -> None:
    repeated = table["id"][table["id"].duplicated()].unique().tolist()
    if repeated and not competition.combine:
        raise InputError(
            f"{len(repeated)} id(s) of {source.path} have several photos:{listed(repeated)}",
            "one photo per id of the sample",
            'combine = "mean" (or "max") in competition.toml, and `id` by columns',
        )


def read_shared_columns(competition: Competition, inputs: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns that both tables have, but for the labels: a row per photo, with the index "image" (test: id, image).

    A column is numbers where all values of the training table are; what is no number in the test table is then NaN.
    Other columns are text, "" for empty fields.
    """
    settings = parse_settings(competition.source)
    train = training_photos(settings, inputs)
    sample = sample_file(settings, inputs, competition.sample.file)
    test, ids = test_photos(competition, inputs, sample)
    labels = {*settings.listed("label"), *settings.attributes, *competition.sample.columns}
    shared = [name for name in train.table if name in test.table and name not in labels]
    first, second = _of(train, shared), _of(test, shared)
    first = first.apply(numbers_if_all_are)
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
    fields = {name for text in templates if "{" in text for name in path_templates.fields(text)}
    return fields | {text for text in templates if "{" not in text}
