"""Sections of the page outputs/eda.html about the tables: labels, other columns, and how train and test differ."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from comp.competition import labels
from comp.competition.competition import Competition
from comp.competition.competition_toml import toml_value
from comp.data import folds, train_test_differences
from comp.data.audit_tables import AuditTables
from comp.data.photo_check import PhotoFacts
from comp.data.train_test_differences import suggest_groups
from comp.inputs.cell_values import to_numbers
from comp.pages import figures
from comp.pages.eda_photos import sides
from comp.pages.figures import Figure, Table
from comp.pages.page import Section

# ---- labels

MOST_BARS = 40  # if there are at most this many classes, each class has a bar
MOST_CLASSES_SHOWN = 20  # if there are more, this many of the most frequent and of the rarest classes have bars
MOST_TOGETHER = 25  # the matrix of labels that occur together has at most this many labels
WORDS = {"multilabel": "labels", "regression": "values"}


def label_section(audit: AuditTables) -> Section:
    """Return the section about how many training photos each class or label has, over all folds and in each fold.

    For a regression, the section shows the values of the target instead. If there are no folds yet, the section names
    the command that makes them. audit: the tables of the competition.
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
        f"There are {len(values):,} values from {low:.4g} to {high:.4g}. The median is {middle:.4g}, and the mean is "
        f"{values.mean():.4g}. Half of the values lie between {quarter:.4g} and {three:.4g}."
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
        f"There are {len(counts):,} {plural}. The most frequent {word} is {names[most]} with {counts[most]:,} photos, "
        f"and the rarest {word} is {names[least]} with {counts[least]:,} photos{ratio}."
    )


def _bars(counts: np.ndarray, names: tuple[str, ...], title: str) -> list[Figure]:
    """Return a list with one bar chart of the number of photos of each class.

    If there are more than MOST_BARS classes, the list has three figures instead: a curve of all classes, the bars of
    the most frequent classes, and the bars of the rarest classes. counts (C,): the number of photos of each of C
    classes. names: the names of the classes.
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
    """Return two figures: how many labels the photos have, and how often two labels occur together on a photo.

    values (N, C): for N photos and C labels, 1 if the photo has the label, else 0. names: the names of the C labels.
    """
    many, photos = np.unique(values.sum(1, dtype=int), return_counts=True)
    named = {str(count): int(photo) for count, photo in zip(many, photos, strict=True)}
    order = np.sort(np.argsort(-values.sum(0, dtype=int), kind="stable")[:MOST_TOGETHER])
    part = values[:, order].astype(int)
    title = "photos with both labels" + (f": the {len(order)} most frequent" if len(order) < len(names) else "")
    together = figures.matrix(title, [names[c] for c in order], part.T @ part)
    return [figures.bars("photos by number of labels", "photos", named), together]


# ---- further columns

MOST_VALUES = 20  # a column of text has bars for at most this many values, the most frequent ones


def column_section(audit: AuditTables) -> Section:
    """Return the section about further columns of the training table and about the sizes of groups.

    A group is a set of photos that must be in the same fold. If a property of the classes, such as "small" or "large",
    comes from a number in the training table, the section also shows this number. audit: the tables of the competition.
    """
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
        section.notes.append("Every photo is its own group: no two photos share a group.")
    return section


def _add_group_sizes(section: Section, sizes: pd.Series) -> None:
    """Add a sentence about the sizes of the groups, and a histogram of these sizes, to the section.

    A group is a set of photos that must be in the same fold. sizes: for each group, its number of photos, the largest
    first.
    """
    if sizes.min() == sizes.max():
        section.notes.append(f"There are {len(sizes):,} groups with {sizes.max():,} photos each.")
        return
    section.notes.append(
        f"There are {len(sizes):,} groups with {sizes.min():,} to {sizes.max():,} photos each (median "
        f"{sizes.median():g}). The largest group is {sizes.index[0]}."
    )
    edges = figures.bin_edges(sizes.to_numpy())
    counts = {"groups": figures.bin_counts(sizes.to_numpy(), edges)}
    section.figures.append(figures.histogram("groups by their number of photos", "photos of a group", edges, counts))


def _cut_numbers(cut, train: pd.DataFrame, competition: Competition) -> list[Figure]:
    """Return histograms of a number, such as a height, from which a class property such as "small" or "large" comes.

    For each other property of the classes, such as a colour, there is a histogram with a line for each colour. If the
    classes have no other property, there is one histogram of all photos. cut: the column of the number, and the limits
    between the values of the property. train: the training table.
    """
    numbers = to_numbers(train[cut.column])
    edges = figures.bin_edges(numbers.dropna().to_numpy())
    others = [name for name in competition.attributes if name != cut.attribute and name in train] or [""]
    title = f"{cut.column}, which decides {cut.attribute} (limits: {', '.join(f'{edge:g}' for edge in cut.edges)})"
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
    """Count the photos in each bin of a histogram, separately for each value of a property of the classes.

    Returns the counts by the name of the value, such as "red" for the property "colour". name: the property; if it is
    "", all photos are counted together. numbers: the number that the histogram shows, for each photo; photos without a
    number are not counted. edges: the edges of the bins. train: the training table.
    """
    if not name:
        return {"photos": figures.bin_counts(numbers.dropna(), edges)}
    return {
        value: figures.bin_counts(numbers[(train[name].astype(int) == i) & numbers.notna()], edges)
        for i, value in enumerate(competition.attributes[name].values)
    }


def _column(name: str, column: pd.Series) -> Figure:
    """Return a histogram for a column of numbers, or bars of the most frequent values for any other column."""
    text = column.astype(str).where(column.notna(), "")
    numbers = to_numbers(text.where(text != "")).replace([np.inf, -np.inf], np.nan)
    if numbers.notna().any() and not (numbers.isna() & (text != "")).any():
        edges = figures.bin_edges(numbers.dropna().to_numpy())
        return figures.histogram(f"column {name}", name, edges, {"photos": figures.bin_counts(numbers.dropna(), edges)})
    counts = text.replace("", "(empty)").value_counts()
    more = f": the {MOST_VALUES} most frequent of {len(counts):,}" if len(counts) > MOST_VALUES else ""
    return figures.bars(f"column {name}{more}", "photos", counts.head(MOST_VALUES).to_dict())


# ---- train against test

MOST_THUMBNAILS = 3_000  # the quick model on thumbnails uses at most this many of train and of test
FEWEST = 5  # train and test must each have this many readable photos to be compared
MEANING = (
    "An AUC says how well a column, or a quick model, tells test photos from training photos: not at all if the AUC "
    "is 0.5, and without mistakes if the AUC is 1. If an AUC is above about 0.6, the out-of-fold score may differ from "
    "the leaderboard score. Ids often separate train and test, because test photos were numbered later."
)


def train_test_section(audit: AuditTables, facts: Mapping[str, PhotoFacts]) -> Section:
    """Return the section about how well test photos can be told from training photos.

    It shows how well single columns of the tables, single properties of the photos, and two quick models tell them
    apart. audit: the tables of the competition. facts: the properties of each photo, by the path of the photo.
    """
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
        section.notes.append(f"Train or test has fewer than {FEWEST} readable photos, so the photos are not compared.")
    if differences:
        section.notes.insert(0, MEANING)
        section.tables.append(_difference_table(differences))
    return section


def _suggested_groups(audit: AuditTables) -> list[str]:
    """Return a sentence for each column by which the test set was probably split off.

    The values of such a column in train are all different from those in test. A column is left out if the folds are
    already split by it. audit: the tables of the competition.
    """
    train, test = audit.given
    groups = set(audit.train["group"])
    return [
        f"The column {split.column} has {split.train_values} values in train and {split.test_values} in test, but no "
        f"value occurs in both. So the test set was probably split off by this column. To split the folds by this "
        f"column, too, write group = {toml_value(split.column)} into competition.toml."
        for split in suggest_groups(train, test)
        if not set(train[split.column].astype(str)) <= groups
    ]


def _difference_table(differences: list) -> Table:
    """Return a table with the AUC that says how well each column tells test photos from training photos.

    differences: pairs of a text and a Difference (see train_test_differences.py). The text is "table" for a column of
    the training table, and "photo" for a property of the photos.
    """
    rows = []
    for kind, row in differences:
        unseen = None if row.unseen is None else round(100 * row.unseen)
        rows.append([row.column, kind, round(row.auc, 3), row.train, row.test, unseen])
    columns = ["column", "source", "AUC", "in train", "in test", "% of test rows with a new value"]
    return Table(columns, rows, "columns, with the median of their numbers or their most frequent text")


def _models(audit: AuditTables, facts: Mapping[str, PhotoFacts], photos: dict[str, pd.DataFrame]) -> Table:
    """Return a table with the AUC of two quick models, which learn to tell test photos from training photos.

    audit: the tables of the competition. facts: the properties of each photo, by the path of the photo. photos: the
    tables of photo properties, under the keys "train" and "test".
    """
    readable = audit.train[[not facts[image].problem for image in audit.train["image"]]]
    groups = readable["group"].tolist()
    auc = train_test_differences.together(photos["train"], photos["test"], groups)
    rows = [["gradient boosting on size, format, brightness and contrast of the photos", auc]]
    train = [facts[image] for image in readable["image"]]
    test = [facts[image] for image in audit.test["image"] if not facts[image].problem]
    kept, kept_test = (train_test_differences.drawn(len(part), MOST_THUMBNAILS) for part in (train, test))
    if len({groups[i] for i in kept}) >= FEWEST:
        auc = train_test_differences.adversarial_auc(
            [train[i] for i in kept], [test[i] for i in kept_test], [groups[i] for i in kept]
        )
        name = f"logistic regression on thumbnails of 16 x 17 pixels, at most {MOST_THUMBNAILS:,} of train and of test"
        rows.append([name, auc])
    title = "quick models that tell test photos from training photos, cross-validated over groups"
    return Table(["model", "AUC"], [[name, None if auc is None else round(auc, 3)] for name, auc in rows], title)
