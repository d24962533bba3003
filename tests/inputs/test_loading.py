"""Which competition an inputs folder holds, and that each of its files is read once."""

import sys
import tomllib
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from drawn_runs import run
from layouts.table import ROWS
from small_inputs import TOML, animals, text

from comp.errors import InputError
from comp.inputs import loading, mask_gender_age
from comp.inputs.input_tables import InputTables
from comp.inputs.loading import open_tables
from comp.project import Project


def test_the_file_is_found_in_its_order(tmp_path, monkeypatch):
    inputs = animals(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="make init"):
        open_tables(inputs)
    with pytest.raises(InputError, match=r"no folder .*none"):
        open_tables(tmp_path / "none")
    content = "\n".join(f'{key} = "{value}"' for key, value in TOML.items())
    text(tmp_path, "competition.toml", f'{content}\ndefaults = "here"')
    assert open_tables(inputs).competition.defaults == "here"
    text(inputs, "competition.toml", f'{content}\ndefaults = "in"')
    assert open_tables(inputs).competition.defaults == "in"
    assert (
        open_tables(inputs, text(tmp_path, "x/my.toml", f'{content}\ndefaults = "given"')).competition.defaults
        == "given"
    )
    with pytest.raises(InputError, match=r"no file other\.toml"):
        open_tables(inputs, "other.toml")


def test_the_home_competition_needs_no_file(inputs, monkeypatch):
    monkeypatch.chdir(inputs)
    assert open_tables(inputs).competition == mask_gender_age.competition()
    for tables in (open_tables(inputs), loading.tables_of(mask_gender_age.competition(), inputs)):
        pd.testing.assert_frame_equal(tables.training_rows, mask_gender_age.read_train(inputs))
        pd.testing.assert_frame_equal(tables.test_rows, mask_gender_age.read_test(inputs))


def test_the_home_competition_is_known_by_either_table(inputs):
    (inputs / "train/train.csv").unlink()
    tables = open_tables(inputs)
    with pytest.raises(InputError, match=r"no .*train\.csv"):
        _ = tables.training_rows


def test_settings_file_is_none_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert loading.settings_file(tmp_path) is None


# How often a file is read


class OpenedFiles:
    """Counts the files that this process opens within a with block, by real path."""

    def __init__(self):
        self.counts, self.counting = Counter(), False
        sys.addaudithook(self._heard)  # a hook cannot be removed, so `counting` says whether it does anything

    def _heard(self, event, arguments):
        if self.counting and event == "open" and isinstance(arguments[0], (str, bytes, Path)):
            self.counts[Path(str(arguments[0])).resolve()] += 1

    def __enter__(self):
        self.counting = True
        return self

    def __exit__(self, *problem):
        self.counting = False

    def of(self, path):
        return self.counts[path.resolve()]


def toml_of(folder, **keys):
    return text(folder, "x.toml", "\n".join(f'{key} = "{value}"' for key, value in (TOML | keys).items()))


TWO_TABLES = [row for row in ROWS if {"train", "test"} <= set(tomllib.loads(row.toml))]


@pytest.mark.parametrize("row", TWO_TABLES[::3], ids=str)
def test_make_folds_opens_each_table_once(tmp_path, row):
    inputs = row.write(tmp_path / "in")
    (tmp_path / "out").mkdir()
    with OpenedFiles() as opened:
        code, printed = run(tmp_path, "make_folds", "--folds", 2)
    assert code == 0, printed
    competition = open_tables(inputs).competition
    tables = [competition.source["train"], competition.source["test"], competition.sample.file]
    assert {table: opened.of(inputs / table) for table in tables} == dict.fromkeys(tables, 1)
    assert opened.of(inputs / "competition.toml") == 2  # to read the keys, and for their hash in competition.json


def test_make_folds_reads_each_table_of_the_home_competition_once(inputs, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    inputs.rename(tmp_path / "in")
    with OpenedFiles() as opened:
        code, printed = run(tmp_path, "make_folds", "--folds", 3)
    assert code == 0, printed
    counts = [opened.of(tmp_path / "in" / table) for table in (mask_gender_age.TRAIN_TABLE, mask_gender_age.SAMPLE)]
    assert counts == [
        2,
        1,
    ]  # the first table by which the competition is recognised is opened once more, for its header


def test_all_tables_of_a_project_come_from_one_object_that_reads_each_once(tmp_path):
    inputs = TWO_TABLES[0].write(tmp_path / "in")
    code, printed = run(tmp_path, "make_folds", "--folds", 2)
    assert code == 0, printed
    project = Project(inputs, tmp_path / "out")
    with OpenedFiles() as opened:
        tables = project.tables
        assert isinstance(tables, InputTables)
        assert project.tables is tables
        assert tables.competition is project.competition
        assert project.test_rows is tables.test_rows
        properties = ("training_rows", "test_rows", "shared_columns", "training_table", "test_table", "sample")
        assert all(getattr(tables, name) is getattr(tables, name) for name in properties)
        assert all(map(len, tables.given_tables))
    source = project.competition.source
    names = [source["train"], source["test"], project.competition.sample.file, "competition.toml"]
    assert [opened.of(inputs / name) for name in names] == [1, 1, 1, 1]
    assert opened.of(tmp_path / "out/competition.json") == 1
    assert list(dict.fromkeys(project.test_rows["id"])) == project.test_ids


def test_the_home_competition_of_a_project_is_read_by_its_own_object(inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    inputs.rename(tmp_path / "in")
    assert run(tmp_path, "make_folds", "--folds", 3)[0] == 0
    project = Project(tmp_path / "in", tmp_path / "out")
    with OpenedFiles() as opened:
        tables = project.tables
        assert isinstance(tables, mask_gender_age.MaskGenderAgeTables)
        assert tables.training_rows is project.tables.training_rows
        assert project.test_rows is tables.test_rows
    assert opened.of(tmp_path / "in" / mask_gender_age.SAMPLE) == 1


def test_the_tables_of_a_saved_competition_are_opened_once(tmp_path):
    inputs = animals(tmp_path)
    competition = open_tables(inputs, toml_of(inputs, test="test.csv")).competition
    with OpenedFiles() as opened:
        tables = loading.tables_of(competition, text(inputs, "test.csv", "id,size\n1,3\n2,4\n").parent)
        assert len(tables.training_rows) == 3
        assert len(tables.test_rows) == len(tables.shared_columns[1]) == len(tables.given_tables[1]) == 2
    assert [opened.of(inputs / name) for name in ("train.csv", "sample_submission.csv", "x.toml")] == [1, 1, 0]


def test_tables_that_share_no_column_share_nothing(tmp_path):
    inputs = animals(tmp_path, sample="name,label\n1,cat\n2,cat\n")
    tables = open_tables(inputs, toml_of(inputs))
    train, test, names = tables.shared_columns
    assert (train.shape, test.shape, names) == ((3, 0), (2, 0), [])
