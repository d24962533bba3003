"""What the input audit and the run board are made of: sections of notes, figures, tables and strips of photos.

The template sections.html.j2 draws a list of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from comp.pages import page
from comp.pages.figures import Figure
from comp.pages.tables import Table
from comp.pages.thumbnails import Thumbnail


@dataclass(frozen=True)
class Strip:
    """A row of photos. pictures: of each its thumbnail and what it is; note: beside the title.

    captions: whether the page shows what each photo is; if not, it says so to screen readers and on hovering.
    """

    title: str
    pictures: Sequence[tuple[Thumbnail, str]]
    note: str = ""
    captions: bool = False


@dataclass
class Section:
    """id: of its heading, unique in the page; notes: sentences; missing: what is not there, and the command for it."""

    id: str
    title: str
    notes: list[str] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)


def write(path: Path, title: str, lead: str, sections: Sequence[Section], tiles: Sequence[tuple[str, str]] = (),
          missing: Sequence[tuple[str, str]] = ()) -> None:  # fmt: skip
    """Write a page of sections. tiles: numbers at its top, and what they are; missing: as in Section."""
    page.write(path, title, "sections.html.j2", lead=lead, tiles=tiles, missing=missing, sections=sections)
