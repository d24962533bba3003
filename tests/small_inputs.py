"""Tiny inputs folders: photos of 8 x 8 pixels, tables as text."""

import json
from pathlib import Path

from PIL import Image

TOML = {"target": "multiclass", "metric": "accuracy", "train": "train.csv", "train_images": "train/{id}.jpg"}


def photos(folder: Path, *paths: str) -> None:
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF"}.get(file.suffix.lower(), "PNG")
        Image.new("RGB", (8, 8)).save(file, kind)


def text(folder: Path, name: str, content: str, encoding: str = "utf-8") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode(encoding))
    return file


def as_json(folder: Path, name: str, value) -> Path:
    return text(folder, name, json.dumps(value))


def animals(folder: Path, train: str = "a,cat\nb,dog\nc,cat\n", sample: str = "id,label\n1,cat\n2,cat\n") -> Path:
    """train.csv with a, b, c; two test photos; a sample submission."""
    photos(folder, *(f"train/{name}.jpg" for name in "abc"), "test/1.jpg", "test/2.jpg")
    text(folder, "train.csv", "id,label\n" + train)
    text(folder, "sample_submission.csv", sample)
    return folder
