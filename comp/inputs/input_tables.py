"""The tables of a competition that a competition.toml describes: each file is opened once, when it is first needed.

From InputTables come the Competition value, the training rows, the test rows and the shared columns. The methods only
read and pass on; the functions in train_test_tables.py, label_columns.py and sample_submission.py do the work.
MaskGenderAgeTables in mask_gender_age.py has the same properties for the competition that needs no competition.toml,
and loading.py decides which of the two describes a folder.
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
from comp.inputs.photo_paths import PhotoRows, find_photos, test_photo_template
from comp.inputs.sample_submission import SampleFile, read_sample, sample_of
from comp.inputs.source_table import SourceTable, read_source
from comp.metrics import named_metrics
from comp.text import same_text


class InputTables:
    """Everything that is read of an inputs folder, except the photos themselves.

    inputs: the folder; source: the keys and values of competition.toml; saved: the Competition of an earlier stage, if
    there is one. Raises InputError for wrong keys; each property raises InputError for what is wrong with its files.
    """

    def __init__(self, inputs: Path, source: dict, saved: Competition | None = None):
        self.inputs, self.source, self._saved = Path(inputs), source, saved
        self.settings: Settings = parse_settings(source)

    @cached_property
    def competition(self) -> Competition:
        """The saved Competition, or a new one from the keys, the training table and the sample submission."""
        return self._saved or _competition(self)

    @cached_property
    def training_rows(self) -> pd.DataFrame:
        """One row per training photo; train_test_tables.py lists the columns."""
        return train_test_tables.training_rows(self._training_photos, self.competition, self.settings)

    @cached_property
    def test_rows(self) -> pd.DataFrame:
        """Columns id and image, in the order of the sample submission."""
        return train_test_tables.test_rows(*self._test_photos, self.sample, self.competition)

    @property
    def given_tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The training and the test table as the competition provides them, as text; both empty unless both exist."""
        if not (self.settings.train and self.settings.test):
            return pd.DataFrame(), pd.DataFrame()
        return self.training_table.table, self.test_table.table

    @cached_property
    def shared_columns(self) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
        """The columns of both tables, one row per photo, and the names of those that do not only name the rows."""
        rows = (self._training_photos, *self._test_photos)
        train, test = train_test_tables.shared_columns(*rows, self.competition, self.settings)
        names = train_test_tables.names_of_rows(self.settings)
        return train, test, [name for name in train if name not in names]

    # the files

    @cached_property
    def training_table(self) -> SourceTable | None:
        """The table named by `train`; None without one."""
        return read_source(self.inputs, self.settings.train, "train") if self.settings.train else None

    @cached_property
    def test_table(self) -> SourceTable | None:
        """The table named by `test`; None without one."""
        return read_source(self.inputs, self.settings.test, "test") if self.settings.test else None

    @cached_property
    def sample(self) -> SampleFile:
        """The sample submission."""
        return read_sample(self.inputs, self.settings, self._saved.sample.file if self._saved else "")

    @cached_property
    def listing(self) -> Listing:
        """The folders and photos below inputs."""
        return Listing(self.inputs)

    @cached_property
    def _training_photos(self) -> PhotoRows:
        """The photos of the training rows; without a table, all photos that match the template, except test photos."""
        rows = find_photos(self.listing, self.settings.train_images, self.training_table, "train_images")
        return rows if self.training_table else train_test_tables.without_test_photos(rows, self.settings)

    @cached_property
    def _test_photos(self) -> tuple[PhotoRows, np.ndarray]:
        """The photos of the test rows in the order of their table, with its columns, and their prediction ids (M,)."""
        filled = self.competition.sample.columns
        table, ids = train_test_tables.rows_of_sample(self.settings, self.sample, filled, self.test_table, self.inputs)
        template = test_photo_template(self.settings, self.listing, table.table, self.sample.id)
        rows = find_photos(self.listing, template, table, "test_images")
        return rows, ids.loc[rows.table.index].to_numpy()

    @property
    def labelled_rows(self) -> PhotoRows:
        """The rows from which the classes are read. Photos are searched only if the labels are in the paths."""
        source = self.training_table
        if source is not None:
            columns = self.settings.attributes or self.settings.listed("label")
            fields = path_templates.fields(self.settings.train_images)
            if set(columns) <= set(source.table) or set(fields) <= set(source.table):
                return PhotoRows(source.table, pd.Series("", index=source.table.index), source)
        return self._training_photos


# ---- the Competition value


def _competition(tables: InputTables) -> Competition:
    """The Competition from the keys of competition.toml, the labels of the training rows and the sample submission."""
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
        combine=settings.combine,
        sample=sample,
        defaults=settings.defaults,
        source=tables.source,
    )
    return _with_facts_of_labels(competition, settings, rows)


def _in_order_of_sample(classes: tuple[str, ...], sample: Sample, settings: Settings) -> tuple[str, ...]:
    """The classes in the order of the sample's columns, if those are the classes; not for binary and ordinal."""
    same = {same_text(name) for name in classes} == {same_text(name) for name in sample.columns}
    in_order = settings.target in ("multiclass", "multilabel") and sample.answer == "probabilities" and same
    return sample.columns if in_order else classes


def _with_facts_of_labels(competition: Competition, settings: Settings, rows: PhotoRows) -> Competition:
    """Add what only the labels show: whether every photo has one, and the lowest and highest value."""
    if settings.target == "multilabel":
        texts = label_columns.labels_of(rows, competition, settings, {})
        return replace(competition, at_least_one=all(texts))
    if settings.target == "regression":
        values = label_columns.numbers_of(rows, settings.label, "label")
        limits = settings.limits or (values.min(), values.max())
        return replace(competition, limits=tuple(float(np.round(limit, 12)) for limit in limits))
    return competition
