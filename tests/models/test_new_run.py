"""A new run's model and weights are tried before anything is written; what they were is kept in recipe.json."""

import json
import shutil

import pytest
import torch
from conftest import ROOT, tool

from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.models import factory
from comp.recipes import catalog

TINY = "image_size=32 crop=0 epochs=1 batch_size=16 workers=0 augment=flip"


@pytest.fixture(scope="module")
def folds(drawn_inputs, tmp_path_factory):
    """The outputs after `make folds`."""
    outputs = tmp_path_factory.mktemp("folds") / "out"
    done = tool("make_folds", "--inputs", drawn_inputs, "--outputs", outputs, "--folds", 3)
    assert done.returncode == 0, done.stderr
    return outputs


@pytest.fixture
def train(inputs, folds, tmp_path, monkeypatch):
    """Run tools/train_fold.py in this process: train(model, run, fold, settings)."""
    shutil.copytree(folds, tmp_path / "out")
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import train_fold

    def train(model, run, fold=0, settings=TINY):
        args = ["--inputs", inputs, "--outputs", tmp_path / "out", "--model", model, "--run", run, "--fold", fold]
        args += ["--set", settings, "--no-predict", "--device", "cpu"]
        monkeypatch.setattr("sys.argv", ["train_fold.py", *map(str, args)])
        train_fold.main()

    return train


def save(folder, **changes):
    """Weights of a fresh test_resnet that lacks the tensors whose names begin with `without`."""
    torch.manual_seed(changes.get("seed", 0))
    model = factory.create_model(
        catalog.get_recipe("test_resnet"), mask_gender_age.competition(), folder, pretrained=False
    )
    left_out = changes.get("without", "none of them")
    state = {f"net.{name}": value for name, value in model.state_dict().items() if not name.startswith(left_out)}
    folder.mkdir(exist_ok=True)
    torch.save(state, folder / "test_resnet.pth")


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("crossvit_tiny_240", "pretrained=false crop=0 image_size=224"),
        ("test_resnet.a1", TINY),
        ("test_resnet", TINY),
        ("test_resnet", f"{TINY} optimizer=sgdd"),
    ],
)
def test_what_cannot_be_trained_leaves_no_trace(train, inputs, tmp_path, model, settings):
    save(inputs / "weights", without="layer2")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError):
        train(model, "x", settings=settings)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_weights_are_kept_in_recipe_json_and_every_fold_starts_from_them(train, inputs, tmp_path, capsys):
    save(inputs / "weights")
    train("test_resnet", "x")
    assert "the prefix 'net' was removed" in capsys.readouterr().out.replace("\n", " ")
    recipe = tmp_path / "out/x/recipe.json"
    written, kept = recipe.read_bytes(), json.loads(recipe.read_text())["pretrained"]
    assert kept["place"] == "test_resnet.pth"
    assert kept["found"] == kept["total"] > 0
    train("test_resnet", "x", fold=1)
    save(inputs / "weights", seed=1)
    with pytest.raises(InputError, match="began with other pretrained weights"):
        train("test_resnet", "x", fold=2)
    assert recipe.read_bytes() == written
    save(inputs / "weights")
    train("test_resnet", "x", fold=2)


def test_a_run_from_scratch_names_no_weights(train, tmp_path):
    train("test_resnet", "x", settings=f"{TINY} pretrained=false")
    assert "pretrained" not in json.loads((tmp_path / "out/x/recipe.json").read_text())
