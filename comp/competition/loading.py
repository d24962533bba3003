"""The Competition value of an inputs folder: from a competition.toml, or the home competition."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from comp.competition import home, settings
from comp.competition.competition import Competition, Range, Sample
from comp.competition.layout import class_names, label_columns, training_table
from comp.competition.layout.find_sample_submission import read_sample
from comp.competition.layout.photo_paths import PhotoRows
from comp.competition.layout.sample_columns import sample_of
from comp.competition.settings import Settings
from comp.competition.settings_file import FILE, settings_file
from comp.errors import InputError
from comp.io.unicode_names import same_text
from comp.metrics import metrics


def load(inputs: Path, file: Path | None = None) -> Competition:
    """The competition of `file`, else inputs/competition.toml, else the home competition, else ./competition.toml.

    Raises InputError if none of these exists, and for anything that is wrong with the file, its tables or the sample.
    """
    inputs, found = Path(inputs), settings_file(inputs, file)
    if found is not None:
        return from_settings(settings.read(found), inputs)
    if home.is_here(inputs):
        return home.competition()
    if not inputs.is_dir():
        raise InputError(f"no folder {inputs}", "the competition's files there",
                         "the same command with INPUTS=<that folder>, or make demo")  # fmt: skip
    raise InputError(f"no {FILE} in {inputs} or here", "a file that describes the competition, as docs/competition.md "
                     "shows", "make init, which writes one from the files there")  # fmt: skip


def from_settings(source: dict, inputs: Path) -> Competition:
    """Build the Competition from the keys of a competition.toml, the tables and the sample submission."""
    given = settings.parse(source)
    metric = metrics.get(given.metric)
    rows, sample = training_table.labelled_rows(given, inputs), read_sample(given, inputs)
    attributes = class_names.attributes_of(rows, given)
    names = class_names.of_attributes(attributes) or given.classes or class_names.of_table(rows, given)
    described = sample_of(given, sample, names, metric)
    competition = Competition(
        target=given.target,
        classes=names if given.classes or attributes else _in_order_of_sample(names, described, given),
        metric=metric,
        also=tuple(metrics.get(name) for name in given.also),
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
        values = label_columns.numbers(rows, given.label, "label")
        limits = given.limits or (values.min(), values.max())
        return replace(competition, limits=tuple(float(np.round(limit, 12)) for limit in limits))
    return competition
