import pytest
import torch
import torch.nn.functional as F

from comp import losses
from comp.errors import InputError

torch.manual_seed(0)
LOGITS = torch.randn(7, 5)
LABELS = torch.tensor([0, 1, 2, 3, 3, 1, 0])
HARD = losses.one_hot(LABELS, 5)
COUNTS = torch.tensor([2, 2, 1, 2, 0])


def built(spec, smoothing=0.1, gamma=2.0):
    return losses.build(spec, COUNTS, smoothing, gamma)


def test_hard_targets_give_torchs_losses():
    weights = losses.class_weights(COUNTS)
    torch.testing.assert_close(built("cross_entropy")(LOGITS, HARD), F.cross_entropy(LOGITS, LABELS))
    torch.testing.assert_close(
        built("label_smoothing")(LOGITS, HARD), F.cross_entropy(LOGITS, LABELS, label_smoothing=0.1)
    )
    torch.testing.assert_close(
        built("weighted_cross_entropy")(LOGITS, HARD), F.cross_entropy(LOGITS, LABELS, weight=weights)
    )


def test_focal_at_gamma_zero_is_cross_entropy_and_falls_with_gamma():
    values = [built("focal", gamma=g)(LOGITS, HARD) for g in (0.0, 1.0, 2.0)]
    torch.testing.assert_close(values[0], F.cross_entropy(LOGITS, LABELS))
    assert values[0] > values[1] > values[2]


def test_f1_loss_of_sure_predictions_is_one_minus_macro_f1():
    from comp.metrics import macro_f1_score

    predicted = torch.tensor([0, 1, 2, 3, 1, 1, 0])
    loss = built("f1")(losses.one_hot(predicted, 5) * 100, HARD)
    assert 1 - float(loss) == pytest.approx(macro_f1_score(LABELS.numpy(), predicted.numpy(), 5), abs=1e-5)


@pytest.mark.parametrize("name", losses.NAMES)
def test_a_better_answer_costs_less_and_gradients_are_finite(name):
    loss = built(name)
    worse, better = loss(-3 * HARD, HARD), loss(3 * HARD, HARD)
    assert better < worse
    for scale in (0, 1, 1000):
        logits = (LOGITS * scale).requires_grad_()
        loss(logits, HARD).backward()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", losses.NAMES)
def test_the_order_of_the_batch_does_not_matter_and_soft_targets_work(name):
    soft = 0.5 * HARD + 0.5 * HARD.flip(0)
    torch.testing.assert_close(built(name)(LOGITS, soft), built(name)(LOGITS.flip(0), soft.flip(0)))


def test_a_sum_is_the_sum():
    total = built("0.4 f1 + 0.6 focal")(LOGITS, HARD)
    torch.testing.assert_close(total, 0.4 * built("f1")(LOGITS, HARD) + 0.6 * built("focal")(LOGITS, HARD))


def test_class_weights_are_balanced_and_zero_where_there_is_no_row():
    weights = losses.class_weights(COUNTS)
    assert weights[4] == 0
    torch.testing.assert_close((weights * COUNTS)[:4], torch.full((4,), 7 / 5))


@pytest.mark.parametrize("spec", ["", "focus", "0.4 f1 0.6 focal", "f1 +", "-1 f1"])
def test_unknown_losses_list_the_known(spec):
    with pytest.raises(InputError, match="weighted_cross_entropy"):
        losses.parse(spec)
