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

from comp import console
from comp.competition import labels
from comp.competition.competition import Competition
from comp.competition.competition_toml import EDIT, Settings, some_of
from comp.competition.scored_rows import check_same
from comp.errors import InputError, listed
from comp.inputs import cell_values, label_columns, path_templates
from comp.inputs.photo_listing import END
from comp.inputs.photo_paths import PhotoRows
from comp.inputs.sample_submission import SampleFile
from comp.inputs.source_table import SourceTable, check_columns
from comp.text import finite_number, one_spelling, same_text

BETWEEN = "_"  # joins the values of several columns

# ---- training rows


def training_rows(rows: PhotoRows, competition: Competition, settings: Settings) -> pd.DataFrame:
    """Return a row for each training photo: its path (image), group, label, attributes and further columns.

    rows: the training photos, with the columns of the training table. Raises InputError for a missing column, for a
    label that is not a class, for a photo with two different labels, and for photos that get one answer (key `combine`)
    but have different labels.
    """
    attributes = label_columns.attribute_columns(rows, competition, settings)
    columns = {"image": rows.images, "group": _groups(rows, settings)}
    columns["label"] = label_columns.labels_of(rows, competition, settings, attributes)
    columns |= attributes
    if competition.combine:
        columns["id"] = _prediction_ids(rows, settings)
    for name in dict.fromkeys((*settings.columns, *(number_range.column for number_range in competition.ranges))):
        check_columns(rows.table, (name,), "columns", rows.file)
        columns[name] = numbers_or_words(rows.table[name], name, settings.decimal)
    table = pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})
    table = _each_photo_once(table, rows, competition, settings)
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
    table = rows.table[columns].apply(one_spelling)
    empty = (table == "").all(axis=1)
    return path_templates.fill(template, table).where(~empty, rows.images)


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


MISSING = (  # words that stand for a missing number, in lower case
    *("unknown", "unk", "undefined", "missing", "na", "n/a", "#n/a", "<na>", "nan", "none", "null", "nil"),
    *("inf", "-inf", "?", "-", "--", "."),
)


FEW_WORDS = 0.1  # a column of words is not mentioned if it has more words for each number


def numbers_or_words(column: pd.Series, name: str, sign: str = "") -> pd.Series:
    """Return the column as numbers, with NaN for empty fields, if all other fields are numbers.

    Words such as unknown or NA among numbers count as empty, with a warning. Other words make the column a column of
    words, which is returned unchanged; there is a warning if nearly all fields are numbers. name: the column's name.
    sign: the sign before the decimals, or "" to recognise it.
    """
    numbers, words = _numbers_and_words(column, sign)
    known = numbers.notna().sum()
    if known and len(words) == 0:
        return numbers
    if known >= len(words) and set(words.str.strip().str.casefold()) <= set(MISSING):
        console.warn(_missing(name, words))
        return numbers
    if len(words) > FEW_WORDS * known:
        return column
    console.warn(
        f"column {name} is taken for words, not for numbers, because {_some(words)} among its values. To make it a "
        "column of numbers, empty these fields in the table"
    )
    return column


def _numbers_and_words(column: pd.Series, sign: str) -> tuple[pd.Series, pd.Series]:
    """Return a column of text as finite numbers, with NaN for all other fields, and those fields that are not empty."""
    numbers = cell_values.to_numbers(column.where(column.str.strip() != ""), sign).replace([np.inf, -np.inf], np.nan)
    return numbers, column[numbers.isna() & (column.str.strip() != "")]


def _missing(name: str, words: pd.Series) -> str:
    return f"column {name} is taken for numbers; a missing value stands in each row with {_some(words)}"


def _some(words: pd.Series) -> str:
    counts = words.value_counts()
    return some_of((f"{word!r} ({count} row{'s' * (count > 1)})" for word, count in counts.items()), 3)


def _each_photo_once(
    table: pd.DataFrame, rows: PhotoRows, competition: Competition, settings: Settings
) -> pd.DataFrame:
    """Return the table with one row for each photo, the first of its rows.

    If the rows of a photo have different labels, they are merged as the key `merge` of competition.toml says. A photo
    of a multilabel competition gets all labels of its rows if they are in one column.
    table: the training rows; rows: their photos, for the error. Raises InputError if a photo has different labels that
    cannot be merged.
    """
    if not table["image"].duplicated().any():
        return table
    once = table.drop_duplicates(["image", "label"])
    several = once["image"].duplicated(keep=False)
    if several.any():
        way = settings.merge or ("union" if competition.target == "multilabel" and _in_one_column(settings) else "")
        if not way:
            raise _different_labels(once[several], rows, competition)
        some = table[table["image"].isin(once["image"][several])]  # all ratings count, also equal ones
        merged = some.groupby("image", sort=False)["label"].agg(MERGED[way])
        once = once.drop_duplicates("image")
        new = once["image"].map(merged)
        once = once.assign(label=new.where(new.notna(), once["label"]).astype(table["label"].dtype))
    return once.reset_index(drop=True)


def _in_one_column(settings: Settings) -> bool:
    return isinstance(settings.label, str)


MERGED = {  # way to merge the labels of one photo: the function of these labels, in the form of folds.csv
    "union": lambda texts: labels.to_text(int(part) for text in texts for part in text.split()),
    "mean": lambda values: values.mean() if values.dtype.kind == "f" else int(values.mean() + 0.5),  # grades are whole
    "vote": lambda classes: classes.value_counts(sort=False).sort_index().idxmax(),  # of equally many, the first class
}
ADVICE = {  # target: how rows with different labels become one row
    "multilabel": 'write merge = "union" in competition.toml, so that a photo gets all labels of its rows',
    "regression": 'write merge = "mean" in competition.toml, so that a photo gets the mean of its numbers',
    "ordinal": 'write merge = "mean" or merge = "vote" in competition.toml, if the rows are several opinions',
    "multiclass": 'write target = "multilabel" in competition.toml if a photo may have several labels; '
    'write merge = "vote" if the rows are several opinions',
    "binary": 'write merge = "vote" in competition.toml, if the rows are several opinions',
}


def _different_labels(table: pd.DataFrame, rows: PhotoRows, competition: Competition) -> InputError:
    """Return the InputError for photos whose rows have different labels.

    table: the training rows of these photos, one for each label. Its index is the number of the row in `rows`.
    """
    bad = np.isin(np.arange(len(rows.table)), table.index)
    shown = [
        f"{name}: {image} has the label {_label_text(label, competition)}"
        for name, image, label in zip(rows.named(bad), table["image"], table["label"], strict=True)
    ]
    return InputError(
        f"{len(shown)} rows of {rows.file} give the same photos different labels:{listed(shown)}",
        "one row per photo, or the key merge in competition.toml, which says how the rows become one",
        EDIT if competition.attributes else ADVICE[competition.target],
    )


def _label_text(label, competition: Competition) -> str:
    """Return a label of folds.csv as the user knows it: the names of its classes, or a number."""
    if competition.target == "regression":
        return f"{label:g}"
    return ", ".join(competition.classes[int(part)] for part in str(label).split()) or "(none)"


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
        return SourceTable(inputs / sample.path, len(sample.rows), table), wanted
    ids = in_spelling_of(wanted, _sample_ids(settings, test, sample))
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


def in_spelling_of(wanted: pd.Series, ids: pd.Series) -> pd.Series:
    """Return the ids (N,) in the spelling of `wanted`, or unchanged if some wanted id then still does not occur.

    wanted (M,): the ids of the sample submission, all different. Spellings are compared in these steps: without blanks
    at the ends, without the extension of a photo, and as numbers, so that 1, 1.0 and 001 are equal. A step counts only
    if two different ids never become equal.
    """
    if wanted.isin(ids).all():
        return ids
    for spelling in (str.strip, _stem_of, _number_of):
        known, spelt = {spelling(name): name for name in wanted}, {name: spelling(name) for name in ids.unique()}
        if len(known) == len(wanted) and len(set(spelt.values())) == len(spelt) and set(known) <= set(spelt.values()):
            return ids.map(lambda name, known=known, spelt=spelt: known.get(spelt[name], name))
    return ids


def _stem_of(name: str) -> str:
    return END.sub("", same_text(name.strip()))


def _number_of(name: str) -> str:
    number = finite_number(_stem_of(name))
    return _stem_of(name) if number is None else repr(number)


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
    no_inputs = {*settings.listed("label"), *settings.attributes, *competition.sample.columns}
    shared = [name for name in train.table if name in test.table and name not in no_inputs]
    of_train, of_test = _columns_of(train, shared), _columns_of(test, shared)
    for name in shared:
        sign = settings.decimal or cell_values.decimal_sign(of_train[name])
        of_train[name] = numbers_or_words(of_train[name], name, sign)
        if pd.api.types.is_numeric_dtype(of_train[name]):
            numbers, words = _numbers_and_words(of_test[name], sign)
            if len(words):
                console.warn(_missing(f"{name} of the test table", words))
            of_test[name] = numbers
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
