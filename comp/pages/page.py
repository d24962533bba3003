"""The writer of pages. A page is one HTML file made of sections, with styles, scripts, figures and photos inside it.

`write_page` renders page.html.j2, which shows the sections in their order. Most sections show their notes, figures,
tables and strips of photos. A section may also have a template of its own, which shows its `values`. The templates are
in templates/. The name `parts` in a template stands for the macros of parts.html.j2.

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
    """A row of photos.

    pictures: pairs of a thumbnail and a text on what the photo shows. note: a text after the title. captions: whether
    the page shows the text of each photo; otherwise the text appears on hovering and in screen readers.
    """

    title: str
    pictures: Sequence[tuple[Thumbnail, str]]
    note: str = ""
    captions: bool = False


@dataclass
class Section:
    """A section of a page.

    id: the anchor, which is unique in the page. notes: sentences. missing: pairs of a text on something that is missing
    and of the command that makes it. template: the file in templates/ that shows the section; the default shows notes,
    figures, tables and strips, and other templates show `values`. scripts: JavaScript files in templates/ that the
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
    """Write the page to the file `path`.

    lead: a sentence below the title. tiles: pairs of a number's text and of a text on what the number counts, for the
    top of the page. missing: as in Section, but for the whole page.
    """
    names = dict.fromkeys(name for section in sections for name in section.scripts)
    scripts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in names]
    policy = POLICY.format(" ".join(map(_hash, scripts)) or "'none'")
    template = _environment().get_template("page.html.j2")
    values = {"lead": lead, "tiles": tiles, "missing": missing, "sections": sections}
    files.write_text(path, template.render(title=title, policy=policy, scripts=scripts, **values))


def data_block(name: str, value):
    """The markup of an element with `value` as JSON. A script finds the element by the id `name`.

    The JSON has only ASCII characters and no <, > or &, so its content cannot end the element. Raises ValueError if a
    number is nan.
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
    """The Jinja environment of all templates, with the style sheet and the macros as globals."""
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
