"""outputs/looks/: where a run's models look in a photo. One JSON file for each run and photo, with pictures beside it.

| file                        | content                                                                       |
|-----------------------------|-------------------------------------------------------------------------------|
| <run>-<hash of image>.json  | the fields of `Look`, its heats, and the names of the pictures                  |
| <run>-<hash>.photo.png      | the photo as the models see it                                                |
| <run>-<hash>.<i>.png        | the photo under heat i                                                        |
"""

import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from comp import files
from comp.errors import InputError
from comp.store import made_of
from comp.store.paths import folds_file, looks_folder
from comp.store.runs import Run


@dataclass(frozen=True)
class Heat:
    """cells (H, H) from 0 to 1: what speaks for `title`; value: its probability, or the number."""

    title: str
    value: float
    cells: np.ndarray


@dataclass(frozen=True)
class Look:
    """A photo of a run. folds: whose models were asked; truth: in words, empty for a test photo.

    made_with: hashes of folds.csv and recipe.json, which the weights depend on.
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
class KeptLook:
    """A look on disk, and the paths of its pictures: the photo, then one for each heat."""

    look: Look
    pictures: Sequence[Path]


def look_sources(run: Run) -> dict:
    """The hashes that a look keeps; they differ from a kept look's where it is stale."""
    return {"folds": files.digest(folds_file(run.outputs)), "recipe": files.digest(run.recipe)}


def save_look(outputs: Path, look: Look, pictures: Sequence[np.ndarray]) -> KeptLook:
    """Write a look; an earlier one of that run and photo is replaced. pictures (S, S, 3) uint8: photo, then heats."""
    start = f"{look.run}-{files.digest_of(look.image.encode())}"
    names = [f"{start}.{part}.png" for part in ("photo", *range(len(look.heats)))]
    for name, pixels in zip(names, pictures, strict=True):
        files.write_bytes(looks_folder(outputs) / name, _png(pixels))
    heats = [{**vars(heat), "cells": heat.cells.round(4).astype(float).tolist()} for heat in look.heats]
    files.write_json(looks_folder(outputs) / f"{start}.json", {**vars(look), "heats": heats, "pictures": names})
    return KeptLook(look, [looks_folder(outputs) / name for name in names])


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG", optimize=True)
    return written.getvalue()


def load_look(path: Path) -> KeptLook:
    """Read the JSON of a look; InputError where it is damaged or edited."""
    content = files.read_json(path, "a look as `make look` writes it", f"rm {path}")
    try:
        names = [Path(name).name for name in content.pop("pictures")]
        heats = [
            Heat(str(one["title"]), float(one["value"]), np.array(one["cells"], float)) for one in content.pop("heats")
        ]
        known = {field.name: content[field.name] for field in dataclasses.fields(Look) if field.name != "heats"}
        look = Look(**{**known, "folds": tuple(known["folds"])}, heats=heats)
    except (KeyError, TypeError, ValueError) as error:
        problem = f"{path} is not readable: {type(error).__name__} {error}"
        raise InputError(problem, "a look as `make look` writes it", f"rm {path}") from None
    return KeptLook(look, [path.with_name(name) for name in names])


def is_stale(outputs: Path, look: Look) -> bool:
    """Whether folds.csv or the run's recipe.json has changed since, or is gone."""
    run = Run(outputs, look.run)
    return not (run.recipe.is_file() and folds_file(outputs).is_file()) or bool(
        made_of.changes(look.made_with, look_sources(run))
    )


def all_kept(outputs: Path) -> tuple[list[KeptLook], list[InputError]]:
    """The looks in outputs/looks/, by run and image; and the errors of those that cannot be read."""
    kept, problems = [], []
    for path in sorted(looks_folder(outputs).glob("*.json")):
        try:
            kept.append(load_look(path))
        except InputError as error:
            problems.append(error)
    return sorted(kept, key=lambda one: (one.look.run, one.look.image)), problems
