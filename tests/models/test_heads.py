"""Heads: targets that may be mixed, and outputs that become probabilities or values."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from comp.competition.competition import TARGETS, Competition
from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.metrics import named_metrics
from comp.models import heads
from comp.models.heads import Bins, ClassBins, Classes, Cumulative, Number, two_points
from comp.recipes import catalog
from comp.recipes.recipe_settings import HEADS, family_of_head
from comp.recipes.recipe_settings import heads_for as fitting
from comp.training import mixing

METRIC = named_metrics.get("accuracy")
RECIPE = dataclasses.replace(catalog.get_recipe("test_resnet"), best_by="val_loss", loss="auto")
CLASSES = ("a", "b", "c", "d", "e")
COMPETITIONS = {
    "multiclass": mask_gender_age.competition(),
    "binary": Competition("binary", ("no", "yes"), METRIC),
    "multilabel": Competition("multilabel", CLASSES, METRIC),
    "ordinal": Competition("ordinal", CLASSES, METRIC),
    "regression": Competition("regression", ("value",), METRIC, limits=(1.0, 100.0)),
}
ALL = [(target, head) for target in TARGETS for head in fitting(COMPETITIONS[target])]
BINS = {"soften": "years:3", "bin_edges": "20,40,50"}


def build(target, head, **changes):
    changes |= BINS if (target, head) == ("multiclass", "bins") else {}
    return heads.build_head(dataclasses.replace(RECIPE, head=head, **changes), COMPETITIONS[target])


def labels(target, rows=8, seed=0):
    competition, rng = COMPETITIONS[target], np.random.default_rng(seed)
    if target == "regression":
        return torch.from_numpy(rng.uniform(*competition.limits, rows))
    if target == "multilabel":
        return torch.from_numpy(rng.integers(0, 2, (rows, competition.size)).astype(np.uint8))
    return torch.from_numpy(rng.integers(0, competition.size, rows))


@pytest.mark.parametrize(("target", "head"), ALL)
def test_probabilities_have_the_form_of_the_target(target, head):
    made, competition = build(target, head), COMPETITIONS[target]
    probs = made.probs(3 * torch.randn(8, made.outputs))
    assert probs.shape == (8, competition.size)
    if target != "regression":
        assert ((probs >= 0) & (probs <= 1)).all()
    if competition.sums_to_one:
        torch.testing.assert_close(probs.sum(1), torch.ones(8))


@pytest.mark.parametrize(("target", "head"), ALL)
@pytest.mark.parametrize("kind", ["mixup", "cutmix", "halfmix"])
def test_mixing_keeps_lambda(target, head, kind):
    """Image i is filled with i: the mean pixel tells the shares, and the target holds each label with its share."""
    targets = build(target, head).targets(labels(target))
    assert targets.dtype == torch.float32
    images = torch.arange(8).float().view(-1, 1, 1, 1).expand(8, 3, 16, 16).clone()
    mixed, soft = mixing.mix(images, targets, {kind: 1.0}, 1.0, np.random.default_rng(1))
    shares = mixing.mix(images, torch.eye(8), {kind: 1.0}, 1.0, np.random.default_rng(1))[1]
    torch.testing.assert_close(soft, shares @ targets)
    torch.testing.assert_close(mixed.mean((1, 2, 3)), shares @ torch.arange(8.0), atol=1e-4, rtol=1e-4)


@given(st.lists(st.floats(-2, 6), min_size=1, max_size=9), st.integers(2, 6))
def test_the_expectation_of_two_points_is_the_value(values, size):
    values = torch.tensor(values, dtype=torch.float64)
    probs = two_points(values, size)
    torch.testing.assert_close(probs.sum(1), torch.ones(len(values), dtype=torch.float64))
    torch.testing.assert_close(probs @ torch.arange(size, dtype=torch.float64), values.clamp(0, size - 1))
    assert ((probs > 0).sum(1) <= 2).all()


@given(st.lists(st.floats(-8, 8), min_size=4, max_size=4))
def test_cumulative_probabilities_are_a_distribution_whatever_the_outputs(outputs):
    probs = Cumulative(4).probs(torch.tensor([outputs]))
    assert (probs >= 0).all()
    assert float(probs.sum()) == pytest.approx(1, abs=1e-6)


def test_cumulative_targets_are_the_grades_above_and_sure_outputs_give_the_grade():
    head, grades = Cumulative(4), torch.arange(5)
    targets = head.targets(grades)
    assert targets.tolist() == [[float(k < grade) for k in range(4)] for grade in range(5)]
    torch.testing.assert_close(head.probs((targets * 2 - 1) * 100), torch.eye(5))


@given(st.lists(st.floats(1, 100), min_size=1, max_size=9), st.integers(2, 40))
def test_bins_of_a_value_have_it_as_their_expectation(values, bins):
    head = Bins(bins, 1.0, 100.0)
    targets = head.targets(torch.tensor(values, dtype=torch.float64))
    torch.testing.assert_close(targets.sum(1), torch.ones(len(values)))
    expected = head.probs(targets.clamp_min(1e-12).log())
    torch.testing.assert_close(expected[:, 0], torch.tensor(values), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("squashed", [False, True])
def test_an_output_that_meets_its_target_predicts_the_label(squashed):
    head, values = Number(1.0, 100.0, squashed), torch.tensor([1.5, 30.0, 99.0])
    scaled = head.targets(values)
    outputs = scaled.logit() if squashed else scaled
    torch.testing.assert_close(head.probs(outputs)[:, 0], values)
    torch.testing.assert_close(head.scaled(outputs), scaled)


def test_untrained_numbers_start_in_the_middle_and_one_value_alone_has_a_range():
    assert float(Number(1.0, 100.0).probs(torch.zeros(1, 1))) == 50.5
    assert Number(7.0, 7.0).targets(torch.tensor([7.0])).isfinite().all()


@pytest.mark.parametrize(
    ("target", "head"),
    [
        ("multilabel", "attributes"),
        ("ordinal", "attributes"),
        ("regression", "classes"),
        ("multiclass", "cumulative"),
        ("binary", "bins"),
        ("binary", "attributes"),
    ],
)
def test_a_head_that_does_not_fit_names_those_that_do(target, head):
    with pytest.raises(InputError, match=", ".join(fitting(COMPETITIONS[target]))):
        build(target, head)


def test_class_bins_sum_to_their_classes():
    head = ClassBins(np.array([0, 0, 2, 1, 1, 1]))
    logits = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    probs = head.probs(logits)
    torch.testing.assert_close(probs[:, 1], logits.softmax(1)[:, 3:].sum(1))
    torch.testing.assert_close(probs.sum(1), torch.ones(5))
    np.testing.assert_allclose(head.targets(torch.tensor([0, 2])), [[0.5, 0.5, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]])


@pytest.mark.parametrize("head", [Classes(4), Cumulative(3), Number(0, 3, grades=4), Number(0, 3, True, 4)])
def test_a_soft_label_that_is_certain_is_the_label(head):
    labels = torch.arange(4)
    torch.testing.assert_close(head.spread(torch.eye(4)), head.targets(labels))


def test_every_head_of_the_settings_is_built_and_knows_its_family():
    assert set(heads.BUILDERS) == {head for fit in HEADS.values() for head in fit}
    for target, head in ALL:
        assert build(target, head).family == family_of_head(head, target)
