"""A table of a page: column names and rows; the macro `table` of parts.html.j2 draws it.

Write one self-contained HTML file: styles, scripts, figures and data are inside, and nothing is ever loaded.

Templates are in templates/ and extend base.html.j2; `parts` in them are the macros of parts.html.j2. Values are
escaped: a name with markup appears as text. The Content-Security-Policy allows no network, and only the scripts given
to `write`, by their hash; no other script runs.

What the input audit and the run board are made of: sections of notes, figures, tables and strips of photos.

The template sections.html.j2 draws a list of them.

A section of the report: its title, its template, and what the template shows.
"""

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from comp import files
from comp.pages.figures import Figure, Table, is_number, shown
from comp.pages.thumbnails import Thumbnail

TEMPLATES = Path(__file__).parent / "templates"
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {}; base-uri 'none'; form-action 'none'"
)


def write_page(path: Path, title: str, template: str, *, scripts: Sequence[str] = (), **values) -> None:
    """Render a template to the file `path`, which is written whole.

    scripts: names of JavaScript files in templates/ that the page runs, in this order. values: what the template
    shows. For data that a script reads, write {{ data_block("id", value) }}: plain values become JSON without markup.
    """
    files.write_text(path, rendered(title, template, scripts, values))


def rendered(title: str, template: str, scripts: Sequence[str], values: dict) -> str:
    """The text of the page; the arguments are those of `write`."""
    sources = [(TEMPLATES / name).read_text(encoding="utf-8") for name in scripts]
    policy = POLICY.format(" ".join(map(_hash, sources)) or "'none'")
    return _environment().get_template(template).render(title=title, policy=policy, scripts=sources, **values)


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@functools.cache
def _environment():
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    made.globals["data_block"] = _data_block
    made.filters["shown"] = shown
    made.filters["enumerated"] = enumerate
    made.tests["numeric"] = is_number
    made.globals["style"] = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    made.globals["parts"] = made.get_template("parts.html.j2").module
    return made


def _data_block(name: str, value):
    """A <script type="application/json"> element. Its text has no <, >, & and only ASCII, so nothing can end it."""
    import jinja2
    from markupsafe import Markup

    text = jinja2.filters.do_tojson(jinja2.nodes.EvalContext(_environment()), value)
    return Markup('<script type="application/json" id="{}">{}</script>').format(name, text)


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


def write_sections(
    path: Path,
    title: str,
    lead: str,
    sections: Sequence[Section],
    tiles: Sequence[tuple[str, str]] = (),
    missing: Sequence[tuple[str, str]] = (),
) -> None:
    """Write a page of sections. tiles: numbers at its top, and what they are; missing: as in Section."""
    write_page(path, title, "sections.html.j2", lead=lead, tiles=tiles, missing=missing, sections=sections)


@dataclass(frozen=True)
class ReportSection:
    """id: the anchor; template: a file in templates/ that sees the section as `section`, with its `values`.

    scripts: JavaScript files in templates/ that the section needs.
    """

    id: str
    title: str
    template: str
    values: Mapping = field(default_factory=dict)
    scripts: tuple[str, ...] = ()
