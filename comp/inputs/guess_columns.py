"""Guess the labels, the target and the groups of a competition from its tables.

The guesses become lines of competition.toml, the file that describes a competition. The target is the kind of
prediction, such as multiclass or regression. `label_lines` guesses the label columns by a comparison with the sample
submission, and `target_lines` guesses the target from the values of one label column. `group_lines` guesses which
column holds the groups. Photos of one group must stay in one fold. If there is no training table,
guess_path_labels.py guesses the labels from the paths of the photos.

Each function returns a list of GuessedLine. A GuessedLine holds a key of competition.toml, the guessed value of the
key, and the reason for the guess.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, pairwise

import pandas as pd

from comp.competition.competition_toml import GuessedLine, some_of, undecided_line
from comp.inputs import cell_values
from comp.inputs.guess_tables import SampleTable
from comp.inputs.label_columns import notes_on_names
from comp.inputs.path_templates import is_writable
from comp.text import finite_number, one_spelling, same_value

GRADE_WORDS = ("diagnosis", "grade", "level", "severity", "stage", "degree", "rating")
LABEL_WORDS = ("label", "labels", "target", "class", "category_id", "category", "species", "breed")
POSITIVE_WORDS = (*cell_values.YES, "1.0", "positive", "malignant")
SEPARATORS = (*cell_values.SIGNS, " ")  # names of labels often have spaces, so a space is tried last
MOST_GRADES = 10
AMOUNT_WORDS = {"age", "count", "price", "weight", "score", "height", "width", "length", "area", "number"}
METRIC = "the files do not say which metric is used; see the competition's page"
WHOLE = "; choose accuracy or an F1 score if the whole numbers in the sample submission are classes, not probabilities"
NO_ANSWERS = pd.Series([], dtype=str)

# ---- the target, from the values of a label column


def target_lines(values: pd.Series, answers: pd.Series, name: str, class_numbers: set[str]) -> list[GuessedLine]:
    """Guess the target, such as multiclass or regression, from one label column. Return lines for competition.toml.

    The lines are for the keys target, metric and, if the target needs them, separator or positive.
    values: the label column of the training table; answers: the column of the sample submission that must be filled;
    name: the name of the label column; class_numbers: the keys of a JSON file such as {"0": "cat", "1": "dog"}, or an
    empty set.
    """
    if cell_values.are_lists(values):
        return _multilabel_of_names(values, answers, "")
    sign = cell_values.decimal_sign(values)
    if values.str.contains(",", regex=False).any() and cell_values.to_numbers(values, sign or ",").notna().all():
        return _with_commas(values, answers, sign)
    separator = _separator(values, answers)
    if separator:
        return _multilabel_of_names(values, answers, separator)
    return checked_names(_of_one_label(one_spelling(values), answers, name, class_numbers, sign), values)


def _multilabel_of_names(values: pd.Series, answers: pd.Series, separator: str) -> list[GuessedLine]:
    names = chain.from_iterable(cell_values.split_labels(values, separator))
    return checked_names(_multilabel(values, answers, separator), names)


def _of_one_label(
    values: pd.Series, answers: pd.Series, name: str, class_numbers: set[str], sign: str
) -> list[GuessedLine]:
    kinds, numbers = sorted(set(values)), cell_values.to_numbers(values, sign)
    if len(kinds) == 2 and (set(kinds) <= {"0", "1", "0.0", "1.0"} or _has_point(answers)):
        return _binary(kinds, answers, name)
    if numbers.notna().all():
        return _of_numbers(values, numbers, answers, name, class_numbers)
    found = [sign for sign in SEPARATORS if any(sign in kind.strip() for kind in kinds)]
    reason = f"{name} holds {len(kinds)} names: {some_of(kinds)}"
    if found:
        what = "spaces" if found[0] == " " else f"{found[0]!r} (then also write separator)"
        reason += f"; choose 'multilabel' if a field with {what} holds several labels"
    return _classes(reason, values, answers, check=bool(found))


def _with_commas(values: pd.Series, answers: pd.Series, sign: str) -> list[GuessedLine]:
    """Guess the target if all labels are numbers, some of which have commas. Return lines for competition.toml.

    The comma may stand before decimals, between thousands, or between class numbers. It stands between class numbers if
    the second number is always the larger one. sign: the sign before the decimals that the values show, or "".
    """
    parts = [value.strip().split(",") for value in set(values) if "," in value]
    rising = all(part.isdigit() for row in parts for part in row) and all(
        int(a) < int(b) and str(int(b)) == b for row in parts for a, b in pairwise(row)
    )
    if sign == "," and rising and len(parts) > 1:
        return _multilabel(values, answers, ",", "; choose 'regression' if the comma stands before decimals")
    where = "before the decimals; the submission will have decimal points" if sign == "," else "between the thousands"
    reason = f"the labels are taken for numbers with a comma {where}; choose 'multilabel' if it separates class numbers"
    lines = _regression(reason, check=True)
    other = "the labels show it" if sign else '1,234 may mean 1234 or 1.234; write decimal = "," in the second case'
    return [*lines, GuessedLine("decimal", sign or ".", other, check=not sign)]


def _classes(reason: str, values: pd.Series, answers: pd.Series, check: bool = False) -> list[GuessedLine]:
    target, counts = GuessedLine("target", "multiclass", reason, check), answers.str.split().str.len()
    names = answers.isin(set(values)).any()  # some answers are class names, which may have spaces: Sugar beet
    if len(answers) and not names and counts.min() == counts.max() > 1:
        k = int(counts.max())
        reason = f"the sample submission holds {k} labels per row, separated by spaces; {METRIC}"
        return [target, GuessedLine("metric", f"map@{k}", reason, check=True)]
    return [target, GuessedLine("metric", "accuracy", METRIC, check=True)]


def _separator(values: pd.Series, answers: pd.Series) -> str | None:
    """Return the sign that separates several labels in one field, or None if each field holds only one label.

    At least two different fields must contain the character. In addition, one of the labels next to it must also stand
    alone in a field, or there must be fewer labels than different fields, or the sample submission must combine the
    same labels in a new way. A space separates no labels if a label would begin or end with one of the other signs.
    values: the label column of the training table; answers: the column of the sample submission that must be filled.
    """
    for sign in SEPARATORS:
        kinds = set(values[values != ""])
        several = {kind for kind in kinds if sign in kind.strip()}
        parts = _parts(kinds, sign)
        again = parts & {kind.strip() for kind in kinds - several} & _parts(several, sign)
        anew = any(sign in new and _parts([new], sign) <= parts for new in set(answers) - kinds)
        torn = sign == " " and any(part[0] in cell_values.SIGNS or part[-1] in cell_values.SIGNS for part in parts)
        if len(several) > 1 and not torn and (len(parts) < len(kinds) or again or anew):
            return sign
    return None


def _parts(fields, sign: str) -> set[str]:
    return set(chain.from_iterable(cell_values.split_labels(pd.Series(list(fields), dtype=str), sign)))


def _multilabel(values: pd.Series, answers: pd.Series, separator: str, doubt: str = "") -> list[GuessedLine]:
    """Return the lines of competition.toml for a column whose fields hold several labels.

    answers: the column of the sample submission that must be filled; separator: the sign between the labels, or "" if
    the fields are lists in brackets; doubt: what else the fields may mean, or "".
    """
    parts = sorted(_parts(set(values), separator))
    shown = {" ": "separated by spaces", "": "in brackets"}.get(separator, f"separated by {separator!r}")
    words = any(not part.isdigit() for part in parts) and len(parts) >= len(set(values))
    doubt = doubt or "; numbers in brackets may also be a box or a vector" * (not separator and _are_numbers(parts))
    reason = f"the fields hold several of {len(parts)} labels, {shown}: {some_of(parts)}"
    reason += "; choose 'multiclass' if each field is one name" * (words or separator == "/") + doubt
    lines = [
        GuessedLine("target", "multilabel", reason, check=words or separator == "/" or bool(doubt)),
        GuessedLine("metric", "micro_f1", METRIC, check=True),
    ]
    if separator == " ":
        return lines
    if not separator:
        blank = any(" " in part for part in parts)
        where = "separates the labels in the submission, which then has no brackets; compare the sample submission"
        return [*lines, GuessedLine("separator", ", " if blank else " ", where, check=True)]
    return [*lines, GuessedLine("separator", _with_spaces(separator, values, answers), "separates the labels")]


def _with_spaces(sign: str, values: pd.Series, answers: pd.Series) -> str:
    """Return the separator with the spaces around it, as the sample submission or else most training fields have it."""
    for fields in (answers, values):
        found = Counter(match for field in fields for match in re.findall(rf" ?{re.escape(sign)} ?", field.strip()))
        if found:
            return found.most_common(1)[0][0]
    return sign


def _binary(kinds: list[str], answers: pd.Series, name: str) -> list[GuessedLine]:
    whole = len(answers) > 0 and not _has_point(answers)
    lines = [
        GuessedLine("target", "binary", f"{name} holds only {kinds[0]} and {kinds[1]}"),
        GuessedLine("metric", "auc", METRIC + WHOLE * whole, check=True),
    ]
    return lines if set(kinds) <= {"0", "1"} else [*lines, positive_line(kinds)]


def positive_line(kinds: list[str]) -> GuessedLine:
    """Guess which of two classes is the positive class. Return the line for the key `positive` of competition.toml.

    The guess is the class with a name such as "yes" or "malignant". If neither class or both classes have such a name,
    the guess is the second class. kinds: the names of the two classes, sorted.
    """
    known = [kind for kind in kinds if kind.strip().lower() in POSITIVE_WORDS]
    positive = known[0] if len(known) == 1 else kinds[1]
    reason = f"the class whose probability is wanted; the classes are {some_of(kinds)}"
    return GuessedLine("positive", positive, reason, check=True)


def _of_numbers(
    values: pd.Series, numbers: pd.Series, answers: pd.Series, name: str, class_numbers: set[str]
) -> list[GuessedLine]:
    """Guess the target from a label column that holds only numbers. Return lines for competition.toml.

    The numbers may be amounts (regression), grades (ordinal) or class numbers (multiclass). The lines are for the keys
    target and metric.
    values: the label column as text; numbers: the label column as numbers; answers: the column of the sample submission
    that must be filled; name: the name of the label column; class_numbers: the keys of a JSON file such as {"0": "cat",
    "1": "dog"}, or an empty set.
    """
    kinds = sorted(set(numbers))
    if _has_point(values) or _has_point(answers):
        where = "training table" if _has_point(values) else "sample submission"
        return _regression(f"the labels are numbers, and the {where} has numbers with a fractional part")
    grades = len(kinds) <= MOST_GRADES and kinds == list(range(int(kinds[0]), int(kinds[0]) + len(kinds)))
    if grades and set(values) <= class_numbers:
        return _classes(f"a JSON file gives names to the {len(kinds)} class numbers", values, answers)
    if grades and any(word in name.lower() for word in GRADE_WORDS):
        reason = f"{name} holds {len(kinds)} consecutive whole numbers; choose 'multiclass' if they have no order"
        metric = GuessedLine("metric", "quadratic_kappa", METRIC, check=True)
        return [GuessedLine("target", "ordinal", reason, check=True), metric]
    other = "choose 'ordinal' if they are grades" if grades else "choose 'regression' if they are amounts"
    numbered = f"{name} holds {len(kinds)} different whole numbers, which are taken for class numbers"
    words = set(re.split(r"[_\W]", name.lower()))
    if words & AMOUNT_WORDS and not grades:
        reason = f"{name} sounds like an amount; choose 'multiclass' if it holds class numbers"
        return _regression(reason, check=True)
    if "id" in words:
        return _classes(numbered, values, answers)
    return _classes(f"{numbered}; {other}", values, answers, check=True)


def _regression(reason: str, check: bool = False) -> list[GuessedLine]:
    return [
        GuessedLine("target", "regression", reason, check),
        GuessedLine("metric", "rmse", METRIC, check=True),
    ]


def _has_point(values: pd.Series) -> bool:
    """Return whether at least one of the texts is a number with a fractional part, such as 0.5."""
    numbers = cell_values.to_numbers(values)
    return bool(len(values)) and bool((numbers.notna() & values.str.contains(r"[.,eE]") & (numbers % 1 != 0)).any())


def checked_names(lines: list[GuessedLine], names: Iterable[str]) -> list[GuessedLine]:
    """Return the lines with a note in the line for the key target, if some names of classes may be one name.

    names: the names of the classes, as the table or the paths have them. For a regression, the lines stay unchanged.
    """
    notes = notes_on_names("classes", names)
    if not notes or any(line.key == "target" and line.value in ("regression", None) for line in lines):
        return lines
    return [
        replace(line, reason="; ".join([line.reason, *notes]), check=True) if line.key == "target" else line
        for line in lines
    ]


# ---- the label columns of a table


def label_lines(
    table: pd.DataFrame, sample: SampleTable | None, no_labels: set[str], class_numbers: set[str]
) -> list[GuessedLine]:
    """Guess the label columns of the training table. Return the lines for competition.toml that describe the labels.

    The lines are for the keys label and target and, if needed, metric, separator, positive and classes.
    table: the training table; sample: the sample submission, or None if there is none; no_labels: the columns of
    `table` that cannot be labels, because they hold photo names or because the test table has them too; class_numbers:
    the keys of a JSON file such as {"0": "cat", "1": "dog"}, or an empty set.
    """
    others = [name for name in table if name not in no_labels]
    if sample is None:
        return _by_name_or_rest(table, others, "the values to predict", NO_ANSWERS, class_numbers)
    columns = [name for name in sample.answers if name in others]
    if len(columns) > 1:
        return _of_columns(table, columns)
    values = _column_of_values(table[others], sample.answers)
    if not columns and values:
        return _of_class_columns(table, values, sample)
    answers = sample.table[columns[0] if columns else sample.answers[0]]
    if not columns:
        near = _alike(others, sample)
        what = f"the values for {some_of(sample.answers)} in the sample submission"
        return _by_name_or_rest(table, near or others, what, answers, class_numbers)
    label = GuessedLine("label", columns[0], "the sample submission has this column too")
    return [*target_lines(table[columns[0]], answers, columns[0], class_numbers), label]


def _by_name_or_rest(
    table: pd.DataFrame, columns: list[str], what: str, answers: pd.Series, class_numbers: set[str]
) -> list[GuessedLine]:
    """Guess the label column if the sample submission has no column of that name. Return lines for competition.toml.

    If some columns contain all words in the sample submission's column to fill, only these columns are considered. If
    several columns are considered, the guess is the one with a usual name for labels. If there is none, the lines for
    the keys label and target ask the user to decide.
    table: the training table; columns: the names of the columns that may hold the labels; what: a description of the
    labels for the user; answers: the column of the sample submission that must be filled, empty if it is unknown;
    class_numbers: the keys of a JSON file such as {"0": "cat", "1": "dog"}, or an empty set.
    """
    words = {word for answer in set(answers) for word in answer.split() if not word.isdigit()}
    holding = [name for name in columns if words and words <= set(table[name])]
    columns = holding or columns
    name = columns[0] if len(columns) == 1 else next((word for word in LABEL_WORDS if word in columns), None)
    if name is None:
        return [
            undecided_line("label", f"the column with {what}, one of {some_of(columns, 20)}"),
            undecided_line("target", "multiclass, binary, multilabel, ordinal or regression"),
        ]
    why = "because it holds the words of the sample submission" if holding else "because no other column is left"
    reason = f"the column with {what}, {why if len(columns) == 1 else 'judging by its name'}"
    return [*target_lines(table[name], answers, name, class_numbers), GuessedLine("label", name, reason, check=True)]


def _of_columns(table: pd.DataFrame, columns: list[str]) -> list[GuessedLine]:
    """Return the lines for competition.toml if the training table has several label columns, one for each label.

    The target is multiclass if each row has exactly one 1, and multilabel in all other cases. Other values than 0 and
    1, yes and no, empty and -1 cannot be labels, and then the line for the key target asks the user to decide.
    table: the training table; columns: the names of the label columns.
    """
    label = GuessedLine("label", columns, f"{len(columns)} columns that the sample submission has too")
    kinds = sorted(set(chain.from_iterable(table[name].unique() for name in columns)))
    ones, others = _values_that_mean_one(kinds)
    if not ones:
        return [undecided_line("target", _no_zeros_and_ones(columns, kinds)), label]
    values = table[columns].apply(cell_values.zeros_and_ones, ones=tuple(ones))
    lines = [label]
    if others:
        what = f"the values that mean 1; the columns also hold {some_of(map(repr, others))}, which then mean 0"
        lines.append(GuessedLine("positive", ones, what, check=True))
    shown = "" if set(kinds) <= {"0", "1", "0.0", "1.0"} else f", written as {some_of(map(repr, kinds))}"
    if (values.sum(axis=1) == 1).all():
        reason = f"exactly one of the {len(columns)} label columns is 1 in each row, and the others are 0{shown}"
        target = GuessedLine("target", "multiclass", reason, check=bool(others))
        return [target, GuessedLine("metric", "log_loss", METRIC, check=True), *lines]
    reason = f"{len(columns)} label columns of 0 and 1, of which any number may be 1 in a row{shown}"
    target = GuessedLine("target", "multilabel", reason)
    return [target, GuessedLine("metric", "auc", METRIC, check=True), *lines]


def _values_that_mean_one(kinds: list[str]) -> tuple[list[str], list[str]]:
    """Return which values of label columns mean 1, and which mean neither 1 nor 0 for sure: the empty text, and -1.

    If the only other value is a mark such as x, the mark means 1. If there are further values, both lists are empty.
    kinds: the different values in the columns.
    """
    unsure = [kind for kind in kinds if cell_values.plain_value(kind) in ("", "-1")]
    rest = [kind for kind in kinds if kind not in unsure]
    means = cell_values.zeros_and_ones(pd.Series(rest, dtype=str))
    if means.notna().all():
        return [kind for kind, mean in zip(rest, means, strict=True) if mean == 1], unsure
    return (rest, unsure) if len(rest) == 1 and unsure and not _are_numbers(rest) else ([], [])


def _are_numbers(texts: list[str]) -> bool:
    return all(finite_number(text) is not None for text in texts)


def _no_zeros_and_ones(columns: list[str], kinds: list[str]) -> str:
    """Return what the user must decide about label columns with other values than 0 and 1. kinds: these values."""
    if not _are_numbers(kinds):
        known = f"the values {some_of(map(repr, kinds))}; if some mean 1, write positive = [these values]"
    elif all(0 <= float(kind) <= 1 for kind in kinds):
        known = "probabilities, but the toolkit learns only 0 and 1; write a table with columns of 0 and 1"
    else:
        known = "values other than 0 and 1, and the toolkit predicts only one number per photo"
    return f"{some_of(columns)} hold {known}"


def _column_of_values(table: pd.DataFrame, answers: list[str]) -> str | None:
    """Return the column of the training table whose values are also column names of the sample submission, or None.

    The values must include more than half of the names. If several columns fit, the one that includes most of the names
    is returned, and among equals the one with the fewest other values. If there is only one name, None is returned.
    table: the columns of the training table that may be labels; answers: the names of those columns of the sample
    submission that must be filled.
    """
    wanted = set(map(same_value, answers))
    found = {name: len(wanted.intersection(map(same_value, table[name].unique()))) for name in table}
    fits = [name for name in table if len(wanted) > 1 and found[name] > 0.5 * len(wanted)]
    return max(fits, key=lambda name: (found[name], -table[name].nunique()), default=None)


def _of_class_columns(table: pd.DataFrame, name: str, sample: SampleTable) -> list[GuessedLine]:
    """Return the lines for competition.toml if the sample submission has a column for each class.

    The target is multilabel if the fields of the label column hold several of these classes, and otherwise multiclass.
    table: the training table; name: its label column; sample: the sample submission.
    """
    values, wanted = (set(map(same_value, names)) for names in (table[name].unique(), sample.answers))
    separator = next((sign for sign in SEPARATORS if _hold_several(table[name], wanted, sign)), None)
    if separator:
        return _of_several_columns(name, separator)
    lines = [
        GuessedLine("target", "multiclass", f"the sample submission has a column for each of {len(wanted)} classes"),
        GuessedLine("metric", "log_loss", METRIC, check=True),
        GuessedLine("label", name, "its values are the names of the columns in the sample submission"),
    ]
    if values != wanted:
        odd = [
            f"only in the training table: {some_of(sorted(values - wanted))}" if values - wanted else "",
            f"only in the sample submission: {some_of(sorted(wanted - values))}" if wanted - values else "",
        ]
        what = f"the training table and the sample submission differ; {'; '.join(filter(None, odd))}"
        lines.append(undecided_line("classes", what))
    return lines


def _of_several_columns(name: str, separator: str) -> list[GuessedLine]:
    lines = [
        GuessedLine("target", "multilabel", f"fields of {name} hold several names of columns in the sample submission"),
        GuessedLine("metric", "auc", METRIC, check=True),
        GuessedLine("label", name, "its fields hold names of columns in the sample submission"),
    ]
    return lines if separator == " " else [*lines, GuessedLine("separator", separator, "separates the labels")]


def _hold_several(column: pd.Series, names: set[str], separator: str) -> bool:
    """Return whether at least one field holds several of the names, with the separator between them, and none other."""
    rows = cell_values.split_labels(column, separator)
    several = any(
        len(row) > 1 and same_value(text.strip()) not in names for text, row in zip(column, rows, strict=True)
    )
    return several and all(same_value(part) in names for row in rows for part in row)


def _alike(names: list[str], sample: SampleTable) -> list[str]:
    """Return those of the `names` that resemble the name of a column that a submission must fill.

    Two names resemble each other if one contains the other, as category_id contains Category. Only letters and digits
    are compared, in lower case.
    names: names of columns of the training table; sample: the sample submission.
    """
    asked = [_letters(name) for name in sample.answers]
    return [name for name in names if any(a in _letters(name) or _letters(name) in a for a in asked)]


def _letters(name: str) -> str:
    """Return a column name in lower case, with only its letters and digits."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


# ---- groups: photos of one group must stay in one fold

GROUP_WORDS = {  # words in the names of columns that hold groups
    *("patient", "subject", "person", "user", "owner", "individual", "donor", "animal", "specimen"),
    *("location", "site", "place", "field", "plot", "camera", "group"),
    *("slide", "case", "study", "series", "sequence", "seq", "session"),
}
FEWEST = 4  # a column with fewer different values cannot be the groups, because folds need more groups
REPEATED = 0.9  # the most groups per row; with more groups, the values of the column hardly repeat


def group_lines(train: pd.DataFrame, test: pd.DataFrame | None, taken: set[str]) -> list[GuessedLine]:
    """Guess which column holds the groups. Return a list with the line for the key `group`, or [] if no column fits.

    Photos of one group, such as all photos of one patient, must stay in one fold. The first choice is a column that
    both tables have, but without a common value. The second choice is a column that has a usual name for groups and
    that the test table lacks. In both cases, the values in the column must repeat.
    train: the training table; test: the test table, or None if there is none; taken: the columns that hold labels or
    photo names.
    """
    repeated = [name for name in train if name not in taken and is_writable(name) and _repeats(train[name])]
    apart = [name for name in repeated if test is not None and name in test and _apart(train[name], test[name])]
    if apart:
        best = max(apart, key=lambda name: (bool(_words(name) & GROUP_WORDS), -train[name].nunique()))
        others = f"; this is also true of {some_of(name for name in apart if name != best)}" if len(apart) > 1 else ""
        reason = f"no value occurs in both the training table and the test table{others}"
        return [GuessedLine("group", best, reason, check=not _words(best) & GROUP_WORDS)]
    named = [name for name in repeated if _words(name) & GROUP_WORDS and (test is None or name not in test)]
    if named:
        best = min(named, key=lambda name: train[name].nunique())
        reason = f"judging by its name; it has {train[best].nunique():,} values for {len(train):,} photos"
        return [GuessedLine("group", best, reason, check=True)]
    return []


def _repeats(values: pd.Series) -> bool:
    values = values[values != ""]
    return FEWEST <= values.nunique() <= REPEATED * len(values)


def _apart(train: pd.Series, test: pd.Series) -> bool:
    return not (set(train) & set(test)) - {""}


def _words(name: str) -> set[str]:
    """Return the words of a column name in lower case, such as patient and id for both patient_id and PatientID."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
