"""List the built-in metrics, and find a metric by its name. Add your own metrics in user_metrics.py.

The names of some metrics end in @ and a number, such as map@5 or macro_f_beta@2. The number is the k or the beta of the
metric.
"""

import difflib
import math
from functools import partial

from comp.errors import InputError
from comp.metrics import formulas, user_metrics
from comp.metrics.formulas import FLOOR, auc_score, log_loss, macro_f1_score
from comp.metrics.metric import ONE_LABEL, Metric, averaged, counted

__all__ = ["FLOOR", "Metric", "auc_score", "check_target", "get", "log_loss", "macro_f1_score", "names"]

SHARE, CORRELATION, ERROR = (0.0, 1.0), (-1.0, 1.0), (0.0, math.inf)  # the lowest and the highest possible value
COUNTED, NUMBERS = (*ONE_LABEL, "multilabel"), ("regression", "ordinal")  # targets of a metric
AS_SHARE, AS_ERROR = {"limits": SHARE}, {"limits": ERROR, "higher_is_better": False}

_FIXED = (
    counted("accuracy", formulas.accuracy_terms, ONE_LABEL, summable=True, **AS_SHARE),
    counted("balanced_accuracy", formulas.balanced_accuracy_terms, ONE_LABEL, classes_alike=True, **AS_SHARE),
    counted("macro_f1", formulas.macro_f_terms, COUNTED, classes_alike=True, **AS_SHARE),
    counted("micro_f1", formulas.micro_f_terms, COUNTED, summable=True, **AS_SHARE),
    counted("weighted_f1", formulas.weighted_f1_terms, COUNTED, **AS_SHARE),
    Metric(
        "log_loss",
        log_loss,
        "probabilities",
        COUNTED,
        rows=formulas.log_loss_rows,
        lowest_probability=FLOOR,
        **AS_ERROR,
    ),
    Metric("auc", auc_score, "ranks", COUNTED, **AS_SHARE),
    Metric("average_precision", formulas.average_precision, "ranks", ("binary", "multilabel"), **AS_SHARE),
    averaged(
        "quadratic_kappa",
        "answers",
        ("ordinal",),
        formulas.kappa_rows,
        formulas.kappa_of_means,
        graded=True,
        limits=CORRELATION,
    ),
    averaged("rmse", "values", NUMBERS, formulas.squared_rows, formulas.root, **AS_ERROR),
    averaged("mae", "values", NUMBERS, formulas.absolute_rows, number_loss="mae", **AS_ERROR),
    averaged(
        "probabilistic_f1",
        "probabilities",
        ("binary",),
        formulas.probabilistic_f1_rows,
        formulas.probabilistic_f1_of_means,
        **AS_SHARE,
    ),
)


def _macro_f_beta(name: str, beta: float) -> Metric:
    return counted(name, partial(formulas.macro_f_terms, beta=beta), COUNTED, classes_alike=True, **AS_SHARE)


def _micro_f_beta(name: str, beta: float) -> Metric:
    return counted(name, partial(formulas.micro_f_terms, beta=beta), COUNTED, summable=True, **AS_SHARE)


def _samples_f_beta(name: str, beta: float) -> Metric:
    return averaged(name, "answers", ("multilabel",), partial(formulas.samples_f_rows, beta=beta), **AS_SHARE)


def _map_at_k(name: str, k: int) -> Metric:
    rows = partial(formulas.map_at_k_rows, k=k)
    return averaged(name, "ranking", ("multiclass", "multilabel"), rows, ranked=k, **AS_SHARE)


def _top_k_accuracy(name: str, k: int) -> Metric:
    return averaged(name, "ranking", ("multiclass",), partial(formulas.top_k_rows, k=k), ranked=k, **AS_SHARE)


_WITH_PARAMETER = {  # name: the function that makes the metric, the type of the parameter, its letter in lists
    "macro_f_beta": (_macro_f_beta, float, "b"),
    "micro_f_beta": (_micro_f_beta, float, "b"),
    "samples_f_beta": (_samples_f_beta, float, "b"),
    "map": (_map_at_k, int, "k"),
    "top_k_accuracy": (_top_k_accuracy, int, "k"),
}


def names() -> list[str]:
    """Return the names of all metrics. The metrics in user_metrics.py come first.

    If a name ends in a number, a letter stands in place of the number, as in map@k.
    """
    with_parameter = (f"{name}@{letter}" for name, (_, _, letter) in _WITH_PARAMETER.items())
    return [*(metric.name for metric in (*user_metrics.METRICS, *_FIXED)), *with_parameter]


def get(name: str) -> Metric:
    """Return the Metric called `name`, such as "rmse" or "map@5".

    Raise InputError if there is no such metric, or if the number after @ is missing or is not above 0.
    """
    for metric in (*user_metrics.METRICS, *_FIXED):
        if metric.name == name:
            return metric
    base, _, parameter = name.partition("@")
    if base not in _WITH_PARAMETER:
        raise _unknown(name)
    create, kind, _ = _WITH_PARAMETER[base]
    try:
        number = kind(parameter)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        example = f'metric = "{base}@{2 if kind is float else 5}"'
        raise InputError(
            f'the metric "{name}" in competition.toml has no valid number after @',
            _expected(base),
            f"write {example}, for example",
        )
    return create(name, number)


def check_target(metric: Metric, target: str) -> None:
    """Raise InputError if the metric cannot be used with the target in competition.toml, such as "multiclass"."""
    if target in metric.targets:
        return
    with_parameter = (create(f"{name}@{letter}", 1) for name, (create, _, letter) in _WITH_PARAMETER.items())
    known = (*user_metrics.METRICS, *_FIXED, *with_parameter)
    fitting = [fit.name for fit in known if target in fit.targets]
    raise InputError(
        f'the metric "{metric.name}" cannot be used with target = "{target}"',
        f"for this metric one of the targets {', '.join(metric.targets)}, "
        f"or for this target one of the metrics {', '.join(fitting)}",
        "change `metric`, `also` or `target` in competition.toml",
    )


def _expected(base: str) -> str:
    kind = _WITH_PARAMETER[base][1]
    return f"a {'whole number' if kind is int else 'number'} above 0 after {base}@"


def _unknown(name: str) -> InputError:
    near = difflib.get_close_matches(name, names(), 3, 0.5)
    return InputError(
        f'there is no metric "{name}"' + (f": did you mean {' or '.join(near)}?" if near else ""),
        f"one of the metrics {', '.join(names())}",
        "change `metric` or `also` in competition.toml, or add your own metric to comp/metrics/user_metrics.py",
    )
