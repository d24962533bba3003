"""outputs/look.html: where the models look, of the photos of one call. They are kept for the report, too."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comp.pages import page
from comp.pages.heat_pictures import pictures
from comp.pages.report import section_looks
from comp.store import looks
from comp.store.looks import Look
from comp.store.paths import look_file


def write(outputs: Path, made: Sequence[tuple[Look, np.ndarray]]) -> Path:
    """Keep each look and its photo (S, S, 3) uint8 in outputs/looks/, and write the page of them; returns its path."""
    kept = [looks.save(outputs, look, pictures(photo, look.heats)) for look, photo in made]
    section, path = section_looks.of(kept, outputs), look_file(outputs)
    page.write(path, section.title, "look.html.j2", section=section)
    return path
