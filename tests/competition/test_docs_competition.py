"""docs/competition.md stays true: each key is explained with an example that parses, and so does each whole file."""

import dataclasses
import re
import tomllib

import pytest
from conftest import ROOT
from small_inputs import TOML

from comp.competition import competition_toml
from comp.competition.competition_toml import Settings, parse_settings

PAGE = (ROOT / "docs/competition.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| (.+) \| `(.+)` \|$", PAGE, re.M)
KEYS = {key: example for key, _, example in ROWS}
FILES = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
NEEDS = {  # more keys that an example needs
    "positive": dict(target="binary"),
    "separator": dict(target="multilabel", metric="micro_f1"),
    "limits": dict(target="regression", metric="rmse"),
    "ranges": dict(attributes=["size"]),
}


def test_each_key_is_documented_as_in_the_class_and_in_its_order():
    declared = [(field.name, field.metadata["help"]) for field in dataclasses.fields(Settings)]
    assert [(key, meaning) for key, meaning, _ in ROWS] == declared


@pytest.mark.parametrize("key", KEYS)
def test_each_example_of_a_key_parses(key):
    example = tomllib.loads(KEYS[key])
    assert list(example) == [key]
    assert getattr(parse_settings(TOML | NEEDS.get(key, {}) | example), key)


def test_each_answer_is_explained():
    section = PAGE.split("**Answers.**")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", section)) == set(competition_toml.ANSWERS)


@pytest.mark.parametrize("text", FILES, ids=lambda text: text.split('"')[1])
def test_each_whole_file_parses_and_is_short(text):
    assert parse_settings(tomllib.loads(text)).target
    assert len(text.strip().splitlines()) <= 15


def test_there_are_files_for_most_targets():
    assert {tomllib.loads(text)["target"] for text in FILES} >= {"multiclass", "binary", "multilabel", "ordinal"}
