"""The section of the audit on labels: photos per class, attribute or label, several labels together, folds."""

import numpy as np

from comp.competition import labels
from comp.competition.competition import Competition
from comp.data import fold_report
from comp.data.audit_tables import AuditTables
from comp.pages import bins, figures, heat
from comp.pages.figures import Figure
from comp.pages.sections import Section
from comp.pages.tables import Table

MOST_BARS = 40  # classes with a bar each
SHOWN = 20  # of more classes: so many of the most and of the least frequent
MOST_TOGETHER = 25  # labels in the picture of labels that occur together
WORDS = {"multilabel": "labels", "regression": "values"}


def section(audit: AuditTables) -> Section:
    """Counts of labels, and of photos by fold where there are folds."""
    made = Section("labels", WORDS.get(audit.competition.target, "classes").capitalize())
    values = labels.to_array(audit.train["label"], audit.competition)
    if audit.competition.target == "regression":
        made.figures.append(_values(values))
        made.notes.append(_range_of(values))
    else:
        _classes(made, values, audit.competition)
    if audit.has_folds:
        what, columns, rows = fold_report.labels_by_fold(audit.train, audit.competition)
        made.tables.append(Table(columns, rows, f"{what} by fold"))
        made.notes += fold_report.missing_labels(audit.train, audit.competition)
    else:
        made.missing.append(("There are no folds yet, so photos by fold are not shown.", "make folds"))
    return made


def _values(values: np.ndarray) -> Figure:
    edges = bins.edges(values)
    return figures.histogram("training photos by target", "target", edges, {"photos": bins.counts(values, edges)})


def _range_of(values: np.ndarray) -> str:
    low, quarter, middle, three, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    return (f"{len(values):,} values from {low:.4g} to {high:.4g}; median {middle:.4g}, "
            f"half of them from {quarter:.4g} to {three:.4g}, mean {values.mean():.4g}.")  # fmt: skip


def _classes(made: Section, values: np.ndarray, competition: Competition) -> None:
    several = values.ndim == 2
    counts = values.sum(0, dtype=int) if several else np.bincount(values, minlength=competition.size)
    made.notes.append(_spread_of(counts, competition.classes, "label" if several else "class"))
    made.figures += _bars(counts, competition.classes, "photos per " + ("label" if several else "class"))
    for name, attribute in competition.attributes.items():
        of_value = np.bincount(np.array(attribute.of_class), counts, len(attribute.values))
        named = dict(zip(attribute.values, of_value.astype(int).tolist(), strict=True))
        made.figures.append(figures.bars(f"photos by {name}", "photos", named))
    if several:
        made.figures += _together(values, competition.classes)
    if competition.size > MOST_BARS:
        rows = [[competition.classes[c], int(counts[c])] for c in np.argsort(-counts, kind="stable")]
        made.tables.append(Table(["class", "photos"], rows, f"all {competition.size:,} classes"))


def _spread_of(counts: np.ndarray, names: tuple[str, ...], word: str) -> str:
    most, least = int(counts.argmax()), int(counts.argmin())
    ratio = f": {counts[most] / counts[least]:.1f} times as many" if counts[least] else ""
    plural = {"class": "classes", "label": "labels"}[word]
    return (f"{len(counts):,} {plural}. The most frequent is {names[most]} with {counts[most]:,} photos, the rarest is "
            f"{names[least]} with {counts[least]:,}{ratio}.")  # fmt: skip


def _bars(counts: np.ndarray, names: tuple[str, ...], title: str) -> list[Figure]:
    """A bar for each class; of very many classes the most and the least frequent, and the curve of all."""
    if len(counts) <= MOST_BARS:
        return [figures.bars(title, "photos", dict(zip(names, counts.tolist(), strict=True)))]
    order = np.argsort(-counts, kind="stable")
    rank = {"photos": (np.arange(1, len(order) + 1), counts[order])}
    return [figures.lines(f"{title}, all", "rank of the class", "photos", rank)] + [
        figures.bars(f"{title}: the {SHOWN} {which}", "photos", {names[c]: int(counts[c]) for c in part})
        for which, part in (("most frequent", order[:SHOWN]), ("rarest", order[-SHOWN:]))
    ]


def _together(values: np.ndarray, names: tuple[str, ...]) -> list[Figure]:
    """How many labels a photo has, and how often two labels occur together."""
    many, photos = np.unique(values.sum(1, dtype=int), return_counts=True)
    named = {str(count): int(photo) for count, photo in zip(many, photos, strict=True)}
    order = np.sort(np.argsort(-values.sum(0, dtype=int), kind="stable")[:MOST_TOGETHER])
    part = values[:, order].astype(int)
    title = "photos with both labels" + (f": the {len(order)} most frequent" if len(order) < len(names) else "")
    drawn = heat.heat(title, [names[c] for c in order], part.T @ part)
    return [figures.bars("photos by number of labels", "photos", named), drawn]
