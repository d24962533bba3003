"""The training loop: one fold of one recipe, from a model to its best epoch, resumable after any epoch.

All randomness of an epoch is a function of (seed, epoch) and is set at its start, so a run that was killed and
resumed ends with the same bits as one that was not. No argparse, no paths typed in, no terminal.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from comp.competition import metrics
from comp.data import batch_augment
from comp.data.batches import Batches, Order, loader, to_model, worker_count
from comp.errors import InputError, listed
from comp.hardware import processes
from comp.hardware.device import autocast, explained, memory_format, precision
from comp.prediction.predict import Advance, predict
from comp.recipes.recipe import Recipe
from comp.training import losses, mix, optim, resume
from comp.training.epochs import Epochs, average

LOOK_EVERY = 64  # steps between two looks at the losses: reading each would stall a GPU, never would waste an epoch


class Fit:
    """One fold's training: build it, then `run`. Everything is chosen by the recipe.

    attributes: name to the value of each class (C,), for losses and mixing that know of them.
    """

    def __init__(
        self, model: nn.Module, recipe: Recipe, train: Batches, val: Batches, attributes: dict, device: torch.device
    ):
        self.recipe, self.train, self.val, self.device, self.attributes = recipe, train, val, device, attributes
        self.classes = len(next(iter(attributes.values())))
        self.memory_format = memory_format(recipe)
        self.model = model.to(device, memory_format=self.memory_format)
        self.forward = processes.wrap(self.model, device, unused=recipe.freeze_epochs > 0)
        self.forward = torch.compile(self.forward) if recipe.compile else self.forward
        self.precision = precision(recipe, device, training=True)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == torch.float16)
        self.optimizer = optim.make_optimizer(self.model, recipe, device)
        self.ema = optim.make_ema(self.model, recipe)
        counts = np.bincount(train.labels, minlength=self.classes)
        self.loss = losses.build(recipe, torch.from_numpy(counts).to(device), attributes)
        self.order = Order(train.labels, recipe.batch_size, recipe.sampler, recipe.seed, train.units)
        self.loader = loader(train, self.order, recipe.workers, device)
        self.epochs = Epochs()

    @property
    def scored(self) -> nn.Module:
        """The weights that are scored and kept: the averaged ones where the recipe asks for them."""
        return self.ema.module if self.ema else self.model

    @property
    def done(self) -> bool:
        if not self.epochs.count:
            return False
        return self.epochs.count >= self.recipe.epochs or 0 < self.recipe.patience <= self.epochs.stale

    @property
    def chosen(self) -> dict:
        """What `auto` became on this device, for the terminal and the record."""
        return {
            "device": str(self.device),
            "processes": processes.world(),
            "precision": str(self.precision).removeprefix("torch."),
            "memory_format": str(self.memory_format).removeprefix("torch."),
            "optimizer": self.recipe.optimizer + (" (fused)" if optim.is_fused(self.recipe, self.device) else ""),
            "compile": self.recipe.compile,
            "workers": worker_count(self.recipe.workers, self.train, self.device),
        }

    def run(self, path: Path, identity: dict, progress: Callable, on_epoch: Callable[[dict], None]) -> Epochs:
        """Train to the end, from the resume file at `path` if it is there; write it after every epoch but the last.

        identity: what the file must have been made with; progress(label, total) is a context manager that yields an
        Advance; on_epoch is given each new row of the history.
        """
        if path.is_file():
            self._load(path, identity)
        while not self.done:
            on_epoch(self._epoch(progress))
            if not self.done:  # the caller writes the end; were it killed before that, one epoch is done again
                self._save(path, identity)
        if self.recipe.average_best > 1:
            self._average()
        return self.epochs

    def _epoch(self, progress: Callable) -> dict:
        epoch, began = self.epochs.count, time.monotonic()
        # dropout and stochastic depth
        torch.manual_seed(self.recipe.seed * 1_000_003 + epoch + processes.rank() * 7919)
        with progress(f"epoch {epoch + 1}/{self.recipe.epochs}", len(self.order.rows())) as advance:
            train_loss, waited = self._train(epoch, advance)
        trained = time.monotonic() - began
        scores = self._scores()
        row = {
            "epoch": epoch + 1,
            "train_loss": train_loss,
            **scores,
            "lr": self.recipe.lr * optim.lr_factor(self.recipe, epoch + 1e-9),
            "seconds": time.monotonic() - began,
            "images_per_second": len(self.order.rows()) / trained,
            "waiting": waited / trained,
        }
        self.epochs.end(row, self._goodness(scores), self.scored, self.recipe.average_best)
        return row

    def _scores(self) -> dict:
        """val_loss and the metrics of the scored weights over every held-out row."""
        processes.same_everywhere(self.scored)
        probs = predict(self.scored, self.val, self.recipe, self.device)
        return {"val_loss": metrics.log_loss(self.val.labels, probs), **metrics.scores(self.val.labels, probs)}

    def _goodness(self, scores: dict) -> float:
        """The score that the recipe chooses epochs by; higher is better."""
        return -scores["val_loss"] if self.recipe.best_by == "val_loss" else scores[self.recipe.best_by]

    def _average(self) -> None:
        """Put the mean of the best epochs' weights in the first place if it scores better than each of them."""
        weights = average([kept["weights"] for kept in self.epochs.top])
        self.scored.load_state_dict(weights)
        score = self._goodness(self._scores())
        if score > self.epochs.top[0]["score"]:
            self.epochs.put_first(score, weights)

    def _train(self, epoch: int, advance: Advance) -> tuple[float, float]:
        """One pass; the mean loss, and the seconds spent waiting for data."""
        self.order.epoch = epoch
        self.model.train()
        optim.freeze(self.model, self._frozen_stages(epoch))
        batches, seen, values, waited = len(self.order), [], [], 0.0
        source = iter(self.loader)
        for i in range(batches):
            asked = time.monotonic()
            pixels, labels, positions = next(source)
            waited += time.monotonic() - asked
            self._set_lr(epoch + i / batches)
            group = min(self.recipe.accumulate, batches - i + i % self.recipe.accumulate)
            stepping = (i + 1) % self.recipe.accumulate == 0 or i + 1 == batches
            with explained(self.recipe, self.device):
                with processes.without_sync(self.forward, not stepping):
                    values.append(self._backward((pixels, labels, positions), epoch, i, group))
                seen.append(positions)
                if stepping:
                    self._step(epoch, i, batches)
            if (i + 1) % LOOK_EVERY == 0:
                self._check_finite(values, seen)
            advance(len(labels) * processes.world())
        self._check_finite(values, seen)
        sizes = [len(positions) for positions in seen]
        return processes.mean(float(np.average(torch.stack(values).cpu().numpy(), weights=sizes))), waited

    def _frozen_stages(self, epoch: int) -> int:
        if epoch >= self.recipe.freeze_epochs:
            return 0
        return self.recipe.freeze_stages or -1

    def _backward(self, loaded: tuple[Tensor, Tensor, Tensor], epoch: int, batch: int, group: int) -> Tensor:
        recipe, (pixels, labels, positions) = self.recipe, loaded
        images = to_model(pixels, recipe.mean, recipe.std, self.device)
        if recipe.augment == batch_augment.NAME:
            images = batch_augment.augmented(images, recipe.seed, epoch, self.train.rows[positions.numpy()])
        targets = losses.one_hot(labels.to(self.device, non_blocking=True), self.classes)
        shares = {"mixup": recipe.mixup, "cutmix": recipe.cutmix, "halfmix": recipe.halfmix}
        rng = np.random.default_rng([recipe.seed, epoch, batch, processes.rank()])
        groups = self.attributes[recipe.halfmix_within][labels.numpy()] if recipe.halfmix_within else None
        images, targets = mix.mix(images, targets, shares, recipe.mix_alpha, rng, groups)
        with autocast(self.precision, self.device):
            logits = self.forward(images.contiguous(memory_format=self.memory_format))
        loss = self.loss(logits, targets)
        self.scaler.scale(loss / group).backward()
        return loss.detach()

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
            group["lr"] = self.recipe.lr * optim.lr_factor(self.recipe, epoch) * group.get("lr_scale", 1.0)

    def _check_finite(self, values: list[Tensor], seen: list[Tensor]) -> None:
        """Raise InputError with the photos of the first batch whose loss is not finite."""
        bad = (~torch.stack(values).isfinite()).nonzero().flatten().cpu()
        if not len(bad):
            return
        rows = self.train.rows[seen[int(bad[0])].numpy()]
        kept = f"; epoch {self.epochs.count} is kept in resume.pt" if self.epochs.count else ""
        raise InputError(
            f"the loss is {float(values[int(bad[0])]):g} in epoch {self.epochs.count + 1}{kept}, first in the batch of:"
            + listed(self.train.photos.images[row] for row in rows),
            "a finite loss",
            "look at those photos; or lower lr, set clip_grad=1, or amp=off (under another RUN)",
        )

    def _save(self, path: Path, identity: dict) -> None:
        if processes.rank() == 0:
            content = {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.scaler.state_dict(),
                "ema": self.ema.module.state_dict() if self.ema else {},
                **vars(self.epochs),
            }
            resume.save(path, identity, content)
        processes.wait()

    def _load(self, path: Path, identity: dict) -> None:
        saved = resume.load(path, identity, self.device)
        self.model.load_state_dict(saved.pop("model"))
        self.optimizer.load_state_dict(saved.pop("optimizer"))
        self.scaler.load_state_dict(saved.pop("scaler"))
        ema = saved.pop("ema")
        if self.ema:
            self.ema.module.load_state_dict(ema)
        self.epochs = Epochs(**saved)
        for kept in self.epochs.top:
            kept["weights"] = {name: value.cpu() for name, value in kept["weights"].items()}
