import pytest
import torch
from torch import nn

from comp.errors import InputError
from comp.models.heads import Classes, Labels, Number
from comp.prediction import tta


class Tell(nn.Module):
    """Two logits from the picture's left and right half."""

    def forward(self, images):
        half = images.shape[3] // 2
        return torch.stack([images[..., :half].mean((1, 2, 3)), images[..., half:].mean((1, 2, 3))], 1)


IMAGES = torch.randn(4, 3, 16, 16)
TWO = Classes(2)


VIEWS = {"none": 1, "hflip": 2, "contrast": 6, "zoom": 6, "flips": 4, "d4": 8}


@pytest.mark.parametrize(("name", "views"), VIEWS.items())
def test_probabilities_are_averaged_over_the_views(name, views):
    probs = tta.wrap(Tell(), TWO, name)(IMAGES)
    assert tta.views(name) == views
    torch.testing.assert_close(probs.sum(1), torch.ones(4))


def test_none_is_the_models_softmax_and_hflip_is_blind_to_a_flip():
    torch.testing.assert_close(tta.wrap(Tell(), TWO, "none")(IMAGES), Tell()(IMAGES).softmax(1))
    flipped = tta.wrap(Tell(), TWO, "hflip")
    torch.testing.assert_close(flipped(IMAGES), flipped(IMAGES.flip(3)))
    expected = (Tell()(IMAGES).softmax(1) + Tell()(IMAGES.flip(3)).softmax(1)) / 2  # of probabilities, not logits
    torch.testing.assert_close(flipped(IMAGES), expected)


def test_zoom_keeps_the_size_and_a_constant_picture():
    zoom = tta.Zoom([1.0, 1.5])
    flat = torch.full((1, 3, 15, 11), 3.0)
    torch.testing.assert_close(zoom.apply_aug_image(flat, scale=1.5), flat)
    assert zoom.apply_aug_image(IMAGES, scale=1.0) is IMAGES


def test_unknown_set_lists_the_known():
    with pytest.raises(InputError, match="none, hflip"):
        tta.wrap(Tell(), TWO, "vflip")


@pytest.mark.parametrize(("name", "blind_to"), [("flips", [(2,), (3,), (2, 3)]), ("d4", [(2,), (3,), (2, 3)])])
def test_sets_without_a_side_up_are_blind_to_each_flip(name, blind_to):
    wrapped = tta.wrap(Tell(), TWO, name)
    for sides in blind_to:
        torch.testing.assert_close(wrapped(IMAGES), wrapped(IMAGES.flip(sides)))


def test_d4_is_blind_to_quarter_turns():
    wrapped = tta.wrap(Tell(), TWO, "d4")
    for turns in (1, 2, 3):
        torch.testing.assert_close(wrapped(IMAGES), wrapped(IMAGES.rot90(turns, (2, 3))))


@pytest.mark.parametrize("head", [Labels(2), Number(1, 100), Number(1, 100, squashed=True)])
def test_what_a_head_makes_of_outputs_is_averaged_over_the_views(head):
    model = Tell() if isinstance(head, Labels) else nn.Sequential(Tell(), nn.Linear(2, 1))
    expected = (head.probs(model(IMAGES)) + head.probs(model(IMAGES.flip(3)))) / 2
    torch.testing.assert_close(tta.wrap(model, head, "hflip")(IMAGES), expected)
