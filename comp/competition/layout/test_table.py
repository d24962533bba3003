"""The test rows: the photos of each prediction id of the sample submission."""

from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.competition.layout import photo_paths, template
from comp.competition.layout.find_sample_submission import SampleFile, read_sample
from comp.competition.layout.photo_paths import PhotoRows
from comp.competition.layout.source_table import SourceTable, check_columns, read_source
from comp.competition.layout.test_photo_template import template_of
from comp.competition.settings import Settings, parse
from comp.errors import InputError, listed


def read_test(competition: Competition, inputs: Path) -> pd.DataFrame:
    """Columns id and image, in the order of the sample; with `combine` an id may have several rows."""
    sample = read_sample(parse(competition.source), inputs, competition.sample.file)
    rows, ids = test_photos(competition, inputs, sample)
    table = pd.DataFrame({"id": ids, "image": rows.images.to_numpy()})
    _check_ids(table, sample, competition, rows.source)
    place = pd.Index(sample.table[sample.id]).get_indexer(table["id"])
    return table.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def test_photos(competition: Competition, inputs: Path, sample: SampleFile) -> tuple[PhotoRows, np.ndarray]:
    """The photos of the test rows in the order of their table, with its columns, and their prediction ids (M,)."""
    settings = parse(competition.source)
    source, ids = _rows_of_sample(settings, sample, competition.sample.columns, Path(inputs))
    images = template_of(settings, inputs, source.table, sample.id)
    rows = photo_paths.find(inputs, images, source, "test_images")
    return rows, ids.loc[rows.table.index].to_numpy()


def _rows_of_sample(
    settings: Settings, sample: SampleFile, filled: tuple[str, ...], inputs: Path
) -> tuple[SourceTable, pd.Series]:
    """The rows of the test table that the sample asks for, or the rows of the sample; and their prediction ids."""
    wanted = sample.table[sample.id]
    if not settings.test:
        # the columns to fill hold example answers: they must not become a part of a path
        table = sample.table.drop(columns=[name for name in filled if name in sample.table])
        return SourceTable(inputs / sample.path, len(table), table), wanted
    source = read_source(inputs, settings.test, "test")
    ids = _ids(settings, source, sample)
    _check_overlap(ids, wanted, source, sample)
    asked = ids.isin(wanted)
    table = source.table.assign(**{} if sample.id in source.table else {sample.id: ids})
    return SourceTable(source.path, source.size, table[asked]), ids[asked]


def _ids(settings: Settings, source: SourceTable, sample: SampleFile) -> pd.Series:
    """The prediction id of each test row: from `id`, else from the column with the same name as in the sample."""
    if "{" in settings.id:
        check_columns(source.table, template.fields(settings.id), "id", str(source.path))
        return template.fill(settings.id, source.table)
    same = [name for name in source.table if name.lower() == sample.id.lower()]
    name = settings.id or (sample.id if sample.id in source.table else next(iter(same), sample.id))
    check_columns(source.table, (name,), "id", str(source.path))
    return source.table[name]


def _check_overlap(ids: pd.Series, wanted: pd.Series, source: SourceTable, sample: SampleFile) -> None:
    missing = wanted[~wanted.isin(ids)].tolist()
    if missing:
        found = f"{len(missing)} of {len(wanted)} ids of {sample.path} are not in {source.path}:{listed(missing)}"
        raise InputError(found, f"a row for each; {source.path.name} has ids such as {ids.iloc[0]}",
                         "edit id, test or sample in competition.toml")  # fmt: skip


def _check_ids(table: pd.DataFrame, sample: SampleFile, competition: Competition, source: SourceTable) -> None:
    repeated = table["id"][table["id"].duplicated()].unique().tolist()
    if repeated and not competition.combine:
        raise InputError(f"{len(repeated)} id(s) of {source.path} have several photos:{listed(repeated)}",
                         "one photo per id of the sample",
                         'combine = "mean" (or "max") in competition.toml, and `id` by columns')  # fmt: skip
