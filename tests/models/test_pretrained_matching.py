"""Files of weights in every wrapper that people save them in, and files that are of another model or of none."""

import argparse
import collections
import dataclasses
import json

import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.models import factory, weights_file
from comp.models.heads import TABLE
from comp.recipes import catalog

HOME = mask_gender_age.competition()
CLASSIFIER = ("fc.weight", "fc.bias")
PREFIXES = (
    "module.",
    "model.",
    "backbone.",
    "net.",
    "encoder.",
    "_orig_mod.",
    "model.backbone.",
    "module._orig_mod.",
    "student.encoder.0.",
    "0.model.",
)
PLACES = ("state_dict", "model", "net", "ema", "model_ema", "state_dict_ema", "weights")


def recipe(model="test_resnet", **changes):
    return dataclasses.replace(catalog.get_recipe(model), image_size=32, pretrained=False, **changes)


def state_of(model="test_resnet", **options):
    """A state dict whose every tensor is unlike a fresh model's."""
    state = timm.create_model(model, **options).state_dict()
    return {name: value + 0.5 if value.is_floating_point() else value for name, value in state.items()}


def filled(folder, model="test_resnet", **changes):
    return factory.build_model(recipe(model, **changes), HOME, folder, pretrained=True)


def write(folder, content, name="test_resnet.pth"):
    torch.save(content, folder / name)
    return folder


def assert_filled(built, state):
    loaded = built.model.state_dict()
    different = [n for n in state if n not in CLASSIFIER and not torch.equal(loaded[n], state[n])]
    assert not different
    assert built.origin.found == built.origin.total
    assert not built.origin.missing
    assert loaded["fc.weight"].abs().max() < 0.2  # fresh and small, whatever the file's classifier was


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


STATE = state_of()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(PREFIXES), max_size=2), st.lists(st.sampled_from(PLACES), max_size=2), st.booleans())
def test_any_prefix_and_any_dictionary_around_the_weights_is_taken_off(folder, prefixes, places, classifier):
    kept = {name: value for name, value in STATE.items() if classifier or name not in CLASSIFIER}
    content = {"".join(prefixes) + name: value for name, value in kept.items()}
    for place in places:
        content = {place: content, "epoch": 3, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}}
    assert_filled(filled(write(folder, content)), STATE)


@pytest.mark.parametrize("suffix", [".pt", ".bin", ".ckpt", ".pth.tar"])
def test_the_usual_endings_are_found(tmp_path, suffix):
    assert_filled(filled(write(tmp_path, STATE, f"test_resnet{suffix}")), STATE)


def test_averaged_weights_are_preferred_in_a_dictionary_and_beside_the_others(tmp_path):
    other = {name: value + 1 for name, value in STATE.items()}
    args = argparse.Namespace(lr=0.1)
    timms = {"epoch": 9, "arch": "x", "state_dict": other, "state_dict_ema": STATE, "args": args, "metric": 0.9}
    assert_filled(filled(write(tmp_path, timms)), STATE)
    lightnings = {f"model.{name}": value for name, value in other.items()}
    lightnings |= {f"ema_model.module.{name}": value for name, value in STATE.items()}
    assert_filled(filled(write(tmp_path, {"state_dict": lightnings, "loops": {}})), STATE)


@pytest.mark.parametrize(("head", "wrapped"), [("classes", False), ("attributes", False), ("attributes", True)])
def test_a_fold_of_ours_is_a_start_for_another_run(tmp_path, head, wrapped):
    """Older versions put the network into another module if its head was of attributes."""
    trained = factory.create_model(recipe(head=head), HOME, tmp_path)
    own = {name: value + 0.5 for name, value in trained.state_dict().items() if value.is_floating_point()}
    backbone = {name: value for name, value in own.items() if name != TABLE}
    state = {f"backbone.{name}": value for name, value in backbone.items()} if wrapped else own
    weights_file.save_weights(tmp_path / "test_resnet.safetensors", state, {"fold": 0})
    built = filled(tmp_path)
    assert_filled(built, backbone)
    assert built.origin.removed == "backbone" * wrapped
    assert_filled(filled(tmp_path, head="classes"), backbone)


def test_plain_weights_are_loaded_as_timm_loads_them(tmp_path):
    save_file(STATE, tmp_path / "test_resnet.safetensors")
    torch.manual_seed(0)
    ours = filled(tmp_path).model.state_dict()
    torch.manual_seed(0)
    overlay = {"file": str(tmp_path / "test_resnet.safetensors")}
    timms = timm.create_model("test_resnet", pretrained=True, pretrained_cfg_overlay=overlay, num_classes=18)
    assert all(torch.equal(ours[name], value) for name, value in timms.state_dict().items() if name not in CLASSIFIER)


def test_position_embeddings_are_resampled_to_the_size(tmp_path):
    state = state_of("test_vit")
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "test_vit.pth")
    built = filled(tmp_path, "test_vit")
    assert built.model.state_dict()["pos_embed"].shape != state["pos_embed"].shape
    assert built.origin.found == built.origin.total


@settings(max_examples=15, deadline=None)
@given(st.integers(0, len(STATE) - len(CLASSIFIER)), st.randoms(use_true_random=False), st.sampled_from(PREFIXES))
def test_a_file_without_some_of_the_backbone_is_refused_and_says_how_much_it_has(folder, kept, random, prefix):
    backbone = sorted(set(STATE) - {*CLASSIFIER, *(name for name in STATE if "num_batches" in name)})
    kept = random.sample(backbone, min(kept, len(backbone) - 2))
    write(folder, {prefix + name: STATE[name] for name in (*kept, *CLASSIFIER)})
    with pytest.raises(InputError) as error:
        filled(folder)
    assert f" of the {len(backbone)} tensors" in error.value.found
    assert len(error.value.found.partition("shape: ")[2].split(", ")) == min(5, len(backbone) - len(kept))
    assert "pretrained=false" in error.value.run


def test_counters_of_batch_norms_may_be_absent(tmp_path):
    state = {name: value for name, value in STATE.items() if "num_batches" not in name}
    assert_filled(filled(write(tmp_path, state)), state)


@pytest.mark.parametrize(
    ("source", "target"), [("resnet34", "resnet18"), ("resnet18", "resnet34"), ("test_resnet", "resnet18")]
)
def test_a_relatives_file_is_refused(tmp_path, source, target):
    save_file(timm.create_model(source).state_dict(), tmp_path / f"{target}.safetensors")
    with pytest.raises(InputError, match=r"of the \d+ tensors"):
        filled(tmp_path, target)


class Foreign:
    """Stands for a class of another library in a checkpoint; a file with it must load without it."""

    def __init__(self):
        self.settings = {"lr": 0.1}


def test_objects_beside_the_weights_are_passed_over_and_none_is_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    content = {"state_dict": STATE, "cfg": Foreign(), "callback": Bomb(), "best": collections.Counter(a=1)}
    assert_filled(filled(write(tmp_path, content)), STATE)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [torch.ones(2)], {"state_dict": {0: torch.ones(2)}}, Foreign()])
def test_files_without_named_tensors_are_refused(tmp_path, content):
    with pytest.raises(InputError, match="not a readable weights file"):
        filled(write(tmp_path, content))


def test_the_origin_is_the_same_on_every_machine_and_is_plain(tmp_path):
    origins = []
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        origins.append(dataclasses.asdict(filled(write(tmp_path / place, STATE)).origin))
    assert origins[0] == origins[1]
    assert origins[0]["place"] == "test_resnet.pth"
    assert json.loads(json.dumps(origins[0]))["digest"]


def test_weights_of_the_hub_say_what_they_are(tmp_path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    hub = timm.get_pretrained_cfg("test_resnet").hf_hub_id
    cached, commit = tmp_path / f"models--{hub.replace('/', '--')}", "0" * 40
    (cached / "snapshots" / commit).mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    save_file(STATE, cached / "snapshots" / commit / "model.safetensors")
    built = filled(tmp_path / "no folder")
    assert_filled(built, STATE)
    assert built.origin.place == hub
    assert str(built.origin.total) in str(built.origin)
