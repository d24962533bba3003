"""The section of the audit with photos: a few of each class, and their mean."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from comp.data import photo_samples
from comp.data.audit_tables import AuditTables
from comp.pages import thumbnails
from comp.pages.sections import Section, Strip
from comp.pages.thumbnails import Thumbnail

SHOWN = 9  # photos of each class
MEAN_OF = 60  # photos in the mean picture of a class
MOST_KINDS = 40  # classes with pictures


def sample(audit: AuditTables) -> list[tuple[str, list[str]]]:
    """Name, with the number of its photos, and at most MEAN_OF random images of each class, label or range."""
    kinds = [(name, rows) for name, rows in photo_samples.rows_of_kinds(audit.train, audit.competition) if len(rows)]
    if len(kinds) > MOST_KINDS:
        order = np.argsort([-len(rows) for _, rows in kinds], kind="stable")
        kinds = [kinds[i] for i in (*order[: MOST_KINDS // 2], *order[-MOST_KINDS // 2 :])]
    images = audit.train["image"].to_numpy(object)
    drawn = [images[photo_samples.drawn(rows, MEAN_OF)].tolist() for _, rows in kinds]
    return [(f"{name}: {len(rows):,} photos", part) for (name, rows), part in zip(kinds, drawn, strict=True)]


def section(audit: AuditTables, inputs: Path, chosen, progress: Callable[[int], None]) -> Section:
    """chosen: of `sample`; progress is called with the number of photos just read."""
    made = Section("pictures", "Photos by class")
    made.notes.append(f"Up to {SHOWN} random photos of each class, the same ones each time. The first picture of a row "
                      f"is the mean of up to {MEAN_OF} random photos of the class.")  # fmt: skip
    if audit.competition.size > MOST_KINDS:
        made.notes.append(f"Of {audit.competition.size:,} classes these are the {MOST_KINDS // 2} most frequent and "
                          f"the {MOST_KINDS // 2} rarest that have photos.")  # fmt: skip
    images = list(dict.fromkeys(image for _, part in chosen for image in part))
    small = photo_samples.small_pictures(inputs, images, progress)
    made.strips += [_strip(title, part, small) for title, part in chosen]
    return made


def _strip(title: str, images: list[str], small: dict[str, np.ndarray]) -> Strip:
    read = [small[image] for image in images if image in small]
    mean = photo_samples.mean_picture(read)
    shown = [] if mean is None else [(_thumbnail(mean), f"mean of {len(read)} photos")]
    for image in images[:SHOWN]:
        shown.append((_thumbnail(small[image]) if image in small else Thumbnail("", "cannot be read"), image))
    return Strip(title, shown)


def _thumbnail(pixels: np.ndarray) -> Thumbnail:
    return Thumbnail(thumbnails.uri(pixels, max(pixels.shape[:2])))
