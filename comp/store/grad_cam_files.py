"""Files of Grad-CAM pictures in outputs/looks/: where a run's models look in a photo, as `make look` writes them.

| file                        | content                                                       |
|-----------------------------|---------------------------------------------------------------|
| <run>-<hash of image>.json  | the fields of `GradCam` with its heats, and the picture names |
| <run>-<hash>.photo.png      | the photo as the models see it                                |
| <run>-<hash>.<i>.png        | the photo under heat i                                        |
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
    """What in the photo speaks for `title`. cells (H, H) from 0 to 1; value: the probability of it, or the number."""

    title: str
    value: float
    cells: np.ndarray


@dataclass(frozen=True)
class GradCam:
    """Where the models of a run look in a photo.

    folds: whose models were asked; truth: in words, empty for a test photo; made_with: the hashes of folds.csv and
    recipe.json, on which the weights depend.
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
    """A GradCam on disk. pictures: the paths of the photo and then of the photo under each heat."""

    grad_cam: GradCam
    pictures: Sequence[Path]


def source_hashes(run: Run) -> dict:
    """The hashes of folds.csv and the run's recipe.json, for `made_with`."""
    return {"folds": files.digest(folds_file(run.outputs)), "recipe": files.digest(run.recipe)}


def is_stale(outputs: Path, grad_cam: GradCam) -> bool:
    """Whether folds.csv or the run's recipe.json has changed or vanished since the pictures were made."""
    run = Run(outputs, grad_cam.run)
    if not (run.recipe.is_file() and folds_file(outputs).is_file()):
        return True
    return bool(made_of.changes(grad_cam.made_with, source_hashes(run)))


def save_grad_cam(outputs: Path, grad_cam: GradCam, pictures: Sequence[np.ndarray]) -> SavedGradCam:
    """Write it; the files of the same run and photo are replaced. pictures (S, S, 3) uint8: the photo, then heats."""
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
    """Read the JSON file. Raises InputError where it is damaged or edited."""
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
    """Everything in outputs/looks/, ordered by run and image; and the errors of files that cannot be read."""
    saved, errors = [], []
    for path in sorted(looks_folder(outputs).glob("*.json")):
        try:
            saved.append(load_grad_cam(path))
        except InputError as error:
            errors.append(error)
    return sorted(saved, key=lambda each: (each.grad_cam.run, each.grad_cam.image)), errors
