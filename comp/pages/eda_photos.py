"""The section of the audit on photos: sizes, formats, brightness, contrast, the most extreme ones, unreadable ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from comp.data import photo_samples
from comp.data.audit_tables import AuditTables
from comp.data.photo_facts import PhotoFacts
from comp.data.train_test_differences import photo_columns
from comp.pages import bins, figures, thumbnails
from comp.pages.sections import Section, Strip
from comp.pages.tables import Table
from comp.pages.thumbnails import Thumbnail

EXTREME = 8  # photos in each strip
MOST_SIZES = 15  # rows of the table of sizes
MOST_LISTED = 500  # unreadable photos
EXTREMES = {"darkest": ("brightness", 1), "brightest": ("brightness", -1), "least contrast": ("contrast", 1)}


def section(audit: AuditTables, facts: Mapping[str, PhotoFacts], inputs: Path) -> Section:
    """What the photos are like, train beside test."""
    made = Section("photos", "Photos")
    readable = [image for image in facts if not facts[image].problem]
    _unreadable(made, facts)
    if not readable:
        made.missing.append(("No photo can be read, so there is nothing to show of them.", ""))
        return made
    tables = sides(audit, facts)
    both = pd.concat(tables.values(), ignore_index=True)
    made.notes.append(f"The first and the last bin of a histogram also hold the {bins.BEYOND} % beyond them.")
    made.tables += [_sizes(both), _formats(tables)]
    made.figures += [drawn for name in both if name != "format" for drawn in _histogram(name, tables, made.notes)]
    made.tables += _by_class(audit, facts)
    made.strips += _extremes(inputs, readable, facts)
    return made


def sides(audit: AuditTables, facts: Mapping[str, PhotoFacts]) -> dict[str, pd.DataFrame]:
    """`photo_columns` of the readable training photos and test photos; a side without any is left out."""
    made = {}
    for side, table in (("train", audit.train), ("test", audit.test)):
        photos = [facts[image] for image in table["image"] if not facts[image].problem]
        made |= {side: photo_columns(photos)} if photos else {}
    return made


def _unreadable(made: Section, facts: Mapping[str, PhotoFacts]) -> None:
    bad = [[image, fact.problem] for image, fact in facts.items() if fact.problem]
    made.notes.append(f"{len(facts) - len(bad):,} of {len(facts):,} photos can be read.")
    if bad:
        more = f", the first {MOST_LISTED:,} of {len(bad):,}" if len(bad) > MOST_LISTED else ""
        made.tables.append(Table(["photo", "problem"], bad[:MOST_LISTED], f"photos that cannot be read{more}"))


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
    """A histogram with a line per side, in percent of its photos; a note where all photos have the same value."""
    values = {side: table[name].to_numpy(float) for side, table in tables.items()}
    every = np.concatenate(list(values.values()))
    if every.min() == every.max():
        notes.append(f"All photos have the same {name}: {every[0]:.4g}.")
        return []
    edges = bins.edges(every)
    percents = {side: bins.percent(part, edges) for side, part in values.items()}
    return [figures.histogram(name, name, edges, percents, y_label="% of the photos")]


def _by_class(audit: AuditTables, facts: Mapping[str, PhotoFacts]) -> list[Table]:
    """Brightness and contrast of each class: a class that differs may be told by its light alone."""
    kinds = photo_samples.rows_of_kinds(audit.train, audit.competition)
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
        what: sorted(readable, key=lambda image: sign * getattr(facts[image], name))[:EXTREME]
        for what, (name, sign) in EXTREMES.items()
    }
    return [Strip(f"the {what} photos", pictures(inputs, images)) for what, images in chosen.items()]


def pictures(inputs: Path, images: Sequence[str]) -> list[tuple[Thumbnail, str]]:
    """Thumbnails of photos, each with its path."""
    return list(zip(thumbnails.thumbnails(inputs, images), images, strict=True))
