"""Grad-CAM on real timm models: where the maximum lies is planted, or follows from the weights."""

import dataclasses

import numpy as np
import pytest
import torch
from small_competitions import small
from torch import nn

from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.models import factory
from comp.models import heads as of_classes
from comp.models.heads import Attributes, Bins, ClassBins, Classes, Number, attribute_table
from comp.prediction import grad_cam
from comp.prediction.grad_cam import as_map, features_and_outputs
from comp.prediction.look_at_photo import Question, asked_questions
from comp.recipes import catalog

UP, DOWN = Question("up", 0.0), Question("down", 0.0, sign=-1)
NUMBER = Number(0, 1)


def built(name, outputs=1, size=64):
    import timm

    torch.manual_seed(0)
    takes_size = {"img_size": size} if "vit" in name and "mobile" not in name else {}
    return timm.create_model(name, num_classes=outputs, **takes_size).eval()


def bright_at(row, column, size=64, cells=4):
    """A photo (1, 3, S, S) that is 0 but for one of cells x cells squares."""
    image, side = torch.zeros(1, 3, size, size), size // cells
    image[..., row * side : (row + 1) * side, column * side : (column + 1) * side] = 2.0
    return image


def without_biases(model):
    """What is 0 stays 0 in every layer."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "embed" in name.split(".")[-1] or "token" in name:
            nn.init.zeros_(parameter)
    return model


def random_image(size=64):
    return torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_with_mean_pooling_and_a_linear_layer_it_is_the_class_activation_map():
    """Selvaraju et al. 2017, section 3.1: Grad-CAM generalises CAM (Zhou et al. 2016)."""
    model = built("test_resnet", size=160)
    with torch.no_grad():
        activations = model.forward_features(random_image(160))
        expected = (model.fc.weight[0, :, None, None] * activations[0]).sum(0).relu()
    assert expected.shape == (5, 5)
    [found] = grad_cam.heats(model, NUMBER, random_image(160), [UP], "test_resnet")
    np.testing.assert_allclose(found, expected / expected.max(), atol=1e-4)


@pytest.mark.parametrize(("row", "column"), [(0, 3), (2, 1)])
def test_the_heat_of_a_vit_lies_on_the_patch_that_alone_holds_something(row, column):
    """The last block's attention alone tells the class token about the patch: tokens in the photo's order."""
    model = without_biases(built("test_vit"))
    for block in model.blocks[:-1]:
        nn.init.zeros_(block.attn.proj.weight)
    assert model.num_prefix_tokens == 1
    assert model.patch_embed.grid_size == (4, 4)
    found = grad_cam.heats(model, NUMBER, bright_at(row, column), [UP, DOWN], "test_vit")
    hot = [heat for heat in found if heat.any()]
    assert hot
    for heat in hot:
        assert np.argwhere(heat).tolist() == [[row, column]]


@pytest.mark.parametrize(("row", "column"), [(0, 7), (7, 0)])
def test_the_heat_of_a_cnn_lies_in_the_corner_that_alone_holds_something(row, column):
    model = without_biases(built("test_resnet", size=128))
    found = grad_cam.heats(model, NUMBER, bright_at(row, column, 128, cells=8), [UP, DOWN], "test_resnet")
    hot = [heat for heat in found if heat.any()]
    assert hot
    for heat in hot:
        place = np.array(np.unravel_index(heat.argmax(), heat.shape)) / heat.shape
        assert np.abs(place - np.array([row, column]) / 8).max() < 0.3


HEADS = {
    "classes": (Classes(3), Question("", 0, 1)),
    "attributes": (Attributes(attribute_table({"a": [0, 0, 1], "b": [0, 1, 1]})), Question("", 0, 2)),
    "bins of classes": (ClassBins(np.array([0, 0, 1, 2])), Question("", 0, 0)),
    "labels": (of_classes.Labels(3), Question("", 0, 2)),
    "cumulative": (of_classes.Cumulative(3), Question("", 0, 0)),
    "number": (Number(0, 9), DOWN),
    "squashed number": (Number(0, 9, squashed=True), UP),
    "grades by a number": (Number(0, 3, grades=4), UP),
    "bins": (Bins(5, 0, 9), UP),
}


@pytest.mark.parametrize("kind", HEADS)
def test_every_head_has_a_heat_from_0_to_1_that_is_the_same_again(kind):
    head, question = HEADS[kind]
    model = built("test_vit", head.outputs)
    [first], [again] = (grad_cam.heats(model, head, random_image(), [question], "m") for _ in range(2))
    assert first.shape == (4, 4)
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() in (0, 1)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("name", "size", "side"),
    [
        ("test_resnet", 64, 4),
        ("test_resnet", 160, 5),
        ("test_efficientnet", 64, 4),
        ("test_convnext", 64, 4),
        ("test_mambaout", 160, 5),
        ("test_vit", 64, 4),
        ("test_vit3", 64, 4),
        ("test_vit_relpos", 96, 6),
    ],
)
def test_families_of_timm_have_a_map_of_a_few_cells_and_the_outputs_of_their_forward(name, size, side):
    """Channels first or last, with a class token, with none, and with registers; small photos take an earlier map."""
    model = built(name, 3, size)
    features, outputs = features_and_outputs(model, random_image(size), name)
    assert as_map(model, features).shape[2:] == (side, side)
    torch.testing.assert_close(outputs, model(random_image(size)))
    heats = grad_cam.heats(model, Classes(3), random_image(size), [Question("", 0, c) for c in range(3)], name)
    assert max(heat.max() for heat in heats) == 1


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Flatten(), nn.LazyLinear(1)),
        pytest.param("test_vit", id="one patch"),
    ],
)
def test_a_model_without_a_map_is_one_clear_error(model):
    made = built(model, size=16) if isinstance(model, str) else model
    with pytest.raises(InputError, match="some_model has no feature map") as error:
        grad_cam.heats(made, NUMBER, random_image(16), [UP], "some_model")
    assert "make train MODEL=" in error.value.run


def test_recipes_build_models_that_can_be_looked_into():
    recipe = dataclasses.replace(catalog.get_recipe("resnet18"), image_size=64, pretrained=False, head="attributes")
    model, competition = factory.create_model(recipe, mask_gender_age.competition(), ""), mask_gender_age.competition()
    head = Attributes(attribute_table(competition.attribute_values))
    [heat] = grad_cam.heats(model, head, random_image(), [Question("", 0, 4)], "resnet18")
    assert heat.shape == (4, 4)


def titles(competition, probs, label=None, number=False):
    made = asked_questions(competition, np.array(probs), label, number)
    return [(one.title, round(one.value, 6), one.place, one.sign) for one in made]


def test_what_is_asked_follows_the_target():
    assert titles(small(), [0.2, 0.5, 0.3], 1) == [("prediction and truth: b", 0.5, 1, 1)]
    assert titles(small(), [0.2, 0.5, 0.3], 0) == [("prediction: b", 0.5, 1, 1), ("truth: a", 0.2, 0, 1)]
    assert titles(small(), [0.2, 0.5, 0.3]) == [("prediction: b", 0.5, 1, 1)]
    several = small("multilabel", "labels")
    assert titles(several, [0.9, 0.6, 0.1], np.array([1, 0, 1])) == [
        ("prediction and truth: a", 0.9, 0, 1),
        ("prediction: b", 0.6, 1, 1),
        ("truth, missed: c", 0.1, 2, 1),
    ]
    nothing = dataclasses.replace(several, at_least_one=False)
    assert titles(nothing, [0.3, 0.4, 0.1], np.zeros(3)) == [("most probable: b", 0.4, 1, 1)]
    assert titles(small("regression", "number"), [7.5], 3.0, True) == [
        ("raises the number", 7.5, None, 1),
        ("lowers the number", 7.5, None, -1),
    ]
    assert titles(small("ordinal"), [0, 0.5, 0.5], 2, True)[0] == ("raises the number", 1.5, None, 1)
