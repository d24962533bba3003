"""Label columns of a training table and the kind of target, from the values and from what the sample asks for."""

import re
from itertools import chain

import pandas as pd

from comp.competition.guess_lines import Line, some, undecided
from comp.competition.guess_tables import SampleTable, simple

GRADE_WORDS = ("diagnosis", "grade", "level", "severity", "stage", "degree", "rating")
LABEL_WORDS = ("label", "labels", "target", "class", "category_id", "category", "species", "breed")
POSITIVE_WORDS = ("1", "1.0", "true", "yes", "positive", "malignant")
SEPARATORS = (" ", "|", ";", ",")
MOST_GRADES = 10
METRIC = "the files do not say it; see the competition's page"


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


def target_lines(values: pd.Series, answers: pd.Series, name: str, names: set[str]) -> list[Line]:
    """target, metric and what belongs to them for one column of labels; answers: what the sample holds in its place."""
    separator = _separator(values)
    if separator:
        return _multilabel(values, separator)
    kinds, numbers = sorted(set(values)), pd.to_numeric(values, errors="coerce")
    if len(kinds) == 2 and (set(kinds) <= {"0", "1", "0.0", "1.0"} or _has_point(answers)):
        return _binary(kinds, answers, name)
    if numbers.notna().all():
        return _of_numbers(values, numbers, answers, name, names)
    return [Line("target", "multiclass", f"{name} holds {len(kinds)} names: {some(kinds)}"), *_one_label(answers, values)]


def _one_label(answers: pd.Series, values: pd.Series) -> list[Line]:
    counts = answers.str.split().str.len()
    names = answers.isin(set(values)).any()  # such as Sugar beet
    if len(answers) and not names and counts.min() == counts.max() > 1:
        k = int(counts.max())
        return [Line("metric", f"map@{k}", f"the sample holds {k} labels with blanks between; {METRIC}", check=True)]
    return [Line("metric", "accuracy", METRIC, check=True)]


def _separator(values: pd.Series) -> str | None:
    """What stands between several labels: its parts come again alone, or in more combinations than there are parts."""
    for sign in SEPARATORS:
        kinds = set(values[values != ""])
        several = {kind for kind in kinds if sign in kind.strip()}
        parts = set(chain.from_iterable(kind.split(sign) for kind in kinds))
        again = parts & (kinds - several) & set(chain.from_iterable(kind.split(sign) for kind in several))
        if len(several) > 1 and (len(parts) < len(kinds) or again):
            return sign
    return None


def _multilabel(values: pd.Series, separator: str) -> list[Line]:
    parts = sorted(set(chain.from_iterable(value.split(separator) for value in set(values))) - {""})
    shown = "blanks" if separator == " " else repr(separator)
    words = any(not part.isdigit() for part in parts) and len(parts) >= len(set(values))
    reason = f"values of {len(parts)} labels with {shown} between: {some(parts)}"
    lines = [Line("target", "multilabel", reason + ("; 'multiclass' if those are names" * words), check=words),
             Line("metric", "micro_f1", METRIC, check=True)]  # fmt: skip
    return lines if separator == " " else [*lines, Line("separator", separator, "stands between the labels")]


def _binary(kinds: list[str], answers: pd.Series, name: str) -> list[Line]:
    known = [kind for kind in kinds if kind.lower() in POSITIVE_WORDS]
    whole = len(answers) and not _has_point(answers)
    lines = [Line("target", "binary", f"{name} holds {kinds[0]} and {kinds[1]} alone"),
             Line("metric", "auc", METRIC + ("; the sample holds whole numbers: if classes are wanted rather than "
                  "probabilities, accuracy or an F1" if whole else ""), check=True)]  # fmt: skip
    if set(kinds) <= {"0", "1"}:
        return lines
    positive = known[0] if len(known) == 1 else kinds[1]
    return [*lines, Line("positive", positive, f"whose probability is asked for, of {some(kinds)}", check=True)]


def _of_numbers(values: pd.Series, numbers: pd.Series, answers: pd.Series, name: str, names: set[str]) -> list[Line]:
    kinds = sorted(set(numbers))
    if _has_point(values) or _has_point(answers):
        return _regression(numbers, "the table" if _has_point(values) else "the sample")
    grades = len(kinds) <= MOST_GRADES and kinds == list(range(int(kinds[0]), int(kinds[0]) + len(kinds)))
    if grades and set(values) <= names:
        return [Line("target", "multiclass", f"a JSON file names the {len(kinds)} numbers"), *_one_label(answers, values)]
    if grades and any(word in name.lower() for word in GRADE_WORDS):
        reason = f"{name} holds {len(kinds)} whole numbers in a row; 'multiclass' if they have no order"
        metric = Line("metric", "quadratic_kappa", METRIC, check=True)
        return [Line("target", "ordinal", reason, check=True), metric]
    other = "'ordinal' if they are grades" if grades else "'regression' if they are amounts"
    numbered = f"{name} holds {len(kinds)} different whole numbers, taken for class numbers"
    if "id" in re.split(r"[_\W]", name.lower()):
        return [Line("target", "multiclass", numbered), *_one_label(answers, values)]
    return [Line("target", "multiclass", f"{numbered}; {other}", check=True), *_one_label(answers, values)]


def _regression(numbers: pd.Series, where: str) -> list[Line]:
    limits = [float(f"{value:.10g}") for value in (numbers.min(), numbers.max())]
    limits = [int(value) if value.is_integer() else value for value in limits]
    return [Line("target", "regression", f"numbers, with a decimal point in {where}"),
            Line("metric", "rmse", METRIC, check=True),
            Line("limits", limits, "lowest and highest of the training table")]  # fmt: skip


def _has_point(values: pd.Series) -> bool:
    """Whether some value is a number that is not whole."""
    numbers = pd.to_numeric(values, errors="coerce")
    return bool(len(values)) and bool((numbers.notna() & values.str.contains(r"[.eE]") & (numbers % 1 != 0)).any())
