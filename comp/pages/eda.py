"""The page of `make eda`, outputs/eda.html: an audit of the input, before anything is trained.

Its sections are in eda_tables.py (labels, columns, train against test) and eda_photos.py (photos, duplicates, samples).
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from comp.data.audit_tables import AuditTables
from comp.data.photo_check import PhotoFacts
from comp.pages import eda_photos, eda_tables, page

LEAD = "What is in the folder of the competition, before anything is trained. Every figure has its numbers below it."


def write_eda(
    path: Path,
    inputs: Path,
    audit: AuditTables,
    facts: Mapping[str, PhotoFacts],
    pairs: pd.DataFrame,
    chosen: list[tuple[str, list[str]]],
    progress: Callable[[int], None],
) -> None:
    """Write the page.

    facts: from `photo_check.scan_photos`; pairs: from `near_duplicates.photo_pairs`; chosen: from
    `eda_photos.sampled_photos`. progress is called with the number of chosen photos that were read since the last call.
    """
    sections = [
        eda_tables.label_section(audit),
        eda_tables.column_section(audit),
        eda_photos.photo_section(audit, facts, inputs),
        eda_photos.duplicate_section(pairs, inputs),
        eda_tables.train_test_section(audit, facts),
        eda_photos.sample_section(audit, inputs, chosen, progress),
    ]
    page.write_page(path, "Input audit", sections, lead=LEAD, tiles=tiles(audit, facts, pairs), missing=audit.problems)


def tiles(audit: AuditTables, facts: Mapping[str, PhotoFacts], pairs: pd.DataFrame) -> list[tuple[str, str]]:
    """The numbers at the top of the page: each as text, and what it counts."""
    across = int((pairs["side"] == "train and test").sum())
    leaks = int(((pairs["side"] == "train") & ~pairs["one_group"]).sum())
    return [
        (f"{len(audit.train):,}", "training photos"),
        (f"{len(audit.test):,}", "test photos"),
        (f"{audit.train['group'].nunique():,}", "groups"),
        (f"{sum(bool(fact.problem) for fact in facts.values()):,}", "photos that cannot be read"),
        (f"{leaks:,}", "equal or near-identical pairs of two training groups"),
        (f"{across:,}", "such pairs across train and test"),
    ]
