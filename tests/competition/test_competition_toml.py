"""competition.toml: keys, types, and which keys need or exclude each other."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_inputs import TOML, text

from comp.competition import competition_toml
from comp.competition.competition_toml import GuessedLine, undecided_line
from comp.errors import InputError


def test_what_is_not_given_has_a_default_and_names_are_text():
    settings = competition_toml.parse_settings(TOML | {"target": "binary", "positive": 1, "classes": [0, 1]})
    assert (settings.label, settings.test, settings.combine, settings.ranges) == ("label", "", "", {})
    assert settings.classes == ("0", "1")
    assert settings.listed("positive") == ("1",)
    assert competition_toml.parse_settings(TOML | {"group": ["a", "b"]}).listed("group") == ("a", "b")


def test_a_file_with_a_mark_is_read(tmp_path):
    file = text(tmp_path, "c.toml", 'target = "binary"  # 둘', "utf-8-sig")
    assert competition_toml.read_settings(file) == {"target": "binary"}


@pytest.mark.parametrize("content", ["target = multiclass", "= 1", "a = 1\na = 2", "\x00"])
def test_what_is_no_toml_is_refused(tmp_path, content):
    with pytest.raises(InputError, match="is not TOML"):
        competition_toml.read_settings(text(tmp_path, "c.toml", content))
    with pytest.raises(InputError, match=r"no .*other\.toml"):
        competition_toml.read_settings(tmp_path / "other.toml")


AGE = {"age": {"column": "years", "edges": [30]}}
WRONG = {
    "a misspelt key": (dict(train_image="x"), "unknown key train_image .* did you mean train_images"),
    "a key of nothing": (dict(zzz=1), "one of the keys target, metric"),
    "a number for a text": (dict(train=1), "train is a text"),
    "a text for a list": (dict(also="accuracy"), "also is a list of texts"),
    "an empty list": (dict(label=[]), "label is"),
    "text among numbers": (dict(target="regression", metric="rmse", limits=[1, "x"]), "limits is a list of numbers"),
    "true for a number": (dict(target="regression", metric="rmse", limits=[True, 3]), "limits is a list of numbers"),
    "an unknown target": (dict(target="multclass"), "did you mean multiclass"),
    "an unknown metric": (dict(metric="acuracy"), "accuracy"),
    "a metric of another target": (dict(metric="rmse"), 'metric "rmse" cannot be used with target = "multiclass"'),
    "a shown metric of another target": (dict(also=["rmse"]), 'metric "rmse"'),
    "label and attributes": (dict(label="a", attributes=["b"]), "both label and attributes"),
    "group and its pattern": (dict(group="a", group_pattern="(b)"), "both group and group_pattern"),
    "positive of many classes": (dict(positive="a"), "only if target is binary"),
    "positive of a number": (dict(target="regression", metric="rmse", positive="a"), "only if target is binary"),
    "a mean of classes": (dict(merge="mean"), "one of vote"),
    "merged attributes": (dict(attributes=["a"], merge="vote"), "either merge or attributes"),
    "another decimal sign": (dict(decimal=";"), "one of ., ,"),
    "limits of classes": (dict(limits=[0, 1]), "only if target is regression"),
    "separator of one label": (dict(separator=","), "only if target is multilabel"),
    "attributes of labels": (dict(target="multilabel", metric="auc", attributes=["a"]), "target is multiclass"),
    "columns of numbers": (dict(target="regression", metric="rmse", label=["a", "b"]), "one column of numbers"),
    "limits upside down": (dict(target="regression", metric="rmse", limits=[9, 1]), "lowest and the highest"),
    "a name twice": (dict(classes=["a", "b", "a"]), "has 'a' twice"),
    "an unknown answer": (dict(answer="lable"), "did you mean label"),
    "an answer of another target": (dict(answer="number"), "index, label, probabilities, ranking"),
    "an unknown combination": (dict(combine="median"), "mean, max"),
    "a range of no attribute": (dict(ranges=AGE), "ranges has age, which is not in attributes"),
    "edges that fall": (dict(attributes=["age"], ranges={"age": {"column": "y", "edges": [3, 2]}}), "rising edges"),
    "a range without edges": (dict(attributes=["age"], ranges={"age": {"column": "y"}}), "rising edges"),
    "ranges in a list": (dict(attributes=["age"], ranges=[30]), "rising edges"),
    "a kept column of a taken name": (dict(columns=["fold"]), "named fold"),
    "an absolute path": (dict(train_images="/data/{id}.jpg"), "relative to the inputs folder"),
    "a path that leaves inputs": (dict(train="../train.csv"), "relative to the inputs folder"),
    "a bad pattern": (dict(group_pattern="(a"), "regular expression"),
    "a pattern without (...)": (dict(group_pattern="a"), r"has 0 groups \(\.\.\.\)"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_keys_are_named(kind):
    change, message = WRONG[kind]
    with pytest.raises(InputError, match=message):
        competition_toml.parse_settings(TOML | change)


@pytest.mark.parametrize("key", ["target", "metric", "train_images"])
def test_required_keys(key):
    with pytest.raises(InputError, match=f"no key {key}"):
        competition_toml.parse_settings({name: value for name, value in TOML.items() if name != key})


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "Age\n(years)",
        "a \"b\" 'c'",
        "[x]",
        "#1",
        "a = b",
        "C:\\new",
        " a ",
        "",
        "\x7f",
        "\r\n",
        "\x00",
        "\u2028",
        "\x85",
    ]
)


@settings(max_examples=150, deadline=None)
@given(TEXTS | st.integers(-9, 9) | st.floats(allow_nan=False) | st.lists(TEXTS, max_size=3), TEXTS, st.booleans())
def test_every_line_that_is_written_reads_back_equal(value, reason, check):
    for line, expected in (
        (GuessedLine("key", value, reason, check), {"key": value}),
        (undecided_line("key", reason), {}),
    ):
        assert tomllib.loads(line.text) == expected
        assert len(line.text.splitlines()) == 1 or "\u2028" in line.text or "\x85" in line.text
