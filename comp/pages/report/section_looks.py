"""Where the models look: the kept looks of `make look`, each photo beside its heats."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from comp.pages import thumbnails
from comp.pages.heat_pictures import SIDE, hottest, share_of_half
from comp.pages.report.report_data import ReportData
from comp.pages.report.section import Section
from comp.pages.tables import Table
from comp.store import looks
from comp.store.looks import Heat, KeptLook

MOST = 40  # photos; about 40 kB each


def section(data: ReportData) -> Section | None:
    """The looks in outputs/looks/; None where there are none."""
    kept, problems = looks.all_kept(data.outputs)
    return of(kept, data.outputs, [str(error.found) for error in problems]) if kept or problems else None


def of(kept: Sequence[KeptLook], outputs: Path, problems: Sequence[str] = ()) -> Section:
    """The section of these looks."""
    values = {
        "looks": [_shown(one, outputs) for one in kept[:MOST]],
        "left_out": len(kept[MOST:]),
        "problems": problems,
    }
    return Section("looks", "Where the models look", "report/looks.html.j2", values)


def _shown(kept: KeptLook, outputs: Path) -> dict:
    photo, *under = [thumbnails.thumbnail(path, SIDE) for path in kept.pictures]
    return {
        "look": kept.look,
        "models": _models(kept),
        "photo": photo,
        "heats": [_heat(heat, picture) for heat, picture in zip(kept.look.heats, under, strict=False)],
        "again": _command(kept) if looks.is_stale(outputs, kept.look) else "",
    }


def _command(kept: KeptLook) -> str:
    return f"make look RUN={kept.look.run} IMAGE={shlex.quote(kept.look.image)}"


def _models(kept: KeptLook) -> str:
    """Whose models were asked, in words."""
    numbers = ", ".join(map(str, kept.look.folds))
    if kept.look.is_test:
        return f"a test photo; mean of the models of folds {numbers}"
    return f"the model of fold {numbers}, which did not train on this photo"


def _heat(heat: Heat, picture: thumbnails.Thumbnail) -> dict:
    side, place = len(heat.cells), hottest(heat.cells)
    where = "nothing in the photo speaks for it"
    if place:
        where = (
            f"hottest {place[0]:.0%} from the left, {place[1]:.0%} from the top; "
            f"half of the heat in {share_of_half(heat.cells):.0%} of {side} x {side} cells"
        )
    rows = [[f"row {i + 1}", *map(float, row)] for i, row in enumerate(heat.cells)]
    numbers = Table(["", *(f"{i + 1}" for i in range(side))], rows, f"{heat.title}: heat of {side} x {side} cells")
    return {"title": heat.title, "value": heat.value, "where": where, "picture": picture, "numbers": numbers}
