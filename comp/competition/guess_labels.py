"""Label columns of a training table: those that the sample asks for, by name or by its columns of classes."""

import pandas as pd

from comp.competition.guess_lines import Line, some, undecided
from comp.competition.guess_tables import SampleTable, simple
from comp.competition.guess_target import LABEL_WORDS, METRIC, target_lines


def label_lines(table: pd.DataFrame, sample: SampleTable | None, photo_column: str, names: set[str]) -> list[Line]:
    """target, metric, label and what belongs to them.

    photo_column: the one that names the photo, which is no label; names: numbers that a JSON file gives names to.
    """
    if sample is None:
        return _without_sample(table, photo_column, names)
    columns = [name for name in sample.answers if name in table and name != photo_column]
    if len(columns) > 1:
        return _of_columns(table, columns, sample)
    values = _column_of_values(table, sample.answers)
    if not columns and values:
        return _of_class_columns(table, values, sample)
    name = columns[0] if columns else _alike(table, sample, photo_column)
    if name is None:
        return [undecided("label", f"which of {some(table, 20)}: the sample asks for {some(sample.answers)}"),
                undecided("target", "multiclass, binary, multilabel, ordinal or regression")]  # fmt: skip
    reason = "a column of the sample too" if columns else f"stands for {some(sample.answers)} of the sample"
    answer = sample.table[name if columns else sample.answers[0]]
    return [*target_lines(table[name], answer, name, names), Line("label", name, reason, check=not columns)]


def _without_sample(table: pd.DataFrame, photo_column: str, names: set[str]) -> list[Line]:
    name = next((word for word in LABEL_WORDS for column in table if column == word != photo_column), None)
    if name is None:
        return [undecided("label", f"which of {some(table, 20)}"), undecided("target", "what the label is")]
    lines = target_lines(table[name], pd.Series([], dtype=str), name, names)
    return [*lines, Line("label", name, "by its name: there is no sample submission", check=True)]


def _of_columns(table: pd.DataFrame, columns: list[str], sample: SampleTable) -> list[Line]:
    """A column of 0 and 1 a label."""
    values = table[columns].apply(pd.to_numeric, errors="coerce")
    label = Line("label", columns, f"{len(columns)} columns that the sample has too")
    if not values.isin([0, 1]).all(axis=None):
        return [undecided("target", f"the columns {some(columns)} hold more than 0 and 1"), label]
    if (values.sum(axis=1) == 1).all():
        target = Line("target", "multiclass", f"of {len(columns)} columns of 0 and 1 exactly one is 1 in each row")
        return [target, Line("metric", "log_loss", METRIC, check=True), label]
    target = Line("target", "multilabel", f"{len(columns)} columns of 0 and 1, several of which may be 1")
    return [target, Line("metric", "auc", METRIC, check=True), label]


def _column_of_values(table: pd.DataFrame, answers: list[str]) -> str | None:
    """The column whose values are the sample's columns."""
    wanted = set(answers)
    fits = [name for name in table if len(wanted) > 1 and len(wanted & set(table[name])) > 0.5 * len(wanted)]
    return max(fits, key=lambda name: len(wanted & set(table[name])), default=None)


def _of_class_columns(table: pd.DataFrame, name: str, sample: SampleTable) -> list[Line]:
    values, wanted = set(table[name]), set(sample.answers)
    lines = [Line("target", "multiclass", f"the sample has a column for each of {len(wanted)} classes"),
             Line("metric", "log_loss", METRIC, check=True),
             Line("label", name, "its values are the sample's columns")]  # fmt: skip
    if values != wanted:
        odd = [f"only in the table: {some(sorted(values - wanted))}" if values - wanted else "",
               f"only in the sample: {some(sorted(wanted - values))}" if wanted - values else ""]  # fmt: skip
        lines.append(undecided("classes", f"table and sample differ; {'; '.join(filter(None, odd))}"))
    return lines


def _alike(table: pd.DataFrame, sample: SampleTable, photo_column: str) -> str | None:
    """The column whose name is nearly the sample's, as Category and category_id; of COCO, category_id."""
    asked = [simple(name) for name in sample.answers]
    others = [name for name in table if name not in (photo_column, sample.id)]
    near = [name for name in others if any(a in simple(name) or simple(name) in a for a in asked)]
    if len(near) == 1:
        return near[0]
    return "category_id" if "category_id" in others else None
