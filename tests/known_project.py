"""A Project whose competition and folds a test gives, so that no file of them has to exist."""

from pathlib import Path

import pandas as pd

from comp.competition.competition import Competition
from comp.project import Project


def known_project(outputs: Path, competition: Competition, folds: pd.DataFrame | None = None, **known) -> Project:
    """known: more attributes of Project, such as folds_digest="f", test_rows=…, test_ids=None, inputs=folder."""
    project = Project(known.pop("inputs", Path(outputs).parent / "in"), Path(outputs))
    values = {"folds_digest": "f", "test_ids": None, **known, "competition": competition}
    for name, value in (values if folds is None else {**values, "folds": folds}).items():
        setattr(project, name, value)  # a cached property that is set is not read from files any more
    return project
