"""The template for the test photos, if competition.toml gives none or uses another name for the id."""

import re
from pathlib import Path

import pandas as pd

from comp.competition.layout import template
from comp.competition.layout.photo_listing import Listing
from comp.competition.settings import Settings


def template_of(settings: Settings, inputs: Path, table: pd.DataFrame, id_column: str) -> str:
    """`test_images` if given, else train_images with "test" in place of "train".

    If that folder does not exist, train_images is used as it is.
    table: the test rows. If the template has one field that is not a column of the table, this field is the id. The
    default template leaves out folders that test photos cannot have, such as {label}.
    """
    made = settings.test_images or _default(settings.train_images, inputs, set(table))
    fields = template.fields(made)
    if len(fields) == 1 and fields[0] not in table:
        return made.replace(f"{{{fields[0]}}}", f"{{{id_column}}}")
    return made


def _default(train_images: str, inputs: Path, columns: set[str]) -> str:
    swapped = re.sub(r"(\{[^{}]*\})|train", lambda match: match[1] or "test", train_images)
    swapped = re.sub(r"(\{[^{}]*\})|Train", lambda match: match[1] or "Test", swapped)
    folder = template.literal_folder(swapped)
    made = swapped if folder and Listing(inputs).real(folder) is not None else train_images
    parts = made.split("/")
    only = [part for part in parts[:-1] if "{" in part and not set(template.fields(part)) <= columns]
    return "/".join(part for part in parts if part not in only)
