import contextlib
import dataclasses

import numpy as np
import pytest
import torch
from conftest import Forked

from comp.competition import scoring
from comp.data.batches import Batches
from comp.data.photos import Photos
from comp.errors import InputError
from comp.hardware import device
from comp.inputs import mask_gender_age
from comp.models import factory
from comp.models.factory import with_normalisation
from comp.prediction.predict import predict
from comp.recipes import catalog
from comp.training import loop
from comp.training.loop import Fit, train_epoch
from comp.training.optimizers import lr_factor

CPU, HOME = torch.device("cpu"), mask_gender_age.competition()
TIMES = ("seconds", "images_per_second", "waiting")
RECIPE = dataclasses.replace(
    with_normalisation(catalog.get_recipe("test_resnet")),
    pretrained=False,
    head="classes",
    image_size=32,
    epochs=3,
    batch_size=8,
    workers=0,
    lr=1e-3,
    augment="flip",
    mixup=0.3,
    cutmix=0.3,
    accumulate=2,
    ema_decay=0.9,
    drop_rate=0.2,
    amp="off",
    smoothing=0.1,
    warmup_epochs=1.0,
    best_by="metric",
    soften="",
    tta="hflip",
)


@contextlib.contextmanager
def silent(label, total):
    yield lambda count: None


def pixels(labels):
    """Photos that show their label as brightness under noise."""
    rng = np.random.default_rng(0)
    base = np.asarray(labels)[:, None, None, None] * 60 + 20
    return (base + rng.integers(0, 20, (len(labels), 32, 32, 3))).astype(np.uint8)


def make(**changes):
    recipe = dataclasses.replace(RECIPE, **changes)
    labels = np.arange(45) % 3
    photos = Photos("", [f"photo{i}" for i in range(45)], 0, 32, pixels(labels))
    train = Batches(photos, np.arange(30), labels[:30], recipe.augment, recipe.seed)
    val = Batches(photos, np.arange(30, 45), labels[30:], "none", 0)
    torch.manual_seed(1)
    model = factory.create_model(recipe, HOME, "")
    return Fit(model, recipe, train, val, HOME, CPU, new_head=True)


def run(fit, path, on_epoch=lambda row: None):
    return fit.run(path, {"fold": 0}, silent, on_epoch)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_and_keeps_the_best_epoch(tmp_path):
    fit = make(epochs=8, mixup=0, cutmix=0, drop_rate=0, ema_decay=0, lr=3e-3, accumulate=1)
    state = run(fit, tmp_path / "resume.pt")
    scores = [row["macro_f1"] for row in state.history]
    assert max(scores) > 0.9
    assert state.best_epoch == int(np.argmax(scores))
    fit.learner.model.load_state_dict(state.best)
    probs = predict(fit.learner.model, fit.val, fit.recipe, HOME, CPU)
    assert (probs.argmax(1) == fit.val.labels).mean() > 0.9


@pytest.mark.parametrize(("stop_after", "save_every", "kept"), [(1, 0, 1), (2, 0, 2), (2, 1e9, 1)])
def test_a_stopped_and_resumed_run_ends_with_the_same_bits(tmp_path, stop_after, save_every, kept, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY", save_every)
    whole = run(make(), tmp_path / "whole.pt")

    def stop(row):
        if row["epoch"] == stop_after + 1:
            raise KeyboardInterrupt  # after the epoch, before it is saved: the epoch is lost and done again

    with pytest.raises(KeyboardInterrupt):
        run(make(), tmp_path / "resume.pt", stop)
    assert len(loop.load_resume(tmp_path / "resume.pt", {"fold": 0}, CPU)["history"]) == kept
    resumed = run(make(), tmp_path / "resume.pt")
    assert same(whole.best, resumed.best)
    timeless = [[{k: v for k, v in row.items() if k not in TIMES} for row in s.history] for s in (whole, resumed)]
    assert timeless[0] == timeless[1]


def test_writing_the_resume_file_takes_a_small_part_of_the_time(tmp_path, monkeypatch):
    now, saved = [1000.0], []

    def clock():
        now[0] += 1e-3
        return now[0]

    def save(path, identity, content):
        saved.append(len(content["history"]))
        now[0] += 10  # seconds

    def epoch_ends(row):
        now[0] += 70

    monkeypatch.setattr(loop.time, "monotonic", clock)
    monkeypatch.setattr(loop, "save_resume", save)
    run(make(epochs=9), tmp_path / "resume.pt", epoch_ends)
    assert saved == [1, 4, 7]  # 210 seconds later each time; 10 seconds are a twentieth of 200
    saved.clear()
    run(make(epochs=4), tmp_path / "resume.pt", lambda row: epoch_ends(row) or epoch_ends(row) or epoch_ends(row))
    assert saved == [1, 2, 3]


def test_another_seed_trains_another_model(tmp_path):
    assert not same(run(make(), tmp_path / "a.pt").best, run(make(seed=1), tmp_path / "b.pt").best)


def test_early_stopping_counts_epochs_without_a_better_score(tmp_path):
    state = run(make(epochs=50, patience=2, lr=0.0), tmp_path / "resume.pt")
    assert len(state.history) == state.best_epoch + 1 + 2


def test_a_resume_file_of_another_fold_or_torn_is_refused(tmp_path):
    path = tmp_path / "resume.pt"
    run(make(epochs=2), path)
    with pytest.raises(InputError, match="was made with"):
        make().run(path, {"fold": 1}, silent, lambda row: None)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="does not load"):
        run(make(), path)


def test_a_resume_file_of_another_version_is_named_with_what_to_remove(tmp_path):
    path, fit = tmp_path / "resume.pt", make()
    state = fit.learner.state_dict()
    state["model"] = {f"backbone.{name}": value for name, value in state["model"].items()}
    loop.save_resume(path, {"fold": 0}, {**state, "history": [], "top": []})
    with pytest.raises(InputError, match="written by another version") as error:
        run(fit, path)
    assert str(path) in error.value.run


def test_of_a_thousand_flipped_bytes_of_a_resume_file_none_is_accepted(tmp_path):
    path, rng = tmp_path / "resume.pt", np.random.default_rng(0)
    loop.save_resume(path, {"fold": 0}, {"weights": torch.nn.Linear(3, 4).state_dict(), "history": [{"epoch": 1}]})
    whole = path.read_bytes()
    assert loop.load_resume(path, {"fold": 0}, CPU)["history"] == [{"epoch": 1}]
    for _ in range(1000):
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        with pytest.raises(InputError, match="does not load"):
            loop.load_resume(path, {"fold": 0}, CPU)


def test_a_loss_that_is_not_finite_names_its_photos(tmp_path):
    with pytest.raises(InputError) as error:
        run(make(lr=1e30, clip_grad=0, optimizer="sgd"), tmp_path / "resume.pt")
    assert "photo" in str(error.value)
    assert "the loss is nan" in str(error.value)


def test_predictions_do_not_depend_on_the_batch_size():
    fit = make()
    one, all_at_once = (predict(fit.learner.model, fit.val, fit.recipe, HOME, CPU, batch_size=b) for b in (4, 64))
    np.testing.assert_allclose(one, all_at_once, atol=1e-5)
    np.testing.assert_allclose(one.sum(1), 1, atol=1e-6)
    assert one.shape == (15, 18)


def test_learning_rate_schedules():
    step = dataclasses.replace(RECIPE, schedule="step", step_epochs=20, step_factor=0.5, warmup_epochs=0)
    assert [lr_factor(step, e) for e in (0, 19.9, 20, 40)] == [1, 1, 0.5, 0.25]
    cosine = dataclasses.replace(RECIPE, schedule="cosine", warmup_epochs=2, epochs=12)
    assert lr_factor(cosine, 1) == 0.5
    assert lr_factor(cosine, 2) == 1
    assert lr_factor(cosine, 12) == pytest.approx(0)
    assert all(lr_factor(cosine, e) > lr_factor(cosine, e + 0.1) for e in np.arange(2, 11.8, 0.1))


def test_accumulated_batches_step_as_one_large_batch():
    """Without batch norm, two halves of a batch give the gradient of the whole."""

    def weights(batch_size, accumulate):
        fit = make(
            model="test_vit",
            batch_size=batch_size,
            accumulate=accumulate,
            mixup=0,
            cutmix=0,
            drop_rate=0,
            augment="none",
            optimizer="sgd",
            ema_decay=0,
            warmup_epochs=0,
            schedule="constant",
        )
        train_epoch(fit.learner, fit.loader, 0, lambda count: None)
        return torch.cat([p.detach().flatten() for p in fit.learner.model.parameters()])

    torch.testing.assert_close(weights(10, 1), weights(5, 2), atol=1e-5, rtol=1e-4)


def test_frozen_epochs_move_only_the_head():
    fit = make(freeze_epochs=1, ema_decay=0)
    before = {name: value.clone() for name, value in fit.learner.model.named_parameters()}
    train_epoch(fit.learner, fit.loader, 0, lambda count: None)
    moved = {name for name, value in fit.learner.model.named_parameters() if not torch.equal(value, before[name])}
    assert moved == {"fc.weight", "fc.bias"}


def test_frozen_stages_stay_as_they_were_batch_norms_included():
    fit = make(freeze_epochs=1, freeze_stages=2, ema_decay=0)
    before = {name: value.clone() for name, value in fit.learner.model.state_dict().items()}
    train_epoch(fit.learner, fit.loader, 0, lambda count: None)
    after = fit.learner.model.state_dict()
    moved = {name.split(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved == {"layer2", "layer3", "layer4", "fc"}
    train_epoch(fit.learner, fit.loader, 1, lambda count: None)
    assert not torch.equal(fit.learner.model.state_dict()["conv1.0.weight"], before["conv1.0.weight"])


def test_the_mean_of_the_best_epochs_is_kept_only_if_it_scores_better(tmp_path):
    fit = make(epochs=4, average_best=3, mixup=0, cutmix=0, lr=3e-3)
    state = run(fit, tmp_path / "resume.pt")
    assert [kept["score"] for kept in state.top] == sorted((kept["score"] for kept in state.top), reverse=True)
    fit.learner.model.load_state_dict(state.best)
    probs = predict(fit.learner.model, fit.val, fit.recipe, HOME, CPU)
    best = max(row["macro_f1"] for row in state.history)
    assert scoring.score(HOME, fit.val.labels, probs) >= best - 1e-9


def ran_with_last(path, **changes):
    """The end of a training with best_by=last, and the weights after each of its epochs."""
    fit, after = make(best_by="last", **changes), []
    state = run(fit, path, lambda row: after.append(loop.copied_weights(fit.learner.scored)))
    return state, after


def test_last_keeps_the_last_epoch_even_if_another_scored_better(tmp_path):
    state, after = ran_with_last(tmp_path / "resume.pt", epochs=4, lr=0.03, ema_decay=0.0, schedule="constant")
    assert same(state.best, after[-1])
    assert state.best_epoch == 3
    assert not same(after[-1], after[-2])
    scores = [row["val_loss"] for row in state.history]
    assert scores[-1] > min(scores)  # so the best epoch is another one


def test_last_keeps_the_last_epoch_after_a_kill_and_resume(tmp_path):
    whole, _ = ran_with_last(tmp_path / "whole.pt", average_best=2)

    def stop(row):
        if row["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(make(best_by="last", average_best=2), tmp_path / "resume.pt", stop)
    resumed, _ = ran_with_last(tmp_path / "resume.pt", average_best=2)
    assert resumed.best_epoch == whole.best_epoch == 2
    assert same(resumed.best, whole.best)


@pytest.mark.parametrize("count", [2, 3])
def test_of_the_last_epochs_the_mean_is_kept_whatever_it_scores(tmp_path, count):
    state, after = ran_with_last(tmp_path / "resume.pt", epochs=4, average_best=count, lr=0.03, ema_decay=0.0)
    expected = loop.average_weights(after[::-1][:count])
    assert all(torch.allclose(state.best[name], value) for name, value in expected.items())
    assert not same(state.best, after[-1])
    assert state.best_epoch == 3


def test_the_mean_of_equal_weights_is_the_weights():
    state = make().learner.model.state_dict()
    assert same(loop.average_weights([state, state]), state)


@pytest.mark.parametrize("best_by", ["macro_f1", "accuracy", "val_loss"])
def test_the_best_epoch_is_the_one_of_the_chosen_score(tmp_path, best_by):
    state = run(make(best_by=best_by, lr=3e-3), tmp_path / "resume.pt")
    column = np.array([row[best_by] for row in state.history])
    assert state.best_epoch == int((column.argmin if best_by == "val_loss" else column.argmax)())


def test_every_loss_sampler_and_mix_trains_an_odd_batch(tmp_path):
    changes = dict(epochs=1, batch_size=7, head="attributes", class_weights="balanced", smoothing=0.1)
    changes |= dict(loss="cross_entropy(mask) + 0.5 f1(gender) + 2 focal(age)", sampler="balanced")
    state = run(make(halfmix=0.4, halfmix_within="age", **changes), tmp_path / "resume.pt")
    assert np.isfinite(state.history[0]["train_loss"])


def test_a_gpu_asked_for_and_not_there():
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(InputError, match="DEVICE=cuda"):
        device.choose_device("cuda")
    with pytest.raises(InputError, match="DEVICE=gpu0"):
        device.choose_device("gpu0")
    assert device.choose_device("auto") == CPU


@pytest.mark.parametrize("fastest", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("name", "side", "slow_in_bf16"),
    [
        ("resnet34", 224, ()),
        ("resnet34", 64, ()),
        ("resnet34", 32, (True, False)),
        ("vit_small_r26", 32, (True, False)),
        ("tf_efficientnet_lite0", 224, ()),
        ("tf_efficientnet_lite0", 112, (True,)),
        ("tf_efficientnet_lite0", 48, (True, False)),
    ],
)
def test_small_photos_are_computed_in_float32_on_a_cpu(name, side, slow_in_bf16, training, fastest, monkeypatch):
    """slow_in_bf16: the values of `training` for which bf16 is slow, although the machine has its instructions."""
    monkeypatch.setattr(device, "_has_fast_bf16", lambda: fastest == torch.bfloat16)
    recipe = dataclasses.replace(catalog.get_recipe(name), image_size=side)
    expected = torch.float32 if training in slow_in_bf16 else fastest
    assert device.precision(recipe, CPU, training) == expected
    assert device.precision(dataclasses.replace(recipe, amp="bf16"), CPU, training) == torch.bfloat16


def test_convolutions_are_laid_out_channels_last_and_transformers_are_not():
    assert device.memory_format(catalog.get_recipe("resnet34")) == torch.channels_last
    assert device.memory_format(catalog.get_recipe("vit_small_r26")) == torch.contiguous_format
    asked = dataclasses.replace(catalog.get_recipe("resnet34"), channels_last="off")
    assert device.memory_format(asked) == torch.contiguous_format


def test_out_of_memory_advises_the_same_steps_in_half_the_memory(tmp_path):
    def full(*args):
        raise torch.OutOfMemoryError("CUDA out of memory")

    fit = make()
    fit.learner.model.register_forward_hook(full)
    with pytest.raises(InputError, match="batch_size=4 accumulate=4"):
        run(fit, tmp_path / "resume.pt")


@pytest.mark.parametrize("place", ["torch.load", "comp.training.learner.Learner.load_state_dict"])
def test_out_of_memory_while_a_resume_file_loads_is_no_fault_of_the_file(tmp_path, monkeypatch, place):
    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    path, fit = tmp_path / "resume.pt", make()
    loop.save_resume(path, {"fold": 0}, {**fit.learner.state_dict(), "history": [], "top": []})
    monkeypatch.setattr(place, full)
    with pytest.raises(InputError, match="batch_size=4 accumulate=4"):
        run(fit, path)


def test_compiling_without_a_compiler_is_one_clear_error(tmp_path):
    def message():
        from torch._inductor import config  # may have read CXX before

        config.cpp.cxx = (None, "/nonexistent")
        with pytest.raises(InputError) as error, device.explained_device_error(RECIPE, CPU):
            torch.compile(torch.nn.GELU())(torch.zeros(3, 2))
        return str(error.value)

    said = Forked(message, CXX="/nonexistent", TORCHINDUCTOR_CACHE_DIR=str(tmp_path)).result()
    assert "No working C++ compiler" in said
    assert "expected: for a CPU a C++ compiler" in said


def test_unknown_optimizer():
    with pytest.raises(InputError, match="optimizer=sgdd"):
        make(optimizer="sgdd")
