"""Guess the label columns of a training table from the names and the values in the sample submission."""

import pandas as pd

from comp.competition.guess.guess_lines import Line, some, undecided
from comp.competition.guess.guess_tables import SampleTable, simple
from comp.competition.guess.guess_target import LABEL_WORDS, METRIC, target_lines

NO_ANSWERS = pd.Series([], dtype=str)


def label_lines(table: pd.DataFrame, sample: SampleTable | None, no_labels: set[str], names: set[str]) -> list[Line]:
    """The lines of target, metric, label and the keys that depend on them.

    no_labels: columns that name the photo or that the test table has too; names: class numbers with names in a JSON.
    """
    others = [name for name in table if name not in no_labels]
    if sample is None:
        return _by_name_or_rest(table, others, "what is to be predicted", NO_ANSWERS, names)
    columns = [name for name in sample.answers if name in others]
    if len(columns) > 1:
        return _of_columns(table, columns, sample)
    values = _column_of_values(table, sample.answers)
    if not columns and values:
        return _of_class_columns(table, values, sample)
    answers = sample.table[columns[0] if columns else sample.answers[0]]
    if not columns:
        near = _alike(others, sample)
        return _by_name_or_rest(table, near or others, f"{some(sample.answers)} of the sample", answers, names)
    label = Line("label", columns[0], "the sample has this column too")
    return [*target_lines(table[columns[0]], answers, columns[0], names), label]


def _by_name_or_rest(table: pd.DataFrame, others: list[str], what: str, answers: pd.Series, names: set) -> list[Line]:
    """The only column left, the one with the words of the sample, or one with a usual name; else undecided."""
    words = {word for answer in set(answers) for word in answer.split() if not word.isdigit()}
    holding = [name for name in others if words and words <= set(table[name])]
    others = holding or others
    name = others[0] if len(others) == 1 else next((word for word in LABEL_WORDS if word in others), None)
    if name is None:
        return [undecided("label", f"which of {some(others, 20)} is {what}"),
                undecided("target", "multiclass, binary, multilabel, ordinal or regression")]  # fmt: skip
    why = "holds the words of the sample" if holding else "the only column that is left"
    why = why if len(others) == 1 else "from its name"
    return [*target_lines(table[name], answers, name, names), Line("label", name, f"{what}: {why}", check=True)]


def _of_columns(table: pd.DataFrame, columns: list[str], sample: SampleTable) -> list[Line]:
    """Lines for one column of 0 and 1 per label."""
    values = table[columns].apply(pd.to_numeric, errors="coerce")
    label = Line("label", columns, f"{len(columns)} columns that the sample has too")
    if not values.isin([0, 1]).all(axis=None):
        what = f"{some(columns)} hold more than 0 and 1, and several numbers per photo are no target of the toolkit"
        return [undecided("target", what), label]
    if (values.sum(axis=1) == 1).all():
        target = Line("target", "multiclass", f"{len(columns)} columns of 0 and 1, and exactly one is 1 in each row")
        return [target, Line("metric", "log_loss", METRIC, check=True), label]
    target = Line("target", "multilabel", f"{len(columns)} columns of 0 and 1, several of which may be 1")
    return [target, Line("metric", "auc", METRIC, check=True), label]


def _column_of_values(table: pd.DataFrame, answers: list[str]) -> str | None:
    """The table column with values that are the names of the sample's columns."""
    wanted = set(answers)
    fits = [name for name in table if len(wanted) > 1 and len(wanted & set(table[name])) > 0.5 * len(wanted)]
    return max(fits, key=lambda name: len(wanted & set(table[name])), default=None)


def _of_class_columns(table: pd.DataFrame, name: str, sample: SampleTable) -> list[Line]:
    values, wanted = set(table[name]), set(sample.answers)
    lines = [Line("target", "multiclass", f"the sample has a column for each of {len(wanted)} classes"),
             Line("metric", "log_loss", METRIC, check=True),
             Line("label", name, "its values are the columns of the sample")]  # fmt: skip
    if values != wanted:
        odd = [f"only in the table: {some(sorted(values - wanted))}" if values - wanted else "",
               f"only in the sample: {some(sorted(wanted - values))}" if wanted - values else ""]  # fmt: skip
        lines.append(undecided("classes", f"table and sample differ; {'; '.join(filter(None, odd))}"))
    return lines


def _alike(others: list[str], sample: SampleTable) -> list[str]:
    """The columns with nearly the same name as in the sample, such as Category and category_id."""
    asked = [simple(name) for name in sample.answers]
    return [name for name in others if any(a in simple(name) or simple(name) in a for a in asked)]
