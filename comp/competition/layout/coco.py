"""COCO JSON as a table with one row per image: its columns, its categories and their names."""

import json
from pathlib import Path

import pandas as pd

from comp.errors import InputError

LABEL = "category_id"
SEVERAL = " "  # separates the categories of one image
IMAGE_ID = ("id", "image_id")
CATEGORY_ID = ("id", "category_id")


def read(path: Path) -> pd.DataFrame:
    """One row per image that has an annotation, or per image if the file has no annotations; all columns as text.

    Columns: the fields of the image (its id is both `id` and `image_id`), category_id and category_name (several
    categories are separated by a space), and the other fields of the first annotation of the image. A file may also be
    just a list of images. Raises InputError for any other file.
    """
    content = _content(path)
    images = _table(_records(path, content, "images"))
    images = images.assign(**dict.fromkeys(IMAGE_ID, _id(images, IMAGE_ID, path, "images")))
    if "file_name" not in images:
        raise _unusable(path, f"images without file_name: {', '.join(images)}")
    if isinstance(content, list) or not content.get("annotations"):
        return images
    annotations = _table(_records(path, content, "annotations"))
    if not {"image_id", "category_id"} <= set(annotations):
        raise _unusable(path, f"annotations without image_id or category_id: {', '.join(annotations)}")
    labels = _labels(annotations, _names(content, path))
    return images.drop(columns=[c for c in labels if c in images and c != "image_id"]).merge(labels, on="image_id")


def _content(path: Path):
    try:
        with open(path, encoding="utf-8-sig") as file:
            content = json.load(file)
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"not JSON: {error}") from None
    if not isinstance(content, (list, dict)):
        raise _unusable(path, f"a {type(content).__name__}")
    return content


def _records(path: Path, content, key: str) -> list[dict]:
    records = content if isinstance(content, list) else content.get(key)
    if not isinstance(records, list) or not records or not all(isinstance(record, dict) for record in records):
        there = "a list" if isinstance(content, list) else f"keys {', '.join(map(str, content))}"
        raise _unusable(path, f"no list of {key}: {there}")
    return records


def _table(records: list[dict]) -> pd.DataFrame:
    """A table of the fields with single values, as text; boxes and outlines are left out."""
    keys = [key for key, value in records[0].items() if not isinstance(value, (list, dict))]
    return pd.DataFrame({key: pd.Series([_text(record.get(key)) for record in records], dtype=str) for key in keys})


def _text(value) -> str:
    return "" if value is None else str(value)


def _id(table: pd.DataFrame, names: tuple[str, ...], path: Path, what: str) -> pd.Series:
    name = next((name for name in names if name in table), None)
    if name is None:
        raise _unusable(path, f"{what} without {' or '.join(names)}: {', '.join(table)}")
    return table[name]


def _names(content: dict, path: Path) -> dict[str, str]:
    """Category id to name; empty if the categories have no names."""
    records = content.get("categories")
    categories = _table(records) if isinstance(records, list) and records and isinstance(records[0], dict) else None
    if categories is None or "name" not in categories:
        return {}
    return dict(zip(_id(categories, CATEGORY_ID, path, "categories"), categories["name"], strict=True))


def _labels(annotations: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """One row per image: its distinct categories, and the other columns of its first annotation."""
    annotations = annotations.drop(columns="id", errors="ignore").drop_duplicates(["image_id", "category_id"])
    if names:
        annotations = annotations.assign(category_name=annotations["category_id"].map(names).fillna(""))
    first = annotations.drop_duplicates("image_id").set_index("image_id")
    repeated = annotations[annotations["image_id"].duplicated(keep=False)]
    for column in [c for c in ("category_id", "category_name") if c in annotations and len(repeated)]:
        several = repeated.groupby("image_id", sort=False)[column].agg(SEVERAL.join)
        first.loc[several.index, column] = several
    return first.reset_index()


def _unusable(path: Path, problem: str) -> InputError:
    return InputError(f"{path} is not COCO JSON: {problem}", "images with file_name and id; annotations with image_id "
                      "and category_id", f"name another table in competition.toml, or correct {path}")  # fmt: skip
