"""A section of the report: its title, its template, and what the template shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Section:
    """id: the anchor; template: a file in templates/ that sees the section as `section`, with its `values`.

    scripts: JavaScript files in templates/ that the section needs.
    """

    id: str
    title: str
    template: str
    values: Mapping = field(default_factory=dict)
    scripts: tuple[str, ...] = ()
