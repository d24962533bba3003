"""A tiny training of each target through Fit: it learns, and the best epoch follows the competition's metric."""

import contextlib
import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from comp.competition import scoring
from comp.competition.auxiliary_targets import auxiliary_targets
from comp.competition.competition import TARGETS, Competition
from comp.data.batches import Batches, to_model
from comp.data.photos import Photos
from comp.metrics import named_metrics
from comp.models import factory
from comp.models.factory import with_normalisation
from comp.prediction.predict import predict
from comp.recipes import catalog
from comp.recipes.recipe_settings import heads_for
from comp.training import loop
from comp.training.learner import category_loss, number_loss, targets_of
from comp.training.loop import Fit

CPU = torch.device("cpu")
HALF_OF_CHANCE = 4.0  # the numbers' deviation, and so the RMSE of their mean, is 8.2
ACCURACY = named_metrics.get("accuracy")
COMPETITIONS = {
    "multiclass": Competition("multiclass", ("a", "b", "c"), ACCURACY),
    "binary": Competition("binary", ("no", "yes"), named_metrics.get("auc"), also=(named_metrics.get("log_loss"),)),
    "multilabel": Competition("multilabel", ("red", "green"), named_metrics.get("micro_f1")),
    "ordinal": Competition("ordinal", ("low", "middle", "high"), ACCURACY),
    "regression": Competition("regression", ("value",), named_metrics.get("rmse"), limits=(10.0, 30.0)),
}
RECIPE = dataclasses.replace(
    with_normalisation(catalog.get_recipe("test_resnet")),
    pretrained=False,
    image_size=16,
    epochs=6,
    batch_size=8,
    workers=0,
    lr=3e-3,
    augment="none",
    amp="off",
    smoothing=0.0,
    mixup=0.2,
    ema_decay=0.0,
    bins=5,
    best_by="metric",
)


@contextlib.contextmanager
def silent(label, total):
    yield lambda count: None


def draw(target):
    """64 photos whose red and green tell the label."""
    rng = np.random.default_rng(0)
    red, green = rng.integers(0, 3, 64), rng.integers(0, 2, 64)
    pixels = rng.integers(0, 20, (64, 16, 16, 3))
    pixels[..., 0] += (red * 90)[:, None, None]
    pixels[..., 1] += (green * 180)[:, None, None]
    labels = {
        "multiclass": red,
        "ordinal": red,
        "binary": green,
        "regression": 10.0 + 10 * red,
        "multilabel": np.stack([red > 0, green > 0], 1).astype(np.uint8),
    }[target]
    return Photos("", [f"photo{i}" for i in range(64)], 0, 16, pixels.astype(np.uint8)), labels


def make(target, **changes):
    photos, labels = draw(target)
    recipe, competition = dataclasses.replace(RECIPE, **changes), COMPETITIONS[target]
    rows = np.arange(64)
    train, val = (Batches(photos, part, labels[part], "none", 0) for part in (rows[:44], rows[44:]))
    torch.manual_seed(0)
    return Fit(factory.create_model(recipe, competition, ""), recipe, train, val, competition, CPU, new_head=True)


@pytest.mark.parametrize(("target", "head"), [(t, head) for t in TARGETS for head in heads_for(COMPETITIONS[t])])
def test_each_head_of_each_target_learns(tmp_path, target, head):
    fit = make(target, head=head)
    epochs = fit.run(tmp_path / "resume.pt", {}, silent, lambda row: None)
    losses = [row["val_loss"] for row in epochs.history]
    assert min(losses) < 0.5 * losses[0]
    fit.learner.model.load_state_dict(epochs.best)
    probs = predict(fit.learner.model, fit.val, fit.recipe, fit.competition, CPU)
    assert probs.shape == (20, fit.competition.size)
    value = scoring.scores(fit.competition, fit.val.labels, probs)[fit.competition.metric.name]
    assert value < HALF_OF_CHANCE if target == "regression" else value > 0.9
    best = [row[fit.competition.metric.name] for row in epochs.history]
    assert epochs.best_epoch == int((np.argmin if target == "regression" else np.argmax)(best))


@pytest.mark.parametrize("loss", ["mae", "huber", "bce", "0.5 mse + 0.5 bce"])
def test_each_loss_of_a_number_learns(tmp_path, loss):
    history = make("regression", loss=loss, epochs=8).run(tmp_path / "resume.pt", {}, silent, lambda row: None).history
    assert min(row["rmse"] for row in history) < HALF_OF_CHANCE


@pytest.mark.parametrize("settings", [dict(loss="0.5 f1 + 0.5 focal"), dict(loss="focal", class_weights="balanced")])
def test_losses_of_labels_learn(tmp_path, settings):
    history = make("multilabel", **settings).run(tmp_path / "resume.pt", {}, silent, lambda row: None).history
    assert max(row["micro_f1"] for row in history) > 0.9


def test_a_metric_shown_beside_may_choose_the_epoch(tmp_path):
    epochs = make("binary", best_by="log_loss", epochs=4).run(tmp_path / "resume.pt", {}, silent, lambda row: None)
    assert epochs.best_epoch == int(np.argmin([row["log_loss"] for row in epochs.history]))


def test_a_metric_that_is_not_defined_counts_as_worst():
    binary = COMPETITIONS["binary"]
    assert loop.goodness({"auc": float("nan")}, "auc", binary) == -np.inf
    assert loop.goodness({"log_loss": 0.2}, "log_loss", binary) == -0.2
    assert loop.goodness({"auc": 0.2}, "auc", binary) == 0.2


def test_val_loss_is_that_of_the_target():
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(0)
    for target, competition in COMPETITIONS.items():
        _, labels = draw(target)
        probs = rng.uniform(0.1, 0.9, (64, competition.size))
        if competition.sums_to_one:
            probs /= probs.sum(1, keepdims=True)
            expected = log_loss(labels, probs, labels=range(competition.size))
        elif target == "multilabel":
            expected = np.mean([log_loss(labels[:, c], probs[:, c]) for c in range(2)])
        else:  # in the unit of the training loss
            expected = np.mean((labels - probs[:, 0]) ** 2) / np.var(labels[:44])
        assert loop.val_loss(make(target).learner, labels, probs) == pytest.approx(expected, rel=1e-5)


def test_photos_of_one_prediction_id_are_scored_together():
    learner = make("binary").learner
    learner.competition = dataclasses.replace(COMPETITIONS["binary"], combine="mean", metric=ACCURACY)
    photos, _ = draw("binary")
    probs = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.1, 0.9]], np.float32)
    held_out = Batches(photos, np.arange(4), np.array([0, 0, 1, 1]), "none", 0, ids=["z", "z", "y", "y"])
    assert loop.validation_scores(learner, held_out, probs)["accuracy"] == 1
    learner.competition = dataclasses.replace(learner.competition, combine="")
    assert loop.validation_scores(learner, held_out, probs)["accuracy"] == 0.75


def test_soft_labels_are_learned_in_the_place_of_labels(tmp_path):
    fit = make("multiclass")
    rows = fit.learner.rows
    rows.soft = np.eye(3, dtype=np.float32)[(rows.labels + 1) % 3]  # each label moved on by one
    fit.val.labels = (fit.val.labels + 1) % 3
    history = fit.run(tmp_path / "resume.pt", {}, silent, lambda row: None).history
    assert max(row["accuracy"] for row in history) > 0.9


def with_auxiliary(fit, text, **columns):
    """The same training with auxiliary columns."""
    further = auxiliary_targets(pd.DataFrame(columns), text)
    rows = fit.learner.rows
    train = Batches(rows.photos, rows.rows, rows.labels, "none", 0, auxiliary=further)
    return Fit(fit.learner.model, fit.recipe, train, fit.val, fit.competition, CPU)


@pytest.mark.parametrize("values", [np.array([0.0, 2.5, 5.0]), np.array(["x", "y", "z"], object)])
def test_auxiliary_heads_learn_their_column(tmp_path, values):
    red = draw("multiclass")[1][:44]
    column = pd.Series(values[red]).where(np.arange(44) % 9 > 0)  # missing in some rows
    fit = with_auxiliary(make("binary", mixup=0.0), "red:1", red=column)
    fit.run(tmp_path / "resume.pt", {}, silent, lambda row: None)
    learner = fit.learner
    learner.auxiliary.eval()
    images = to_model(learner.rows[0, np.arange(44)][0], fit.recipe.mean, fit.recipe.std, CPU)
    with torch.no_grad():
        outputs = learner.auxiliary(images)[1]
    loss = float(learner.auxiliary.loss(outputs, targets_of(learner.rows.auxiliary, np.arange(44), CPU)))
    assert loss < 0.3  # 1 of a number, and 1.1 of a category, that is not learned


def test_auxiliary_heads_leave_the_saved_weights_as_they_are():
    fit = make("binary")
    names = set(fit.learner.model.state_dict())
    fit = with_auxiliary(fit, "red:0.5", red=np.arange(44.0))
    assert set(fit.learner.scored.state_dict()) == names
    assert "heads.0.weight" in dict(fit.learner.trained.named_parameters())


def test_missing_values_of_auxiliary_columns_have_no_gradient():
    for loss, targets in ((number_loss, torch.zeros(3, 2)), (category_loss, torch.zeros(3, 4))):
        outputs = torch.randn(3, targets.shape[1] // (1 + (loss is number_loss)), requires_grad=True)
        loss(outputs, targets).backward()
        assert not outputs.grad.any()
