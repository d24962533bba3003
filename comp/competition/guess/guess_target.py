"""Guess the target from the values of the label column and from the answers in the sample submission."""

import re
from itertools import chain

import pandas as pd

from comp.competition.guess.guess_lines import Line, some

GRADE_WORDS = ("diagnosis", "grade", "level", "severity", "stage", "degree", "rating")
LABEL_WORDS = ("label", "labels", "target", "class", "category_id", "category", "species", "breed")
POSITIVE_WORDS = ("1", "1.0", "true", "yes", "positive", "malignant")
SEPARATORS = (" ", "|", ";", ",")
MOST_GRADES = 10
AMOUNT_WORDS = {"age", "count", "price", "weight", "score", "height", "width", "length", "area", "number"}
METRIC = "the files do not contain it; see the competition's page"


def target_lines(values: pd.Series, answers: pd.Series, name: str, names: set[str]) -> list[Line]:
    """The lines of target, metric and related keys for one label column; answers: the values in the sample."""
    separator = _separator(values, answers)
    if separator:
        return _multilabel(values, separator)
    kinds, numbers = sorted(set(values)), pd.to_numeric(values, errors="coerce")
    if len(kinds) == 2 and (set(kinds) <= {"0", "1", "0.0", "1.0"} or _has_point(answers)):
        return _binary(kinds, answers, name)
    if numbers.notna().all():
        return _of_numbers(values, numbers, answers, name, names)
    blanks = any(" " in kind.strip() for kind in kinds)
    reason = f"{name} holds {len(kinds)} names: {some(kinds)}" + "; 'multilabel' if each is several labels" * blanks
    return _classes(reason, values, answers, check=blanks)


def _classes(reason: str, values: pd.Series, answers: pd.Series, check: bool = False) -> list[Line]:
    target, counts = Line("target", "multiclass", reason, check), answers.str.split().str.len()
    names = answers.isin(set(values)).any()  # such as Sugar beet
    if len(answers) and not names and counts.min() == counts.max() > 1:
        k = int(counts.max())
        reason = f"the sample holds {k} labels separated by spaces; {METRIC}"
        return [target, Line("metric", f"map@{k}", reason, check=True)]
    return [target, Line("metric", "accuracy", METRIC, check=True)]


def _separator(values: pd.Series, answers: pd.Series) -> str | None:
    """The separator of several labels in one field; None if there is one label per field.

    The parts must also occur alone, or in more combinations than there are parts, or in new combinations in the sample.
    """
    for sign in SEPARATORS:
        kinds = set(values[values != ""])
        several = {kind for kind in kinds if sign in kind.strip()}
        parts = set(chain.from_iterable(kind.split(sign) for kind in kinds))
        again = parts & (kinds - several) & set(chain.from_iterable(kind.split(sign) for kind in several))
        anew = any(sign in new and set(new.split(sign)) <= parts for new in set(answers) - kinds)
        if len(several) > 1 and (len(parts) < len(kinds) or again or anew):
            return sign
    return None


def _multilabel(values: pd.Series, separator: str) -> list[Line]:
    parts = sorted(set(chain.from_iterable(value.split(separator) for value in set(values))) - {""})
    shown = "spaces" if separator == " " else repr(separator)
    words = any(not part.isdigit() for part in parts) and len(parts) >= len(set(values))
    reason = f"values of {len(parts)} labels separated by {shown}: {some(parts)}"
    lines = [Line("target", "multilabel", reason + ("; 'multiclass' if those are names" * words), check=words),
             Line("metric", "micro_f1", METRIC, check=True)]  # fmt: skip
    return lines if separator == " " else [*lines, Line("separator", separator, "separates the labels")]


def _binary(kinds: list[str], answers: pd.Series, name: str) -> list[Line]:
    known = [kind for kind in kinds if kind.lower() in POSITIVE_WORDS]
    whole = len(answers) and not _has_point(answers)
    lines = [Line("target", "binary", f"{name} holds only {kinds[0]} and {kinds[1]}"),
             Line("metric", "auc", METRIC + ("; the sample holds whole numbers: if classes are wanted rather than "
                  "probabilities, accuracy or an F1" if whole else ""), check=True)]  # fmt: skip
    if set(kinds) <= {"0", "1"}:
        return lines
    positive = known[0] if len(known) == 1 else kinds[1]
    return [*lines, Line("positive", positive, f"the probability of this class, among {some(kinds)}", check=True)]


def _of_numbers(values: pd.Series, numbers: pd.Series, answers: pd.Series, name: str, names: set[str]) -> list[Line]:
    kinds = sorted(set(numbers))
    if _has_point(values) or _has_point(answers):
        where = "table" if _has_point(values) else "sample"
        return _regression(numbers, f"numbers, with a decimal point in the {where}")
    grades = len(kinds) <= MOST_GRADES and kinds == list(range(int(kinds[0]), int(kinds[0]) + len(kinds)))
    if grades and set(values) <= names:
        return _classes(f"a JSON file names the {len(kinds)} numbers", values, answers)
    if grades and any(word in name.lower() for word in GRADE_WORDS):
        reason = f"{name} holds {len(kinds)} whole numbers in a row; 'multiclass' if they have no order"
        metric = Line("metric", "quadratic_kappa", METRIC, check=True)
        return [Line("target", "ordinal", reason, check=True), metric]
    other = "'ordinal' if they are grades" if grades else "'regression' if they are amounts"
    numbered = f"{name} holds {len(kinds)} different whole numbers, taken for class numbers"
    words = set(re.split(r"[_\W]", name.lower()))
    if words & AMOUNT_WORDS and not grades:
        reason = f"{name} sounds like an amount; 'multiclass' if it holds class numbers"
        return _regression(numbers, reason, check=True)
    if "id" in words:
        return _classes(numbered, values, answers)
    return _classes(f"{numbered}; {other}", values, answers, check=True)


def _regression(numbers: pd.Series, reason: str, check: bool = False) -> list[Line]:
    limits = [float(f"{value:.10g}") for value in (numbers.min(), numbers.max())]
    limits = [int(value) if value.is_integer() else value for value in limits]
    return [Line("target", "regression", reason, check),
            Line("metric", "rmse", METRIC, check=True),
            Line("limits", limits, "lowest and highest value in the training table")]  # fmt: skip


def _has_point(values: pd.Series) -> bool:
    """Whether any value is a number that is not whole."""
    numbers = pd.to_numeric(values, errors="coerce")
    return bool(len(values)) and bool((numbers.notna() & values.str.contains(r"[.eE]") & (numbers % 1 != 0)).any())
