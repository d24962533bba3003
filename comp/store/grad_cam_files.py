"""Write and read the Grad-CAM files in outputs/looks/, which show where a run's models look in a photo.

| file                                  | content                                                       |
|---------------------------------------|---------------------------------------------------------------|
| <run>-<hash of the photo's path>.json | the values of a `GradCam`, and the file names of its pictures |
| <run>-<hash>.photo.png                | the photo as the models see it                                |
| <run>-<hash>.<i>.png                  | the photo with heat map number i drawn over it                |
"""

import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from comp import files
from comp.errors import InputError, quoted
from comp.store import made_of
from comp.store.paths import folds_file, looks_folder
from comp.store.runs import Run

EXPECTED = "a file as `make look` writes it"


@dataclass(frozen=True)
class Heat:
    """A heat map, which shows how strongly each part of a photo supports one prediction.

    title: the prediction in words, such as the name of a class; value: the probability of this class, or the predicted
    number; cells (H, H): the support, from 0 to 1, in each cell of a grid of H rows and H columns over the photo.
    """

    title: str
    value: float
    cells: np.ndarray


@dataclass(frozen=True)
class GradCam:
    """The heat maps of one photo, which show where the models of a run look in the photo.

    run: the name of the run.
    image: the path of the photo relative to inputs/.
    folds: the numbers of the folds whose models were shown the photo.
    is_test: whether the photo is a test photo.
    truth: the true label of the photo in words, or "" for a test photo.
    prediction: the predicted answer in words.
    made_with: the hashes of folds.csv and of the run's recipe.json at the time of `make look`.
    heats: the heat maps.
    """

    run: str
    image: str
    folds: tuple[int, ...]
    is_test: bool
    truth: str
    prediction: str
    made_with: dict
    heats: Sequence[Heat] = ()


@dataclass(frozen=True)
class SavedGradCam:
    """A GradCam whose pictures are saved in outputs/looks/.

    pictures: the paths of the pictures; first the photo, then the photo with each heat map drawn over it.
    """

    grad_cam: GradCam
    pictures: Sequence[Path]


def source_hashes(run: Run) -> dict:
    """Return a dictionary with the hash of folds.csv ("folds") and the hash of the run's recipe.json ("recipe")."""
    return {"folds": files.digest(folds_file(run.outputs)), "recipe": files.digest(run.recipe)}


def is_stale(outputs: Path, grad_cam: GradCam) -> bool:
    """Return whether folds.csv or the run's recipe.json was changed or deleted after the heat maps were made."""
    run = Run(outputs, grad_cam.run)
    if not (run.recipe.is_file() and folds_file(outputs).is_file()):
        return True
    return bool(made_of.changes(grad_cam.made_with, source_hashes(run)))


def save_grad_cam(outputs: Path, grad_cam: GradCam, pictures: Sequence[np.ndarray]) -> SavedGradCam:
    """Write the heat maps of a photo and their pictures to outputs/looks/.

    Earlier files of the same run and photo are replaced. pictures: RGB images (S, S, 3) uint8 with S × S pixels; first
    the photo, then the photo with each heat map drawn over it. Returns the GradCam with the paths of the written
    pictures.
    """
    folder, start = looks_folder(outputs), f"{grad_cam.run}-{files.digest_of(grad_cam.image.encode())}"
    names = [f"{start}.{part}.png" for part in ("photo", *range(len(grad_cam.heats)))]
    for name, pixels in zip(names, pictures, strict=True):
        files.write_bytes(folder / name, _png(pixels))
    heats = [{**vars(heat), "cells": heat.cells.round(4).astype(float).tolist()} for heat in grad_cam.heats]
    files.write_json(folder / f"{start}.json", {**vars(grad_cam), "heats": heats, "pictures": names})
    return SavedGradCam(grad_cam, [folder / name for name in names])


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def load_grad_cam(path: Path) -> SavedGradCam:
    """Read the heat maps of a photo from a JSON file. Raises InputError if the file was damaged or edited."""
    content = files.read_json(path, EXPECTED, f"rm {quoted(path)}")
    try:
        names = [Path(name).name for name in content["pictures"]]
        heats = [
            Heat(str(heat["title"]), float(heat["value"]), np.array(heat["cells"], float)) for heat in content["heats"]
        ]
        known = {field.name: content[field.name] for field in dataclasses.fields(GradCam)}
        grad_cam = GradCam(**{**known, "folds": tuple(known["folds"]), "heats": heats})
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not readable: {type(error).__name__} {error}", EXPECTED, f"rm {quoted(path)}"
        ) from None
    return SavedGradCam(grad_cam, [path.with_name(name) for name in names])


def load_all(outputs: Path) -> tuple[list[SavedGradCam], list[InputError]]:
    """Read all heat maps in outputs/looks/. Return them, sorted by run and photo, and an error per unreadable file."""
    saved, errors = [], []
    for path in sorted(looks_folder(outputs).glob("*.json")):
        try:
            saved.append(load_grad_cam(path))
        except InputError as error:
            errors.append(error)
    return sorted(saved, key=lambda each: (each.grad_cam.run, each.grad_cam.image)), errors
