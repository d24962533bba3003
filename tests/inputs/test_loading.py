"""Which competition a folder holds, and that its files are read once."""

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
from comp.inputs.loading import load_competition


def test_the_file_is_found_in_its_order(tmp_path, monkeypatch):
    inputs = animals(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="make init"):
        load_competition(inputs)
    with pytest.raises(InputError, match=r"no folder .*none"):
        load_competition(tmp_path / "none")
    content = "\n".join(f'{key} = "{value}"' for key, value in TOML.items())
    text(tmp_path, "competition.toml", f'{content}\ndefaults = "here"')
    assert load_competition(inputs).defaults == "here"
    text(inputs, "competition.toml", f'{content}\ndefaults = "in"')
    assert load_competition(inputs).defaults == "in"
    assert load_competition(inputs, text(tmp_path, "x/my.toml", f'{content}\ndefaults = "given"')).defaults == "given"
    with pytest.raises(InputError, match=r"no other\.toml"):
        load_competition(inputs, "other.toml")


def test_the_home_competition_needs_no_file(inputs, monkeypatch):
    monkeypatch.chdir(inputs)
    competition = load_competition(inputs)
    assert competition == mask_gender_age.competition()
    pd.testing.assert_frame_equal(loading.read_train(competition, inputs), mask_gender_age.read_train(inputs))
    pd.testing.assert_frame_equal(loading.read_test(competition, inputs), mask_gender_age.read_test(inputs))


def test_the_home_competition_is_known_by_either_table(inputs):
    (inputs / "train/train.csv").unlink()
    competition = load_competition(inputs)
    with pytest.raises(InputError, match=r"no .*train\.csv"):
        loading.read_train(competition, inputs)


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
    competition = load_competition(inputs)
    tables = [competition.source["train"], competition.source["test"], competition.sample.file]
    assert {table: opened.of(inputs / table) for table in tables} == dict.fromkeys(tables, 1)
    assert opened.of(inputs / "competition.toml") == 2  # to read the keys, and for their hash in competition.json


def test_the_tables_of_a_saved_competition_are_opened_once(tmp_path):
    inputs = animals(tmp_path)
    competition = load_competition(inputs, toml_of(inputs, test="test.csv"))
    with OpenedFiles() as opened:
        tables = loading.tables_of(competition, text(inputs, "test.csv", "id,size\n1,3\n2,4\n").parent)
        assert len(tables.training_rows) == 3
        assert len(tables.test_rows) == len(tables.shared_columns[1]) == len(tables.given_tables[1]) == 2
    assert [opened.of(inputs / name) for name in ("train.csv", "sample_submission.csv", "x.toml")] == [1, 1, 0]


def test_tables_that_share_no_column_share_nothing(tmp_path):
    inputs = animals(tmp_path, sample="name,label\n1,cat\n2,cat\n")
    tables = loading.tables_of(load_competition(inputs, toml_of(inputs)), inputs)
    train, test, names = tables.shared_columns
    assert (train.shape, test.shape, names) == ((3, 0), (2, 0), [])
