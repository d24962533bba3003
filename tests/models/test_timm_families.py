"""Names and kinds of timm's models: old names, tags, two heads, norms in heads, fixed sizes, no stages."""

import contextlib
import dataclasses

import pytest
import timm
import torch
from torch import nn

from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.models import factory
from comp.models.factory import with_normalisation
from comp.recipes import catalog
from comp.recipes.automatic import resolved_recipe
from comp.recipes.catalog import is_transformer
from comp.recipes.recipe_settings import override_settings
from comp.training import checks_before_training, learner, optimizers

HOME, CPU = mask_gender_age.competition(), torch.device("cpu")
OLD = {
    "vit_base_patch16_224_in21k": "vit_base_patch16_224.augreg_in21k",
    "tf_efficientnetv2_s_in21ft1k": "tf_efficientnetv2_s.in21k_ft_in1k",
    "resnetv2_50x1_bitm": "resnetv2_50x1_bit.goog_in21k_ft_in1k",
    "vit_small_r26_s32_224_in21k": "vit_small_r26_s32_224.augreg_in21k",
}


def recipe(model, size=64, **changes):
    changes |= dict(image_size=size, pretrained=False, amp="off", head="classes")
    return resolved_recipe(dataclasses.replace(catalog.get_recipe(model), **changes), HOME)


@pytest.mark.parametrize(("old", "new"), OLD.items())
def test_old_names_are_the_new_ones_in_all_that_follows_from_a_name(old, new):
    catalog.check_model_name(old, [])
    assert catalog.current_model_name(old) == new
    assert with_normalisation(catalog.get_recipe(old)).mean == timm.get_pretrained_cfg(new).mean == (0.5, 0.5, 0.5)
    assert is_transformer(old) == is_transformer(new)


def test_a_model_of_an_old_name_takes_another_size():
    model = factory.create_model(recipe("vit_tiny_patch16_224_in21k"), HOME, "").eval()
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 18)


def test_a_file_under_the_old_name_or_the_new_one_is_found(tmp_path):
    for name in ("vit_tiny_patch16_224_in21k", "vit_tiny_patch16_224"):
        state = timm.create_model("vit_tiny_patch16_224", num_classes=7).state_dict()
        torch.save(state, tmp_path / f"{name}.pth")
        built = factory.build_model(recipe("vit_tiny_patch16_224_in21k", 224), HOME, tmp_path, pretrained=True)
        assert torch.equal(built.model.state_dict()["pos_embed"], state["pos_embed"])
        (tmp_path / f"{name}.pth").unlink()


def test_no_old_name_leads_to_a_traceback():
    from timm.models import get_deprecated_models

    for name, new in get_deprecated_models().items():
        known = "." not in new or new in timm.models.get_arch_pretrained_cfgs(new)
        expected = contextlib.nullcontext() if known else pytest.raises(InputError, match="timm has no weights")
        with expected:
            catalog.check_model_name(name, [])
            assert with_normalisation(catalog.get_recipe(name)).mean


@pytest.mark.parametrize("name", ["resnet18.a1_in12k", "resnet18.pth", "test_resnet.nothing", "resnet18."])
def test_unknown_tags_list_those_that_there_are(name):
    base = name.partition(".")[0]
    with pytest.raises(InputError) as error:
        catalog.check_model_name(name, [])
    assert all(known in error.value.expected for known in timm.models.get_arch_pretrained_cfgs(base))
    catalog.check_model_name(error.value.run.partition("MODEL=")[2], [])


def test_unknown_model_names_the_nearest():
    with pytest.raises(InputError, match=r"nearest: .*resnet34"):
        catalog.check_model_name("resnet43", catalog.recipe_names())


@pytest.mark.parametrize("name", ["deit_tiny_distilled_patch16_224", "levit_128s"])
def test_models_with_two_heads_start_at_the_same_outputs_and_freeze_but_for_both(name):
    model = factory.create_model(recipe(name), HOME, "")
    assert len(factory.classifier_modules(model)) == 2
    learner.freeze_parts(model, 0)
    learning = {n for n, parameter in model.named_parameters() if parameter.requires_grad}
    assert learning == factory.classifier_tensor_names(model) & dict(model.named_parameters()).keys()
    outputs = torch.linspace(-3, 3, 18)
    factory.start_classifier(model, outputs)
    with torch.no_grad():
        for classifier in factory.classifier_modules(model):  # without the small weights, only the biases count
            for layer in [one for one in classifier.modules() if getattr(one, "weight", None) is not None]:
                layer.weight.zero_()
        torch.testing.assert_close(model.eval()(torch.randn(2, 3, 64, 64)), outputs.expand(2, 18))
    assert not checks_before_training.fault_of_trial(recipe(name), HOME, CPU)


def test_a_norm_within_a_classifier_keeps_its_scale():
    model = nn.Module()
    model.head = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3))
    model.get_classifier = lambda: model.head
    factory.start_classifier(model, torch.arange(3.0))
    assert torch.equal(model.head[0].weight, torch.ones(4))
    assert torch.equal(model.head[1].bias, torch.arange(3.0))
    assert 0 < model.head[1].weight.abs().max() < 0.1


class Plain(nn.Module):
    """A model that says nothing of its stages or its classifier, but for timm's configuration."""

    def __init__(self):
        super().__init__()
        self.stem, self.body, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)
        self.pretrained_cfg = {"classifier": "last"}


@pytest.mark.parametrize(
    ("stages", "learning"),
    [
        (None, {"stem", "body", "last"}),
        (1, {"body", "last"}),
        (2, {"last"}),
        (0, {"last"}),
        (9, {"last"}),
        (-1, {"body", "last"}),
        (-9, {"stem", "body", "last"}),
    ],
)
def test_a_model_without_group_matcher_and_get_classifier_freezes_by_its_parts(stages, learning):
    model = Plain()
    learner.freeze_parts(model, stages)
    assert {name.partition(".")[0] for name, p in model.named_parameters() if p.requires_grad} == learning


@pytest.mark.parametrize(
    ("name", "size"), [("crossvit_tiny_240", 224), ("inception_v3", 64), ("efficientformer_l1", 192)]
)
def test_a_size_that_does_not_fit_names_one_that_does(name, size):
    with pytest.raises(InputError, match=f"image_size={size} does not fit {name}") as error:
        checks_before_training.check_trial_step(recipe(name, size), HOME, CPU)
    better = int(error.value.expected.rpartition("=")[2])
    assert f"image_size={better}" in error.value.run
    checks_before_training.check_trial_step(recipe(name, better), HOME, CPU)


@pytest.mark.parametrize(("model", "setting"), [("test_resnet", "optimizer=sgdd"), ("vgg11", "drop_path_rate=0.2")])
def test_a_mistake_that_no_size_mends_is_said_as_it_is(model, setting):
    with pytest.raises(InputError, match=setting.partition("=")[0]) as error:
        checks_before_training.check_trial_step(override_settings(recipe(model), setting), HOME, CPU)
    assert "image_size" not in str(error.value)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_weights_that_were_frozen_join_any_optimizer(optimizer):
    asked = recipe("test_resnet", 32, optimizer=optimizer, freeze_epochs=1)
    model = factory.create_model(asked, HOME, "").to(memory_format=torch.channels_last)
    made = optimizers.make_optimizer(model, asked, CPU)
    for stages in (0, None):
        learner.freeze_parts(model.train(), stages)
        model(torch.randn(2, 3, 32, 32)).square().mean().backward()
        made.step()
        made.zero_grad(set_to_none=True)
