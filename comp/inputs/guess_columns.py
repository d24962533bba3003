"""Guess the labels, the target and the groups of a competition.

With a training table, `label_lines` chooses its label columns by the names and values in the sample submission, and
`target_lines` guesses the target from the values of one label column. Without a table, `path_lines` takes a folder
name, or the beginning of each file name, as the label. `group_lines` guesses the column of the groups.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain

import pandas as pd

from comp.competition.competition_toml import GuessedLine, some_of, undecided_line
from comp.inputs.guess_tables import SampleTable

GRADE_WORDS = ("diagnosis", "grade", "level", "severity", "stage", "degree", "rating")
LABEL_WORDS = ("label", "labels", "target", "class", "category_id", "category", "species", "breed")
POSITIVE_WORDS = ("1", "1.0", "true", "yes", "positive", "malignant")
SEPARATORS = (" ", "|", ";", ",")
MOST_GRADES = 10
AMOUNT_WORDS = {"age", "count", "price", "weight", "score", "height", "width", "length", "area", "number"}
METRIC = "the files do not say which metric is used; see the competition's page"
WHOLE = "; accuracy or an F1 if the whole numbers in the sample mean that classes are wanted, not probabilities"
NO_ANSWERS = pd.Series([], dtype=str)
IN_NAME = re.compile(r"(?P<label>[^/]*?[A-Za-z])(?P<sign>[._-])\d+\.\w+")  # cat.0.jpg
COPIES = 0.8  # the share of file names that must be in every class folder, so that equal names mean copies of a photo

# ---- the target, from the values of a label column


def target_lines(values: pd.Series, answers: pd.Series, name: str, names: set[str]) -> list[GuessedLine]:
    """Return the lines of target, metric, separator, positive and limits, guessed from one label column.

    values: the label column of the training table; answers: the column to fill of the sample submission; name: the
    name of the label column; names: the class numbers to which a JSON file gives names.
    """
    separator = _separator(values, answers)
    if separator:
        return _multilabel(values, separator)
    kinds, numbers = sorted(set(values)), pd.to_numeric(values, errors="coerce")
    if len(kinds) == 2 and (set(kinds) <= {"0", "1", "0.0", "1.0"} or _has_point(answers)):
        return _binary(kinds, answers, name)
    if numbers.notna().all():
        return _of_numbers(values, numbers, answers, name, names)
    blanks = any(" " in kind.strip() for kind in kinds)
    reason = f"{name} holds {len(kinds)} names: {some_of(kinds)}"
    reason += "; 'multilabel' if a field with spaces holds several labels" * blanks
    return _classes(reason, values, answers, check=blanks)


def _classes(reason: str, values: pd.Series, answers: pd.Series, check: bool = False) -> list[GuessedLine]:
    target, counts = GuessedLine("target", "multiclass", reason, check), answers.str.split().str.len()
    names = answers.isin(set(values)).any()  # such as Sugar beet
    if len(answers) and not names and counts.min() == counts.max() > 1:
        k = int(counts.max())
        reason = f"the sample holds {k} labels separated by spaces; {METRIC}"
        return [target, GuessedLine("metric", f"map@{k}", reason, check=True)]
    return [target, GuessedLine("metric", "accuracy", METRIC, check=True)]


def _separator(values: pd.Series, answers: pd.Series) -> str | None:
    """Return the sign that separates several labels in one field, or None if each field holds one label.

    A sign counts as a separator only if the labels between the signs also occur alone, or form more different fields
    than there are labels, or form other fields in the sample.
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


def _multilabel(values: pd.Series, separator: str) -> list[GuessedLine]:
    parts = sorted(set(chain.from_iterable(value.split(separator) for value in set(values))) - {""})
    shown = "spaces" if separator == " " else repr(separator)
    words = any(not part.isdigit() for part in parts) and len(parts) >= len(set(values))
    reason = f"values of {len(parts)} labels separated by {shown}: {some_of(parts)}"
    lines = [
        GuessedLine("target", "multilabel", reason + ("; 'multiclass' if each field is one name" * words), check=words),
        GuessedLine("metric", "micro_f1", METRIC, check=True),
    ]
    return lines if separator == " " else [*lines, GuessedLine("separator", separator, "separates the labels")]


def _binary(kinds: list[str], answers: pd.Series, name: str) -> list[GuessedLine]:
    whole = len(answers) > 0 and not _has_point(answers)
    lines = [
        GuessedLine("target", "binary", f"{name} holds only {kinds[0]} and {kinds[1]}"),
        GuessedLine("metric", "auc", METRIC + WHOLE * whole, check=True),
    ]
    return lines if set(kinds) <= {"0", "1"} else [*lines, _positive_line(kinds)]


def _positive_line(kinds: list[str]) -> GuessedLine:
    """Return the line of `positive` for a class whose name sounds positive or, without such a class, the second class.

    kinds: the two values of the label column, sorted.
    """
    known = [kind for kind in kinds if kind.lower() in POSITIVE_WORDS]
    positive = known[0] if len(known) == 1 else kinds[1]
    reason = f"the class whose probability is wanted, one of {some_of(kinds)}"
    return GuessedLine("positive", positive, reason, check=True)


def _of_numbers(
    values: pd.Series, numbers: pd.Series, answers: pd.Series, name: str, names: set[str]
) -> list[GuessedLine]:
    """Return the lines for a label column of numbers, which are amounts, grades or class numbers.

    values: the label column as text; numbers: the same column as numbers; other arguments: see `target_lines`.
    """
    kinds = sorted(set(numbers))
    if _has_point(values) or _has_point(answers):
        where = "table" if _has_point(values) else "sample"
        return _regression(numbers, f"numbers, with a decimal point in the {where}")
    grades = len(kinds) <= MOST_GRADES and kinds == list(range(int(kinds[0]), int(kinds[0]) + len(kinds)))
    if grades and set(values) <= names:
        return _classes(f"a JSON file names the {len(kinds)} numbers", values, answers)
    if grades and any(word in name.lower() for word in GRADE_WORDS):
        reason = f"{name} holds {len(kinds)} whole numbers in a row; 'multiclass' if they have no order"
        metric = GuessedLine("metric", "quadratic_kappa", METRIC, check=True)
        return [GuessedLine("target", "ordinal", reason, check=True), metric]
    other = "'ordinal' if they are grades" if grades else "'regression' if they are amounts"
    numbered = f"{name} holds {len(kinds)} different whole numbers, taken for class numbers"
    words = set(re.split(r"[_\W]", name.lower()))
    if words & AMOUNT_WORDS and not grades:
        reason = f"{name} sounds like an amount; 'multiclass' if it holds class numbers"
        return _regression(numbers, reason, check=True)
    if "id" in words:
        return _classes(numbered, values, answers)
    return _classes(f"{numbered}; {other}", values, answers, check=True)


def _regression(numbers: pd.Series, reason: str, check: bool = False) -> list[GuessedLine]:
    limits = [float(f"{value:.10g}") for value in (numbers.min(), numbers.max())]
    limits = [int(value) if value.is_integer() else value for value in limits]
    return [
        GuessedLine("target", "regression", reason, check),
        GuessedLine("metric", "rmse", METRIC, check=True),
        GuessedLine("limits", limits, "lowest and highest value in the training table"),
    ]


def _has_point(values: pd.Series) -> bool:
    """Whether any value is a number with a fractional part."""
    numbers = pd.to_numeric(values, errors="coerce")
    return bool(len(values)) and bool((numbers.notna() & values.str.contains(r"[.eE]") & (numbers % 1 != 0)).any())


# ---- the label columns of a table


def label_lines(
    table: pd.DataFrame, sample: SampleTable | None, no_labels: set[str], names: set[str]
) -> list[GuessedLine]:
    """Return the lines of target, metric, label and the keys that depend on the target.

    no_labels: the columns of `table` that cannot be labels, because they name the photo or because the test table has
    them too; names: the class numbers to which a JSON file gives names.
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
        return _by_name_or_rest(table, near or others, f"{some_of(sample.answers)} of the sample", answers, names)
    label = GuessedLine("label", columns[0], "the sample has this column too")
    return [*target_lines(table[columns[0]], answers, columns[0], names), label]


def _by_name_or_rest(
    table: pd.DataFrame, others: list[str], what: str, answers: pd.Series, names: set
) -> list[GuessedLine]:
    """Return the lines for a label column that the sample does not name; the line of `label` may be undecided.

    The label column is the one whose values contain all words of `answers`, or the only column in `others`, or a column
    with a usual name for labels. what: a description of the labels for the reason.
    """
    words = {word for answer in set(answers) for word in answer.split() if not word.isdigit()}
    holding = [name for name in others if words and words <= set(table[name])]
    others = holding or others
    name = others[0] if len(others) == 1 else next((word for word in LABEL_WORDS if word in others), None)
    if name is None:
        return [
            undecided_line("label", f"the column, of {some_of(others, 20)}, that is {what}"),
            undecided_line("target", "multiclass, binary, multilabel, ordinal or regression"),
        ]
    why = "holds the words of the sample" if holding else "the only column that is left"
    why = why if len(others) == 1 else "from its name"
    return [*target_lines(table[name], answers, name, names), GuessedLine("label", name, f"{what}: {why}", check=True)]


def _of_columns(table: pd.DataFrame, columns: list[str], sample: SampleTable) -> list[GuessedLine]:
    """Return the lines of target, metric and label for a table with one column of 0 and 1 for each label."""
    values = table[columns].apply(pd.to_numeric, errors="coerce")
    label = GuessedLine("label", columns, f"{len(columns)} columns that the sample has too")
    if not values.isin([0, 1]).all(axis=None):
        what = f"{some_of(columns)} hold more than 0 and 1, and several numbers per photo are no target of the toolkit"
        return [undecided_line("target", what), label]
    if (values.sum(axis=1) == 1).all():
        target = GuessedLine(
            "target", "multiclass", f"{len(columns)} columns of 0 and 1, and exactly one is 1 in each row"
        )
        return [target, GuessedLine("metric", "log_loss", METRIC, check=True), label]
    target = GuessedLine("target", "multilabel", f"{len(columns)} columns of 0 and 1, several of which may be 1")
    return [target, GuessedLine("metric", "auc", METRIC, check=True), label]


def _column_of_values(table: pd.DataFrame, answers: list[str]) -> str | None:
    """Return the table column that holds more than half of `answers`, the names of the sample's columns, as values.

    Returns None if there is no such column.
    """
    wanted = set(answers)
    fits = [name for name in table if len(wanted) > 1 and len(wanted & set(table[name])) > 0.5 * len(wanted)]
    return max(fits, key=lambda name: len(wanted & set(table[name])), default=None)


def _of_class_columns(table: pd.DataFrame, name: str, sample: SampleTable) -> list[GuessedLine]:
    values, wanted = set(table[name]), set(sample.answers)
    lines = [
        GuessedLine("target", "multiclass", f"the sample has a column for each of {len(wanted)} classes"),
        GuessedLine("metric", "log_loss", METRIC, check=True),
        GuessedLine("label", name, "its values are the columns of the sample"),
    ]
    if values != wanted:
        odd = [
            f"only in the table: {some_of(sorted(values - wanted))}" if values - wanted else "",
            f"only in the sample: {some_of(sorted(wanted - values))}" if wanted - values else "",
        ]
        lines.append(undecided_line("classes", f"table and sample have other classes; {'; '.join(filter(None, odd))}"))
    return lines


def _alike(others: list[str], sample: SampleTable) -> list[str]:
    """Return the columns in `others` with nearly the name of a column to fill, such as category_id for Category."""
    asked = [_letters(name) for name in sample.answers]
    return [name for name in others if any(a in _letters(name) or _letters(name) in a for a in asked)]


def _letters(name: str) -> str:
    """Return a column name in lower case with letters and digits only, so that spellings can be compared."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


# ---- labels in the paths of the photos


def path_lines(photos: Iterable[str], sample: SampleTable | None) -> list[GuessedLine]:
    """Return the lines of train_images, target, metric and group, or an empty list if the paths contain no labels.

    photos: paths relative to inputs/; paths with a folder or file name that begins with "test" are ignored.
    """
    photos = sorted(path for path in photos if not any(part.lower().startswith("test") for part in path.split("/")))
    for search in (_in_folders, _in_names):
        labelled = search(photos)
        if labelled:
            template, labels, reason = labelled
            images = GuessedLine("train_images", template, reason)
            return [*_target(sorted(set(labels)), sample), images, *_copies(photos, labels, template)]
    return []


def _in_folders(photos: list[str]) -> tuple[str, list[str], str] | None:
    """Return the template, the label of each photo and the reason, or None unless each class has a folder of photos.

    Each class has a folder of photos if the folder names in the paths differ at exactly one level.
    photos: sorted paths.
    """
    parts = [path.split("/") for path in photos]
    depth = Counter(map(len, parts)).most_common(1)[0][0] if parts else 0
    parts = [part for part in parts if len(part) == depth]
    places = [k for k in range(depth - 1) if len({part[k] for part in parts}) > 1]
    if len(places) != 1 or len(parts) < 0.9 * len(photos):
        return None
    labels = [part[places[0]] for part in parts]
    if min(Counter(labels).values()) < 2:
        return None
    folders = [*parts[0][: places[0]], "{label}", *parts[0][places[0] + 1 : -1]]
    kinds = sorted(set(labels))
    return "/".join([*folders, "{file}"]), labels, f"{len(kinds)} folders, taken for classes: {some_of(kinds)}"


def _in_names(photos: list[str]) -> tuple[str, list[str], str] | None:
    """Return the template, the label of each photo and the reason, or None unless the file names contain the labels.

    All photos must be in one folder, with names that consist of the label and a number, such as cat.0.jpg.
    """
    matches = [IN_NAME.fullmatch(path.rsplit("/", 1)[-1]) for path in photos]
    folders = {path.rpartition("/")[0] for path in photos}
    if not photos or len(folders) != 1 or not all(matches):
        return None
    labels = [match["label"] for match in matches]
    signs, kinds = {match["sign"] for match in matches}, sorted(set(labels))
    if len(signs) != 1 or len(kinds) < 2 or len(kinds) > len(photos) / 2:
        return None
    extensions = {path.rsplit(".", 1)[-1] for path in photos}
    end = extensions.pop() if len(extensions) == 1 else "*"
    folder = folders.pop()
    template = f"{folder}/" * bool(folder) + f"{{label}}{signs.pop()}{{number}}.{end}"
    return template, labels, f"the file names begin with {len(kinds)} words, taken for classes: {some_of(kinds)}"


def _target(kinds: list[str], sample: SampleTable | None) -> list[GuessedLine]:
    """Return the lines of target, metric and positive. kinds: the sorted classes in the paths.

    If the sample has one column of numbers that are not classes, the numbers are taken for probabilities. With more
    than two classes, the line of `positive` is then undecided.
    """
    answers = sample.table[sample.answers[0]] if sample and len(sample.answers) == 1 else NO_ANSWERS
    numbers = len(answers) and pd.to_numeric(answers, errors="coerce").notna().all()
    probability = numbers and not set(answers) <= set(kinds)
    if not probability:
        metric = "log_loss" if sample and set(kinds) <= set(sample.answers) else "accuracy"
        return [
            GuessedLine("target", "multiclass", f"{len(kinds)} classes in the paths", check=sample is None),
            GuessedLine("metric", metric, METRIC, check=True),
        ]
    lines = [
        GuessedLine("target", "binary", "the sample holds one number per photo", check=len(kinds) != 2),
        GuessedLine("metric", "auc", METRIC, check=True),
    ]
    if len(kinds) != 2:
        return [*lines, undecided_line("positive", f"the classes whose probability is wanted, of {some_of(kinds)}")]
    return [*lines, _positive_line(kinds)]


def _copies(photos: list[str], labels: list[str], template: str) -> list[GuessedLine]:
    """Return a list with the line of `group`, or an empty list unless most file names occur in every class folder.

    Files with equal names are taken for copies of one photo, which must stay in one fold.
    """
    folders = defaultdict(set)
    for path, label in zip(photos, labels, strict=False):
        folders[path.rsplit("/", 1)[-1]].add(label)
    shared = sum(len(where) == len(set(labels)) for where in folders.values())
    if not template.endswith("{file}") or shared < COPIES * len(folders):
        return []
    return [GuessedLine("group", "file", "every folder has the same file names, so they may be copies of a photo")]


# ---- groups: photos of one group must stay in one fold

GROUP_WORDS = {  # in names of columns that hold groups
    *("patient", "subject", "person", "user", "owner", "individual", "donor", "animal", "specimen"),
    *("location", "site", "place", "field", "plot", "camera", "group"),
    *("slide", "case", "study", "series", "sequence", "seq", "session"),
}
FEWEST = 4  # groups; fewer are not enough for folds
REPEATED = 0.9  # groups per row, at most


def group_lines(train: pd.DataFrame, test: pd.DataFrame | None, taken: set[str]) -> list[GuessedLine]:
    """Return a list with the line of `group`, or an empty list if no column seems to hold groups.

    A column whose values in the training table and in the test table do not overlap is chosen first, then a column with
    a usual name for groups. taken: the columns of labels and photo names; test: None means there is no test table.
    """
    repeated = [name for name in train if name not in taken and _repeats(train[name])]
    apart = [name for name in repeated if test is not None and name in test and _apart(train[name], test[name])]
    if apart:
        best = max(apart, key=lambda name: (bool(_words(name) & GROUP_WORDS), -train[name].nunique()))
        others = f"; so do {some_of(name for name in apart if name != best)}" if len(apart) > 1 else ""
        reason = f"no value occurs in both train and test{others}"
        return [GuessedLine("group", best, reason, check=not _words(best) & GROUP_WORDS)]
    named = [name for name in repeated if _words(name) & GROUP_WORDS and (test is None or name not in test)]
    if named:
        best = min(named, key=lambda name: train[name].nunique())
        reason = f"from its name: {train[best].nunique():,} values for {len(train):,} photos"
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
