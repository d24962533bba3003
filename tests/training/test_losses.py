import dataclasses
import itertools

import pytest
import torch
import torch.nn.functional as F

from comp.errors import InputError
from comp.recipes import catalog
from comp.training import losses

torch.manual_seed(0)
LOGITS = torch.randn(7, 6)
LABELS = torch.tensor([0, 1, 2, 3, 3, 1, 0])
HARD = losses.one_hot(LABELS, 6)
COUNTS = torch.tensor([2, 2, 1, 2, 0, 0])
ATTRIBUTES = {"row": torch.tensor([0, 0, 0, 1, 1, 1]), "column": torch.tensor([0, 1, 2, 0, 1, 2])}
WEIGHTED = list(itertools.product(losses.NAMES, ("none", "balanced"), (0.0, 0.1)))


def built(spec, class_weights="none", smoothing=0.0, gamma=2.0):
    recipe = dataclasses.replace(
        catalog.get("resnet18"), loss=spec, smoothing=smoothing, gamma=gamma, class_weights=class_weights
    )
    return losses.build(recipe, COUNTS, ATTRIBUTES)


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
    from comp.competition.metrics import macro_f1_score

    predicted = torch.tensor([0, 1, 2, 3, 1, 1, 0])
    loss = built("f1")(losses.one_hot(predicted, 6) * 100, HARD)
    assert 1 - float(loss) == pytest.approx(macro_f1_score(LABELS.numpy(), predicted.numpy(), 6), abs=1e-5)
    assert float(built("f1")(HARD * 100, HARD)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("name", "class_weights", "smoothing"), WEIGHTED)
def test_a_better_answer_costs_less_and_gradients_are_finite(name, class_weights, smoothing):
    loss = built(name, class_weights, smoothing)
    assert loss(3 * HARD, HARD) < loss(-3 * HARD, HARD)
    for scale in (0, 1, 1000):
        logits = (LOGITS * scale).requires_grad_()
        loss(logits, HARD).backward()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize(("name", "class_weights", "smoothing"), WEIGHTED)
def test_bf16_logits_are_as_good_as_float(name, class_weights, smoothing):
    loss = built(name, class_weights, smoothing)
    half = loss((LOGITS * 30).bfloat16(), HARD)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, loss((LOGITS * 30).bfloat16().float(), HARD))


@pytest.mark.parametrize(("name", "class_weights", "smoothing"), WEIGHTED)
def test_the_order_of_the_batch_does_not_matter_and_soft_targets_work(name, class_weights, smoothing):
    soft = 0.5 * HARD + 0.5 * HARD.flip(0)
    loss = built(name, class_weights, smoothing)
    torch.testing.assert_close(loss(LOGITS, soft), loss(LOGITS.flip(0), soft.flip(0)))


def test_a_sum_is_the_sum():
    total = built("0.4 f1 + 0.6 focal")(LOGITS, HARD)
    torch.testing.assert_close(total, 0.4 * built("f1")(LOGITS, HARD) + 0.6 * built("focal")(LOGITS, HARD))


def test_a_loss_of_an_attribute_is_the_loss_on_its_marginals():
    p = LOGITS.softmax(1)
    rows = torch.stack([p[:, :3].sum(1), p[:, 3:].sum(1)], 1)
    torch.testing.assert_close(built("cross_entropy(row)")(LOGITS, HARD), F.nll_loss(rows.log(), LABELS // 3))


def test_logits_summed_from_attribute_heads_have_those_heads_as_marginals():
    heads = {"row": torch.randn(7, 2), "column": torch.randn(7, 3)}
    summed = (heads["row"][:, :, None] + heads["column"][:, None, :]).reshape(7, 6)
    for name, values in ATTRIBUTES.items():
        alone = F.cross_entropy(heads[name], values[LABELS])
        torch.testing.assert_close(built(f"2 cross_entropy({name})")(summed, HARD), 2 * alone)


def test_class_weights_are_balanced_and_zero_where_there_is_no_row():
    weights = losses.class_weights(COUNTS)
    assert weights[4] == 0
    torch.testing.assert_close((weights * COUNTS)[:4], torch.full((4,), 7 / 6))


@pytest.mark.parametrize("spec", ["", "focus", "0.4 f1 0.6 focal", "f1 +", "-1 f1", "focal(nose)"])
def test_unknown_losses_list_the_known(spec):
    with pytest.raises(InputError, match="cross_entropy, focal, f1"):
        losses.parse(spec, ("row", "column"))
