import dataclasses
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

from comp.competition.competition import Attribute, Competition
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.models import heads
from comp.recipes import catalog
from comp.recipes.recipe_settings import DEFAULT_LOSSES
from comp.training import losses

torch.manual_seed(0)
LOGITS = torch.randn(7, 6)
LABELS = torch.tensor([0, 1, 2, 3, 3, 1, 0])
HARD = F.one_hot(LABELS, 6).float()
COUNTS = torch.tensor([2, 2, 1, 2, 0, 0])
ATTRIBUTES = {"row": (0, 0, 0, 1, 1, 1), "column": (0, 1, 2, 0, 1, 2)}
VALUES = {name: torch.tensor(values) for name, values in ATTRIBUTES.items()}
METRIC = named_metrics.get("macro_f1")
SIX = Competition(
    "multiclass",
    tuple("abcdef"),
    METRIC,
    attributes={k: Attribute(tuple("xyz"[: max(v) + 1]), v) for k, v in ATTRIBUTES.items()},
)
MANY = Competition("multilabel", tuple("abcdef"), METRIC)
VALUE = Competition("regression", ("value",), METRIC, limits=(10.0, 30.0))
SEVERAL = torch.randint(0, 2, (7, 6), dtype=torch.uint8)
CLASS_LOSSES = list(itertools.product(losses.losses_of("classes"), ("none", "balanced"), (0.0, 0.1)))
LABEL_LOSSES = list(itertools.product(losses.losses_of("labels"), ("none", "balanced"), (0.0, 0.1)))


def built(spec, class_weights="none", smoothing=0.0, gamma=2.0, competition=SIX, head="classes"):
    recipe = dataclasses.replace(
        catalog.get_recipe("resnet18"),
        loss=spec,
        smoothing=smoothing,
        gamma=gamma,
        class_weights=class_weights,
        head=head,
    )
    labels = {"multiclass": LABELS, "multilabel": SEVERAL, "ordinal": LABELS}.get(competition.target, torch.ones(7))
    return losses.build_loss(recipe, labels.numpy(), competition)


# One label ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("class_weights", ["none", "balanced"])
def test_hard_targets_give_torchs_cross_entropy(class_weights):
    weights = losses.class_weights(COUNTS) if class_weights == "balanced" else None
    ours = built("cross_entropy", class_weights)(LOGITS, HARD)
    torch.testing.assert_close(ours, F.cross_entropy(LOGITS, LABELS, weight=weights))


def test_smoothing_is_torchs():
    ours = built("cross_entropy", smoothing=0.1)(LOGITS, HARD)
    torch.testing.assert_close(ours, F.cross_entropy(LOGITS, LABELS, label_smoothing=0.1))


def test_focal_at_gamma_zero_is_cross_entropy_and_falls_with_gamma():
    values = [built("focal", gamma=g)(LOGITS, HARD) for g in (0.0, 1.0, 2.0)]
    torch.testing.assert_close(values[0], F.cross_entropy(LOGITS, LABELS))
    assert values[0] > values[1] > values[2]


def test_f1_loss_of_sure_predictions_is_one_minus_macro_f1():
    from comp.metrics.named_metrics import macro_f1_score

    predicted = torch.tensor([0, 1, 2, 3, 1, 1, 0])
    loss = built("f1")(F.one_hot(predicted, 6).float() * 100, HARD)
    assert 1 - float(loss) == pytest.approx(macro_f1_score(LABELS.numpy(), predicted.numpy(), 6), abs=1e-5)
    assert float(built("f1")(HARD * 100, HARD)) == pytest.approx(0, abs=1e-6)


def test_a_loss_of_an_attribute_is_the_loss_on_its_marginals():
    p = LOGITS.softmax(1)
    rows = torch.stack([p[:, :3].sum(1), p[:, 3:].sum(1)], 1)
    torch.testing.assert_close(built("cross_entropy(row)")(LOGITS, HARD), F.nll_loss(rows.log(), LABELS // 3))


def test_logits_summed_from_attribute_heads_have_those_heads_as_marginals():
    parts = {"row": torch.randn(7, 2), "column": torch.randn(7, 3)}
    summed = (parts["row"][:, :, None] + parts["column"][:, None, :]).reshape(7, 6)
    for name, values in VALUES.items():
        alone = F.cross_entropy(parts[name], values[LABELS])
        torch.testing.assert_close(built(f"2 cross_entropy({name})")(summed, HARD), 2 * alone)
        of_outputs = built(f"2 cross_entropy({name})", head="attributes")(torch.cat([*parts.values()], 1), HARD)
        torch.testing.assert_close(of_outputs, 2 * alone)


def test_class_weights_are_balanced_and_zero_where_there_is_no_row():
    weights = losses.class_weights(COUNTS)
    assert weights[4] == 0
    torch.testing.assert_close((weights * COUNTS)[:4], torch.full((4,), 7 / 6))


# Several labels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("class_weights", ["none", "balanced"])
def test_bce_is_torchs_with_balanced_weights_as_its_positive_weights(class_weights):
    weights = (7 - SEVERAL.sum(0)) / SEVERAL.sum(0) if class_weights == "balanced" else None
    ours = built("bce", class_weights, competition=MANY)(LOGITS, SEVERAL.float())
    expected = F.binary_cross_entropy_with_logits(LOGITS, SEVERAL.float(), pos_weight=weights)
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_focal_of_labels_is_torchvisions_and_at_gamma_zero_bce(gamma):
    ours = built("focal", gamma=gamma, competition=MANY)(LOGITS, SEVERAL.float())
    expected = sigmoid_focal_loss(LOGITS, SEVERAL.float(), alpha=-1, gamma=gamma, reduction="mean")
    torch.testing.assert_close(ours, expected)
    if gamma == 0:
        torch.testing.assert_close(ours, F.binary_cross_entropy_with_logits(LOGITS, SEVERAL.float()))


def test_f1_of_sure_labels_is_one_minus_macro_f1():
    from sklearn.metrics import f1_score

    predicted = torch.randint(0, 2, (7, 6))
    loss = built("f1", competition=MANY)((predicted * 2 - 1) * 100.0, SEVERAL.float())
    assert 1 - float(loss) == pytest.approx(f1_score(SEVERAL, predicted, average="macro", zero_division=0), abs=1e-5)


@pytest.mark.parametrize("name", ["bce", "focal"])
def test_of_mixed_labels_the_loss_is_the_mix_of_the_losses(name):
    loss, soft = built(name, competition=MANY), 0.3 * SEVERAL.float() + 0.7 * SEVERAL.flip(0).float()
    parts = 0.3 * loss(LOGITS, SEVERAL.float()) + 0.7 * loss(LOGITS, SEVERAL.flip(0).float())
    torch.testing.assert_close(loss(LOGITS, soft), parts)


def test_positive_weights_are_negatives_per_positive_and_one_without_positives():
    weights = losses.positive_weights(torch.tensor([1, 4, 0]), 8)
    assert weights.tolist() == [7, 1, 1]


# Numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "torchs"), [("mse", F.mse_loss), ("mae", F.l1_loss), ("huber", lambda *a: F.huber_loss(*a, delta=0.5))]
)
def test_losses_of_numbers_are_torchs_on_the_standardised_value(name, torchs):
    outputs, targets = torch.randn(7, 1), torch.rand(7, 1)
    torch.testing.assert_close(
        built(name, competition=VALUE, head="regression")(outputs, targets), torchs(outputs, targets)
    )


def test_bce_of_a_number_is_torchs_and_makes_the_other_terms_see_the_sigmoid():
    outputs, targets = torch.randn(7, 1), torch.rand(7, 1)
    bce = F.binary_cross_entropy_with_logits(outputs, targets)
    torch.testing.assert_close(built("bce", competition=VALUE, head="regression")(outputs, targets), bce)
    both = bce + 0.5 * F.mse_loss(outputs.sigmoid(), targets)
    torch.testing.assert_close(built("bce + 0.5 mse", competition=VALUE, head="regression")(outputs, targets), both)


@pytest.mark.parametrize("name", losses.losses_of("number"))
def test_a_nearer_number_costs_less(name):
    loss, targets = built(name, competition=VALUE, head="regression"), torch.full((7, 1), 0.7)
    at = torch.linspace(-1, 0.7, 5) if name != "bce" else torch.linspace(-2, 0.8, 5)
    costs = [float(loss(output.expand(7, 1), targets)) for output in at]
    assert costs == sorted(costs, reverse=True)


# All of them ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "name", "class_weights", "smoothing"),
    [(SIX, *loss) for loss in CLASS_LOSSES] + [(MANY, *loss) for loss in LABEL_LOSSES],
)
class TestEachLoss:
    def test_a_better_answer_costs_less_and_gradients_are_finite(self, target, name, class_weights, smoothing):
        loss, hard = built(name, class_weights, smoothing, competition=target), targets_of(target)
        assert loss(6 * hard - 3, hard) < loss(3 - 6 * hard, hard)
        for scale in (0, 1, 1000):
            logits = (LOGITS * scale).requires_grad_()
            loss(logits, hard).backward()
            assert logits.grad.isfinite().all()

    def test_bf16_logits_are_as_good_as_float(self, target, name, class_weights, smoothing):
        loss, hard = built(name, class_weights, smoothing, competition=target), targets_of(target)
        half = loss((LOGITS * 30).bfloat16(), hard)
        assert half.dtype == torch.float32
        torch.testing.assert_close(half, loss((LOGITS * 30).bfloat16().float(), hard))

    def test_the_order_of_the_batch_does_not_matter_and_soft_targets_work(self, target, name, class_weights, smoothing):
        loss, hard = built(name, class_weights, smoothing, competition=target), targets_of(target)
        soft = 0.5 * hard + 0.5 * hard.flip(0)
        torch.testing.assert_close(loss(LOGITS, soft), loss(LOGITS.flip(0), soft.flip(0)))


def targets_of(competition):
    return HARD if competition is SIX else SEVERAL.float()


def test_a_sum_is_the_sum():
    for target, (first, second) in ((SIX, ("f1", "focal")), (MANY, ("f1", "bce"))):
        total = built(f"0.4 {first} + 0.6 {second}", competition=target)(LOGITS, HARD)
        parts = [built(name, competition=target)(LOGITS, HARD) for name in (first, second)]
        torch.testing.assert_close(total, 0.4 * parts[0] + 0.6 * parts[1])


def test_bins_and_numbers_are_not_smoothed():
    labels = torch.linspace(10, 30, 7, dtype=torch.float64)
    for spec, head in (("cross_entropy", "bins"), ("mse", "regression")):
        recipe = dataclasses.replace(catalog.get_recipe("resnet18"), head=head, loss=spec)
        made = heads.build_head(recipe, VALUE)
        outputs = torch.randn(7, made.outputs)
        plain, smooth = (built(spec, smoothing=s, competition=VALUE, head=head) for s in (0.0, 0.3))
        assert torch.equal(plain(outputs, made.targets(labels)), smooth(outputs, made.targets(labels)))


@pytest.mark.parametrize("spec", ["", "focus", "0.4 f1 0.6 focal", "f1 +", "-1 f1", "focal(nose)", "bce", "mse"])
def test_losses_that_are_unknown_or_do_not_fit_list_those_that_do(spec):
    recipe = dataclasses.replace(catalog.get_recipe("resnet18"), loss=spec)
    with pytest.raises(InputError, match="cross_entropy, focal, f1"):
        losses.check_loss(recipe, SIX)


@pytest.mark.parametrize(
    ("competition", "head", "spec", "known"),
    [
        (MANY, "auto", "cross_entropy", "bce, focal, f1"),
        (MANY, "auto", "bce(row)", "bce, focal, f1"),
        (VALUE, "regression", "focal", "mse, mae, huber, bce"),
        (VALUE, "bins", "mse", "cross_entropy, focal, f1"),
        (dataclasses.replace(SIX, target="ordinal"), "cumulative", "cross_entropy", "bce, focal, f1"),
    ],
)
def test_each_head_lists_its_own_losses(competition, head, spec, known):
    recipe = dataclasses.replace(catalog.get_recipe("resnet18"), loss=spec, head=head)
    with pytest.raises(InputError, match=known):
        losses.check_loss(recipe, competition)


def test_class_weights_without_a_loss_that_has_them_are_refused():
    recipe = dataclasses.replace(catalog.get_recipe("resnet18"), loss="f1", class_weights="balanced")
    with pytest.raises(InputError, match="loss=f1, which has no class weights") as error:
        losses.check_loss(recipe, MANY)
    assert error.value.expected.endswith("class weights: bce, focal")
    for numbers in (VALUE, dataclasses.replace(SIX, target="ordinal")):
        with pytest.raises(InputError, match="class_weights=balanced is not possible with loss=mse") as error:
            losses.check_loss(dataclasses.replace(recipe, loss="mse", head="regression"), numbers)
        assert error.value.expected == "class_weights=none"
    losses.check_loss(recipe, SIX)  # the loss f1 of classes has weights
    losses.check_loss(dataclasses.replace(recipe, loss="0.5 f1 + 0.5 bce"), MANY)


def test_a_million_rows_of_many_classes_are_counted():
    wide = Competition("multiclass", tuple(map(str, range(15_501))), METRIC)
    recipe = dataclasses.replace(catalog.get_recipe("resnet18"), class_weights="balanced")
    losses.build_loss(recipe, np.arange(1_000_000) % 15_501, wide)


def test_the_default_loss_of_each_family_and_the_losses_of_a_sigmoid_exist():
    assert all(name in losses.losses_of(family) for family, name in DEFAULT_LOSSES.items())
    assert set(losses.losses_of("number")) >= heads.SIGMOID_LOSSES
