import pytest

from comp.errors import InputError
from comp.recipes import catalog, recipe_settings
from comp.recipes.stages import Stage, plan_stages


def test_each_stage_begins_with_the_one_before_and_the_last_has_the_name():
    made = plan_stages("64x4 96x1, 112x2", "r", "a", "lr=1e-3")
    assert made == [
        Stage("r_64px", "lr=1e-3 image_size=64 epochs=4 init=a", False),
        Stage("r_96px", "lr=1e-3 image_size=96 epochs=1 init=r_64px", False),
        Stage("r", "lr=1e-3 image_size=112 epochs=2 init=r_96px", True),
    ]
    recipe = recipe_settings.override_settings(catalog.get_recipe("test_resnet"), made[1].settings)
    assert (recipe.image_size, recipe.epochs, recipe.init) == (96, 1, "r_64px")


def test_without_stages_there_is_the_run_alone():
    assert plan_stages("", "r", "", "epochs=3") == [Stage("r", "epochs=3", True)]
    assert plan_stages(" ", "r", "a b", "") == [Stage("r", " init='a b'", True)]


@pytest.mark.parametrize("text", ["64", "64x", "x4", "64x4 big", "112x2 64x4", "64x4 64x2", "64*4", "6.4x2"])
def test_other_words_are_refused_with_an_example(text):
    with pytest.raises(InputError, match="STAGES=") as error:
        plan_stages(text, "r", "", "")
    assert 'STAGES="64x4 112x2"' in error.value.run
