"""matplotlib figures as inline SVG: the same bytes for the same numbers, in the colours of the page's theme."""

import io
import re
import warnings

from comp.io import files

INK = "#010203"  # stands for the text colour of the page, which is not known here: replaced by currentColor
INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color")
SETTINGS = {
    "svg.fonttype": "none",  # text stays text: it can be searched, read aloud, and takes the page's font
    "svg.hashsalt": "comp",  # else ids are random
    "text.parse_math": False,  # a name with $ is a name
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.constrained_layout.use": True,
    **dict.fromkeys(INKED, INK),
}
NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def inline(figure, title: str):
    """The SVG element of a matplotlib Figure as Markup, with a transparent background. title: its aria-label.

    Call it inside `matplotlib.rc_context(SETTINGS)`, as figures.py does.
    """
    from markupsafe import Markup, escape

    written = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser has other fonts
        figure.savefig(written, format="svg", transparent=True, metadata=NO_METADATA)
    text = written.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|font-family: [^;\"]*;", "", text, flags=re.DOTALL)
    text = _own_ids(text, "f" + files.digest_of((title + text).encode())[:8])
    return Markup(text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1))


def _own_ids(text: str, prefix: str) -> str:
    """The SVG with a prefix before each id: ids are unique in a page, and figures share their names."""
    text = re.sub(r'(\bid=")', rf"\g<1>{prefix}-", text)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", text)
