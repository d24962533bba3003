"""Find the competition.toml for an inputs folder. This reads no table, so pandas is not imported.

The tables of training and test photos, the same for every competition.

Training: one row per photo.

| column            | what                                                                                |
|-------------------|-------------------------------------------------------------------------------------|
| image             | path relative to inputs, posix; unique                                              |
| group             | text: rows of one group stay in one fold; the image itself if there are no groups   |
| label             | class index; multilabel: class indices with spaces between, "" for none; regression: float |
| attributes        | one int column per attribute: the index of its value                                |
| id                | prediction id of the photo, only if the competition combines photos                 |
| kept columns      | `columns` of competition.toml, and the columns of `ranges`; as numbers if all values are |

Test: id and image, in the order of the sample submission; several rows per id if the competition combines photos.

The Competition value of an inputs folder: from a competition.toml, or the home competition.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition import competition_toml
from comp.competition.competition import Competition, Range, Sample
from comp.competition.competition_toml import Settings, parse_settings
from comp.errors import InputError
from comp.inputs import label_columns, mask_gender_age, train_test_tables
from comp.inputs.photo_paths import PhotoRows
from comp.inputs.sample_submission import sample_file, sample_of
from comp.inputs.source_table import read_source
from comp.metrics import named_metrics
from comp.text import same_text

FILE = "competition.toml"


def settings_file(inputs: Path, file: Path | None = None) -> Path | None:
    """The competition.toml to use; None if there is none.

    If inputs has the home layout, a file in the working folder is ignored: it describes another competition.
    """
    if file:
        return Path(file)
    places = [Path(inputs) / FILE] + [Path(FILE)] * (not mask_gender_age.is_here(inputs))
    return next((place for place in places if place.is_file()), None)


def read_train(competition: Competition, inputs: Path) -> pd.DataFrame:
    """The training rows. Raises InputError if a table, column, label or photo is missing or wrong."""
    if not competition.source:
        return mask_gender_age.read_train(Path(inputs))
    return train_test_tables.read_training_rows(competition, Path(inputs))


def read_test(competition: Competition, inputs: Path) -> pd.DataFrame:
    """The test rows. Raises InputError if a table, column, id or photo is missing or wrong."""
    if not competition.source:
        return mask_gender_age.read_test(Path(inputs))
    return train_test_tables.read_test_rows(competition, Path(inputs))


def given_tables(competition: Competition, inputs: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The training and the test table as the competition provides them, as text; both empty unless both exist."""
    settings = parse_settings(competition.source) if competition.source else None
    if settings is None or not (settings.train and settings.test):
        return pd.DataFrame(), pd.DataFrame()
    return tuple(read_source(inputs, getattr(settings, name), name).table for name in ("train", "test"))


def shared_columns(competition: Competition, inputs: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """The columns of both tables, one row per photo (see table_columns.py), and the names of those that name no row.

    Without columns where there is no competition.toml: the test table of the home competition has none.
    """
    if not competition.source:
        return pd.DataFrame(), pd.DataFrame(), []
    train, test = train_test_tables.read_shared_columns(competition, Path(inputs))
    named = train_test_tables.names_of_rows(parse_settings(competition.source))
    return train, test, [name for name in train if name not in named]


def load_competition(inputs: Path, file: Path | None = None) -> Competition:
    """The competition of `file`, else inputs/competition.toml, else the home competition, else ./competition.toml.

    Raises InputError if none of these exists, and for anything that is wrong with the file, its tables or the sample.
    """
    inputs, found = Path(inputs), settings_file(inputs, file)
    if found is not None:
        return competition_from_settings(competition_toml.read_settings(found), inputs)
    if mask_gender_age.is_here(inputs):
        return mask_gender_age.competition()
    if not inputs.is_dir():
        raise InputError(
            f"no folder {inputs}",
            "the competition's files there",
            "the same command with INPUTS=<that folder>, or make demo",
        )
    raise InputError(
        f"no {FILE} in {inputs} or here",
        "a file that describes the competition, as docs/competition.md shows",
        "make init, which writes one from the files there",
    )


def competition_from_settings(source: dict, inputs: Path) -> Competition:
    """Build the Competition from the keys of a competition.toml, the tables and the sample submission."""
    given = competition_toml.parse_settings(source)
    metric = named_metrics.get(given.metric)
    rows, sample = train_test_tables.labelled_rows(given, inputs), sample_file(given, inputs)
    attributes = label_columns.attributes_of(rows, given)
    names = (
        label_columns.classes_of_attributes(attributes) or given.classes or label_columns.names_of_table(rows, given)
    )
    described = sample_of(given, sample, names, metric)
    competition = Competition(
        target=given.target,
        classes=names if given.classes or attributes else _in_order_of_sample(names, described, given),
        metric=metric,
        also=tuple(named_metrics.get(name) for name in given.also),
        attributes=attributes,
        ranges=tuple(Range(name, one["column"], tuple(map(float, one["edges"]))) for name, one in given.ranges.items()),
        combine=given.combine,
        sample=described,
        defaults=given.defaults,
        source=source,
    )
    return _with_facts_of_labels(competition, given, rows)


def _in_order_of_sample(classes: tuple[str, ...], sample: Sample, given: Settings) -> tuple[str, ...]:
    """The classes in the order of the sample's columns, if those are the classes; not for binary and ordinal."""
    same = {same_text(name) for name in classes} == {same_text(name) for name in sample.columns}
    in_order = given.target in ("multiclass", "multilabel") and sample.answer == "probabilities" and same
    return sample.columns if in_order else classes


def _with_facts_of_labels(competition: Competition, given: Settings, rows: PhotoRows) -> Competition:
    """Add what only the labels show: whether every photo has one, and the lowest and highest value."""
    if given.target == "multilabel":
        texts = label_columns.labels_of(rows, competition, given, {})
        return replace(competition, at_least_one=all(texts))
    if given.target == "regression":
        values = label_columns.numbers_of(rows, given.label, "label")
        limits = given.limits or (values.min(), values.max())
        return replace(competition, limits=tuple(float(np.round(limit, 12)) for limit in limits))
    return competition
