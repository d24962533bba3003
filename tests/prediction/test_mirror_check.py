"""Photos whose mirror images mean something else are found before the training; others are mirrored."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from known_project import known_project
from PIL import Image

from comp.competition.competition import Competition
from comp.metrics import named_metrics
from comp.prediction.mirror_check import FEWEST_GROUPS, halves, worse_when_mirrored
from comp.recipes import catalog
from comp.recipes.automatic import resolved_recipe
from comp.training.checks_before_training import with_chosen_settings

CPU, COUNT, SIDE = torch.device("cpu"), 120, 32
RECIPE = dataclasses.replace(
    catalog.get_recipe("test_resnet"), pretrained=False, image_size=SIDE, amp="off", batch_size=64
)
COMPETITIONS = {
    "binary": Competition("binary", ("left", "right"), named_metrics.get("accuracy")),
    "multilabel": Competition("multilabel", ("left", "right"), named_metrics.get("micro_f1")),
    "ordinal": Competition("ordinal", ("left", "middle", "right"), named_metrics.get("accuracy")),
    "regression": Competition("regression", ("place",), named_metrics.get("rmse"), limits=(0.0, 20.0)),
}


def noise(rng):
    return rng.integers(0, 60, (SIDE, SIDE, 3))


def arrow(rng, right):
    """A lying bar with a block at its left or right end, anywhere in the photo."""
    pixels, top, left = noise(rng), int(rng.integers(2, 18)), int(rng.integers(2, 14))
    pixels[top + 4 : top + 8, left : left + 16] += 150
    end = left + 12 * right
    pixels[top : top + 12, end : end + 4] += 150
    return pixels


def bar(rng, lying):
    """A bar that stands or lies, anywhere in the photo: a mirror does not change which."""
    pixels, top, left = noise(rng), int(rng.integers(2, 16)), int(rng.integers(2, 16))
    height, width = (4, 14) if lying else (14, 4)
    pixels[top : top + height, left : left + width] += 150
    return pixels


def squares(rng, *places):
    """Bright squares, each at a place from 0 (left) to 20 (right)."""
    pixels = noise(rng)
    for place in places:
        top = int(rng.integers(2, 20))
        pixels[top : top + 10, place + 1 : place + 11] += 150
    return pixels


def project(folder, photos, labels, target="binary", groups=None):
    images = [f"train/{i}.png" for i in range(len(photos))]
    (folder / "in/train").mkdir(parents=True)
    for image, pixels in zip(images, photos, strict=True):
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "in" / image)
    numbers = np.arange(len(photos))
    groups = numbers if groups is None else groups
    folds = pd.DataFrame({"image": images, "group": groups, "label": labels, "fold": numbers % 3})
    return known_project(folder / "out", COMPETITIONS[target], folds, inputs=folder / "in", fold_count=3)


def drawn(folder, draw, seed=0, groups=None):
    """Photos that `draw` draws for two classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, COUNT)
    return project(folder, [draw(rng, label) for label in labels], labels, groups=groups)


def found(project, **changes):
    recipe = dataclasses.replace(RECIPE, **changes)
    return worse_when_mirrored(project, resolved_recipe(recipe, project.competition), CPU)


@pytest.mark.parametrize("seed", [0, 1])
def test_arrows_are_harder_to_predict_in_a_mirror_and_bars_are_not(tmp_path, seed):
    text = found(drawn(tmp_path / "arrows", arrow, seed))
    mirrored, own = [float(word.strip("()")) for word in text.split() if word.strip("()")[0].isdigit()]
    assert mirrored > own
    assert found(drawn(tmp_path / "bars", bar, seed)) == ""


@pytest.mark.parametrize("target", ["regression", "ordinal", "multilabel"])
def test_a_place_from_left_to_right_is_harder_to_predict_in_a_mirror_for_each_target(tmp_path, target):
    rng = np.random.default_rng(0)
    if target == "multilabel":
        sides = rng.integers(0, 2, (COUNT, 2))
        labels = [" ".join(str(c) for c in np.flatnonzero(row)) for row in sides]
        photos = [squares(rng, *(20 * c for c in np.flatnonzero(row))) for row in sides]
    else:
        places = rng.integers(0, 3, COUNT) * 10
        labels = places / 1.0 if target == "regression" else places // 10
        photos = [squares(rng, place) for place in places]
    assert "harder to predict" in found(project(tmp_path, photos, labels, target))


def test_a_place_from_top_to_bottom_is_not(tmp_path):
    rng = np.random.default_rng(0)
    places = rng.integers(0, 3, COUNT) * 10
    photos = [squares(rng, place).swapaxes(0, 1) for place in places]
    assert found(project(tmp_path, photos, places / 1.0, "regression")) == ""


def test_labels_that_mean_nothing_are_not_harder_in_a_mirror(tmp_path):
    rng = np.random.default_rng(0)
    photos = [arrow(rng, i % 2) for i in range(COUNT)]
    assert found(project(tmp_path, photos, rng.integers(0, 2, COUNT))) == ""


def test_too_few_groups_tell_nothing(tmp_path):
    few = np.arange(COUNT) % (FEWEST_GROUPS - 1)
    assert found(drawn(tmp_path / "few", arrow, groups=few)) == ""
    assert found(drawn(tmp_path / "many", arrow)) != ""


def test_a_photo_that_cannot_be_read_is_left_to_the_training_which_lists_all(tmp_path):
    made = drawn(tmp_path, arrow)
    (tmp_path / "in/train/7.png").write_bytes(b"torn")
    assert found(made) == ""


def test_a_run_that_goes_on_with_other_weights_is_not_checked(tmp_path):
    assert found(drawn(tmp_path, arrow), init="a") == ""


@pytest.mark.parametrize(("draw", "mirrors"), [(arrow, False), (bar, True)])
def test_the_training_mirrors_no_arrows(tmp_path, capsys, draw, mirrors):
    made = drawn(tmp_path, draw)
    recipe = with_chosen_settings(made, made.run("r"), RECIPE, CPU)
    assert (recipe.augment, recipe.tta) == (("upright", "hflip") if mirrors else ("moves", "none"))
    said = " ".join(capsys.readouterr().out.split())
    assert ("no mirrored photos, because they are harder to predict" in said) is not mirrors


def test_the_same_photos_give_the_same_text_twice(tmp_path):
    made = drawn(tmp_path, arrow)
    assert found(made) == found(made)


@pytest.mark.parametrize("model", ["test_resnet", "test_vit", "test_convnext", "swin_tiny_patch4_window7_224"])
def test_the_halves_of_a_photo_have_their_own_features(model):
    import timm

    size = 224 if "swin" in model else 160
    net = timm.create_model(model, pretrained=False).eval()
    images = torch.zeros(2, 3, size, size)
    images[1, :, :, size // 2 :] = 1.0  # only the right half differs
    with torch.inference_mode():
        features = halves(net, images)
    left, right = features.chunk(2, 1)
    assert features.shape == (2, 2 * net.num_features)
    assert (right[0] - right[1]).norm() > (left[0] - left[1]).norm()
