"""The section of the report with Grad-CAM heat maps, which show where in a photo the models look.

The section shows all heat maps in outputs/looks/, where the command `make look` saves them. `write_look` saves those of
one command, and writes the page outputs/look.html with only these heat maps. Letters in the shapes: S pixels along a
side of a photo, H cells along a side of a heat map.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comp.errors import quoted
from comp.pages import page, thumbnails
from comp.pages.figures import Table
from comp.pages.page import Section
from comp.pages.report.report_data import ReportData
from comp.store import grad_cam_files
from comp.store.grad_cam_files import GradCam, Heat, SavedGradCam
from comp.store.paths import page_file

MOST_SHOWN = 40  # a page shows at most this many photos; each takes about 40 kB


def section(data: ReportData) -> Section | None:
    """Return the section with all heat maps in outputs/looks/, or None if this folder has no files.

    Files that cannot be read are named in the section.
    """
    saved, errors = grad_cam_files.load_all(data.outputs)
    return _section(saved, data.outputs, [str(error.found) for error in errors]) if saved or errors else None


def write_look(outputs: Path, grad_cams: Sequence[tuple[GradCam, np.ndarray]]) -> Path:
    """Save heat maps in outputs/looks/, and write the page outputs/look.html with them. Returns the path of the page.

    grad_cams: for each photo, its heat maps as a GradCam, and the photo itself as (S, S, 3) uint8.
    """
    saved = [
        grad_cam_files.save_grad_cam(outputs, grad_cam, pictures(photo, grad_cam.heats))
        for grad_cam, photo in grad_cams
    ]
    path = page_file(outputs, "look")
    page.write_page(path, "Grad-CAM", [_section(saved, outputs)])
    return path


def _section(saved: Sequence[SavedGradCam], outputs: Path, problems: Sequence[str] = ()) -> Section:
    values = {
        "photos": [_shown(each, outputs) for each in saved[:MOST_SHOWN]],
        "left_out": len(saved[MOST_SHOWN:]),
        "problems": problems,
    }
    return Section("looks", "Where the models look", template="looks.html.j2", values=values)


def _shown(saved: SavedGradCam, outputs: Path) -> dict:
    """Return the heat maps of one photo for the template looks.html.j2, as a dictionary.

    The entry "again" is the command that makes the heat maps again if they are out of date, else "". They are out of
    date if folds.csv or the recipe of the run was changed or deleted after they were made.
    """
    grad_cam = saved.grad_cam
    photo, *under = [thumbnails.thumbnail(path, SIDE) for path in saved.pictures]
    command = f"make look RUN={grad_cam.run} IMAGE={quoted(grad_cam.image)}"
    return {
        "grad_cam": grad_cam,
        "models": _models(grad_cam),
        "picture": photo,
        "heats": [_heat(heat, picture) for heat, picture in zip(grad_cam.heats, under, strict=False)],
        "again": command if grad_cam_files.is_stale(outputs, grad_cam) else "",
    }


def _models(grad_cam: GradCam) -> str:
    """Return a text that says which models made the heat maps, such as "mean of the models of folds 0, 1"."""
    numbers = ", ".join(map(str, grad_cam.folds))
    if grad_cam.is_test:
        return f"a test photo; mean of the models of folds {numbers}"
    return f"the model of fold {numbers}, which did not train on this photo"


def _heat(heat: Heat, picture: thumbnails.Thumbnail) -> dict:
    side, place = len(heat.cells), hottest(heat.cells)
    where = "No part of the photo has heat."
    if place:
        where = (
            f"The hottest place is {place[0]:.0%} from the left and {place[1]:.0%} from the top. Half of the heat "
            f"is in {share_of_half(heat.cells):.0%} of the {side} x {side} cells."
        )
    rows = [[f"row {i + 1}", *map(float, row)] for i, row in enumerate(heat.cells)]
    numbers = Table(["", *(f"{i + 1}" for i in range(side))], rows, f"{heat.title}: heat of {side} x {side} cells")
    return {"title": heat.title, "value": heat.value, "where": where, "picture": picture, "numbers": numbers}


# ---- pictures of heat

SIDE = 224  # pixels of a picture
COLOUR_MAP = "inferno"  # a colour map of matplotlib from dark to bright, which colour-blind people can read, too
STRENGTH = 0.75  # share of the colour where the heat is at least FULL; the rest is the grey photo
FULL = 0.6


def pictures(photo: np.ndarray, heats: Sequence[Heat]) -> list[np.ndarray]:
    """Return pictures (SIDE, SIDE, 3) uint8: first the photo alone, then the photo with each of its heat maps over it.

    photo: RGB (S, S, 3) uint8.
    """
    large = _resized(photo)
    return [large, *(_under(large, heat.cells) for heat in heats)]


def _resized(photo: np.ndarray) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(photo).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _under(photo: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return a grey copy of the photo with one heat map drawn over it in colour, as (SIDE, SIDE, 3) uint8.

    photo: RGB (SIDE, SIDE, 3) uint8. cells (H, H): the heat map, from 0 to 1. Higher values have stronger colours.
    """
    import matplotlib
    from PIL import Image

    smooth = Image.fromarray(cells.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    heat = np.clip(np.asarray(smooth), 0, 1)
    colours, share = matplotlib.colormaps[COLOUR_MAP](heat)[..., :3], STRENGTH * np.minimum(heat / FULL, 1)[..., None]
    grey = photo @ np.array([0.299, 0.587, 0.114]) / 255  # luma of ITU-R BT.601
    mixed = share * colours + (1 - share) * grey[..., None]
    return (mixed * 255).round().astype(np.uint8)


def hottest(cells: np.ndarray) -> tuple[float, float] | None:
    """Return the position of the highest value of a heat map (H, H), or None if all values are 0.

    The position is the centre of the cell with this value: its distances from the left and from the top side, where 1
    is the length of a side.
    """
    if not cells.max() > 0:
        return None
    row, column = np.unravel_index(cells.argmax(), cells.shape)
    return (column + 0.5) / cells.shape[1], (row + 0.5) / cells.shape[0]


def share_of_half(cells: np.ndarray) -> float:
    """Return how concentrated a heat map (H, H) is: the share of its cells that is enough to hold half of the heat.

    The share is small if the heat is concentrated in one place of the photo.
    """
    total = np.cumsum(np.sort(cells, axis=None)[::-1])
    return (int(np.searchsorted(total, total[-1] / 2)) + 1) / cells.size
