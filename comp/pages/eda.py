"""The command `make eda`, which audits the input data before any training and writes the page outputs/eda.html.

eda_tables.py makes the sections about labels, columns, and the differences between train and test. eda_photos.py makes
the sections about photos and duplicates, and the samples of each class.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from comp import console
from comp.data import audit_tables, near_duplicates, photo_check
from comp.data.audit_tables import AuditTables
from comp.data.photo_check import PhotoFacts
from comp.pages import eda_photos, eda_tables, page
from comp.project import Project
from comp.store.paths import page_file

LEAD = (
    "This page shows the contents of the competition's folder, before anything is trained. Below each figure is a "
    "table of its numbers."
)


def make_eda(project: Project) -> None:
    """Read the tables and all photos of the competition, print the problems found, and write outputs/eda.html."""
    start, path = time.monotonic(), page_file(project.outputs, "eda")
    audit = audit_tables.read_audit_tables(project)
    images = list(dict.fromkeys([*audit.train["image"], *audit.test["image"]]))
    with console.progress("looking at photos", len(images)) as advance:
        facts = photo_check.scan_photos(project.inputs, images, advance)
    readable = {image: fact for image, fact in facts.items() if not fact.problem}
    pairs = near_duplicates.photo_pairs(readable, audit.train, audit.test, within_groups=True)
    chosen = eda_photos.sampled_photos(audit)
    with console.progress("drawing photos", len({image for _, part in chosen for image in part})) as advance:
        write_eda(path, project.inputs, audit, facts, pairs, chosen, advance)
    for problem, command in audit.problems:
        console.warn(problem, command)
    console.say(", ".join(f"{value} {what}" for value, what in tiles(audit, facts, pairs)))
    console.say(f"wrote {path}, {path.stat().st_size / 1e6:.1f} MB, in {time.monotonic() - start:.0f} s")


def write_eda(
    path: Path,
    inputs: Path,
    audit: AuditTables,
    facts: Mapping[str, PhotoFacts],
    pairs: pd.DataFrame,
    chosen: list[tuple[str, list[str]]],
    progress: Callable[[int], None],
) -> None:
    """Write the audit of the input data as an HTML page to the file `path`.

    inputs: the folder of the competition. audit: the tables of the competition. facts: the properties of each photo, by
    the path of the photo. pairs: a table with a row for each pair of equal or near-identical photos. chosen: for each
    class, a title and the paths of its sample photos. progress: a function that is called with the number of sample
    photos read since its last call.
    """
    sections = [
        eda_tables.label_section(audit),
        eda_tables.column_section(audit),
        eda_photos.photo_section(audit, facts, inputs),
        eda_photos.duplicate_section(audit, pairs, inputs),
        eda_tables.train_test_section(audit, facts),
        eda_photos.sample_section(audit, inputs, chosen, progress),
    ]
    page.write_page(path, "Input audit", sections, lead=LEAD, tiles=tiles(audit, facts, pairs), missing=audit.problems)


def tiles(audit: AuditTables, facts: Mapping[str, PhotoFacts], pairs: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the key numbers for the top of the page, each as a pair of texts such as ("18,900", "training photos").

    audit: the tables of the competition. facts: the properties of each photo, by the path of the photo. pairs: a table
    with a row for each pair of equal or near-identical photos.
    """
    across = int((pairs["side"] == "train and test").sum())
    leaks = int(((pairs["side"] == "train") & ~pairs["one_group"]).sum())
    return [
        (f"{len(audit.train):,}", "training photos"),
        (f"{len(audit.test):,}", "test photos"),
        (f"{audit.train['group'].nunique():,}", "groups"),
        (f"{sum(bool(fact.problem) for fact in facts.values()):,}", "photos that cannot be read"),
        (f"{leaks:,}", "equal or near-identical pairs of photos in different training groups"),
        (f"{across:,}", "equal or near-identical pairs of a training photo and a test photo"),
    ]
