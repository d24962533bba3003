"""Find out what the rules for automatic settings need to know about the rows and the photos of a competition.

The rules are in recipes/automatic.py. Whether mirrored photos are harder to predict is measured in mirror_check.py.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from comp.data import decoding
from comp.models import factory
from comp.project import Project
from comp.recipes.automatic import Facts
from comp.recipes.recipe_settings import Recipe

FEW_PHOTOS = 100  # the sizes of so many photos are looked at
LARGE_SIDE = 10_000  # pixels; if no photo can be read, the size of the weights is taken


def facts_of(project: Project, recipe: Recipe) -> Facts:
    """Return what the rules for settings need to know about the rows and the photos of a competition."""
    folds = project.folds
    numbers = {known.column: folds[known.column] for known in project.competition.ranges if known.column in folds}
    return Facts(
        rows=round(len(folds) * (1 - 1 / project.fold_count)),
        photo_side=_median_side(project.inputs, folds["image"].iloc[:: max(1, len(folds) // FEW_PHOTOS)], recipe.crop),
        own_size=factory.timm_size(recipe.model),
        deviations={column: float(pd.to_numeric(values, errors="coerce").std()) for column, values in numbers.items()},
    )


def _median_side(inputs: Path, images: pd.Series, crop: int) -> int:
    """Return the median of the shorter sides of some photos in pixels, after a centre crop (0: no crop).

    images: the paths of the photos, relative to `inputs`. Photos that cannot be read are left out; the training names
    them later.
    """
    sides = []
    for image in images:
        try:
            sides.append(min(decoding.header(decoding.read_bytes(inputs / image))[1:]))
        except (OSError, ValueError):
            continue
    side = int(np.median(sides)) if sides else LARGE_SIDE
    return min(side, crop) if crop else side
