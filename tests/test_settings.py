"""Settings of a dataclass: text that is read, limits that are checked, and the lines of --help."""

import dataclasses
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comp.errors import InputError
from comp.settings import checked_settings, help_text, parsed_settings, setting, setting_types, settings_of


@dataclass(frozen=True)
class Cake:
    eggs: int = setting(3, "how many eggs", "dough", least=1, most=12)
    sugar: float = setting(0.5, "share of sugar: 50 % is sweet", "dough", least=0)
    glaze: str = setting("none", "what covers it", choices=("none", "icing", ""))
    layers: tuple = setting((1.0, 2.0), "their heights")
    baked: bool = setting(True, "in an oven", "dough")
    notes: dict = setting({}, unit="anything")


TEXTS = ("eggs", "sugar", "glaze", "layers", "baked")
TYPES = setting_types(Cake, only=TEXTS)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "eggs": st.integers(),
            "sugar": st.floats(allow_nan=False),
            "glaze": st.text("ab '\"=", max_size=5).filter(lambda text: "\\" not in text),
            "layers": st.lists(st.floats(allow_nan=False), max_size=3).map(tuple),
            "baked": st.booleans(),
        },
    )
)
def test_what_is_written_is_read(values):
    import shlex

    def shown(value):
        return ",".join(map(repr, value)) if isinstance(value, tuple) else str(value)

    text = " ".join(shlex.quote(f"{key}={shown(value)}") for key, value in values.items())
    assert parsed_settings(text, TYPES, "run") == values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("egg=3", "one of baked, eggs, glaze, layers, sugar"),
        ("eggs", "no value for the setting 'eggs'"),
        ("eggs=three", "eggs is a whole number"),
        ("baked=maybe", "baked is true or false"),
        ("layers=1,b", "layers is a list of numbers"),
        ("glaze='open", "No closing quotation"),
    ],
)
def test_text_that_cannot_be_read_says_why_and_what_to_run(text, words):
    with pytest.raises(InputError) as error:
        parsed_settings(text, TYPES, "make cake")
    assert words in str(error.value)
    assert error.value.run == "make cake"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (dict(eggs=0), "a number from 1 to 12"),
        (dict(eggs=13), "a number from 1 to 12"),
        (dict(sugar=-0.1), "a number of at least 0"),
        (dict(sugar=float("nan")), "a number of at least 0"),
        (dict(sugar=float("inf")), "numbers that are neither infinite nor NaN"),
        (dict(glaze="jam"), "one of none, icing, (empty)"),
    ],
)
def test_values_out_of_their_limits_are_refused(change, expected):
    assert checked_settings(Cake(), "run") == Cake()
    with pytest.raises(InputError) as error:
        checked_settings(Cake(**change), "run")
    assert error.value.expected == expected


def test_help_has_a_line_for_each_setting_under_its_group_and_no_bare_percent():
    text = help_text("settings:", settings_of(Cake, without=("notes",)), 12, grouped=True)
    lines = text.splitlines()
    assert lines[:4] == ["settings:", "", "dough:", "  eggs=3       how many eggs"]
    assert "50 %% is sweet" in text
    assert [line.split("=")[0].strip() for line in lines if "=" in line] == [
        "eggs",
        "sugar",
        "baked",
        "glaze",
        "layers",
    ]
    plain = help_text("settings:", settings_of(Cake, only=("layers", "glaze")), 8, defaults=False)
    assert plain.splitlines()[2:] == ["  glaze    what covers it", "  layers   their heights"]


def test_a_default_that_can_change_is_not_shared_and_further_metadata_is_kept():
    assert Cake().notes is not Cake().notes
    field = next(field for field in dataclasses.fields(Cake) if field.name == "notes")
    assert field.metadata["unit"] == "anything"
