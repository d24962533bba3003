"""A new head starts at the prior: whatever the photo, it predicts what is true of the training rows on average."""

import dataclasses

import numpy as np
import pytest
import torch
from test_targets import CPU, RECIPE

from comp.competition import scoring
from comp.competition.competition import Attribute, Competition
from comp.data.batches import Batches
from comp.data.photos import Photos
from comp.inputs import mask_gender_age
from comp.metrics import named_metrics
from comp.models import factory, heads
from comp.prediction.predict import predict
from comp.training.learner import start_head
from comp.training.loop import Fit

ACCURACY, COUNT = named_metrics.get("accuracy"), 1000
HOME = mask_gender_age.competition()
SHARES = np.array([0.6, 0.3, 0.08, 0.02])
CLASSES = tuple("abcd")
PAIRS = dataclasses.replace(  # a, b, c, d are the pairs of two attributes
    Competition("multiclass", CLASSES, ACCURACY),
    attributes={"row": Attribute(("x", "y"), (0, 0, 1, 1)), "column": Attribute(("x", "y"), (0, 1, 0, 1))},
)
NUMBERS = np.random.default_rng(3).gamma(2.0, 3.0, COUNT)  # far from the middle of their range
VALUE = Competition("regression", ("value",), named_metrics.get("rmse"), limits=(0.0, float(NUMBERS.max())))
ROUNDING = 0.003  # the half row that is added to each of 1,000 rows' classes


def drawn(shares):
    """Labels of 1,000 rows that have these shares."""
    return np.random.default_rng(0).permutation(np.repeat(np.arange(len(shares)), np.round(shares * COUNT).astype(int)))


def start(competition, labels, new_head=True, exact=True, **changes):
    """A training before its first step; all rows show one of four photos of noise."""
    changes = dict(mixup=0.0, sampler="shuffle") | changes
    recipe = dataclasses.replace(RECIPE, **changes)
    pixels = np.random.default_rng(1).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    photos = Photos("", [f"photo{i}" for i in range(4)], 0, 16, pixels)
    train = Batches(photos, np.arange(len(labels)) % 4, labels, "none", 0)
    val = Batches(photos, np.arange(4), labels[:4], "none", 0)
    model = factory.create_model(recipe, competition, "")
    fit = Fit(model, recipe, train, val, competition, CPU, new_head)
    return without_weights(fit) if new_head and exact else fit


def without_weights(fit):
    """The training with zeros in place of the random weights of the classifier, so that only its biases count."""
    for model in (fit.learner.model, fit.learner.scored):
        for classifier in factory.classifier_modules(model):
            torch.nn.init.zeros_(classifier.weight)
    return fit


def prediction(fit):
    """The prediction for each photo, which is the same for all."""
    probs = predict(fit.learner.scored, fit.val, fit.recipe, fit.competition, CPU)
    np.testing.assert_allclose(probs, probs[:1].repeat(4, 0), rtol=1e-6)
    return probs[0].astype(np.float64)


def test_without_a_new_head_photos_differ():
    """So the other tests could fail."""
    with pytest.raises(AssertionError):
        prediction(start(PAIRS, drawn(SHARES), new_head=False))


@pytest.mark.parametrize("model", ["test_resnet", "test_vit", "test_efficientnet", "deit_tiny_distilled_patch16_224"])
def test_classes_start_at_their_shares(model):
    np.testing.assert_allclose(
        prediction(start(PAIRS, drawn(SHARES), model=model, head="classes")), SHARES, atol=ROUNDING
    )


@pytest.mark.parametrize("head", ["classes", "cumulative"])
def test_grades_start_at_their_shares(head):
    competition = Competition("ordinal", CLASSES, ACCURACY)
    np.testing.assert_allclose(prediction(start(competition, drawn(SHARES), head=head)), SHARES, atol=ROUNDING)


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_grades_that_are_a_number_start_at_their_mean(loss):
    fit = start(Competition("ordinal", CLASSES, ACCURACY), drawn(SHARES), head="regression", loss=loss)
    assert scoring.expectation(prediction(fit)[None])[0] == pytest.approx(SHARES @ np.arange(4), abs=1e-4)


def test_attributes_start_at_their_shares():
    probs = prediction(start(PAIRS, drawn(SHARES), head="attributes"))
    for attribute in PAIRS.attributes.values():
        of_class = np.array(attribute.of_class)
        for one in (0, 1):
            assert probs[of_class == one].sum() == pytest.approx(SHARES[of_class == one].sum(), abs=ROUNDING)


def test_bins_of_classes_start_at_the_classes_shares():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(18), np.arange(18) * 6 + 2))
    probs = prediction(start(HOME, labels, head="bins", soften=f"{HOME.ranges[0].column}:3", bin_edges="20,40,50"))
    np.testing.assert_allclose(probs, np.bincount(labels) / len(labels), atol=ROUNDING)


@pytest.mark.parametrize("settings", [{}, dict(loss="mae"), dict(loss="bce"), dict(loss="0.5 mse + 0.5 bce")])
def test_a_number_starts_at_the_mean_of_the_rows(settings):
    assert prediction(start(VALUE, NUMBERS, **settings))[0] == pytest.approx(NUMBERS.mean(), rel=1e-4)


def test_bins_of_a_number_start_at_the_mean_of_the_rows():
    found = prediction(start(VALUE, NUMBERS, head="bins", bins=30))[0]
    middle = VALUE.limits[1] / 2
    assert found == pytest.approx(NUMBERS.mean(), abs=0.02 * middle)
    assert abs(found - NUMBERS.mean()) < 0.1 * abs(middle - NUMBERS.mean())


def test_labels_start_at_their_shares_a_rare_one_at_its_two_percent():
    shares = np.array([0.5, 0.9, 0.02])
    labels = np.stack([np.arange(COUNT) < share * COUNT for share in shares], 1).astype(np.uint8)
    competition = Competition("multilabel", ("a", "b", "rare"), named_metrics.get("micro_f1"))
    np.testing.assert_allclose(prediction(start(competition, labels)), shares, atol=0.001)
    balanced = prediction(start(competition, labels, class_weights="balanced"))
    np.testing.assert_allclose(balanced, 0.5, atol=0.02)


@pytest.mark.parametrize("head", ["classes", "attributes"])
@pytest.mark.parametrize("settings", [dict(sampler="balanced"), dict(class_weights="balanced")])
def test_balanced_classes_start_equal(head, settings):
    np.testing.assert_allclose(prediction(start(PAIRS, drawn(SHARES), head=head, **settings)), 0.25, atol=ROUNDING)


def test_balanced_rows_with_balanced_weights_start_where_the_loss_is_least():
    """The sampler and the weights both count, as they do in the loss: no constant prediction has a smaller loss."""
    fit = start(PAIRS, drawn(SHARES), sampler="balanced", class_weights="balanced")
    rows = fit.loader.order.rows()
    targets = fit.learner.head.targets(torch.from_numpy(fit.learner.rows.labels[rows]))

    def cost(probs):
        outputs = torch.tensor(probs, dtype=torch.float32).log().expand(len(targets), 4)
        return float(fit.learner.loss(outputs, targets))

    own = prediction(fit)
    weighted = targets.sum(0).numpy() / np.bincount(drawn(SHARES))
    assert cost(own) <= cost(weighted / weighted.sum()) + 1e-3


def test_a_class_without_rows_starts_rare_and_not_impossible():
    found = prediction(start(PAIRS, drawn(np.array([0.5, 0.5, 0.0]))))
    assert 0 < found[3] < 0.001
    assert np.isfinite(np.log(found)).all()


def test_soft_labels_start_at_their_mean():
    fit = start(PAIRS, drawn(SHARES), head="classes")
    rows = fit.learner.rows
    rows.soft = np.random.default_rng(2).dirichlet([1.0, 2.0, 3.0, 4.0], COUNT).astype(np.float32)
    again = without_weights(Fit(fit.learner.model, fit.recipe, rows, fit.val, PAIRS, CPU, new_head=True))
    np.testing.assert_allclose(prediction(again), rows.soft.mean(0), atol=ROUNDING)


@pytest.mark.parametrize("model", ["test_resnet", "test_vit", "test_efficientnet"])
def test_the_small_weights_change_the_prior_little(model):
    # init: as if the network had learned before
    fit = start(PAIRS, drawn(SHARES), exact=False, model=model, head="classes", init="other")
    probs = predict(fit.learner.scored, fit.val, fit.recipe, fit.competition, CPU)
    assert 0 < np.abs(probs - SHARES).max() < 0.15


def test_the_whole_network_learns_from_the_first_step():
    fit = start(PAIRS, drawn(SHARES)[:40], exact=False, lr=1e-2, warmup_epochs=0.0)
    fit.learner.backward(next(iter(fit.loader)), 0, 0, 1, True)
    assert next(fit.learner.model.parameters()).grad.any()  # the first layer


def test_the_whole_network_learns(tmp_path):
    fit = start(PAIRS, drawn(SHARES)[:40], exact=False, lr=1e-2, warmup_epochs=0.0)
    before = {name: value.clone() for name, value in fit.learner.model.named_parameters()}
    for number, loaded in enumerate(fit.loader):
        fit.learner.backward(loaded, 0, number, 1, True)
        fit.learner.step(number)
    same = [name for name, value in fit.learner.model.named_parameters() if torch.equal(value, before[name])]
    assert same == []


def test_all_matrices_of_a_classifier_become_small_and_the_last_bias_is_the_prior():
    model = torch.nn.Module()
    model.head = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.GELU(), torch.nn.Linear(5, 3))
    model.get_classifier = lambda: model.head
    outputs = torch.tensor([0.3, -1.0, 2.0])
    factory.start_classifier(model, outputs)
    for layer in (model.head[0], model.head[2]):
        assert 0 < layer.weight.abs().max() < 0.1
    assert not model.head[0].bias.any()
    torch.testing.assert_close(model.head(torch.randn(7, 4)), outputs.expand(7, 3), atol=0.05, rtol=0)


def test_a_classifier_without_a_bias_starts_at_zero():
    model = torch.nn.Module()
    model.head = torch.nn.Linear(4, 3, bias=False)
    model.get_classifier = lambda: model.head
    factory.start_classifier(model, torch.ones(3))
    assert model.head(torch.randn(7, 4)).abs().max() < 0.5


@pytest.mark.parametrize(("changes", "small"), [({}, False), ({"pretrained": True}, True), ({"init": "other"}, True)])
def test_only_the_classifier_of_a_trained_network_gets_small_weights(changes, small):
    model = factory.create_model(RECIPE, PAIRS, "")
    [classifier] = factory.classifier_modules(model)
    before = classifier.weight.detach().clone()
    recipe, labels = dataclasses.replace(RECIPE, **changes), drawn(SHARES)[:40]
    photos = Photos("", ["photo"], 0, 16, np.zeros((1, 16, 16, 3), np.uint8))
    start_head(model, recipe, Batches(photos, np.zeros(40, int), labels, "none", 0), np.arange(40), PAIRS)
    assert torch.equal(classifier.weight, before) is not small
    assert classifier.bias.detach().std() > 0.1  # the shares of the classes


@pytest.mark.parametrize(("target", "head"), [("multiclass", "classes"), ("multilabel", "classes")])
def test_a_prior_of_no_rows_is_finite(target, head):
    made = heads.build_head(dataclasses.replace(RECIPE, head=head), Competition(target, CLASSES, ACCURACY))
    assert made.prior(torch.zeros(4), 0).isfinite().all()
