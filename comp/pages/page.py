"""The writer of pages. A page is one HTML file made of sections, with styles, scripts, figures and photos inside it.

`write_page` renders page.html.j2, which shows the sections in their order. Most sections use section.html.j2, which
shows their notes, figures, tables and strips of photos. Other sections have their own template, which shows the
`values` of the section. The templates are in templates/. In each template, `parts` stands for the macros of
parts.html.j2.

Class names, file names and the predictions of a teammate come from other people and may contain markup. So every value
is escaped. A Content-Security-Policy lets the browser run only the page's own scripts, known by their hashes, and load
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

    pictures: pairs of a thumbnail and a text that says what the photo shows. note: a text after the title. captions: if
    True, the page shows the text below each photo; if False, the text appears only on hovering and in screen readers.
    """

    title: str
    pictures: Sequence[tuple[Thumbnail, str]]
    note: str = ""
    captions: bool = False


@dataclass
class Section:
    """A section of a page.

    id: the anchor of the section, which is unique in the page. notes: sentences. missing: pairs of a text that says
    what is missing, and the command that makes it. template: the file in templates/ that shows the section. The default
    template shows missing, notes, figures, tables and strips; another template shows `values`, which are its own data.
    scripts: the JavaScript files in templates/ that the section needs.
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

    lead: a sentence below the title. tiles: the numbers at the top of the page, as pairs of texts: the number, and what
    it counts. missing: pairs of a text that says what is missing, and the command that makes it.
    """
    names = dict.fromkeys(name for section in sections for name in section.scripts)
    scripts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in names]
    policy = POLICY.format(" ".join(map(_hash, scripts)) or "'none'")
    template = _environment().get_template("page.html.j2")
    values = {"lead": lead, "tiles": tiles, "missing": missing, "sections": sections}
    files.write_text(path, template.render(title=title, policy=policy, scripts=scripts, **values))


def data_block(name: str, value):
    """Return the markup of a script element that holds `value` as JSON. The id of the element is `name`.

    The scripts of a page read their data from such an element. The JSON has only ASCII characters and no <, > or &, so
    no value can end the element too early. Raises ValueError if a number is nan or infinite.
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
    """Return the Jinja environment of all templates, with the style sheet and the macros as globals."""
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
