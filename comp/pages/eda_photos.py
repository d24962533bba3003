"""Sections of the page outputs/eda.html that show photos: their properties, duplicates, and samples of each class.

The samples are drawn with a fixed seed, so the page is the same each time. `sampled_photos` only chooses the samples,
and `sample_section` reads their files later, because the progress bar needs the number of samples first.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition import labels
from comp.competition.competition import Competition
from comp.data import near_duplicates
from comp.data.audit_tables import AuditTables
from comp.data.decoding import decode, read_bytes
from comp.data.near_duplicates import SIDES
from comp.data.photo_check import PhotoFacts
from comp.data.photos import in_chunks, resized
from comp.data.train_test_differences import photo_columns
from comp.pages import figures, thumbnails
from comp.pages.figures import Table
from comp.pages.page import Section, Strip
from comp.pages.thumbnails import Thumbnail

# ---- properties of the photos

EXTREME = 8  # number of the darkest photos, of the brightest photos, and so on
MOST_SIZES = 15  # the table of sizes lists at most this many sizes
MOST_LISTED = 500  # the table of unreadable photos lists at most this many photos
EXTREMES = {
    "the darkest photos": ("brightness", 1),
    "the brightest photos": ("brightness", -1),
    "the photos with the least contrast": ("contrast", 1),
}


def photo_section(audit: AuditTables, facts: Mapping[str, PhotoFacts], inputs: Path) -> Section:
    """Return the section about the sizes, formats, brightness and contrast of the photos.

    It also shows extreme photos, such as the darkest ones, and lists the photos that cannot be read. audit: the tables
    of the competition. facts: the properties of each photo, by the path of the photo. inputs: the folder of the
    competition.
    """
    section = Section("photos", "Photos")
    readable = [image for image in facts if not facts[image].problem]
    _add_unreadable(section, facts)
    if not readable:
        section.missing.append(("No photo can be read, so no photos are shown.", ""))
        return section
    tables = sides(audit, facts)
    both = pd.concat(tables.values(), ignore_index=True)
    section.notes.append(
        f"In a histogram, the first bin also counts the lowest {figures.BEYOND} % of the values, and the last bin the "
        f"highest {figures.BEYOND} %."
    )
    section.tables += [_sizes(both), _formats(tables)]
    section.figures += [
        figure for name in both if name != "format" for figure in _histogram(name, tables, section.notes)
    ]
    section.tables += _by_class(audit, facts)
    section.strips += _extremes(inputs, readable, facts)
    return section


def sides(audit: AuditTables, facts: Mapping[str, PhotoFacts]) -> dict[str, pd.DataFrame]:
    """Return two tables of photo properties, such as width and brightness, under the keys "train" and "test".

    A table has one row for each readable photo. If a table would have no rows, its key is left out. audit: the tables
    of the competition. facts: the properties of each photo, by the path of the photo.
    """
    tables = {}
    for side, table in (("train", audit.train), ("test", audit.test)):
        photos = [facts[image] for image in table["image"] if not facts[image].problem]
        tables |= {side: photo_columns(photos)} if photos else {}
    return tables


def _add_unreadable(section: Section, facts: Mapping[str, PhotoFacts]) -> None:
    bad = [[image, fact.problem] for image, fact in facts.items() if fact.problem]
    section.notes.append(f"{len(facts) - len(bad):,} of {len(facts):,} photos can be read.")
    if bad:
        more = f", the first {MOST_LISTED:,} of {len(bad):,}" if len(bad) > MOST_LISTED else ""
        section.tables.append(Table(["photo", "problem"], bad[:MOST_LISTED], f"photos that cannot be read{more}"))


def _sizes(both: pd.DataFrame) -> Table:
    counts = both[["width", "height"]].value_counts()
    rows = [[f"{width} x {height}", int(count)] for (width, height), count in counts.head(MOST_SIZES).items()]
    if len(counts) > MOST_SIZES:
        rows.append([f"{len(counts) - MOST_SIZES:,} other sizes", int(counts.iloc[MOST_SIZES:].sum())])
    return Table(["width x height", "photos"], rows, "sizes, in pixels")


def _formats(tables: Mapping[str, pd.DataFrame]) -> Table:
    counts = {side: table["format"].value_counts() for side, table in tables.items()}
    kinds = sorted({kind for count in counts.values() for kind in count.index})
    rows = [[kind, *(int(count.get(kind, 0)) for count in counts.values())] for kind in kinds]
    return Table(["format", *counts], rows, "file formats")


def _histogram(name: str, tables: Mapping[str, pd.DataFrame], notes: list[str]) -> list:
    """Return a list with one figure: the histogram of a photo property, with a line for train and a line for test.

    The lines show percentages of the photos. If the property is the same for all photos, the list is empty, and a
    sentence that says so is added to `notes`. name: the column of the property. tables: the photo properties of train
    and of test.
    """
    values = {side: table[name].to_numpy(float) for side, table in tables.items()}
    every = np.concatenate(list(values.values()))
    if every.min() == every.max():
        notes.append(f"All photos have the same {name}: {every[0]:.4g}.")
        return []
    edges = figures.bin_edges(every)
    percents = {side: figures.bin_percent(part, edges) for side, part in values.items()}
    return [figures.histogram(name, name, edges, percents, y_label="% of the photos")]


def _by_class(audit: AuditTables, facts: Mapping[str, PhotoFacts]) -> list[Table]:
    """Return a list with one table: the brightness and contrast of the photos of each class.

    The list is empty if fewer than two classes have readable photos. The table is useful because a model may recognise
    a class by brightness alone, if the photos of this class are darker or brighter than all others. audit: the tables
    of the competition. facts: the properties of each photo, by the path of the photo.
    """
    kinds = rows_of_kinds(audit.train, audit.competition)
    images, rows = audit.train["image"].to_numpy(object), []
    for name, places in kinds:
        photos = [facts[image] for image in images[places] if not facts[image].problem]
        if photos:
            light = np.array([[photo.brightness, photo.contrast] for photo in photos])
            rows.append([name, len(photos), *map(round, light.mean(0).tolist()), round(float(light[:, 0].std()))])
    columns = ["class", "photos", "mean brightness", "mean contrast", "spread of brightness"]
    return [Table(columns, rows, "brightness (0 to 255) and contrast by class")] if len(rows) > 1 else []


def _extremes(inputs: Path, readable: Sequence[str], facts: Mapping[str, PhotoFacts]) -> list[Strip]:
    chosen = {
        title: sorted(readable, key=lambda image: sign * getattr(facts[image], name))[:EXTREME]
        for title, (name, sign) in EXTREMES.items()
    }
    return [Strip(title, pictures(inputs, images)) for title, images in chosen.items()]


def pictures(inputs: Path, images: Sequence[str]) -> list[tuple[Thumbnail, str]]:
    """Return for each photo its thumbnail and its path. images: the paths of the photos, relative to `inputs`."""
    return list(zip(thumbnails.thumbnails(inputs, images), images, strict=True))


# ---- equal and near-identical photos

PAIRS_SHOWN = 6  # of each sort of pairs, at most this many are shown with their photos
LISTED = 200  # the table lists at most this many pairs
HOW_ALIKE = {True: "the same bytes", False: "near-identical"}
ADVICE = {
    "train": "Such pairs of training photos would leak between folds if the photos were in different groups, so "
    "`make folds` joins their groups. If the labels of a pair differ, look at both photos: "
    "one label may be wrong, or one photo edited.",
    "test": "Pairs of two test photos do no harm.",
    "train and test": "Pairs of a training photo and a test photo do not leak between folds. But the leaderboard score "
    "depends on whether a model remembers such training photos, and the out-of-fold score does not.",
}


def duplicate_section(audit: AuditTables, pairs: pd.DataFrame, inputs: Path) -> Section:
    """Return the section about equal and near-identical photos.

    audit: the tables of the competition. pairs: a table with a row for each pair of such photos. inputs: the folder of
    the competition.
    """
    section = Section("duplicates", "Duplicates")
    if pairs.empty:
        section.notes.append("No two photos are equal or near-identical.")
        return section
    section.tables.append(_counts(pairs))
    section.notes += [ADVICE[side] for side in SIDES if (pairs["side"] == side).any()]
    about_twins = near_duplicates.text_about_twins(pairs, len(audit.test), audit.competition.target == "binary")
    section.notes += [about_twins] if about_twins else []
    ordered = pairs.sort_values(["labels_differ", "one_group", "equal"], ascending=[False, True, False], kind="stable")
    for side in SIDES:
        for equal, kind in HOW_ALIKE.items():
            part = ordered[(ordered["side"] == side) & (ordered["equal"] == equal)]
            section.strips += [
                _strip_of_pairs(row, f"{kind}, {side}", inputs) for row in part.head(PAIRS_SHOWN).itertuples()
            ]
    more = f": the first {LISTED} of {len(pairs):,}" if len(pairs) > LISTED else ""
    rows = [
        [row.first, row.second, HOW_ALIKE[row.equal], row.side, _remark(row)]
        for row in ordered.head(LISTED).itertuples()
    ]
    section.tables.append(Table(["photo", "other photo", "how alike", "where", "remark"], rows, f"pairs{more}"))
    return section


def _counts(pairs: pd.DataFrame) -> Table:
    rows = []
    for side in SIDES:
        for equal, kind in HOW_ALIKE.items():
            part = pairs[(pairs["side"] == side) & (pairs["equal"] == equal)]
            if len(part):
                apart = int((~part["one_group"]).sum()) if side == "train" else None
                differ = int(part["labels_differ"].sum()) if side == "train" else None
                rows.append([f"{side}: {kind}", len(part), apart, differ])
    return Table(["where", "pairs", "pairs in two groups", "pairs with different labels"], rows, "pairs of photos")


def _strip_of_pairs(row, title: str, inputs: Path) -> Strip:
    return Strip(title, pictures(inputs, [row.first, row.second]), _remark(row), captions=True)


def _remark(row) -> str:
    if row.side != "train":
        return ""
    return ("one group" if row.one_group else "two groups") + (", different labels" if row.labels_differ else "")


# ---- photos of each class

PHOTOS_SHOWN = 9  # of each class, at most this many photos are shown
MEAN_OF = 60  # the mean picture of a class is made of at most this many photos
MOST_KINDS = 40  # at most this many classes have pictures
HEIGHT = 72  # height of a small picture, in pixels
WIDEST = 4  # largest ratio of the width of a small picture to its height
RANGES = 5  # if the target is a number, its values are divided into this many ranges


def sampled_photos(audit: AuditTables) -> list[tuple[str, list[str]]]:
    """Choose at most MEAN_OF random photos of each class or label or, for a regression, of each range of the target.

    Returns for each class a title, such as "cat: 120 photos", and the paths of the chosen photos. If more than
    MOST_KINDS classes have photos, only the most frequent and the rarest classes are returned. audit: the tables of the
    competition.
    """
    kinds = [(name, rows) for name, rows in rows_of_kinds(audit.train, audit.competition) if len(rows)]
    if len(kinds) > MOST_KINDS:
        order = np.argsort([-len(rows) for _, rows in kinds], kind="stable")
        kinds = [kinds[i] for i in (*order[: MOST_KINDS // 2], *order[-MOST_KINDS // 2 :])]
    images = audit.train["image"].to_numpy(object)
    drawn = [images[drawn_rows(rows, MEAN_OF)].tolist() for _, rows in kinds]
    return [(f"{name}: {len(rows):,} photos", part) for (name, rows), part in zip(kinds, drawn, strict=True)]


def sample_section(audit: AuditTables, inputs: Path, chosen, progress: Callable[[int], None]) -> Section:
    """Return the section that shows random photos of each class, and the mean of these photos as a picture.

    inputs: the folder of the competition. chosen: for each class, a title and the paths of its photos. progress: a
    function that is called with the number of photos read since its last call.
    """
    section = Section("pictures", "Photos by class")
    section.notes.append(
        f"Each row shows up to {PHOTOS_SHOWN} random photos of a class, and every run of the audit shows the same "
        f"photos. The first picture of a row is the mean of up to {MEAN_OF} random photos of the class."
    )
    if audit.competition.size > MOST_KINDS:
        section.notes.append(
            f"Of the {audit.competition.size:,} classes, only the {MOST_KINDS // 2} most frequent classes and the "
            f"{MOST_KINDS // 2} rarest classes with photos are shown."
        )
    images = list(dict.fromkeys(image for _, part in chosen for image in part))
    small = small_pictures(inputs, images, progress)
    section.strips += [_strip_of_samples(title, part, small) for title, part in chosen]
    return section


def _strip_of_samples(title: str, images: list[str], small: dict[str, np.ndarray]) -> Strip:
    read = [small[image] for image in images if image in small]
    mean = mean_picture(read)
    shown = [] if mean is None else [(_thumbnail(mean), f"mean of {len(read)} photos")]
    for image in images[:PHOTOS_SHOWN]:
        shown.append((_thumbnail(small[image]) if image in small else Thumbnail("", "cannot be read"), image))
    return Strip(title, shown)


def _thumbnail(pixels: np.ndarray) -> Thumbnail:
    return Thumbnail(thumbnails.data_uri(pixels, max(pixels.shape[:2])))


def rows_of_kinds(table: pd.DataFrame, competition: Competition) -> list[tuple[str, np.ndarray]]:
    """Return for each class or label its name and the positions of its photos in `table`.

    For a regression, the values of the target are divided into RANGES ranges, which take the place of the classes.
    """
    values = labels.to_array(table["label"], competition)
    if values.ndim == 2:
        return [(name, np.flatnonzero(values[:, c])) for c, name in enumerate(competition.classes)]
    if competition.target != "regression":
        return [(name, np.flatnonzero(values == c)) for c, name in enumerate(competition.classes)]
    kind = labels.strata(values, RANGES)
    parts = [np.flatnonzero(kind == c) for c in range(RANGES)]
    return [(f"{values[part].min():.4g} to {values[part].max():.4g}", part) for part in parts if len(part)]


def drawn_rows(rows: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Draw at most `count` elements of `rows` at random, without repetition. Equal arguments always give equal results.

    rows (N,): positions of rows in a table.
    """
    return np.random.default_rng([seed, len(rows)]).permutation(rows)[:count]


def small_pictures(
    inputs: Path, images: Sequence[str], progress: Callable[[int], None], jobs: int = -1
) -> dict[str, np.ndarray]:
    """Return a small RGB picture of each readable photo, as uint8 (HEIGHT, W, 3), by the path of the photo.

    The width W keeps the proportions of the photo, but is at most WIDEST * HEIGHT. inputs: the folder of the
    competition. images: paths relative to `inputs`. progress: a function that is called with the number of photos read
    since its last call. jobs: the number of processes, or -1 for all cores.
    """
    pictures_of: dict[str, np.ndarray] = {}
    for part in in_chunks(_small_chunk, inputs, images, jobs):
        pictures_of.update((image, pixels) for image, pixels in part if pixels is not None)
        progress(len(part))
    return pictures_of


def mean_picture(pictures: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return the mean of small RGB pictures, as uint8 (HEIGHT, W, 3), or None if there are no pictures.

    The pictures have the height HEIGHT. Their widths may differ, so all are first resized to the median W of their
    widths.
    """
    if not pictures:
        return None
    width = int(np.median([picture.shape[1] for picture in pictures]))
    total = np.zeros((HEIGHT, width, 3))
    for picture in pictures:
        total += resized(picture, HEIGHT, width)
    return np.rint(total / len(pictures)).astype(np.uint8)


def _small_chunk(inputs: Path, images: Sequence[str]) -> list[tuple[str, np.ndarray | None]]:
    return [(image, _small(inputs / image)) for image in images]


def _small(path: Path) -> np.ndarray | None:
    try:
        pixels = decode(read_bytes(path), 2 * HEIGHT)
    except ValueError:
        return None
    height, width = pixels.shape[:2]
    return resized(pixels, HEIGHT, min(max(1, round(width * HEIGHT / height)), WIDEST * HEIGHT))
