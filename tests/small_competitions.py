"""Small competitions of every target and answer, for the tests of this folder."""

import numpy as np

from comp.competition.competition import Competition, Sample
from comp.metrics import named_metrics
from comp.metrics.named_metrics import Metric

CLASSES = ("a", "b", "c")
ANSWERS = {
    "multiclass": ("index", "label", "probabilities", "ranking"),
    "ordinal": ("index", "label", "number"),
    "binary": ("index", "label", "probability", "probabilities"),
    "multilabel": ("labels", "probabilities", "ranking"),
    "regression": ("number",),
}
FORMS = [(target, answer) for target, answers in ANSWERS.items() for answer in answers]


def small(target="multiclass", answer="index", columns=None, classes=None, metric=None, **more) -> Competition:
    """A competition with three classes (two where binary), and a sample submission with one or C columns."""
    classes = classes or {"binary": ("no", "yes"), "regression": ("value",)}.get(target, CLASSES)
    columns = columns or (tuple(reversed(classes)) if answer == "probabilities" else ("answer",))
    metric = metric or named_metrics.get("macro_f1")
    return Competition(target, tuple(classes), metric, sample=Sample("sample.csv", "id", answer, columns), **more)


def ranking_metric(k: int) -> Metric:
    return Metric(f"map@{k}", lambda labels, probs: 0.0, "ranking", ("multiclass",), ranked=k)


def random_probs(competition: Competition, rows: int, seed: int = 0) -> np.ndarray:
    """Probabilities (rows, C), or values, as the target has them."""
    rng = np.random.default_rng(seed)
    if competition.sums_to_one:
        return rng.dirichlet(np.ones(competition.size), rows).astype(np.float32)
    return rng.random((rows, competition.size), np.float32)
