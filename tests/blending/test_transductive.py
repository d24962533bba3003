import json
from dataclasses import replace

import numpy as np
import pytest
from drawn_runs import drawn_home, run

from comp.blending import blend_stage
from comp.errors import InputError
from comp.inputs import mask_gender_age as competition
from comp.metrics import named_metrics
from comp.store.blend_files import Asked
from comp.store.predictions import load_predictions


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return drawn_home(tmp_path_factory.mktemp("home"))


def blend(home, *words):
    code, printed = run(home, "blend", "--method", "equal", *words)
    assert code == 0, printed
    made = load_predictions(home / "out/blend/test.npz", competition.competition(), "make blend")
    return printed, json.loads((home / "out/blend/weights.json").read_text()), made.probs


def test_a_transductive_blend_is_kept_and_said_to_be_one(home):
    _, usual, probs = blend(home, "--rule", "expected")
    assert "parameters_of_test" not in usual
    printed, made, changed = blend(home, "--transductive")
    assert "Check that the competition allows it" in " ".join(printed.split())
    assert made["rule"] == "expected"
    assert made["parameters"] == usual["parameters"]  # of the training photos: the scores are of these
    assert made["cross_fitted"] == usual["cross_fitted"]
    moved = {name for name, value in made["parameters_of_test"].items() if value != made["parameters"][name]}
    assert moved
    assert {name.split()[0] for name in moved} <= {"slope", "intercept"}  # the calibration is of the training photos
    assert not np.array_equal(changed, probs)
    assert "is up to date" in run(home, "blend", "--method", "equal", "--transductive")[1]
    assert "TRANSDUCTIVE=1" in run(home, "status")[1]
    assert run(home, "make_sub")[0] == 0


def test_the_usual_blend_is_made_again_after_a_transductive_one(home):
    _, _, first = blend(home, "--rule", "expected")
    blend(home, "--transductive")
    _, made, again = blend(home, "--rule", "expected")
    np.testing.assert_array_equal(first, again)
    assert made["made_of"]["asked"]["transductive"] == 0


@pytest.mark.parametrize(
    ("metric", "rule", "run_next"),
    [
        ("log_loss", "", "make blend METHOD=equal"),
        ("macro_f1", "classes", "make blend METHOD=equal RULE=expected TRANSDUCTIVE=1"),
    ],
)
def test_what_cannot_be_fitted_to_test_photos_is_refused(metric, rule, run_next):
    made = replace(competition.competition(), metric=named_metrics.get(metric))
    with pytest.raises(InputError) as error:
        blend_stage._options(made, Asked(method="equal", rule=rule, transductive=1), parts=False)
    assert error.value.run == run_next
