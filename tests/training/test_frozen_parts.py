"""Parts that stay frozen keep their bits and cost no memory; gradient checkpointing changes memory alone."""

import dataclasses

import pytest
import timm
import torch
from test_engine import CPU, HOME, RECIPE, make, run, same

from comp.errors import InputError
from comp.models import factory
from comp.training import checks_before_training, learner, optimizers
from comp.training.loop import train_epoch


@pytest.mark.parametrize(("epochs", "stages"), [(-1, 2), (9, -2)])
def test_what_is_always_frozen_keeps_its_bits_statistics_and_averages_included(tmp_path, epochs, stages):
    fit = make(freeze_epochs=epochs, freeze_stages=stages, epochs=2)
    before = {name: value.clone() for name, value in fit.learner.model.state_dict().items()}
    best = run(fit, tmp_path / "resume.pt").best
    for after in (best, fit.learner.model.state_dict()):
        moved = {name.split(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
        assert moved == ({"layer2", "layer3", "layer4", "fc"} if stages == 2 else {"layer3", "layer4", "fc"})


def test_the_optimizer_keeps_nothing_for_what_is_always_frozen():
    learner = make(freeze_epochs=-1, freeze_stages=0).learner
    inside = {id(value) for group in learner.optimizer.param_groups for value in group["params"]}
    assert inside == {id(value) for value in learner.model.fc.parameters()}


def test_a_frozen_training_that_was_killed_ends_with_the_same_bits(tmp_path):
    def stop(row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    frozen = dict(freeze_epochs=-1, freeze_stages=-1, checkpointing=True, epochs=2)
    whole = run(make(**frozen), tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(make(**frozen), tmp_path / "resume.pt", stop)
    assert same(whole.best, run(make(**frozen), tmp_path / "resume.pt").best)


@pytest.mark.parametrize("model", ["test_resnet", "test_vit", "test_convnext"])
def test_checkpointing_gives_the_same_losses_weights_and_statistics(model):
    """Batch norms see each batch twice, dropout and stochastic depth have to drop the same again."""
    made = {}
    for on in (False, True):
        fit = make(model=model, checkpointing=on, drop_path_rate=0.2)
        loss, _ = train_epoch(fit.learner, fit.loader, 0, lambda count: None)
        made[on] = loss, fit.learner.model.state_dict()
    assert made[False][0] == made[True][0]
    assert same(made[False][1], made[True][1])


def kept(model, **changes) -> int:
    """Bytes that autograd keeps of a forward pass for the backward pass, weights left out."""
    recipe = dataclasses.replace(RECIPE, model=model, image_size=64, **changes)
    torch.manual_seed(0)
    net = factory.create_model(recipe, HOME, "").train()
    learner.switch_on_gradient_checkpointing(net, recipe)
    learner.freeze_for_epoch(net, recipe, 0)
    weights, found = {value.untyped_storage().data_ptr() for value in net.parameters()}, {}

    def pack(value):
        storage = value.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        outputs = net(torch.randn(4, 3, 64, 64))
    assert outputs.requires_grad
    return sum(found.values())


@pytest.mark.parametrize("model", ["test_vit", "test_vit3"])
def test_checkpointing_and_frozen_first_stages_keep_less_for_the_backward_pass(model):
    plain = kept(model)
    assert kept(model, checkpointing=True) < 0.6 * plain
    assert kept(model, freeze_epochs=-1, freeze_stages=-1) < 0.6 * plain
    assert kept(model, freeze_epochs=-1) < 0.1 * plain


def test_a_model_without_checkpointing_is_refused_with_another_way_to_less_memory():
    recipe = dataclasses.replace(RECIPE, model="dla46_c", checkpointing=True)
    with pytest.raises(InputError, match="dla46_c has no gradient checkpointing") as error:
        checks_before_training.check_trial_step(recipe, HOME, CPU)
    assert "checkpointing=false batch_size=4 accumulate=4" in error.value.run
    checks_before_training.check_trial_step(dataclasses.replace(recipe, checkpointing=False), HOME, CPU)


@pytest.mark.parametrize("model", ["vit_tiny_patch16_dinov3_qkvb", "test_vit3", "vit_base_patch32_siglip_256"])
def test_layer_decay_falls_from_the_head_to_the_stem_of_foundation_models(model):
    """DINOv3 has rotary positions and registers, SigLIP (and the small test_vit3) an attention pool before its head."""
    recipe = dataclasses.replace(RECIPE, model=model, layer_decay=0.5)
    with torch.device("meta"):
        net = timm.create_model(model, num_classes=3)
    scales = {}
    names = {id(value): name for name, value in net.named_parameters()}
    for group in optimizers.make_optimizer(net, recipe, torch.device("meta")).param_groups:
        scales |= {names[id(value)]: group["lr_scale"] for value in group["params"]}
    depth = len(net.blocks)
    assert scales.keys() == set(names.values())  # every weight is in a group
    assert {scales[name] for name in scales if name.startswith(("head.", "attn_pool."))} == {1.0}
    for i in range(depth):
        block = {scale for name, scale in scales.items() if name.startswith(f"blocks.{i}.")}
        assert block == {0.5 ** (depth - i)}
    assert scales["patch_embed.proj.weight"] == 0.5 ** (depth + 1)
