"""The training loop: one fold of one recipe, from a model to its best epoch, resumable after any epoch.

All randomness of an epoch is a function of (seed, epoch) and is set at its start, so a run that was killed and
resumed ends with the same bits as one that was not. No argparse, no paths typed in, no terminal.
"""

import contextlib
import math
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from comp import artifacts, losses, metrics, mix
from comp.data import Batches, Order, loader, to_model
from comp.errors import InputError, listed
from comp.recipes import Recipe
from comp.tta import Probabilities

Advance = Callable[[int], None]  # told how many images are done


@dataclass
class State:
    """What a run is at the end of an epoch; `best` holds the weights of the best epoch so far."""

    epoch: int = 0
    best_score: float = -1.0
    best_epoch: int = -1
    best: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict] = field(default_factory=list)


class Fit:
    """One fold's training: build it, then `run`. Everything is chosen by the recipe."""

    def __init__(
        self, model: nn.Module, recipe: Recipe, train: Batches, val: Batches, classes: int, device: torch.device
    ):
        self.recipe, self.train, self.val, self.classes, self.device = recipe, train, val, classes, device
        self.memory_format = memory_format(recipe, device)
        self.model = model.to(device, memory_format=self.memory_format)
        self.forward = torch.compile(self.model) if recipe.compile else self.model
        self.precision = precision(recipe.amp, device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == torch.float16)
        self.optimizer = make_optimizer(self.model, recipe, device)
        self.ema = make_ema(self.model, recipe)
        counts = np.bincount(train.labels, minlength=classes)
        self.loss = losses.build(recipe.loss, torch.from_numpy(counts), recipe.smoothing, recipe.gamma)
        self.order = Order(train.labels, recipe.batch_size, recipe.sampler, recipe.seed)
        self.loader = loader(train, self.order, recipe.workers, device)
        self.state = State()

    @property
    def scored(self) -> nn.Module:
        """The weights that are scored and kept: the averaged ones where the recipe asks for them."""
        return self.ema.module if self.ema else self.model

    @property
    def done(self) -> bool:
        stale = self.state.epoch - 1 - self.state.best_epoch
        return self.state.epoch >= self.recipe.epochs or bool(0 < self.recipe.patience <= stale)

    def run(self, resume: Path, identity: dict, progress: Callable, on_epoch: Callable[[dict], None]) -> State:
        """Train to the end, from `resume` if it is there; write it after every epoch but the last.

        identity: what the file must have been made with; progress(label, total) is a context manager that yields an
        Advance; on_epoch is given each new row of the history.
        """
        if resume.is_file():
            self._load(resume, identity)
        while not self.done:
            on_epoch(self._epoch(progress))
            if not self.done:  # the caller writes the end; were it killed before that, one epoch is done again
                self._save(resume, identity)
        return self.state

    def _epoch(self, progress: Callable) -> dict:
        epoch, began = self.state.epoch, time.monotonic()
        torch.manual_seed(self.recipe.seed * 1_000_003 + epoch)  # dropout and stochastic depth
        with progress(f"epoch {epoch + 1}/{self.recipe.epochs}", len(self.train.labels)) as advance:
            train_loss = self._train(epoch, advance)
        trained = time.monotonic() - began
        probs = predict(self.scored, self.val, self.recipe, self.device)
        scores = metrics.scores(self.val.labels, probs)
        row = {
            "epoch": epoch + 1,
            "train_loss": train_loss,
            "val_loss": float(-np.log(probs[np.arange(len(probs)), self.val.labels].clip(1e-7)).mean()),
            **scores,
            "lr": self.recipe.lr * lr_factor(self.recipe, epoch + 1e-9),
            "seconds": time.monotonic() - began,
            "images_per_second": len(self.train.labels) / trained,
        }
        self.state.history.append(row)
        if scores["macro_f1"] > self.state.best_score:
            self.state.best_score, self.state.best_epoch = scores["macro_f1"], epoch
            self.state.best = {name: value.detach().cpu().clone() for name, value in self.scored.state_dict().items()}
        self.state.epoch += 1
        return row

    def _train(self, epoch: int, advance: Advance) -> float:
        """One pass; the mean loss. Losses are looked at once, at the end: reading one a step would stall a GPU."""
        self.order.epoch = epoch
        freeze(self.model, epoch < self.recipe.freeze_epochs)
        self.model.train()
        batches, seen, values = len(self.order), [], []
        for i, (pixels, labels, positions) in enumerate(self.loader):
            self._set_lr(epoch + i / batches)
            group = min(self.recipe.accumulate, batches - i + i % self.recipe.accumulate)
            with explain_out_of_memory(self.recipe, self.device):
                loss = self._backward(pixels, labels, epoch, i, group)
            values.append(loss.detach())
            seen.append(positions)
            if (i + 1) % self.recipe.accumulate == 0 or i + 1 == batches:
                self._step(epoch, i, batches)
            advance(len(labels))
        return self._mean_loss(torch.stack(values).cpu(), seen)

    def _backward(self, pixels: Tensor, labels: Tensor, epoch: int, batch: int, group: int) -> Tensor:
        recipe = self.recipe
        images = to_model(pixels, recipe.mean, recipe.std, self.device)
        targets = losses.one_hot(labels.to(self.device), self.classes)
        shares = {"mixup": recipe.mixup, "cutmix": recipe.cutmix, "halfmix": recipe.halfmix}
        rng = np.random.default_rng([recipe.seed, epoch, batch])
        images, targets = mix.mix(images, targets, shares, recipe.mix_alpha, rng)
        with autocast(self.precision, self.device):
            logits = self.forward(images.contiguous(memory_format=self.memory_format))
        loss = self.loss(logits, targets)
        self.scaler.scale(loss / group).backward()
        return loss

    def _step(self, epoch: int, batch: int, batches: int) -> None:
        if self.recipe.clip_grad:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_grad)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.ema:
            self.ema.update(self.model, step=epoch * batches + batch)

    def _set_lr(self, epoch: float) -> None:
        for group in self.optimizer.param_groups:  # lr_scale: timm's layer decay
            group["lr"] = self.recipe.lr * lr_factor(self.recipe, epoch) * group.get("lr_scale", 1.0)

    def _mean_loss(self, values: Tensor, seen: list[Tensor]) -> float:
        bad = (~values.isfinite()).nonzero()
        if len(bad):
            rows = self.train.rows[seen[int(bad[0])].numpy()]
            raise InputError(
                f"the loss is {float(values[bad[0]]):g} in epoch {self.state.epoch + 1}, first in the batch of:"
                + listed(self.train.photos.images[row] for row in rows),
                "a finite loss",
                "look at those photos; or lower lr, set clip_grad=1, or amp=off (under another RUN)",
            )
        return float(np.average(values.numpy(), weights=[len(positions) for positions in seen]))

    def _save(self, path: Path, identity: dict) -> None:
        everything = {
            "identity": identity,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "ema": self.ema.module.state_dict() if self.ema else {},
            **vars(self.state),
        }
        with artifacts.replacing(path) as temporary:
            torch.save(everything, temporary)

    def _load(self, path: Path, identity: dict) -> None:
        remedy = f"rm {path}, and the fold starts anew"
        try:
            saved = torch.load(path, map_location=self.device, weights_only=True)
            found = saved.pop("identity")
        except (OSError, RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError, TypeError) as error:
            raise InputError(
                f"{path} does not load: {str(error).splitlines()[0]}", "the end of an epoch", remedy
            ) from None
        if found != identity:
            raise InputError(f"{path} was made with {found}", f"{identity}", remedy)
        self.model.load_state_dict(saved.pop("model"))
        self.optimizer.load_state_dict(saved.pop("optimizer"))
        self.scaler.load_state_dict(saved.pop("scaler"))
        ema = saved.pop("ema")
        if self.ema:
            self.ema.module.load_state_dict(ema)
        self.state = State(**saved)
        self.state.best = {name: value.cpu() for name, value in self.state.best.items()}


def predict(
    model: nn.Module,
    batches: Batches,
    recipe: Recipe,
    device: torch.device,
    batch_size: int = 0,
    advance: Advance = lambda count: None,
    wrap: Callable[[nn.Module], nn.Module] = Probabilities,
) -> np.ndarray:
    """Probabilities (N, C) float32 of every row in its order, no batch dropped; `wrap` makes logits probabilities.

    batch_size 0: four times that of training, which fits as no layer's output is kept for a backward pass.
    """
    model.eval()
    probabilities = wrap(model)
    order = Order(batches.labels, batch_size or 4 * recipe.batch_size, "none", 0)
    half = precision(recipe.amp, device)
    layout = memory_format(recipe, device)
    parts = []
    with torch.inference_mode(), explain_out_of_memory(recipe, device):
        for pixels, labels, _ in loader(batches, order, recipe.workers, device):
            images = to_model(pixels, recipe.mean, recipe.std, device).contiguous(memory_format=layout)
            with autocast(half, device):
                parts.append(probabilities(images).float())
            advance(len(labels))
    probs = torch.cat(parts).double().cpu().numpy()
    return (probs / probs.sum(1, keepdims=True)).astype(np.float32)


def lr_factor(recipe: Recipe, epoch: float) -> float:
    """The learning rate at a (fractional) epoch as a share of `lr`; a pure function, so that resuming is exact."""
    if epoch < recipe.warmup_epochs:
        return max(epoch, 1e-3) / recipe.warmup_epochs
    if recipe.schedule == "step":
        return recipe.step_factor ** (int(epoch) // recipe.step_epochs)
    if recipe.schedule == "constant":
        return 1.0
    done = (epoch - recipe.warmup_epochs) / max(recipe.epochs - recipe.warmup_epochs, 1e-9)
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


_FUSED = ("adam", "adamw", "sgd")  # one kernel a step instead of one a tensor; CPUs have it too


def make_optimizer(model: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    """timm's optimizer of that name, without weight decay on biases and norms, with its layer decay."""
    from timm.optim import create_optimizer_v2

    model = getattr(model, "backbone", model)
    options = {"fused": True} if device.type in ("cpu", "cuda") and recipe.optimizer in _FUSED else {}
    name = "momentum" if recipe.optimizer == "sgd" else recipe.optimizer  # timm's "sgd" means Nesterov
    decay = recipe.layer_decay if recipe.layer_decay < 1 else None
    try:
        return create_optimizer_v2(
            model,
            opt=name,
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
            layer_decay=decay,
            **options,
        )
    except (ValueError, AssertionError, KeyError) as error:
        raise InputError(
            f"optimizer={recipe.optimizer}: {error}", "an optimizer of timm, such as sgd, adam, adamw"
        ) from None


def make_ema(model: nn.Module, recipe: Recipe):
    """timm's ModelEmaV3 with its warm-up (a plain 0.999 would still hold the initial weights after an epoch)."""
    if not recipe.ema_decay:
        return None
    from timm.utils import ModelEmaV3

    return ModelEmaV3(model, decay=recipe.ema_decay, use_warmup=True)


def freeze(model: nn.Module, frozen: bool) -> None:
    """Let only the head learn (frozen) or everything."""
    model = getattr(model, "backbone", model)
    for parameter in model.parameters():
        parameter.requires_grad_(not frozen)
    for parameter in model.get_classifier().parameters():
        parameter.requires_grad_(True)


def choose_device(name: str) -> torch.device:
    """ "auto" is the first GPU, else the CPU; InputError where a device is asked for that is not there."""
    if name == "auto":
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"DEVICE={name}", "auto, cpu, cuda, cuda:1, mps") from None
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (device.index or 0) >= there.get(device.type, 0):
        raise InputError(
            f"DEVICE={name}, but this machine has {there.get(device.type, 0)} such device(s)",
            "a device that is there",
            "the same command with DEVICE=auto (nvidia-smi shows what the driver sees)",
        )
    return device


def precision(amp: str, device: torch.device) -> torch.dtype:
    """The compute type: bf16 where the hardware has it (CPUs too: twice as fast), else fp16 on a GPU, else fp32."""
    if amp in ("bf16", "fp16"):
        return {"bf16": torch.bfloat16, "fp16": torch.float16}[amp]
    if amp == "off":
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported() and _fast_cpu_bf16():
        return torch.bfloat16
    return torch.float32


def _fast_cpu_bf16() -> bool:
    """oneDNN also emulates bf16, slowly; only these instructions make it worth it."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def autocast(dtype: torch.dtype, device: torch.device):
    """torch.autocast to `dtype`, or nothing for float32."""
    return contextlib.nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def memory_format(recipe: Recipe, device: torch.device) -> torch.memory_format:
    """channels_last where it was measured to help: convolutions on a GPU; on a CPU only plain resnets (1.3 times)."""
    convolutional = not any(part in recipe.model for part in ("vit", "deit", "swin", "beit", "mixer"))
    auto = recipe.model.startswith("resnet") if device.type == "cpu" else convolutional
    wanted = auto if recipe.channels_last == "auto" else recipe.channels_last == "on"
    return torch.channels_last if wanted else torch.contiguous_format


@contextlib.contextmanager
def explain_out_of_memory(recipe: Recipe, device: torch.device):
    """Turn a GPU's out-of-memory error into advice that keeps the effective batch."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        half = max(recipe.batch_size // 2, 1)
        raise InputError(
            f"{device} is out of memory at batch_size={recipe.batch_size}, image_size={recipe.image_size}",
            "a batch that fits",
            f'SET="batch_size={half} accumulate={recipe.accumulate * 2}" RUN=<name>: the same steps in half the memory',
        ) from error
