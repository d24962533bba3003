"""All metrics by name. Add your own in user_metrics.py; metric.py describes the fields of a metric.

A name may have a parameter after @: map@5, macro_f_beta@2.
"""

import difflib
from functools import partial

import numpy as np

from comp.errors import InputError
from comp.metrics import formulas, user_metrics
from comp.metrics.formulas import FLOOR, auc_score, log_loss, macro_f1_score
from comp.metrics.metric import ONE_LABEL, Metric, averaged, counted

__all__ = ["FLOOR", "Metric", "auc_score", "check_target", "get", "log_loss", "macro_f1_score", "names"]

COUNTED = (*ONE_LABEL, "multilabel")
NUMBERS = ("regression", "ordinal")

_FIXED = (
    counted("accuracy", formulas.accuracy_terms, ONE_LABEL, summable=True),
    counted("balanced_accuracy", formulas.balanced_accuracy_terms, ONE_LABEL),
    counted("macro_f1", formulas.macro_f_terms, COUNTED),
    counted("micro_f1", formulas.micro_f_terms, COUNTED, summable=True),
    counted("weighted_f1", formulas.weighted_f1_terms, COUNTED),
    Metric("log_loss", log_loss, "probabilities", COUNTED, False, rows=formulas.log_loss_rows),
    Metric("auc", auc_score, "ranks", COUNTED),
    Metric("average_precision", formulas.average_precision, "ranks", ("binary", "multilabel")),
    averaged("quadratic_kappa", "answers", ("ordinal",), formulas.kappa_rows, formulas.kappa_of_means, graded=True),
    averaged("rmse", "values", NUMBERS, formulas.squared_rows, formulas.root, higher_is_better=False),
    averaged("mae", "values", NUMBERS, formulas.absolute_rows, higher_is_better=False),
    averaged(
        "probabilistic_f1",
        "probabilities",
        ("binary",),
        formulas.probabilistic_f1_rows,
        formulas.probabilistic_f1_of_means,
    ),
)


def _f_beta(name: str, beta: float) -> Metric:
    if name.startswith("samples"):
        return averaged(name, "answers", ("multilabel",), partial(formulas.samples_f_rows, beta=beta))
    micro = name.startswith("micro")
    terms = formulas.micro_f_terms if micro else formulas.macro_f_terms
    return counted(name, partial(terms, beta=beta), COUNTED, summable=micro)


def _of_the_best(name: str, k: int) -> Metric:
    several = name.startswith("map")
    rows = formulas.map_at_k_rows if several else formulas.top_k_rows
    return averaged(name, "ranking", ("multiclass", "multilabel") if several else ("multiclass",), partial(rows, k=k))


_WITH_PARAMETER = {  # name: function that creates the metric, type of the parameter, its letter in lists of names
    "macro_f_beta": (_f_beta, float, "b"),
    "micro_f_beta": (_f_beta, float, "b"),
    "samples_f_beta": (_f_beta, float, "b"),
    "map": (_of_the_best, int, "k"),
    "top_k_accuracy": (_of_the_best, int, "k"),
}


def names() -> list[str]:
    """All names, your own first. Metrics with a parameter are listed as map@k."""
    own = [metric.name for metric in user_metrics.METRICS]
    return [*own, *(metric.name for metric in _FIXED), *(f"{n}@{p}" for n, (_, _, p) in _WITH_PARAMETER.items())]


def get(name: str) -> Metric:
    """The metric of that name, such as "map@5". Raises InputError for an unknown name, with similar names."""
    for metric in (*user_metrics.METRICS, *_FIXED):
        if metric.name == name:
            return metric
    base, _, parameter = name.partition("@")
    if base not in _WITH_PARAMETER:
        raise _unknown(name)
    make, kind, _ = _WITH_PARAMETER[base]
    try:
        number = kind(parameter)
    except ValueError:
        number = 0
    if not 0 < number < np.inf:
        raise InputError(f'metric = "{name}"', _expected(base), f'write it as "{base}@{2 if kind is float else 5}"')
    return make(name, number)


def check_target(metric: Metric, target: str) -> None:
    """Raise InputError if the metric cannot score the target."""
    if target in metric.targets:
        return
    with_parameter = [make(f"{name}@{letter}", 1) for name, (make, _, letter) in _WITH_PARAMETER.items()]
    fitting = [one.name for one in (*user_metrics.METRICS, *_FIXED, *with_parameter) if target in one.targets]
    raise InputError(
        f'metric = "{metric.name}" with target = "{target}"',
        f"a target of {', '.join(metric.targets)}, or a metric of {', '.join(fitting)}",
        "change `metric` or `target` in competition.toml",
    )


def _expected(base: str) -> str:
    kind = _WITH_PARAMETER[base][1]
    return f"a {'whole number' if kind is int else 'number'} above 0 after {base}@"


def _unknown(name: str) -> InputError:
    near = difflib.get_close_matches(name, names(), 3, 0.5)
    return InputError(
        f'no metric "{name}"' + (f": did you mean {' or '.join(near)}?" if near else ""),
        f"one of {', '.join(names())}",
        "change `metric` or `also` in competition.toml, or add a function to comp/metrics/user_metrics.py",
    )
