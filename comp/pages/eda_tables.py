"""Sections of the input audit on the tables: labels, further columns, and the differences between train and test."""

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

# ---- labels

MOST_BARS = 40  # most classes for which each class has a bar
MOST_CLASSES_SHOWN = 20  # if there are more classes, this many of the most and of the least frequent have bars
MOST_TOGETHER = 25  # most labels in the matrix of labels that occur together
WORDS = {"multilabel": "labels", "regression": "values"}


def label_section(audit: AuditTables) -> Section:
    """The section on the number of photos of each class, label or range of the number, in all and in each fold.

    Without folds, the section says how to make them.
    """
    section = Section("labels", WORDS.get(audit.competition.target, "classes").capitalize())
    values = labels.to_array(audit.train["label"], audit.competition)
    if audit.competition.target == "regression":
        section.figures.append(_value_histogram(values))
        section.notes.append(_range_of(values))
    else:
        _add_classes(section, values, audit.competition)
    if audit.has_folds:
        what, columns, rows = folds.labels_by_fold(audit.train, audit.competition)
        section.tables.append(Table(columns, rows, f"{what} by fold"))
        section.notes += folds.missing_labels(audit.train, audit.competition)
    else:
        section.missing.append(("There are no folds yet, so photos by fold are not shown.", "make folds"))
    return section


def _value_histogram(values: np.ndarray) -> Figure:
    edges = figures.bin_edges(values)
    return figures.histogram(
        "training photos by target", "target", edges, {"photos": figures.bin_counts(values, edges)}
    )


def _range_of(values: np.ndarray) -> str:
    low, quarter, middle, three, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    return (
        f"{len(values):,} values from {low:.4g} to {high:.4g}; median {middle:.4g}, "
        f"half of the values from {quarter:.4g} to {three:.4g}; mean {values.mean():.4g}."
    )


def _add_classes(section: Section, values: np.ndarray, competition: Competition) -> None:
    several = values.ndim == 2
    counts = values.sum(0, dtype=int) if several else np.bincount(values, minlength=competition.size)
    section.notes.append(_spread_of(counts, competition.classes, "label" if several else "class"))
    section.figures += _bars(counts, competition.classes, "photos per " + ("label" if several else "class"))
    for name, attribute in competition.attributes.items():
        of_value = np.bincount(np.array(attribute.of_class), counts, len(attribute.values))
        named = dict(zip(attribute.values, of_value.astype(int).tolist(), strict=True))
        section.figures.append(figures.bars(f"photos by {name}", "photos", named))
    if several:
        section.figures += _together(values, competition.classes)
    if competition.size > MOST_BARS:
        rows = [[competition.classes[c], int(counts[c])] for c in np.argsort(-counts, kind="stable")]
        section.tables.append(Table(["class", "photos"], rows, f"all {competition.size:,} classes"))


def _spread_of(counts: np.ndarray, names: tuple[str, ...], word: str) -> str:
    most, least = int(counts.argmax()), int(counts.argmin())
    ratio = f", a ratio of {counts[most] / counts[least]:.1f}" if counts[least] else ""
    plural = {"class": "classes", "label": "labels"}[word]
    return (
        f"{len(counts):,} {plural}. The most frequent is {names[most]} with {counts[most]:,} photos, the rarest is "
        f"{names[least]} with {counts[least]:,}{ratio}."
    )


def _bars(counts: np.ndarray, names: tuple[str, ...], title: str) -> list[Figure]:
    """The figure with a bar for each class.

    If there are more than MOST_BARS classes, return a curve of all classes, the bars of the most frequent classes, and
    the bars of the rarest classes.
    """
    if len(counts) <= MOST_BARS:
        return [figures.bars(title, "photos", dict(zip(names, counts.tolist(), strict=True)))]
    order = np.argsort(-counts, kind="stable")
    rank = {"photos": (np.arange(1, len(order) + 1), counts[order])}
    return [figures.lines(f"{title}, all", "rank of the class", "photos", rank)] + [
        figures.bars(f"{title}: the {MOST_CLASSES_SHOWN} {which}", "photos", {names[c]: int(counts[c]) for c in part})
        for which, part in (("most frequent", order[:MOST_CLASSES_SHOWN]), ("rarest", order[-MOST_CLASSES_SHOWN:]))
    ]


def _together(values: np.ndarray, names: tuple[str, ...]) -> list[Figure]:
    """Two figures: the number of labels of a photo, and how often two labels occur together."""
    many, photos = np.unique(values.sum(1, dtype=int), return_counts=True)
    named = {str(count): int(photo) for count, photo in zip(many, photos, strict=True)}
    order = np.sort(np.argsort(-values.sum(0, dtype=int), kind="stable")[:MOST_TOGETHER])
    part = values[:, order].astype(int)
    title = "photos with both labels" + (f": the {len(order)} most frequent" if len(order) < len(names) else "")
    together = figures.matrix(title, [names[c] for c in order], part.T @ part)
    return [figures.bars("photos by number of labels", "photos", named), together]


# ---- further columns

MOST_VALUES = 20  # most bars of a column of text, which are its most frequent values


def column_section(audit: AuditTables) -> Section:
    """The section on numbers that are cut into attribute values, further columns of the table, and group sizes."""
    section = Section("columns", "Numbers and columns")
    competition, train = audit.competition, audit.train
    for cut in competition.ranges:
        if cut.column in train:
            section.figures += _cut_numbers(cut, train, competition)
    cut_columns = {cut.column for cut in competition.ranges}
    known = {"image", "group", "label", "fold", "id", *competition.attributes, *cut_columns}
    section.figures += [_column(name, train[name]) for name in train if name not in known]
    sizes = train["group"].value_counts()
    if len(sizes) < len(train):
        _add_group_sizes(section, sizes)
    else:
        section.notes.append("Every photo is a group of its own.")
    return section


def _add_group_sizes(section: Section, sizes: pd.Series) -> None:
    """Add a note and a histogram of the group sizes. sizes: the number of photos of each group, the largest first."""
    if sizes.min() == sizes.max():
        section.notes.append(f"{len(sizes):,} groups with {sizes.max():,} photos each.")
        return
    section.notes.append(
        f"{len(sizes):,} groups with {sizes.min():,} to {sizes.max():,} photos each (median "
        f"{sizes.median():g}); the largest is {sizes.index[0]}."
    )
    edges = figures.bin_edges(sizes.to_numpy())
    counts = {"groups": figures.bin_counts(sizes.to_numpy(), edges)}
    section.figures.append(figures.histogram("groups by their number of photos", "photos of a group", edges, counts))


def _cut_numbers(cut, train: pd.DataFrame, competition: Competition) -> list[Figure]:
    """The histograms of a number that is cut into values of an attribute.

    Each histogram has a line for each value of one other attribute. If there is no other attribute, there is a single
    histogram of all photos.
    """
    numbers = pd.to_numeric(train[cut.column], errors="coerce")
    edges = figures.bin_edges(numbers.dropna().to_numpy())
    others = [name for name in competition.attributes if name != cut.attribute and name in train] or [""]
    title = f"{cut.column}, which decides {cut.attribute} (from {', '.join(f'{edge:g}' for edge in cut.edges)} on)"
    return [
        figures.histogram(
            title + (f", by {name}" if name else ""),
            cut.column,
            edges,
            _counts_by(name, numbers, train, competition, edges),
            marks=cut.edges,
        )
        for name in others
    ]


def _counts_by(name: str, numbers: pd.Series, train: pd.DataFrame, competition: Competition, edges) -> dict:
    """Each value of the attribute `name` and the counts of its photos in the bins.

    If the name is empty, return the counts of all photos instead.
    """
    if not name:
        return {"photos": figures.bin_counts(numbers.dropna(), edges)}
    return {
        value: figures.bin_counts(numbers[(train[name].astype(int) == i) & numbers.notna()], edges)
        for i, value in enumerate(competition.attributes[name].values)
    }


def _column(name: str, column: pd.Series) -> Figure:
    """The histogram of a column of numbers, or the bars of the most frequent values of any other column."""
    text = column.astype(str).where(column.notna(), "")
    numbers = pd.to_numeric(text.where(text != ""), errors="coerce").replace([np.inf, -np.inf], np.nan)
    if numbers.notna().any() and not (numbers.isna() & (text != "")).any():
        edges = figures.bin_edges(numbers.dropna().to_numpy())
        return figures.histogram(f"column {name}", name, edges, {"photos": figures.bin_counts(numbers.dropna(), edges)})
    counts = text.replace("", "(empty)").value_counts()
    more = f": the {MOST_VALUES} most frequent of {len(counts):,}" if len(counts) > MOST_VALUES else ""
    return figures.bars(f"column {name}{more}", "photos", counts.head(MOST_VALUES).to_dict())


# ---- train against test

MOST_THUMBNAILS = 3_000  # most thumbnails of train and of test for the quick model on thumbnails
FEWEST = 5  # fewest readable photos of train and of test for a comparison
MEANING = (
    "AUC says how well a column, or a quick model, tells test photos from training photos. An AUC of 0.5 means not at "
    "all, and 1 means always. If an AUC is above about 0.6, the out-of-fold score may differ from the leaderboard "
    "score. Ids often separate train and test, because test photos were numbered later."
)


def train_test_section(audit: AuditTables, facts: Mapping[str, PhotoFacts]) -> Section:
    """The section on how well single columns, properties of photos, and quick models tell train from test."""
    section = Section("train-test", "Train against test")
    photos = sides(audit, facts)
    section.notes += _suggested_groups(audit)
    train, test = audit.given
    compared = len(train) and len(test)
    differences = [("table", row) for row in train_test_differences.differences(train, test)] if compared else []
    if len(photos) == 2 and min(map(len, photos.values())) >= FEWEST:
        rows = train_test_differences.differences(photos["train"], photos["test"])
        differences += [("photo", row) for row in rows]
        section.tables.append(_models(audit, facts, photos))
    else:
        section.notes.append(
            f"Train or test has fewer than {FEWEST} readable photos, so their photos are not compared."
        )
    if differences:
        section.notes.insert(0, MEANING)
        section.tables.append(_difference_table(differences))
    return section


def _suggested_groups(audit: AuditTables) -> list[str]:
    """Notes on columns by which the test set was probably split off.

    A column is left out if the groups are values of this column already.
    """
    train, test = audit.given
    groups = set(audit.train["group"])
    return [
        f"The column {split.column} has {split.train_values} values in train, {split.test_values} in test, and none in "
        f"both. So the test set was probably split by this column, and the folds should be split by it, too: write "
        f'group = "{split.column}" into competition.toml.'
        for split in suggest_groups(train, test)
        if not set(train[split.column].astype(str)) <= groups
    ]


def _difference_table(differences: list) -> Table:
    """The table of the AUC of each column. differences: pairs of a kind and a row.

    The kind is "table" or "photo". The row is from `train_test_differences.differences`.
    """
    rows = []
    for kind, row in differences:
        unseen = None if row.unseen is None else round(100 * row.unseen)
        rows.append([row.column, kind, round(row.auc, 3), row.train, row.test, unseen])
    columns = ["column", "of the", "AUC", "in train", "in test", "% of test not in train"]
    return Table(columns, rows, "columns; in train and in test: the median of numbers, or the most frequent value")


def _models(audit: AuditTables, facts: Mapping[str, PhotoFacts], photos: dict[str, pd.DataFrame]) -> Table:
    """The table with the AUC of two quick models that tell test photos from training photos."""
    readable = audit.train[[not facts[image].problem for image in audit.train["image"]]]
    groups = readable["group"].tolist()
    auc = train_test_differences.together(photos["train"], photos["test"], groups)
    rows = [["gradient boosting on size, format, brightness and contrast of the photos", auc]]
    train = [facts[image] for image in readable["image"]]
    test = [facts[image] for image in audit.test["image"] if not facts[image].problem]
    kept, kept_test = _sampled(len(train)), _sampled(len(test))
    if len({groups[i] for i in kept}) >= FEWEST:
        auc = train_test_differences.adversarial_auc(
            [train[i] for i in kept], [test[i] for i in kept_test], [groups[i] for i in kept]
        )
        rows.append(["logistic regression on thumbnails of 16 x 17 pixels", auc])
    title = f"quick models, cross-validated over groups (at most {MOST_THUMBNAILS:,} photos of each)"
    return Table(["model", "AUC"], [[name, None if auc is None else round(auc, 3)] for name, auc in rows], title)


def _sampled(count: int) -> np.ndarray:
    """At most MOST_THUMBNAILS of the positions 0 … count - 1, drawn at random and sorted."""
    return np.sort(np.random.default_rng(0).permutation(count)[:MOST_THUMBNAILS])
