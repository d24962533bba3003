"""make look: the right fold's model, the page, what is kept for the report; weights are drawn, not trained."""

import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import draw_test
from drawn_reports import drawn
from drawn_runs import run

from comp import files
from comp.data.run_data import RunData
from comp.models import factory, weights_file
from comp.models.factory import with_normalisation
from comp.prediction import look_at_photo
from comp.prediction.predict import predict
from comp.project import Project
from comp.recipes import catalog, recipe_json
from comp.store import grad_cam_files

CPU = torch.device("cpu")
NASTY = "<b>é' &"


def draw_home(folder, target="multiclass", model="test_resnet", **settings):
    """Folds and photos of a competition, and a run "cam" with random weights for each of its three folds."""
    drawn(folder, target, rows=15, photos=15, file=NASTY)
    draw_test(folder / "in", 2, np.random.default_rng(0))
    project = Project(folder / "in", folder / "out")
    recipe = dataclasses.replace(
        with_normalisation(catalog.get_recipe(model)),
        image_size=64,
        workers=0,
        pretrained=False,
        cache=False,
        amp="off",
        **settings,
    )
    cam, data = project.run("cam"), RunData(project, recipe)
    recipe_json.claim_run(cam, recipe, project.competition, f"make train MODEL={model} RUN=cam")
    for k in range(3):
        torch.manual_seed(k)
        state = spread(factory.create_model(recipe, project.competition, folder)).state_dict()
        weights_file.save_weights(cam.weights(k), state, weights_file.training_record(data, cam, k))
    return folder


def spread(model):
    """The model with a classifier that tells photos apart: its first weights are small."""
    for parameter in model.get_classifier().parameters():
        torch.nn.init.normal_(parameter)
    return model


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return draw_home(tmp_path_factory.mktemp("look"))


@pytest.fixture
def copy(home, tmp_path):
    return shutil.copytree(home, tmp_path / "copy")


def images(home):
    return pd.read_csv(home / "out/folds.csv").set_index("image")["fold"]


def image_of(home, k):
    return images(home).index[images(home) == k][0]


def kept(home):
    found, problems = grad_cam_files.load_all(home / "out")
    assert not problems
    return found


def own_probabilities(home, k, which):
    """What the model of fold k says to its held-out photos, or to the test photos."""
    project = Project(home / "in", home / "out")
    cam, competition = project.run("cam"), project.competition
    data = RunData(project, recipe_json.load_recipe(cam, competition))
    model = factory.create_model(data.recipe, competition, home)
    weights_file.load_weights(model, cam.weights(k), "")
    batches = data.held_out(k) if which == "held_out" else data.testing()
    return predict(model, batches, data.recipe, competition, CPU)


def test_a_training_photo_is_shown_to_the_model_that_did_not_train_on_it(copy):
    for k in (0, 2):
        shutil.rmtree(copy / f"out/cam/fold{k}")
    code, printed = run(copy, "look", "--run", "cam", "--image", image_of(copy, 1))
    assert code == 0, printed
    [one] = kept(copy)
    assert one.grad_cam.folds == (1,)
    assert not one.grad_cam.is_test
    probs = own_probabilities(copy, 1, "held_out")[0]
    assert one.grad_cam.heats[0].value == pytest.approx(probs.max(), abs=1e-5)
    assert one.grad_cam.prediction == "abc"[probs.argmax()]
    page = (copy / "out/look.html").read_text()
    assert "the model of fold 1, which did not train on this photo" in page
    assert page.count("data:image/webp") == 1 + len(one.grad_cam.heats)


def test_a_test_photo_is_shown_to_all_models_and_averaged(copy):
    image = pd.read_csv(copy / "in/eval/info.csv")["ImageID"][0]
    assert run(copy, "look", "--run", "cam", "--image", image)[0] == 0
    [one] = kept(copy)
    assert (one.grad_cam.folds, one.grad_cam.is_test, one.grad_cam.truth) == ((0, 1, 2), True, "")
    probs = np.mean([own_probabilities(copy, k, "testing")[0] for k in range(3)], axis=0)
    assert one.grad_cam.heats[0].value == pytest.approx(probs.max(), abs=1e-5)
    assert "mean of the models of folds 0, 1, 2" in (copy / "out/look.html").read_text()


def test_several_photos_twice_give_the_same_bytes_and_are_in_the_report(copy):
    wanted = " ".join([image_of(copy, 0), image_of(copy, 1)])  # their names have blanks, quotes and markup
    written = []
    for _ in range(2):
        code, printed = run(copy, "look", "--run", "cam", "--image", wanted)
        assert code == 0, printed
        written.append(
            {path.name: path.read_bytes() for path in (copy / "out/looks").iterdir()}
            | {"page": (copy / "out/look.html").read_bytes()}
        )
    assert written[0] == written[1]
    assert {one.grad_cam.image for one in kept(copy)} == {image_of(copy, 0), image_of(copy, 1)}
    assert run(copy, "report")[0] == 0
    page = (copy / "out/report.html").read_text()
    assert 'id="looks"' in page
    assert NASTY not in page
    assert page.count("as the model sees it") == 2
    assert "has changed since" not in page


def test_the_report_names_stale_and_damaged_looks_and_has_no_section_without_any(copy):
    assert run(copy, "report")[0] == 0
    assert 'id="looks"' not in (copy / "out/report.html").read_text()
    assert run(copy, "look", "--run", "cam", "--image", image_of(copy, 0))[0] == 0
    shutil.rmtree(copy / "out/cam")
    (copy / "out/looks/x-0.json").write_text("{}")
    assert run(copy, "report")[0] == 0
    page = (copy / "out/report.html").read_text()
    assert "has changed since" in page
    assert "x-0.json was damaged or edited" in page


KINDS = [
    ("binary", "classes"),
    ("multilabel", "classes"),
    ("ordinal", "cumulative"),
    ("ordinal", "regression"),
    ("regression", "regression"),
    ("regression", "bins"),
]


@pytest.mark.parametrize(("target", "head"), KINDS)
def test_every_target_and_head_can_be_looked_into(tmp_path, target, head):
    home = draw_home(tmp_path, target, "test_vit", head=head)
    project = Project(home / "in", home / "out")
    cam = project.run("cam")
    photo = look_at_photo.chosen_photo(project, cam, project.folds["image"][0])
    look, pixels = look_at_photo.look_at(project, cam, photo)
    assert pixels.shape == (64, 64, 3)
    assert look.truth
    assert look.prediction
    assert all(one.cells.shape == (4, 4) and np.isfinite(one.value) for one in look.heats)
    assert any(one.cells.max() == 1 for one in look.heats)
    numbers = [one.title for one in look.heats] == ["raises the number", "lowers the number"]
    assert numbers == (target == "regression" or head == "regression")


def without_weights(home):
    (home / "out/cam/fold0/model.safetensors").unlink()


def external(home):
    (home / "out/mate").mkdir()
    for name in ("oof", "test"):
        shutil.copy(home / "out/a/fold0/oof.npz", home / f"out/mate/{name}.npz")


def stacked(home):
    (home / "out/mix").mkdir()
    content = {"kind": "stack", "recipe": {"name": "ridge"}, "command": "make stack RUN=mix"}
    files.write_json(home / "out/mix/recipe.json", content)


def of_another_recipe(home):
    content = json.loads((home / "out/cam/recipe.json").read_text())
    content.pop("sha256")
    files.write_json(home / "out/cam/recipe.json", {**content, "versions": {}})


@pytest.mark.parametrize(
    ("damage", "words", "said"),
    [
        (lambda home: None, ("--run", "cam", "--image", "x.png"), ("no photo x.png", "make look RUN=cam IMAGE=")),
        (lambda home: None, ("--run", "cam"), ("no IMAGE", "make look RUN=cam IMAGE=")),
        (lambda home: None, ("--image", "x"), ("no RUN", "RUN=cam")),
        (lambda home: None, ("--run", "zz"), ("no run zz",)),
        (external, ("--run", "mate", "--image", "0"), ("mate has no network: it has external predictions", "RUN=cam")),
        (stacked, ("--run", "mix", "--image", "0"), ("mix has no network: it is a classifier", "RUN=cam")),
        (
            without_weights,
            ("--run", "cam", "--image", "0"),
            ("fold0/model.safetensors does not exist", "make train MODEL="),
        ),
        (of_another_recipe, ("--run", "cam", "--image", "0"), ("recipe changed after its training", "rm -r ")),
    ],
)
def test_what_is_not_there_is_one_clear_error(copy, damage, words, said):
    damage(copy)
    code, printed = run(copy, "look", *[image_of(copy, 0) if word == "0" else word for word in words])
    assert code == 2
    assert "Traceback" not in printed
    for word in said:
        assert word in printed
    assert not (copy / "out/looks").exists()
