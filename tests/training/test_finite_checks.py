"""Numbers that are not finite at each place of a training: the error names the epoch, and nothing bad is kept."""

import dataclasses
import math

import pytest
import torch
from test_engine import CPU, RECIPE, make, run, same

from comp.errors import InputError
from comp.models.weights_file import NotFinite, all_finite
from comp.recipes.automatic import usual_lr
from comp.training import loop
from comp.training.loop import check_finite_epoch, check_finite_scores


def spoil(model):
    next(model.parameters()).data[0] = math.nan


@pytest.mark.parametrize("which", ["model", "scored"])
def test_weights_and_averaged_weights_are_checked(which):
    learner = make().learner
    check_finite_epoch(learner, 4)
    spoil(getattr(learner, which))
    with pytest.raises(NotFinite, match=r"weights are not finite after epoch 5 \(resume\.pt still holds an earlier"):
        check_finite_epoch(learner, 4)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_scores_are_checked(value):
    learner = make().learner
    check_finite_scores("val_loss", 0.3, learner, 0)
    with pytest.raises(NotFinite, match="val_loss is not finite after epoch 1"):
        check_finite_scores("val_loss", value, learner, 0)


def test_a_training_that_diverges_in_its_last_steps_keeps_the_last_good_epoch(tmp_path):
    """From the second epoch on the step is of lr 1e27; it has one batch, so that its loss is still a good one's."""
    changes = dict(schedule="step", step_epochs=1, step_factor=1e30, optimizer="sgd", clip_grad=0, warmup_epochs=0)
    fit = make(batch_size=32, accumulate=1, **changes)
    path, said = tmp_path / "resume.pt", []
    with pytest.raises(NotFinite, match="is not finite after epoch 2") as error:
        run(fit, path, said.append)
    assert [row["epoch"] for row in said] == [1]
    kept = loop.load_resume(path, {"fold": 0}, CPU)
    assert len(kept["history"]) == 1
    assert all_finite([*kept["model"].values(), *kept["ema"].values(), *kept["top"][0]["weights"].values()])
    assert "RUN=<another name>" in error.value.run
    assert "lr=0.0001 clip_grad=1 added to its SET" in error.value.run


def test_a_mean_of_weights_that_overflows_is_not_kept(tmp_path):
    fit = make(epochs=2, average_best=2, accumulate=1)

    def enlarge(row):
        for kept in fit.epochs.top:
            kept["weights"]["bn1.running_var"][:] = torch.finfo(torch.float32).max

    state = run(fit, tmp_path / "resume.pt", enlarge)
    assert len(state.top) == 2
    assert all_finite(state.best.values())


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        (dict(lr=1e-3, clip_grad=0.5, amp="off"), "and lr=0.0001 added"),
        (dict(lr=1e6, clip_grad=5.0, amp="fp16"), f"and lr={usual_lr(RECIPE):g} clip_grad=1 amp=off added"),
    ],
)
def test_the_advice_changes_what_is_not_changed_yet(changes, advice):
    assert advice in NotFinite("it", dataclasses.replace(RECIPE, **changes)).run


@pytest.mark.parametrize("changes", [dict(clip_grad=0), dict(clip_grad=1, optimizer="sgd"), dict(optimizer="lamb")])
def test_fp16_trains_on_a_cpu(tmp_path, changes):
    fit = make(amp="fp16", epochs=2, **changes)
    before = {name: value.clone() for name, value in fit.learner.scored.state_dict().items()}
    state = run(fit, tmp_path / "resume.pt")
    assert fit.learner.scaler.is_enabled()
    assert not same(before, state.best)
    assert all_finite(state.best.values())
    resumed = run(make(amp="fp16", epochs=2, **changes), tmp_path / "resume.pt")
    assert same(state.best, resumed.best)


def test_the_error_is_bad_input_with_what_to_run():
    assert issubclass(NotFinite, InputError)
