import dataclasses

import numpy as np
import pytest
import torch

from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.models import factory, pretrained, weights_file
from comp.models.factory import with_normalisation
from comp.models.heads import TABLE, build_head
from comp.recipes import catalog

HOME = mask_gender_age.competition()
SMALL = dataclasses.replace(catalog.get_recipe("test_resnet"), image_size=32, head="classes")


def create(tmp_path, **changes):
    recipe = dataclasses.replace(SMALL, **changes)
    return factory.create_model(recipe, HOME, tmp_path / "weights")


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "vit_small_r26", "resnet18"])
def test_images_to_class_logits_at_any_size(tmp_path, name):
    recipe = dataclasses.replace(catalog.get_recipe(name), image_size=64, pretrained=False)
    model = factory.create_model(recipe, HOME, tmp_path).eval()
    head = build_head(recipe, HOME)
    assert head.logits(model(torch.zeros(2, 3, 64, 64))).shape == (2, 18)


def test_attribute_heads_give_the_product_of_the_attributes(tmp_path):
    model = create(tmp_path, head="attributes", pretrained=False).eval()
    images = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        outputs = model(images)
    probs = build_head(dataclasses.replace(SMALL, head="attributes"), HOME).probs(outputs)
    mask, gender, age = (part.softmax(1) for part in outputs.split([3, 2, 3], 1))
    for c in range(18):
        m, g, a = (int(v) for v in mask_gender_age.attribute_labels(np.array(c)).values())
        torch.testing.assert_close(probs[:, c], mask[:, m] * gender[:, g] * age[:, a])


def test_weights_of_older_versions_with_attributes_predict_as_before(tmp_path):
    """Older versions put the network into another module, whose table was not saved."""
    trained, again = (create(tmp_path, head="attributes", pretrained=False).eval() for _ in range(2))
    state = {f"backbone.{name}": value for name, value in trained.state_dict().items() if name != TABLE}
    weights_file.save_weights(tmp_path / "old.safetensors", state, {"fold": 0})
    weights_file.load_weights(again, tmp_path / "old.safetensors", "")
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(again(images), trained(images))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_local_weights_are_loaded_all_but_the_head(tmp_path, suffix):
    source = create(tmp_path, pretrained=False)
    state = {name: value.clone() for name, value in source.state_dict().items()}
    state["fc.weight"], state["fc.bias"] = torch.zeros(1000, state["fc.weight"].shape[1]), torch.zeros(1000)
    file = tmp_path / "weights" / f"test_resnet{suffix}"
    file.parent.mkdir()
    torch.save(state, file) if suffix == ".pth" else weights_file.save_weights(file, state, {})
    loaded = create(tmp_path, pretrained=True).state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state if not name.startswith("fc."))
    assert loaded["fc.weight"].shape[0] == 18


def test_no_hub_and_no_file_names_both_ways_and_never_trains_untrained(tmp_path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError) as error:
        create(tmp_path, pretrained=True, model="resnet10t.c3_in1k")
    for way in ("hub", "weights/resnet10t.c3_in1k.safetensors", "pretrained=false"):
        assert way in str(error.value)


def test_a_bug_while_building_is_not_taken_for_a_network_out_of_reach(tmp_path, monkeypatch):
    import timm

    def broken(*args, **options):
        raise ZeroDivisionError

    monkeypatch.setattr(timm, "create_model", broken)
    with pytest.raises(ZeroDivisionError):
        create(tmp_path, pretrained=True)


@pytest.mark.parametrize("error", ["ConnectError", "ReadTimeout", "HTTPError"])
def test_what_the_hubs_http_library_raises_means_that_there_is_no_network(error):
    from huggingface_hub import errors

    root = next(base for base in errors.HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
    library = __import__(root.__module__)
    assert issubclass(getattr(library, error), pretrained.hub_errors())
    assert issubclass(errors.OfflineModeIsEnabled, pretrained.hub_errors())


@pytest.mark.parametrize("name", ["test_resnet.safetensors", "test_resnet.pth"])
def test_torn_or_hostile_weights_are_refused(tmp_path, name):
    import pickle

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    (tmp_path / "weights").mkdir()
    for content in (b"torn", pickle.dumps(Bomb())):
        (tmp_path / "weights" / name).write_bytes(content)
        with pytest.raises(InputError, match="not a readable weights file"):
            create(tmp_path, pretrained=True)
    assert not (tmp_path / "exploded").exists()


def test_weights_survive_the_disk_and_other_models_are_refused(tmp_path):
    model = create(tmp_path, pretrained=False)
    weights_file.save_weights(tmp_path / "m.safetensors", model.state_dict(), {"fold": "0"})
    again = create(tmp_path, pretrained=False)
    weights_file.load_weights(again, tmp_path / "m.safetensors", "")
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    other = factory.create_model(dataclasses.replace(catalog.get_recipe("resnet18"), pretrained=False), HOME, tmp_path)
    with pytest.raises(InputError, match="does not load"):
        weights_file.load_weights(other, tmp_path / "m.safetensors", "")


def test_a_model_without_a_recipe_is_normalised_as_its_weights_were_trained():
    assert with_normalisation(catalog.get_recipe("test_resnet")).std == (0.5, 0.5, 0.5)
    assert with_normalisation(catalog.get_recipe("resnet50d")).mean == (0.485, 0.456, 0.406)
    own = dataclasses.replace(catalog.get_recipe("test_resnet"), mean=(0.1, 0.2, 0.3))
    assert with_normalisation(own).mean == (0.1, 0.2, 0.3)
    assert with_normalisation(catalog.get_recipe("resnet34")) == catalog.get_recipe("resnet34")
