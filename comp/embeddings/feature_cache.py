"""Features of all photos, computed once and kept in outputs/cache in parts, each of them whole.

A stage that was killed computes only the missing parts. The folder's name is a hash of everything the features depend
on: the photos (their names, sizes and times), size, crop, fit, weights, normalisation, views and number format.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from comp import console
from comp.data import photo_cache
from comp.data.batches import to_model
from comp.data.photos import Photos
from comp.data.rows import open_photos
from comp.embeddings.backbone import Backbone
from comp.errors import InputError
from comp.hardware.device_errors import explained
from comp.hardware.precision import autocast, memory_format, precision
from comp.io import arrays, files, locks
from comp.prediction import tta
from comp.recipes.recipe import Recipe

BATCHES = 8  # per part
TIMES = 4  # batches are larger than those of training: no layer's output is kept


def features(
    backbone: Backbone, recipe: Recipe, inputs: Path, outputs: Path, images: Sequence[str], where: torch.device
) -> np.ndarray:
    """Features (N, D) float32 of the photos, averaged over the recipe's views. Raises InputError if not finite."""
    folder = _folder(backbone, recipe, inputs, outputs, images, where)
    size = BATCHES * TIMES * recipe.batch_size
    with locks.lock(folder / "building", "the embeddings", wait=True):
        parts = {i: _kept(folder / f"{i:09d}.npz", backbone) for i in range(0, len(images), size)}
        missing = [i for i, part in parts.items() if part is None]
        if missing:
            photos = open_photos(inputs, outputs, recipe, list(images))
            counts = [len(images[i : i + size]) for i in missing]
            with console.progress(f"{recipe.model}: embedding", sum(counts)) as advance:
                for i, count in zip(missing, counts, strict=True):
                    parts[i] = _computed(backbone, recipe, photos, np.arange(i, i + count), where, advance)
                    arrays.write_arrays(folder / f"{i:09d}.npz", features=parts[i])
    return np.concatenate([parts[i] for i in sorted(parts)])


def _folder(backbone: Backbone, recipe: Recipe, inputs: Path, outputs: Path, images, where: torch.device) -> Path:
    photos = photo_cache.cache_file(Path(), inputs, images, recipe.crop, recipe.image_size, recipe.fit).name
    made_by = [backbone.digest, recipe.model, recipe.mean, recipe.std, recipe.batch_size, recipe.tta]
    machine = [str(precision(recipe, where)), str(memory_format(recipe)), version("timm"), version("torch")]
    return outputs / "cache" / f"features_{files.checksum([photos, made_by, machine])}"


def _kept(file: Path, backbone: Backbone) -> np.ndarray | None:
    """A part as it was written; None where it is missing or damaged."""
    try:
        made = arrays.read_arrays(file, ("features",))["features"]
    except ValueError:
        return None
    return made if made.ndim == 2 and made.shape[1] == backbone.features else None


def _computed(
    backbone: Backbone, recipe: Recipe, photos: Photos, rows: np.ndarray, where: torch.device, advance: Callable
) -> np.ndarray:
    model, half, layout = tta.averaged(backbone.model, recipe.tta), precision(recipe, where), memory_format(recipe)
    made, size = [], TIMES * recipe.batch_size
    with torch.inference_mode(), explained(recipe, where):
        for i in range(0, len(rows), size):
            pixels = torch.from_numpy(photos.batch(rows[i : i + size]))
            inputs = to_model(pixels, recipe.mean, recipe.std, where).contiguous(memory_format=layout)
            with autocast(half, where):
                made.append(model(inputs).float().cpu().numpy())
            advance(len(pixels))
    part = np.concatenate(made)
    bad = int((~np.isfinite(part).all(1)).sum())
    if bad:
        other = "amp=off in SET, and RUN=<name>" if half != torch.float32 else "another MODEL"
        raise InputError(f"{recipe.model} gives features that are not finite for {bad} of {len(part)} photos",
                         "finite numbers", f"the same command with {other}")  # fmt: skip
    return part
