"""The section of the report on heat maps, which are Grad-CAM pictures that show where the models look in photos.

The section shows all pictures in outputs/looks/. For `make look`, `write_look` saves the pictures of one call and
writes the page outputs/look.html with only these pictures. Letters: S pixels of a side, H cells of a side.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comp.pages import page, thumbnails
from comp.pages.figures import Table
from comp.pages.page import Section
from comp.pages.report.report_data import ReportData
from comp.store import grad_cam_files
from comp.store.grad_cam_files import GradCam, Heat, SavedGradCam
from comp.store.paths import page_file

MOST_SHOWN = 40  # most photos on a page; each takes about 40 kB


def section(data: ReportData) -> Section | None:
    """The section with the Grad-CAM pictures in outputs/looks/, and the files in it that cannot be read.

    Returns None if there are no files.
    """
    saved, errors = grad_cam_files.load_all(data.outputs)
    return _section(saved, data.outputs, [str(error.found) for error in errors]) if saved or errors else None


def write_look(outputs: Path, grad_cams: Sequence[tuple[GradCam, np.ndarray]]) -> Path:
    """Save each Grad-CAM with its photo (S, S, 3) uint8, and write the page of these pictures. Returns its path."""
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
    """The values of one photo for the template. `again` is the command that draws stale pictures again, or empty."""
    grad_cam = saved.grad_cam
    photo, *under = [thumbnails.thumbnail(path, SIDE) for path in saved.pictures]
    command = f"make look RUN={grad_cam.run} IMAGE={shlex.quote(grad_cam.image)}"
    return {
        "grad_cam": grad_cam,
        "models": _models(grad_cam),
        "picture": photo,
        "heats": [_heat(heat, picture) for heat, picture in zip(grad_cam.heats, under, strict=False)],
        "again": command if grad_cam_files.is_stale(outputs, grad_cam) else "",
    }


def _models(grad_cam: GradCam) -> str:
    """A text on the models whose heat maps are shown."""
    numbers = ", ".join(map(str, grad_cam.folds))
    if grad_cam.is_test:
        return f"a test photo; mean of the models of folds {numbers}"
    return f"the model of fold {numbers}, which did not train on this photo"


def _heat(heat: Heat, picture: thumbnails.Thumbnail) -> dict:
    side, place = len(heat.cells), hottest(heat.cells)
    where = f"no part of the photo speaks for {heat.title}"
    if place:
        where = (
            f"hottest {place[0]:.0%} from the left, {place[1]:.0%} from the top; "
            f"half of the heat in {share_of_half(heat.cells):.0%} of {side} x {side} cells"
        )
    rows = [[f"row {i + 1}", *map(float, row)] for i, row in enumerate(heat.cells)]
    numbers = Table(["", *(f"{i + 1}" for i in range(side))], rows, f"{heat.title}: heat of {side} x {side} cells")
    return {"title": heat.title, "value": heat.value, "where": where, "picture": picture, "numbers": numbers}


# ---- pictures of heat

SIDE = 224  # pixels of a picture
COLOUR_MAP = "inferno"  # a colour map of matplotlib from dark to bright, which colour-blind people can read, too
STRENGTH = 0.75  # share of the colour where the heat is at least FULL; the rest is the photo in grey
FULL = 0.6


def pictures(photo: np.ndarray, heats: Sequence[Heat]) -> list[np.ndarray]:
    """The pictures (SIDE, SIDE, 3) uint8 of a photo: the photo alone, then the photo under each heat.

    photo (S, S, 3) uint8.
    """
    large = _resized(photo)
    return [large, *(_under(large, heat.cells) for heat in heats)]


def _resized(photo: np.ndarray) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(photo).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _under(photo: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The photo (SIDE, SIDE, 3) uint8 in grey, mixed with the colours of the heat. More heat gives more colour.

    cells (H, H): the heat.
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
    """The centre of the hottest of the cells (H, H), or None if there is no heat.

    The centre is a share of the width from the left, and a share of the height from the top.
    """
    if not cells.max() > 0:
        return None
    row, column = np.unravel_index(cells.argmax(), cells.shape)
    return (column + 0.5) / cells.shape[1], (row + 0.5) / cells.shape[0]


def share_of_half(cells: np.ndarray) -> float:
    """The smallest share of the cells (H, H) that holds half of the heat. It is small if the heat is in one place."""
    total = np.cumsum(np.sort(cells, axis=None)[::-1])
    return (int(np.searchsorted(total, total[-1] / 2)) + 1) / cells.size
