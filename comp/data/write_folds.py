"""Run `make folds`: check all photos, keep near-duplicates together, and make, check and write the folds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp import console, files
from comp.competition import labels
from comp.competition.competition import Competition
from comp.competition.competition_toml import toml_value
from comp.data import folds, near_duplicates, photo_check, train_test_differences
from comp.data.photo_check import PhotoSummary
from comp.errors import InputError, quoted
from comp.inputs import loading
from comp.project import Project
from comp.store import fold_table, frozen_competition
from comp.store.paths import blend_file, folds_file, pseudo_folder
from comp.submission import answers

MOST_LINES = 20  # largest number of warnings of one kind that are printed
DARK = 16  # a thumbnail is nearly black if all its values are smaller


@dataclass(frozen=True)
class AskedFolds:
    """The arguments of `make folds`.

    folds: the number of folds. seed, search: `search` seeds are tried, from `seed` on, and the most even folds are
    kept. adversarial: whether to print how well a quick model tells training photos from test photos. split_twins:
    whether near-identical photos may be in different folds.
    """

    folds: int = fold_table.USUAL_FOLDS
    seed: int = 0
    search: int = 1
    adversarial: bool = False
    split_twins: bool = False


def write_folds(project: Project, asked: AskedFolds) -> None:
    """Make the folds, and write folds.csv, folds.json and competition.json.

    asked: the arguments of `make folds`. Raises InputError if runs exist that were trained on other folds or photos, or
    if answers do not fit into the sample submission.
    """
    tables = loading.open_tables(project.inputs, project.competition_file)
    competition = tables.competition
    answers.check_columns(competition)
    table, test = folds.with_groups(tables.training_rows), tables.test_rows
    warn_each(tables.notes)
    advise_groups(*tables.given_tables, table)
    photos = look_at_photos(project, [*table["image"], *test["image"]])
    pairs = near_duplicates.photo_pairs(photos, table, test)
    table, merged = join_twins(table, pairs, photos, competition, asked.split_twins)
    tell_twins(pairs, len(test), competition, asked.split_twins)
    with console.progress("trying seeds", asked.search, "splits") as advance:
        table = folds.assign_folds(table, competition, asked.folds, asked.seed, asked.search, advance)
    folds.audit_folds(table, {image: summary.digest for image, summary in photos.items()})
    _write(project, competition, table, merged, photos, asked)
    _show(table, test, competition)
    if asked.adversarial:
        tell_apart(table, test, photos)


def advise_groups(train: pd.DataFrame, test: pd.DataFrame, table: pd.DataFrame) -> None:
    """Warn of each column by which the test set was probably split off, unless folds are split by this column too.

    train, test: the tables as the competition provides them; table: the training rows with the column group, by which
    the folds are split.
    """
    groups = set(table["group"])
    for suggestion in train_test_differences.suggest_groups(train, test):
        if not set(train[suggestion.column].astype(str)) <= groups:
            console.warn(
                f"the column {suggestion.column} has {suggestion.train_values} values in the training table and "
                f"{suggestion.test_values} values in the test table, but no value is in both tables. So the test set "
                "was probably split off by this column. To split the folds by this column, too, "
                f"set group = {toml_value(suggestion.column)} in competition.toml"
            )


def look_at_photos(project: Project, images: list[str]) -> dict[str, PhotoSummary]:
    """Decode all photos, and return the hash and the thumbnail of each photo, by its path. Warn of nearly black photos.

    Raises InputError for photos that cannot be read.
    """
    with console.progress("checking photos", len(images)) as advance:
        photos = photo_check.check_photos(project.inputs, images, advance)
    dark = [image for image, summary in photos.items() if summary.thumbnail.max() < DARK]
    if dark:
        console.warn(
            f"{len(dark):,} photo(s) are nearly black, such as {dark[0]}; if they should be brighter, save them with "
            "values over the whole range of 8 or 16 bits"
        )
    return photos


def join_twins(
    table: pd.DataFrame,
    pairs: pd.DataFrame,
    photos: dict[str, PhotoSummary],
    competition: Competition,
    split_twins: bool = False,
) -> tuple[pd.DataFrame, list[list[str]]]:
    """Merge groups that have equal or near-identical photos, so that such photos stay in one fold.

    table: the training rows; pairs: the equal and near-identical photos, as `photo_pairs` returns them; photos: the
    hash and the small copies of each photo, by its path. split_twins: whether only groups with equal photos are merged.
    Returns the table with the merged groups, and a list of the pairs of group names that were merged. Groups of
    near-identical photos are not merged if this would make the folds useless; a warning then says so.
    """
    images, groups = table["image"].tolist(), table["group"].tolist()
    place = {image: i for i, image in enumerate(images)}
    leaks = pairs[(pairs["side"] == "train") & ~pairs["one_group"]]
    same, near = (
        [(place[row.first], place[row.second]) for row in leaks[leaks["equal"] == equal].itertuples()]
        for equal in (True, False)
    )
    near = [] if split_twins else _usable(near, same, groups, [photos[image] for image in images], table, competition)
    for part, what in ((same, "the same photo, byte for byte"), (near, "near-identical")):
        warn_each([f"{images[a]} and {images[b]} are {what}, so their groups are kept in one fold" for a, b in part])
    names = sorted({tuple(sorted({groups[a], groups[b]})) for a, b in same + near})
    return table.assign(group=near_duplicates.merged_groups(groups, same + near)), [list(pair) for pair in names]


def _usable(near: list, same: list, groups: list[str], photos: list[PhotoSummary], table, competition) -> list:
    """Return the pairs of near-identical photos whose groups can be merged, and warn of the others.

    near, same: the pairs of near-identical and of equal photos, as positions in `table`; groups, photos: the group and
    the description of each row.
    """
    linked = near_duplicates.without_chains(near, photos)
    if len(linked) < len(near):
        console.warn(
            f"{len(near) - len(linked):,} pairs of near-identical photos may be in different folds, because they only "
            "extend a chain of near-identical photos to photos that look different"
        )
    before = near_duplicates.merged_groups(groups, same)
    after = near_duplicates.merged_groups(groups, same + linked)
    harm = near_duplicates.harmful_merges(before, after, _class_names(table, competition))
    for name, reason in harm.items():
        console.warn(
            f"{after.count(name):,} photos with near-identical photos among them, such as {name}, may be in different "
            f"folds. As one group they would make the folds useless: {reason}. So the out-of-fold score may be too high"
        )
    return [(a, b) for a, b in linked if after[a] not in harm]


def _class_names(table: pd.DataFrame, competition: Competition) -> list[list[str]]:
    """Return the class names of each row as a list. The list is empty if the target is a number."""
    if competition.target == "regression":
        return [[] for _ in range(len(table))]
    strata = labels.to_array(table["label"], competition)
    rows = strata[:, None] if strata.ndim == 1 else [np.flatnonzero(row) for row in strata]
    return [[competition.classes[c] for c in row] for row in rows]


def tell_twins(pairs: pd.DataFrame, tests: int, competition: Competition, split_twins: bool = False) -> None:
    """Warn if test photos are equal or near-identical to training photos, and say what this means for the score.

    pairs: the equal and near-identical photos, as `photo_pairs` returns them; tests: the number of test photos;
    split_twins: whether near-identical training photos may be in different folds.
    """
    across = pairs[pairs["side"] == "train and test"]
    shared = across[across["equal"]].itertuples()
    warn_each([f"the training photo {row.first} is also the test photo {row.second}, byte for byte" for row in shared])
    text = near_duplicates.text_about_twins(pairs, tests, competition.target == "binary", split_twins)
    if text:
        console.warn(text)


def warn_each(lines: list[str]) -> None:
    for line in lines[:MOST_LINES]:
        console.warn(line)
    if len(lines) > MOST_LINES:
        console.warn(f"… and {len(lines) - MOST_LINES:,} more warnings of this kind")


def tell_apart(table: pd.DataFrame, test: pd.DataFrame, photos: dict[str, PhotoSummary]) -> None:
    """Print how well a quick model tells training photos from test photos by their thumbnails, as an AUC.

    Print instead that there are too few test photos or groups, if this is so.
    """
    sides = [photos[image] for image in table["image"]], [photos[image] for image in test["image"]]
    auc = train_test_differences.adversarial_auc(*sides, table["group"].tolist())
    if auc is None:
        console.warn(
            "there are too few photos to compare training photos with test photos: the comparison needs at least "
            f"{train_test_differences.PARTS} test photos (found: {len(test)}) and as many groups of training photos "
            f"(found: {table['group'].nunique()})"
        )
        return
    console.say(
        f"a quick model distinguishes training photos from test photos with AUC {auc:.3f}; 0.5 is pure chance. If "
        "the AUC is above 0.6, find out what differs (such as light, crop or compression), because the out-of-fold "
        "score will then differ from the leaderboard score"
    )


def _made_from_folds(project: Project) -> list[Path]:
    """Return the folders that other folds make useless: runs, pseudo-labels and the blend.

    Predictions of other people, the submissions and their leaderboard scores are not among them.
    """
    others = (pseudo_folder(project.outputs, ""), blend_file(project.outputs).parent)
    return [run.folder for run in project.own_runs] + [folder for folder in others if folder.is_dir()]


def _write(project: Project, competition: Competition, table: pd.DataFrame, merged, photos, asked: AskedFolds) -> None:
    """Write folds.csv, folds.json and competition.json.

    merged: the pairs of group names that were merged. Raises InputError if runs exist that were trained on other folds
    or photos.
    """
    path = folds_file(project.outputs)
    runs = ", ".join(run.name for run in project.own_runs)
    data = files.checksum(sorted((image, summary.digest) for image, summary in photos.items()))
    before = fold_table.data_hash(path) if runs else None  # without runs, a damaged folds.json is replaced
    anew = (
        "the same command with OUTPUTS=<another folder>; or, to start again, first delete the runs: "
        f"rm -r {quoted(*_made_from_folds(project))}, then the same command"
    )
    if before not in (None, data):
        raise InputError(
            f"the photos have changed since these runs were trained: {runs}. The hash of the photos is now {data}",
            f"the photos with the hash {before}, from which {path} was made",
            anew,
        )
    if path.is_file() and runs and path.read_text(encoding="utf-8", errors="replace") != fold_table.folds_text(table):
        raise InputError(
            f"the new folds differ from the folds in {path}, on which these runs were trained: {runs}",
            "the same data, FOLDS, SEED, SEARCH and SPLIT_TWINS as before",
            anew,
        )
    made_with = {"folds": asked.folds, "seed": asked.seed, "photos": len(table), "data": data, "merged": merged}
    made_with |= {"search": asked.search} if asked.search > 1 else {}
    made_with |= {"split_twins": 1} if asked.split_twins else {}
    fold_table.save_folds(path, table, made_with)
    settings = loading.settings_file(project.inputs, project.competition_file)
    frozen_competition.save(project.outputs, competition, settings)
    console.say(f"wrote {path}")


def _show(table: pd.DataFrame, test: pd.DataFrame, competition: Competition) -> None:
    """Print a table of the labels in each fold, and warn of labels that cannot be spread evenly over the folds."""
    what, heads, rows = folds.labels_by_fold(table, competition)
    console.table(f"{what} by fold", heads, rows)
    console.say(f"there are {len(test)} test photos; no group and no photo is in two folds")
    warn_each(folds.missing_labels(table, competition))
    warn_each(folds.crowded_labels(table, competition))
