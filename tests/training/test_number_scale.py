"""Numbers are learned in standard deviations of the training rows: in any unit, and the weights keep which."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import test_targets
import torch
from known_project import known_project
from PIL import Image
from test_new_head import without_weights
from test_targets import CPU, draw, silent

from comp.competition.competition import Competition
from comp.data.batches import Batches
from comp.data.run_data import RunData
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.models import factory, heads, weights_file
from comp.models.heads import SCALE
from comp.prediction.predict import predict, predict_folds
from comp.recipes import recipe_json
from comp.recipes.automatic import resolved_recipe
from comp.store.predictions import load_predictions
from comp.training import train_stage
from comp.training.loop import Fit, val_loss

UNITS = [(0.0, 1.0), (1e6, 0.1), (0.0, 1e-10), (-40.0, 1e5)]  # offset, and how large 1 of the drawn numbers is
RECIPE = dataclasses.replace(test_targets.RECIPE, mixup=0.0, epochs=8)
RMSE = named_metrics.get("rmse")


def regression(labels):
    return Competition("regression", ("value",), RMSE, limits=(float(min(labels)), float(max(labels))))


def make(offset=0.0, unit=1.0, new_head=True, init=None, only=None, **changes):
    """A training on 44 photos whose red tells the number 10, 20 or 30, in another unit."""
    photos, labels = draw("regression")
    labels = offset + unit * labels
    if only is not None:
        labels[:44] = only
    recipe, competition = dataclasses.replace(RECIPE, **changes), regression(labels)
    rows = np.arange(64)
    train, val = (Batches(photos, part, labels[part], "none", 0) for part in (rows[:44], rows[44:]))
    torch.manual_seed(0)
    built = factory.build_model(recipe, competition, "", init=init)
    return Fit(built.model, recipe, train, val, competition, CPU, new_head and built.new_head)


def ran(fit, path):
    return fit.run(path, {}, silent, lambda row: None)


def error(fit):
    """The error for held-out photos, in standard deviations of their labels."""
    predicted = predict(fit.learner.scored, fit.val, fit.recipe, fit.competition, CPU)[:, 0]
    return float(np.sqrt(np.mean((predicted.astype(np.float64) - fit.val.labels) ** 2))) / fit.val.labels.std()


def error_of_the_mean(fit):
    """That of the mean of the training rows, which differs a little from the mean of the held-out rows."""
    differences = fit.val.labels - fit.learner.rows.labels.mean()
    return float(np.sqrt(np.mean(differences**2))) / fit.val.labels.std()


# Any unit -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("offset", "unit"), UNITS)
def test_a_number_of_any_offset_and_spread_starts_at_its_deviation_and_is_learned(tmp_path, offset, unit):
    fit = make(offset, unit)
    assert error(fit) == pytest.approx(error_of_the_mean(fit), rel=0.05)  # float32 has 16 steps for 1 at 1e6
    history = ran(fit, tmp_path / "resume.pt").history
    assert error(fit) < 0.5 < 0.8 * error_of_the_mean(fit)
    assert history[0]["train_loss"] < 1.5
    assert history[-1]["val_loss"] < 0.25


def test_the_unit_changes_neither_the_losses_nor_the_predictions(tmp_path):
    fits = [make(offset, unit, epochs=2) for offset, unit in ((0.0, 1.0), (-4.0, 1024.0))]
    histories = [ran(fit, tmp_path / f"{i}.pt").history for i, fit in enumerate(fits)]
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose(*([row[name] for row in history] for history in histories), rtol=1e-3)
    first, second = (predict(fit.learner.scored, fit.val, fit.recipe, fit.competition, CPU) for fit in fits)
    np.testing.assert_allclose(second, -4.0 + 1024.0 * first, rtol=1e-3)


def test_training_rows_that_all_have_one_number_are_learned(tmp_path):
    fit = make(only=0.1)
    history = ran(fit, tmp_path / "resume.pt").history
    assert all(np.isfinite([row["train_loss"], row["val_loss"]]).all() for row in history)
    assert predict(fit.learner.scored, fit.val, fit.recipe, fit.competition, CPU) == pytest.approx(0.1, abs=0.5)


# One unit of both losses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("offset", "unit"), UNITS)
@pytest.mark.parametrize("head", ["regression", "bins"])
def test_the_mean_as_a_constant_prediction_costs_1(offset, unit, head):
    fit = make(offset, unit, head=head)
    labels = fit.learner.rows.labels
    constant = np.full((len(labels), 1), labels.mean())
    assert val_loss(fit.learner, labels, constant) == pytest.approx(1, rel=1e-3)
    half = labels.mean() + (labels - labels.mean())[:, None] / 2
    assert val_loss(fit.learner, labels, half) == pytest.approx(0.25, rel=1e-3)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "bce", "0.5 mse + 0.5 bce"])
@pytest.mark.parametrize("target", ["regression", "ordinal"])
def test_the_validation_loss_is_the_training_loss_of_the_same_predictions(target, loss):
    fit = test_targets.make(target, head="regression", loss=loss, mixup=0.0)
    learner, rows = fit.learner, fit.learner.rows
    outputs = torch.linspace(-0.3, 0.3, len(rows.labels))[:, None]
    probs = learner.head.probs(outputs).numpy()
    expected = float(learner.loss(outputs, learner.head.targets(torch.from_numpy(rows.labels))))
    assert val_loss(learner, rows.labels, probs) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("squashed", [False, True])
def test_outputs_of_inverts_the_predictions(squashed):
    head = heads.Number(-5.0, 90.0, squashed)
    head.mean, head.deviation = 12.0, 3.0
    values = torch.linspace(-4, 80, 9, dtype=torch.float64)
    torch.testing.assert_close(head.probs(head.outputs_of(values).double())[:, 0], values, rtol=1e-4, atol=1e-4)


# The weights keep the scale -------------------------------------------------------------------------------------------


def scale_of(labels):
    return torch.tensor([np.mean(labels), np.std(labels)]).float()  # some devices have no float64


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_the_scale_is_that_of_the_training_rows_and_training_does_not_change_it(tmp_path, ema_decay):
    fit = make(1e6, 0.05, ema_decay=ema_decay, epochs=3, average_best=3)
    epochs = ran(fit, tmp_path / "resume.pt")
    expected = scale_of(fit.learner.rows.labels)
    assert torch.equal(epochs.best[SCALE], expected)
    assert torch.equal(fit.learner.model.state_dict()[SCALE], expected)


def test_a_resumed_training_goes_on_in_the_same_unit_even_with_a_model_that_is_built_anew(tmp_path):
    whole = ran(make(1e6, 0.05, epochs=3), tmp_path / "whole.pt")

    def stop(row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(1e6, 0.05, epochs=3).run(tmp_path / "resume.pt", {}, silent, stop)
    again = make(1e6, 0.05, epochs=3, new_head=False)  # starts with the scale of the range
    assert not torch.equal(again.learner.model.state_dict()[SCALE], whole.best[SCALE])
    resumed = ran(again, tmp_path / "resume.pt")
    assert all(torch.equal(value, whole.best[name]) for name, value in resumed.best.items())
    assert [row["val_loss"] for row in resumed.history] == [row["val_loss"] for row in whole.history]


LABELS = 1000.0 + draw("regression")[1][:24]


@pytest.fixture
def project(tmp_path):
    """Two folds of 24 photos, and two test photos, as files."""
    photos, _ = draw("regression")
    images = [f"train/{i}.png" for i in range(24)]
    folds = pd.DataFrame({"image": images, "group": images, "label": LABELS, "fold": [i % 2 for i in range(24)]})
    test = pd.DataFrame({"id": ["a", "b"], "image": ["test/a.png", "test/b.png"]})
    for i, image in enumerate([*images, *test["image"]]):
        (tmp_path / "in" / image).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photos.batch(np.array([i]))[0]).save(tmp_path / "in" / image)
    competition = regression(LABELS)
    known = dict(folds_digest="digest", test_rows=test, inputs=tmp_path / "in")
    return known_project(tmp_path / "out", competition, folds, **known)


def claimed(project, name="r", **changes):
    recipe = resolved_recipe(dataclasses.replace(RECIPE, cache=False, epochs=1, **changes), project.competition)
    run = project.run(name)
    recipe_json.claim_run(run, recipe, project.competition, f"make train MODEL=test_resnet RUN={name}")
    return run, RunData(project, recipe)


def test_a_trained_fold_predicts_in_the_unit_of_the_labels_from_its_file(project):
    run, data = claimed(project, lr=0.0)
    train_stage.train_fold(data, run, 0, CPU)
    saved = weights_file.read_weights(run.weights(0), "")
    assert torch.equal(saved[SCALE], scale_of(LABELS[1::2]))
    predict_folds(data, run, [0], "none", CPU)
    found = load_predictions(run.oof(0), project.competition, "").probs[:, 0]
    assert found == pytest.approx(LABELS[1::2].mean(), abs=0.1 * LABELS.std())  # nothing was learned: near the mean


def test_weights_of_older_versions_predict_as_they_did(project):
    """They lack the scale: the number was the output plus 0.5, scaled from 0 … 1 to the range of the labels."""
    run, data = claimed(project)
    torch.manual_seed(5)
    model = factory.create_model(data.recipe, project.competition, "").eval()
    state = {name: value for name, value in model.state_dict().items() if name != SCALE}
    record = weights_file.training_record(data, run, 0) | {"epoch": 1, "epochs": 1}
    weights_file.save_weights(run.weights(0), state, record)
    predict_folds(data, run, [0], "none", CPU)
    found = load_predictions(run.oof(0), project.competition, "").probs[:, 0]
    held_out = data.held_out(0)
    loaded = {}
    hook = model.register_forward_hook(lambda module, inputs, outputs: loaded.setdefault("outputs", outputs))
    predict(model, held_out, data.recipe, project.competition, CPU)
    hook.remove()
    low, high = project.competition.number_range
    expected = low + (loaded["outputs"][:, 0].double().numpy() + 0.5) * (high - low)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_missing_scale_is_the_only_tensor_that_may_be_missing(tmp_path):
    competition = regression([0.0, 1.0])
    model = factory.create_model(RECIPE, competition, "")
    state = model.state_dict()
    for missing in ("fc.bias", "fc.weight"):
        part = {name: value for name, value in state.items() if name not in (missing, SCALE)}
        weights_file.save_weights(tmp_path / "m.safetensors", part, {})
        with pytest.raises(InputError, match="does not load"):
            weights_file.load_weights(model, tmp_path / "m.safetensors", "")
    bins = factory.create_model(dataclasses.replace(RECIPE, head="bins", bins=2), competition, "")
    weights_file.save_weights(tmp_path / "m.safetensors", state, {})
    with pytest.raises(InputError, match="does not load"):
        weights_file.load_weights(bins, tmp_path / "m.safetensors", "")


# INIT -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return ran(make(-4.0, 1024.0, epochs=4), tmp_path_factory.mktemp("trained") / "resume.pt").best


def test_the_same_head_keeps_its_classifier_and_scale_and_predicts_as_before(trained):
    fit = make(-4.0, 1024.0, init=trained)
    assert all(torch.equal(value, trained[name]) for name, value in fit.learner.model.state_dict().items())
    known = make(-4.0, 1024.0)
    known.learner.model.load_state_dict(trained)
    known.learner.head = heads.head_of(known.learner.model, known.recipe, known.competition)
    assert error(fit) == error(known) != pytest.approx(1, abs=0.05)


def test_another_head_starts_at_the_prior(trained):
    fit = without_weights(make(-4.0, 1024.0, init=trained, head="bins"))
    predicted = predict(fit.learner.scored, fit.val, fit.recipe, fit.competition, CPU)
    assert np.ptp(predicted) < 1
    labels, bins = fit.learner.rows.labels, fit.recipe.bins
    middle = sum(fit.competition.number_range) / 2
    expected = (labels.sum() + bins / 2 * middle) / (len(labels) + bins / 2)  # half a row is added to each bin
    assert predicted.mean() == pytest.approx(expected, rel=1e-4)
    body = [name for name in trained if not name.startswith("fc.") and name != SCALE]
    state = fit.learner.model.state_dict()
    assert all(torch.equal(state[name], trained[name]) for name in body)
    back = without_weights(make(-4.0, 1024.0, init=state))
    assert torch.equal(back.learner.model.state_dict()[SCALE], trained[SCALE])
    assert error(back) == pytest.approx(error_of_the_mean(back), rel=1e-3)


def test_the_head_starts_anew_if_the_loss_needs_outputs_of_another_meaning(trained):
    fit = without_weights(make(-4.0, 1024.0, init=trained, loss="bce"))
    assert error(fit) == pytest.approx(error_of_the_mean(fit), rel=1e-3)
    state = fit.learner.model.state_dict()
    assert all(torch.equal(value, trained[name]) for name, value in state.items() if not name.startswith("fc."))


def test_weights_of_an_older_version_go_on_with_their_own_scale(trained):
    older = {name: value for name, value in trained.items() if name != SCALE}
    fit = make(init=older)
    low, high = fit.competition.number_range
    assert fit.learner.model.state_dict()[SCALE].tolist() == [(low + high) / 2, high - low]
    assert torch.equal(fit.learner.model.state_dict()["fc.weight"], trained["fc.weight"])
    assert (fit.learner.head.mean, fit.learner.head.deviation) == ((low + high) / 2, high - low)
