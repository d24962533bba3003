"""Sections of the input audit that show photos: their properties, duplicates, and samples of each class.

The samples are drawn with a fixed seed, so that the page is the same each time. `sampled_photos` draws the samples
before `sample_section` reads the files, because the progress bar of the stage needs their number.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition import labels
from comp.competition.competition import Competition
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

EXTREME = 8  # photos in each strip of extreme photos
MOST_SIZES = 15  # most sizes in the table of sizes
MOST_LISTED = 500  # most unreadable photos in their table
EXTREMES = {
    "the darkest photos": ("brightness", 1),
    "the brightest photos": ("brightness", -1),
    "the photos with the least contrast": ("contrast", 1),
}


def photo_section(audit: AuditTables, facts: Mapping[str, PhotoFacts], inputs: Path) -> Section:
    """The section on the sizes, formats, brightness and contrast of photos, with extreme and unreadable photos."""
    section = Section("photos", "Photos")
    readable = [image for image in facts if not facts[image].problem]
    _add_unreadable(section, facts)
    if not readable:
        section.missing.append(("No photo can be read, so no photos are shown.", ""))
        return section
    tables = sides(audit, facts)
    both = pd.concat(tables.values(), ignore_index=True)
    section.notes.append(
        f"The first and the last bin of a histogram each include the {figures.BEYOND} % of the photos beyond the bin."
    )
    section.tables += [_sizes(both), _formats(tables)]
    section.figures += [
        figure for name in both if name != "format" for figure in _histogram(name, tables, section.notes)
    ]
    section.tables += _by_class(audit, facts)
    section.strips += _extremes(inputs, readable, facts)
    return section


def sides(audit: AuditTables, facts: Mapping[str, PhotoFacts]) -> dict[str, pd.DataFrame]:
    """Each side ("train" or "test") and the `photo_columns` of its readable photos.

    A side without readable photos is left out.
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
    """The histogram of the column `name`, with a line for each side in percent of the side's photos.

    If all values are equal, return no figure and append a note to `notes` instead.
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
    """The table of the brightness and contrast of each class, or no table for a single class.

    If a class differs from the others in its light, a model may recognise the class by its light alone.
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
    """The thumbnail and the path of each photo. images: paths relative to `inputs`."""
    return list(zip(thumbnails.thumbnails(inputs, images), images, strict=True))


# ---- equal and near-identical photos

PAIRS_SHOWN = 6  # most pairs of each kind that are shown with their photos
LISTED = 200  # most pairs in the table
HOW_ALIKE = {True: "the same bytes", False: "near-identical"}
ADVICE = {
    "train": "Pairs of training photos in two groups would leak between folds, so `make folds` joins the two groups. "
    "If the labels of a pair differ, one of the labels is probably wrong.",
    "test": "Pairs within test do no harm.",
    "train and test": "Pairs of a training photo and a test photo do not leak between folds. But the leaderboard "
    "rewards a model that remembers such pairs, and the out-of-fold score does not.",
}


def duplicate_section(pairs: pd.DataFrame, inputs: Path) -> Section:
    """The section on equal and near-identical photos. pairs: from `near_duplicates.photo_pairs`."""
    section = Section("duplicates", "Duplicates")
    if pairs.empty:
        section.notes.append("No two photos are equal or near-identical.")
        return section
    section.tables.append(_counts(pairs))
    section.notes += [ADVICE[side] for side in SIDES if (pairs["side"] == side).any()]
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
    return Table(["where", "pairs", "of two groups", "with different labels"], rows, "pairs of photos")


def _strip_of_pairs(row, title: str, inputs: Path) -> Strip:
    return Strip(title, pictures(inputs, [row.first, row.second]), _remark(row), captions=True)


def _remark(row) -> str:
    if row.side != "train":
        return ""
    return ("one group" if row.one_group else "two groups") + (", different labels" if row.labels_differ else "")


# ---- photos of each class

PHOTOS_SHOWN = 9  # most photos that are shown of each class
MEAN_OF = 60  # most photos in the mean picture of a class
MOST_KINDS = 40  # most classes with pictures
HEIGHT = 72  # pixels of the height of a small picture
WIDEST = 4  # largest ratio of the width of a small picture to its height
RANGES = 5  # number of ranges into which a target that is a number is cut


def sampled_photos(audit: AuditTables) -> list[tuple[str, list[str]]]:
    """The title and at most MEAN_OF random images of each class, label or range.

    The title has the name and the number of photos. If there are more than MOST_KINDS classes, only the most frequent
    and the rarest are returned.
    """
    kinds = [(name, rows) for name, rows in rows_of_kinds(audit.train, audit.competition) if len(rows)]
    if len(kinds) > MOST_KINDS:
        order = np.argsort([-len(rows) for _, rows in kinds], kind="stable")
        kinds = [kinds[i] for i in (*order[: MOST_KINDS // 2], *order[-MOST_KINDS // 2 :])]
    images = audit.train["image"].to_numpy(object)
    drawn = [images[drawn_rows(rows, MEAN_OF)].tolist() for _, rows in kinds]
    return [(f"{name}: {len(rows):,} photos", part) for (name, rows), part in zip(kinds, drawn, strict=True)]


def sample_section(audit: AuditTables, inputs: Path, chosen, progress: Callable[[int], None]) -> Section:
    """The section with random photos and a mean picture of each class.

    chosen: from `sampled_photos`. progress: called with the number of photos read since the last call.
    """
    section = Section("pictures", "Photos by class")
    section.notes.append(
        f"Each row shows up to {PHOTOS_SHOWN} random photos of a class, and every run of the audit shows the same "
        f"photos. The first picture of a row is the mean of up to {MEAN_OF} random photos of the class."
    )
    if audit.competition.size > MOST_KINDS:
        section.notes.append(
            f"Of {audit.competition.size:,} classes, only the {MOST_KINDS // 2} most frequent and the "
            f"{MOST_KINDS // 2} rarest that have photos are shown."
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
    """The name of each class, label or range of the number, and the positions of its rows in `table`."""
    values = labels.to_array(table["label"], competition)
    if values.ndim == 2:
        return [(name, np.flatnonzero(values[:, c])) for c, name in enumerate(competition.classes)]
    if competition.target != "regression":
        return [(name, np.flatnonzero(values == c)) for c, name in enumerate(competition.classes)]
    kind = labels.strata(values, RANGES)
    parts = [np.flatnonzero(kind == c) for c in range(RANGES)]
    return [(f"{values[part].min():.4g} to {values[part].max():.4g}", part) for part in parts if len(part)]


def drawn_rows(rows: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """At most `count` of the rows, drawn at random. An equal seed and number of rows gives equal positions."""
    return np.random.default_rng([seed, len(rows)]).permutation(rows)[:count]


def small_pictures(
    inputs: Path, images: Sequence[str], progress: Callable[[int], None], jobs: int = -1
) -> dict[str, np.ndarray]:
    """Each image and its small picture, uint8 (HEIGHT, W, 3), where W keeps the photo's aspect ratio.

    Unreadable photos are left out. progress: called with the number of photos read since the last call. jobs: the
    number of processes, or -1 for all cores.
    """
    pictures_of: dict[str, np.ndarray] = {}
    for part in in_chunks(_small_chunk, inputs, images, jobs):
        pictures_of.update((image, pixels) for image, pixels in part if pixels is not None)
        progress(len(part))
    return pictures_of


def mean_picture(pictures: Sequence[np.ndarray]) -> np.ndarray | None:
    """The mean of small pictures, uint8 (HEIGHT, W, 3), or None if there are none. W is the median of their widths."""
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
