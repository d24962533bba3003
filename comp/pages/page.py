"""Write a page: one HTML file that contains its styles, scripts, figures and photos.

A page is made of sections. `write_page` renders the Jinja template page.html.j2, which shows the sections in their
order. Most sections are shown by section.html.j2, which has a place for notes, figures, tables and rows of photos.
Other sections have their own template, which shows the `values` of the section. The templates are in templates/. All of
them can use the macros of parts.html.j2, under the name `parts`.

Class names, file names and the predictions of a teammate come from other people and may contain HTML, so every value is
escaped. A Content-Security-Policy lets the browser run only the page's own scripts, known by their hashes, and load
nothing else.
"""

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from comp import files
from comp.pages.figures import Figure, Table, shown
from comp.pages.thumbnails import Thumbnail

TEMPLATES = Path(__file__).parent / "templates"
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {}; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Strip:
    """A row of photos on a page.

    pictures: for each photo, its thumbnail and a text that says what the photo shows. note: a text after the title.
    captions: if True, the page shows the text below each photo; if False, the text appears only when the mouse is over
    the photo, and in screen readers.
    """

    title: str
    pictures: Sequence[tuple[Thumbnail, str]]
    note: str = ""
    captions: bool = False


@dataclass
class Section:
    """A section of a page.

    id: the HTML id of the section, which is unique in the page. notes: sentences. missing: pairs of a text that says
    what is missing, and the command that makes it. strips: rows of photos. template: the Jinja template in templates/
    that shows the section. The default template shows missing, notes, figures, tables and strips; any other template
    shows `values`, a dictionary with its own data. scripts: the names of the JavaScript files in templates/ that the
    section needs.
    """

    id: str
    title: str
    notes: list[str] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)
    template: str = "section.html.j2"
    values: Mapping = field(default_factory=dict)
    scripts: tuple[str, ...] = ()


def write_page(
    path: Path,
    title: str,
    sections: Sequence[Section],
    *,
    lead: str = "",
    tiles: Sequence[tuple[str, str]] = (),
    missing: Sequence[tuple[str, str]] = (),
) -> None:
    """Write an HTML page with the given title and sections to the file `path`.

    lead: a sentence below the title. tiles: the key numbers at the top of the page, as pairs of texts: the number, and
    what it counts. missing: pairs of a text that says what is missing, and the command that makes it.
    """
    names = dict.fromkeys(name for section in sections for name in section.scripts)
    scripts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in names]
    policy = POLICY.format(" ".join(map(_hash, scripts)) or "'none'")
    template = _environment().get_template("page.html.j2")
    values = {"lead": lead, "tiles": tiles, "missing": missing, "sections": sections}
    files.write_text(path, template.render(title=title, policy=policy, scripts=scripts, **values))


def data_block(name: str, value):
    """Return an HTML script element that holds `value` as JSON. name: the id of the element.

    The JavaScript of a page reads its data from such an element. The characters <, > and & are escaped in the JSON, so
    no text in it can end the element too early. Raises ValueError if a number is nan or infinite.
    """
    import jinja2
    from markupsafe import Markup

    text = jinja2.filters.do_tojson(jinja2.nodes.EvalContext(_environment()), value)
    return Markup('<script type="application/json" id="{}">{}</script>').format(name, text)


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@functools.cache
def _environment():
    """Return the Jinja environment of all templates. It has the style sheet and the macros of parts.html.j2."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    environment.filters |= {"shown": shown, "enumerated": enumerate}
    environment.globals |= {"data_block": data_block, "style": (TEMPLATES / "page.css").read_text(encoding="utf-8")}
    environment.globals["parts"] = environment.get_template("parts.html.j2").module
    return environment
