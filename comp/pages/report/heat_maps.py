"""Pictures of a look: the photo, and the photo under each heat.

Where the models look: the kept looks of `make look`, each photo beside its heats.

outputs/look.html: where the models look, of the photos of one call. They are kept for the report, too.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comp.pages import page, thumbnails
from comp.pages.figures import Table
from comp.pages.page import ReportSection
from comp.pages.report.report_data import ReportData
from comp.store import grad_cam_files
from comp.store.grad_cam_files import Heat, KeptLook, Look
from comp.store.paths import page_file

SIDE = 224  # pixels
COLOURS = "inferno"  # of matplotlib: from dark to bright, which the colour-blind see, too
STRENGTH = 0.75  # of the colour where the heat is at least FULL; the rest is the photo in grey
FULL = 0.6


def pictures(photo: np.ndarray, heats: Sequence[Heat]) -> list[np.ndarray]:
    """The photo (SIDE, SIDE, 3) uint8 and, for each heat, the photo under it; photo (S, S, 3) uint8."""
    large = _resized(photo)
    return [large, *(_under(large, heat.cells) for heat in heats)]


def _resized(photo: np.ndarray) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(photo).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _under(photo: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The photo in grey where there is no heat, mixed with the colours of the heat elsewhere."""
    import matplotlib
    from PIL import Image

    smooth = Image.fromarray(cells.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    heat = np.clip(np.asarray(smooth), 0, 1)
    colours, share = matplotlib.colormaps[COLOURS](heat)[..., :3], STRENGTH * np.minimum(heat / FULL, 1)[..., None]
    grey = photo @ np.array([0.299, 0.587, 0.114]) / 255  # luma of ITU-R BT.601
    mixed = share * colours + (1 - share) * grey[..., None]
    return (mixed * 255).round().astype(np.uint8)


def hottest(cells: np.ndarray) -> tuple[float, float] | None:
    """The centre of the hottest cell, as shares of the width from the left and of the height from the top.

    None where there is no heat.
    """
    if not cells.max() > 0:
        return None
    row, column = np.unravel_index(cells.argmax(), cells.shape)
    return (column + 0.5) / cells.shape[1], (row + 0.5) / cells.shape[0]


def share_of_half(cells: np.ndarray) -> float:
    """The smallest share of the cells that holds half of the heat; small where the heat is in one place."""
    total = np.cumsum(np.sort(cells, axis=None)[::-1])
    return (int(np.searchsorted(total, total[-1] / 2)) + 1) / cells.size


MOST = 40  # photos; about 40 kB each


def section(data: ReportData) -> ReportSection | None:
    """The looks in outputs/looks/; None where there are none."""
    kept, problems = grad_cam_files.all_kept(data.outputs)
    return looks_of(kept, data.outputs, [str(error.found) for error in problems]) if kept or problems else None


def looks_of(kept: Sequence[KeptLook], outputs: Path, problems: Sequence[str] = ()) -> ReportSection:
    """The section of these looks."""
    values = {
        "looks": [_shown(one, outputs) for one in kept[:MOST]],
        "left_out": len(kept[MOST:]),
        "problems": problems,
    }
    return ReportSection("looks", "Where the models look", "report/looks.html.j2", values)


def _shown(kept: KeptLook, outputs: Path) -> dict:
    photo, *under = [thumbnails.thumbnail(path, SIDE) for path in kept.pictures]
    return {
        "look": kept.look,
        "models": _models(kept),
        "photo": photo,
        "heats": [_heat(heat, picture) for heat, picture in zip(kept.look.heats, under, strict=False)],
        "again": _command(kept) if grad_cam_files.is_stale(outputs, kept.look) else "",
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


def write_look(outputs: Path, made: Sequence[tuple[Look, np.ndarray]]) -> Path:
    """Keep each look and its photo (S, S, 3) uint8 in outputs/looks/, and write the page of them; returns its path."""
    kept = [grad_cam_files.save_look(outputs, look, pictures(photo, look.heats)) for look, photo in made]
    section, path = looks_of(kept, outputs), page_file(outputs, "look")
    page.write_page(path, section.title, "look.html.j2", section=section)
    return path
