"""JSON files of a competition as tables: images with their annotations (COCO), or a map of class names."""

import json
from pathlib import Path

import pandas as pd

IDS = ("id", "image_id")


def read(path: Path) -> pd.DataFrame | set[str]:
    """The images, every value as text and with the columns of their annotations; else the keys of a map of names.

    An empty set for any other JSON. Raises ValueError for what is no JSON.
    """
    whole = json.loads(path.read_text(encoding="utf-8-sig"))
    images = whole.get("images") if isinstance(whole, dict) else whole
    if _are_images(images):
        table = _text(images)
        annotations = whole.get("annotations") if isinstance(whole, dict) else None
        return _joined(table, _text(annotations)) if annotations else table
    if isinstance(whole, dict) and whole and all(isinstance(value, str) for value in whole.values()):
        return set(whole)
    return set()


def _are_images(images) -> bool:
    return isinstance(images, list) and bool(images) and isinstance(images[0], dict) and "file_name" in images[0]


def _text(rows: list[dict]) -> pd.DataFrame:
    plain = [{k: v for k, v in row.items() if not isinstance(v, list | dict)} for row in rows]
    return pd.DataFrame(plain).astype(object).map(lambda value: "" if value is None else str(value)).astype(str)


def _joined(images: pd.DataFrame, annotations: pd.DataFrame) -> pd.DataFrame:
    """Images with the columns of the annotations that they do not have themselves."""
    key = next((name for name in IDS if name in images), None)
    if key is None or "image_id" not in annotations:
        return images
    more = [name for name in annotations if name not in images and name not in IDS]
    by_image = annotations[["image_id", *more]].rename(columns={"image_id": key})
    return images.merge(by_image, on=key, how="inner")
