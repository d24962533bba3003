"""Which columns of the sample submission must be filled, and how (`Sample.answer`)."""

import pandas as pd

from comp.competition.competition import Sample
from comp.competition.layout.find_sample_submission import SampleFile
from comp.competition.layout.source_table import check_columns
from comp.competition.settings import Settings
from comp.errors import InputError
from comp.io.unicode_names import same_text
from comp.metrics.metrics import Metric

ANSWER_NAMES = ("label", "target", "prediction", "predicted", "predictions", "class", "category", "answer", "ans")
EDIT = "edit competition.toml"


def sample_of(settings: Settings, file: SampleFile, classes: tuple[str, ...], metric: Metric) -> Sample:
    """The Sample value. classes: from competition.toml or the training table.

    Raises InputError if the columns do not fit the classes, if it is not clear which column must be filled, or if the
    metric needs probabilities and the sample has only one column of labels.
    """
    check_columns(file.table, settings.listed("fill"), "fill", file.path)
    columns = class_columns(settings, file, classes)
    if columns:
        return Sample(file.path, file.id, "probabilities", columns)
    column = answer_column(settings, file)
    return Sample(file.path, file.id, settings.answer or one_column(settings, metric, file.path, column), (column,))


def class_columns(settings: Settings, file: SampleFile, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The columns for single classes, in the order of the file; () if the sample has one column for answers.

    A column may have the name or the number of the class. Raises InputError for columns of numbers that are not
    classes, and for classes without a column; a multilabel sample may ask for some of the labels only.
    """
    if settings.answer not in ("", "probabilities") or settings.target == "regression":
        return ()
    candidates = settings.listed("fill") or tuple(file.others)
    known = {same_text(name) for name in classes}
    if not known & set(map(same_text, candidates)) and set(candidates) == {str(c) for c in range(len(classes))}:
        return candidates
    found = tuple(name for name in candidates if same_text(name) in known)
    if len(found) < 2 and not settings.answer:
        return ()
    strange = [name for name in candidates if name not in found and (settings.fill or _is_numeric(file.table[name]))]
    missing = known - set(map(same_text, found)) if settings.target != "multilabel" or not found else set()
    if strange or missing:
        raise _other_classes(file.path, sorted(missing), strange)
    return found


def _is_numeric(column: pd.Series) -> bool:
    return bool(pd.to_numeric(column, errors="coerce").notna().all())


def _other_classes(path: str, missing: list[str], strange: list[str]) -> InputError:
    parts = []
    if missing:
        parts.append(f"{path} has no column for {len(missing)} training label(s): {', '.join(missing[:20])}")
    if strange:
        shown = ", ".join(strange[:20])
        parts.append(f"{path} has {len(strange)} column(s) that are not training labels: {shown}")
    return InputError("; ".join(parts), "the same classes in both; `classes` may name them, and `fill` the columns to "
                      "fill", EDIT)  # fmt: skip


def answer_column(settings: Settings, file: SampleFile) -> str:
    """The one column to fill: named by `fill`, named like the label, the only one, or one with a usual name."""
    names, wanted = file.others, [*settings.listed("fill")] or [settings.label]
    found = [name for name in names if name in wanted]
    if not found and len(names) == 1:
        found = names
    for known in (str(settings.label).lower(), *ANSWER_NAMES):
        found = found or [name for name in names if name.lower() == known]
    if len(found) != 1:
        raise InputError(f"{file.path} has columns {', '.join(map(str, file.table))[:1000]}", "one with the name of "
                         "the label, or one for each class", 'fill = "its name" in competition.toml')  # fmt: skip
    return found[0]


def one_column(settings: Settings, metric: Metric, path: str, column: str) -> str:
    """The form of the answers in a single column, from target and metric."""
    target, probabilistic = settings.target, metric.needs in ("probabilities", "ranks")
    if target == "regression" or (target == "ordinal" and metric.needs == "values"):
        return "number"
    if metric.needs == "ranking":
        return "ranking"
    if target == "binary" and probabilistic:
        return "probability"
    if probabilistic:
        raise InputError(f'metric "{metric.name}" needs probabilities, but {path} has only the column {column} to fill',
                         "a column for each class, or another metric",
                         'answer = "label" in competition.toml, if the competition wants labels')  # fmt: skip
    if target == "multilabel":
        return "labels"
    return "index" if settings.attributes else "label"  # the tables have no name for a combination of attributes
