"""The section of the audit on labels: photos per class, attribute or label, several labels together, folds.

The section of the audit on further columns: the numbers behind classes, kept columns, and group sizes.

The section of the audit on what separates training photos from test photos.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from comp.competition import labels
from comp.competition.competition import Competition
from comp.data import folds, train_test_differences
from comp.data.audit_tables import AuditTables
from comp.data.photo_check import PhotoFacts
from comp.data.train_test_differences import suggest_groups
from comp.pages import figures
from comp.pages.eda_photos import sides
from comp.pages.figures import Figure, Table
from comp.pages.page import Section

MOST_BARS = 40  # classes with a bar each
MOST_CLASSES_SHOWN = 20  # of more classes: so many of the most and of the least frequent
MOST_TOGETHER = 25  # labels in the picture of labels that occur together
WORDS = {"multilabel": "labels", "regression": "values"}


def label_section(audit: AuditTables) -> Section:
    """Counts of labels, and of photos by fold where there are folds."""
    made = Section("labels", WORDS.get(audit.competition.target, "classes").capitalize())
    values = labels.to_array(audit.train["label"], audit.competition)
    if audit.competition.target == "regression":
        made.figures.append(_values(values))
        made.notes.append(_range_of(values))
    else:
        _classes(made, values, audit.competition)
    if audit.has_folds:
        what, columns, rows = folds.labels_by_fold(audit.train, audit.competition)
        made.tables.append(Table(columns, rows, f"{what} by fold"))
        made.notes += folds.missing_labels(audit.train, audit.competition)
    else:
        made.missing.append(("There are no folds yet, so photos by fold are not shown.", "make folds"))
    return made


def _values(values: np.ndarray) -> Figure:
    edges = figures.bin_edges(values)
    return figures.histogram(
        "training photos by target", "target", edges, {"photos": figures.bin_counts(values, edges)}
    )


def _range_of(values: np.ndarray) -> str:
    low, quarter, middle, three, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    return (
        f"{len(values):,} values from {low:.4g} to {high:.4g}; median {middle:.4g}, "
        f"half of them from {quarter:.4g} to {three:.4g}, mean {values.mean():.4g}."
    )


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
    return (
        f"{len(counts):,} {plural}. The most frequent is {names[most]} with {counts[most]:,} photos, the rarest is "
        f"{names[least]} with {counts[least]:,}{ratio}."
    )


def _bars(counts: np.ndarray, names: tuple[str, ...], title: str) -> list[Figure]:
    """A bar for each class; of very many classes the most and the least frequent, and the curve of all."""
    if len(counts) <= MOST_BARS:
        return [figures.bars(title, "photos", dict(zip(names, counts.tolist(), strict=True)))]
    order = np.argsort(-counts, kind="stable")
    rank = {"photos": (np.arange(1, len(order) + 1), counts[order])}
    return [figures.lines(f"{title}, all", "rank of the class", "photos", rank)] + [
        figures.bars(f"{title}: the {MOST_CLASSES_SHOWN} {which}", "photos", {names[c]: int(counts[c]) for c in part})
        for which, part in (("most frequent", order[:MOST_CLASSES_SHOWN]), ("rarest", order[-MOST_CLASSES_SHOWN:]))
    ]


def _together(values: np.ndarray, names: tuple[str, ...]) -> list[Figure]:
    """How many labels a photo has, and how often two labels occur together."""
    many, photos = np.unique(values.sum(1, dtype=int), return_counts=True)
    named = {str(count): int(photo) for count, photo in zip(many, photos, strict=True)}
    order = np.sort(np.argsort(-values.sum(0, dtype=int), kind="stable")[:MOST_TOGETHER])
    part = values[:, order].astype(int)
    title = "photos with both labels" + (f": the {len(order)} most frequent" if len(order) < len(names) else "")
    drawn = figures.heat(title, [names[c] for c in order], part.T @ part)
    return [figures.bars("photos by number of labels", "photos", named), drawn]


MOST_COLUMNS_SHOWN = 20  # most frequent values of a column of text


def column_section(audit: AuditTables) -> Section:
    """Further columns: the numbers behind classes by attribute, kept columns, and group sizes."""
    made = Section("columns", "Numbers and columns")
    competition, train = audit.competition, audit.train
    ranges = {one.column for one in competition.ranges}
    for one in competition.ranges:
        if one.column in train:
            made.figures += _behind(one, train, competition)
    known = {"image", "group", "label", "fold", "id", *competition.attributes, *ranges}
    made.figures += [_column(name, train[name]) for name in train if name not in known]
    sizes = train["group"].value_counts()
    if len(sizes) < len(train):
        _groups(made, sizes)
    else:
        made.notes.append("Every photo is a group of its own.")
    return made


def _groups(made: Section, sizes: pd.Series) -> None:
    """sizes: photos by group, the largest first."""
    if sizes.min() == sizes.max():
        made.notes.append(f"{len(sizes):,} groups with {sizes.max():,} photos each.")
        return
    made.notes.append(
        f"{len(sizes):,} groups with {sizes.min():,} to {sizes.max():,} photos each (median "
        f"{sizes.median():g}); the largest is {sizes.index[0]}."
    )
    edges = figures.bin_edges(sizes.to_numpy())
    counts = {"groups": figures.bin_counts(sizes.to_numpy(), edges)}
    made.figures.append(figures.histogram("groups by their number of photos", "photos of a group", edges, counts))


def _behind(one, train: pd.DataFrame, competition: Competition) -> list[Figure]:
    """Histograms of the number that a range cuts into values, by each other attribute; all photos without any."""
    numbers = pd.to_numeric(train[one.column], errors="coerce")
    edges = figures.bin_edges(numbers.dropna().to_numpy())
    others = [name for name in competition.attributes if name != one.attribute and name in train] or [""]
    title = f"{one.column}, which decides {one.attribute} (from {', '.join(f'{edge:g}' for edge in one.edges)} on)"
    return [
        figures.histogram(
            title + (f", by {name}" if name else ""),
            one.column,
            edges,
            _counts_by(name, numbers, train, competition, edges),
            marks=one.edges,
        )
        for name in others
    ]


def _counts_by(name: str, numbers: pd.Series, train: pd.DataFrame, competition: Competition, edges) -> dict:
    if not name:
        return {"photos": figures.bin_counts(numbers.dropna(), edges)}
    return {
        value: figures.bin_counts(numbers[(train[name].astype(int) == i) & numbers.notna()], edges)
        for i, value in enumerate(competition.attributes[name].values)
    }


def _column(name: str, column: pd.Series) -> Figure:
    """A histogram of a column of numbers; bars of the most frequent values of any other."""
    text = column.astype(str).where(column.notna(), "")
    numbers = pd.to_numeric(text.where(text != ""), errors="coerce").replace([np.inf, -np.inf], np.nan)
    if numbers.notna().any() and not (numbers.isna() & (text != "")).any():
        edges = figures.bin_edges(numbers.dropna().to_numpy())
        return figures.histogram(f"column {name}", name, edges, {"photos": figures.bin_counts(numbers.dropna(), edges)})
    counts = text.replace("", "(empty)").value_counts()
    more = f": the {MOST_COLUMNS_SHOWN} most frequent of {len(counts):,}" if len(counts) > MOST_COLUMNS_SHOWN else ""
    return figures.bars(f"column {name}{more}", "photos", counts.head(MOST_COLUMNS_SHOWN).to_dict())


MOST_THUMBNAILS = 3_000  # of each side
FEWEST = 5  # readable photos of a side
MEANING = (
    "AUC says how well a column, or a quick model, tells test photos from training photos: 0.5 is not at all, 1 "
    "is always. Above about 0.6 the out-of-fold score may not be the leaderboard's. Ids often separate them, "
    "where test photos were numbered later."
)


def train_test_section(audit: AuditTables, facts: Mapping[str, PhotoFacts]) -> Section:
    """Columns of the tables, then what the photos are like, then models on all of it and on thumbnails."""
    made = Section("train-test", "Train against test")
    photos = sides(audit, facts)
    made.notes += _suggested(audit)
    found = [("table", one) for one in _of_tables(audit)]
    if len(photos) == 2 and min(map(len, photos.values())) >= FEWEST:
        found += [("photo", one) for one in train_test_differences.differences(photos["train"], photos["test"])]
        made.tables.append(_models(audit, facts, photos))
    else:
        made.notes.append(f"There are fewer than {FEWEST} readable photos of train or of test to compare.")
    if found:
        made.notes.insert(0, MEANING)
        made.tables.append(_table(found))
    return made


def _of_tables(audit: AuditTables) -> list:
    train, test = audit.given
    return train_test_differences.differences(train, test) if len(train) and len(test) else []


def _suggested(audit: AuditTables) -> list[str]:
    """Columns by which the test set was probably split, unless the groups hold their values already."""
    train, test = audit.given
    groups = set(audit.train["group"])
    return [
        f"{one.column} has {one.train_values} values in train, {one.test_values} in test and none in both: the test "
        f'set was probably split by it, and the folds should be: group = "{one.column}" in competition.toml.'
        for one in suggest_groups(train, test)
        if not set(train[one.column].astype(str)) <= groups
    ]


def _table(found: list) -> Table:
    rows = [
        [
            one.column,
            kind,
            round(one.auc, 3),
            one.train,
            one.test,
            None if one.unseen is None else round(100 * one.unseen),
        ]
        for kind, one in found
    ]
    columns = ["column", "of the", "AUC", "in train", "in test", "% of test not in train"]
    return Table(columns, rows, "by column: the median of numbers, or the most frequent value")


def _models(audit: AuditTables, facts: Mapping[str, PhotoFacts], photos: dict[str, pd.DataFrame]) -> Table:
    train = audit.train[[not facts[image].problem for image in audit.train["image"]]]
    groups = train["group"].tolist()
    rows = [
        [
            "gradient boosting on size, format, brightness and contrast of the photos",
            train_test_differences.together(photos["train"], photos["test"], groups),
        ]
    ]
    looks = [facts[image] for image in train["image"]]
    test = [facts[image] for image in audit.test["image"] if not facts[image].problem]
    kept, kept_test = _drawn(len(looks)), _drawn(len(test))
    if len({groups[i] for i in kept}) >= FEWEST:
        auc = train_test_differences.adversarial_auc(
            [looks[i] for i in kept], [test[i] for i in kept_test], [groups[i] for i in kept]
        )
        rows.append(["logistic regression on thumbnails of 16 x 17 pixels", auc])
    title = f"quick models, cross-validated over groups (at most {MOST_THUMBNAILS:,} photos of each)"
    return Table(["model", "AUC"], [[name, None if auc is None else round(auc, 3)] for name, auc in rows], title)


def _drawn(count: int) -> np.ndarray:
    return np.sort(np.random.default_rng(0).permutation(count)[:MOST_THUMBNAILS])
