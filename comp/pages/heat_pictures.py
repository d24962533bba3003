"""Pictures of a look: the photo, and the photo under each heat."""

from collections.abc import Sequence

import numpy as np

from comp.store.looks import Heat

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
