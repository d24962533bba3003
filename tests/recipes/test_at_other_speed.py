import pytest

from comp.errors import InputError
from comp.recipes import catalog, recipe_json
from comp.store.runs import Run


def test_a_trained_run_is_predicted_with_other_workers_or_without_the_cache_and_with_nothing_else(tmp_path):
    recipe, run = catalog.get_recipe("resnet18"), Run(tmp_path, "r")
    made = recipe_json.at_other_speed(recipe, "workers=0 cache=false", run)
    assert (made.workers, made.cache) == (0, False)
    assert recipe_json.differences(made, recipe) == []
    assert recipe_json.at_other_speed(recipe, "", run) == recipe
    with pytest.raises(InputError, match="image_size") as error:
        recipe_json.at_other_speed(recipe, "workers=0 image_size=64", run)
    assert "workers and cache" in str(error.value)
