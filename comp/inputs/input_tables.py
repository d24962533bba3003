"""Read the tables of a competition that a competition.toml describes.

The class InputTables has a property for each thing that is read, such as the training rows and the test rows. Each file
is read once, when a property first needs it. MaskGenderAgeTables in mask_gender_age.py has the same properties for the
only competition without a competition.toml. loading.py chooses between the two classes.
"""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition, Range, Sample
from comp.competition.competition_toml import Settings, parse_settings
from comp.inputs import label_columns, path_templates, train_test_tables
from comp.inputs.photo_listing import Listing
from comp.inputs.photo_paths import PhotoRows, find_photos, test_photo_template, unused_photos
from comp.inputs.sample_submission import SampleFile, read_sample, sample_of
from comp.inputs.source_table import SourceTable, read_source
from comp.metrics import named_metrics
from comp.text import same_value


class InputTables:
    """Everything that is read from an inputs folder, except the pixels of the photos.

    inputs: the inputs folder; source: the keys and values of competition.toml; saved: the Competition that `make folds`
    saved, or None to make a new one. Raises InputError for wrong keys in `source`. Each property raises InputError if a
    file that it needs is missing or wrong.
    """

    def __init__(self, inputs: Path, source: dict, saved: Competition | None = None):
        self.inputs, self.source, self._saved = Path(inputs), source, saved
        self.settings: Settings = parse_settings(source)

    @cached_property
    def competition(self) -> Competition:
        """The saved Competition or, if there is none, a new one.

        A new one is made from competition.toml, the tables and, if the labels are in them, the photo paths.
        """
        return self._saved or _competition(self)

    @cached_property
    def training_rows(self) -> pd.DataFrame:
        """The training rows, one for each photo, with its path, group, label and further columns."""
        return train_test_tables.training_rows(self._training_photos, self.competition, self.settings)

    @cached_property
    def test_rows(self) -> pd.DataFrame:
        """A row for each test photo: its id in the sample submission (column id) and its path (column image).

        The rows are in the order of the sample submission.
        """
        return train_test_tables.test_rows(*self._test_photos, self.sample, self.competition)

    @property
    def given_tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The training table and the test table with all their rows and columns, as text.

        Both are empty unless competition.toml names both tables.
        """
        if not (self.settings.train and self.settings.test):
            return pd.DataFrame(), pd.DataFrame()
        return self.training_table.table, self.test_table.table

    @property
    def notes(self) -> list[str]:
        """Warnings of class names and group names that are, or may be, one name in several spellings.

        There are also warnings if a submission will have the indices of classes whose names are other numbers, if files
        look like photos but are not read, and if further columns name photos.
        """
        rows = self._training_photos
        run = f"If this is wrong, correct the names in {rows.file}, then run `make folds` again"
        names = [f"{note}. {run}" for note in label_columns.notes_on_labels(rows, self.settings)]
        unused = unused_photos(self.listing, self.settings.train_images, self.training_table)
        return [*names, *label_columns.notes_on_indices(self.competition), *unused]

    @cached_property
    def shared_columns(self) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
        """The columns, except labels, that the training table and the test table share, and the names of the usable
        columns.

        The first table has these columns for each training photo, and the second has them for each test photo. A column
        is usable if a model may take it as an input. Columns that only identify a photo, an id of the sample submission
        or a group are not usable.
        """
        rows = (self._training_photos, *self._test_photos)
        train, test = train_test_tables.shared_columns(*rows, self.competition, self.settings)
        names = train_test_tables.names_of_rows(self.settings)
        return train, test, [name for name in train if name not in names]

    # the files

    @cached_property
    def training_table(self) -> SourceTable | None:
        """The table that the key `train` of competition.toml names, or None if there is no such key."""
        return read_source(self.inputs, self.settings.train, "train") if self.settings.train else None

    @cached_property
    def test_table(self) -> SourceTable | None:
        """The table that the key `test` of competition.toml names, or None if there is no such key."""
        return read_source(self.inputs, self.settings.test, "test") if self.settings.test else None

    @cached_property
    def sample(self) -> SampleFile:
        """The sample submission: its path, the name of its column of ids, and its rows."""
        return read_sample(self.inputs, self.settings, self._saved.sample.file if self._saved else "")

    @cached_property
    def listing(self) -> Listing:
        """The names of all folders and photos in the inputs folder."""
        return Listing(self.inputs)

    @cached_property
    def _training_photos(self) -> PhotoRows:
        """The training photos, each with its row of the training table.

        If there is no training table, these are all photos whose paths match the key `train_images`, except the test
        photos.
        """
        rows = find_photos(self.listing, self.settings.train_images, self.training_table, "train_images")
        return rows if self.training_table else train_test_tables.without_test_photos(rows, self.settings)

    @cached_property
    def _test_photos(self) -> tuple[PhotoRows, np.ndarray]:
        """The M test photos, each with its row of the test table, and the id of each photo (M,).

        The ids are those of the sample submission. The photos are in the order of the test table. If there is no test
        table, the sample submission takes its place.
        """
        filled = self.competition.sample.columns
        table, ids = train_test_tables.rows_of_sample(self.settings, self.sample, filled, self.test_table, self.inputs)
        template = test_photo_template(self.settings, self.listing, table.table, self.sample.id)
        rows = find_photos(self.listing, template, table, "test_images")
        return rows, ids.loc[rows.table.index].to_numpy()

    @property
    def labelled_rows(self) -> PhotoRows:
        """The training rows from which the classes are read.

        The photos of the rows are only looked up if the labels may be in their paths. Otherwise all paths are "".
        """
        source = self.training_table
        if source is not None:
            columns = self.settings.attributes or self.settings.listed("label")
            fields = path_templates.fields(self.settings.train_images)
            if set(columns) <= set(source.table) or set(fields) <= set(source.table):
                return PhotoRows(source.table, pd.Series("", index=source.table.index), source)
        return self._training_photos


# ---- the Competition value


def _competition(tables: InputTables) -> Competition:
    """Return the Competition made from the keys of competition.toml, the training labels and the sample submission."""
    settings, rows = tables.settings, tables.labelled_rows
    metric, sample_file = named_metrics.get(settings.metric), tables.sample
    attributes = label_columns.attributes_of(rows, settings)
    names = label_columns.classes_of_attributes(attributes) or settings.classes
    names = names or label_columns.names_of_table(rows, settings)
    sample = sample_of(settings, sample_file, names, metric)
    competition = Competition(
        target=settings.target,
        classes=names if settings.classes or attributes else _in_order_of_sample(names, sample, settings),
        metric=metric,
        also=tuple(named_metrics.get(name) for name in settings.also),
        attributes=attributes,
        ranges=tuple(
            Range(name, given["column"], tuple(map(float, given["edges"]))) for name, given in settings.ranges.items()
        ),
        limits=tuple(map(float, settings.limits)) or None,
        combine=settings.combine,
        sample=sample,
        defaults=settings.defaults,
        source=tables.source,
    )
    return _with_facts_of_labels(competition, settings, rows)


def _in_order_of_sample(classes: tuple[str, ...], sample: Sample, settings: Settings) -> tuple[str, ...]:
    """Return the class names in the order of the sample submission's columns, if each class has such a column.

    Otherwise, and if the target is neither multiclass nor multilabel, `classes` is returned unchanged.
    classes: the class names; sample: the columns of the sample submission that must be filled.
    """
    same = {same_value(name) for name in classes} == {same_value(name) for name in sample.columns}
    in_order = settings.target in ("multiclass", "multilabel") and sample.answer == "probabilities" and same
    return sample.columns if in_order else classes


def _with_facts_of_labels(competition: Competition, settings: Settings, rows: PhotoRows) -> Competition:
    """Return the Competition with the values that depend on the training labels.

    For a multilabel target, this is at_least_one: whether every row has a label. For a regression, this is
    label_range: the lowest and the highest label. For other targets, the Competition is unchanged.
    rows: the training rows.
    """
    if settings.target == "multilabel":
        texts = label_columns.labels_of(rows, competition, settings, {})
        return replace(competition, at_least_one=all(texts))
    if settings.target == "regression":
        values = label_columns.numbers_of(rows, settings.label, "label", settings)
        return replace(competition, label_range=(float(values.min()), float(values.max())))
    return competition
