"""What learns: a model with its loss, optimizer, averaged weights and number format, one batch at a time."""

import numpy as np
import torch
from torch import Tensor, nn

from comp.competition.competition import Competition
from comp.data import batch_augment
from comp.data.batches import Batches, to_model
from comp.hardware import processes
from comp.hardware.precision import autocast, memory_format, precision
from comp.models import heads
from comp.recipes.recipe import Recipe
from comp.training import checkpointing, freezing, losses, mix, optim
from comp.training.auxiliary_heads import WithAuxiliary, targets_of


class Learner:
    """Forward, backward and step of a recipe's training on one device.

    rows: the training rows, whose labels the loss counts and whose numbers seed the batch augmentation.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, rows: Batches, competition: Competition, device: torch.device):
        self.recipe, self.rows, self.device = recipe, rows, device
        self.memory_format = memory_format(recipe)
        self.model = model.to(device, memory_format=self.memory_format)
        if freezing.always(recipe):  # the optimizer and the exchange between processes then leave the frozen part out
            freezing.freeze_for(self.model, recipe, 0)
        checkpointing.switch_on(self.model, recipe)
        self.auxiliary = WithAuxiliary(self.model, rows.auxiliary).to(device) if rows.auxiliary else None
        self.trained = self.auxiliary or self.model
        self.forward = processes.wrap(self.trained, device, unused=recipe.freeze_epochs > 0)
        self.forward = torch.compile(self.forward) if recipe.compile else self.forward
        self.precision = precision(recipe, device, training=True)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == torch.float16)
        self.optimizer = optim.make_optimizer(self.model, recipe, device)
        if self.auxiliary:
            self.optimizer.add_param_group({"params": list(self.auxiliary.heads.parameters())})
        self.ema = optim.make_ema(self.model, recipe)
        self.head = heads.build(recipe, competition)
        self.loss = losses.build(recipe, rows.labels[: rows.labelled], competition, device)
        self.attribute_values = competition.attribute_values

    @property
    def scored(self) -> nn.Module:
        """The weights that are scored and kept: the averaged ones where the recipe asks for them."""
        return self.ema.module if self.ema else self.model

    def start_epoch(self, epoch: int) -> None:
        """Training mode, with the parts frozen that the recipe freezes in this epoch."""
        self.model.train()
        freezing.freeze_for(self.model, self.recipe, epoch)

    def set_lr(self, epoch: float) -> None:
        """The learning rate at a (fractional) epoch."""
        for group in self.optimizer.param_groups:  # lr_scale: timm's layer decay
            group["lr"] = self.recipe.lr * optim.lr_factor(self.recipe, epoch) * group.get("lr_scale", 1.0)

    def backward(self, loaded: tuple[Tensor, Tensor, Tensor], epoch: int, batch: int, group: int, sync: bool) -> Tensor:
        """Add the gradients of one batch (pixels, labels, positions); its loss.

        group: how many batches make this step; sync: exchange gradients between processes now.
        """
        with processes.without_sync(self.forward, not sync):
            images, targets = self._mixed(loaded, epoch, batch)
            with autocast(self.precision, self.device):
                outputs = self.forward(images.contiguous(memory_format=self.memory_format))
            loss = self._loss(outputs, targets)
            self.scaler.scale(loss / group).backward()
        return loss.detach()

    def _mixed(self, loaded: tuple[Tensor, Tensor, Tensor], epoch: int, batch: int) -> tuple[Tensor, Tensor]:
        """Images (B, 3, H, W) and training targets (B, T) on the device, augmented and mixed."""
        recipe, (pixels, labels, positions) = self.recipe, loaded
        images = to_model(pixels, recipe.mean, recipe.std, self.device)
        if recipe.augment == batch_augment.NAME:
            images = batch_augment.augmented(images, recipe.seed, epoch, self.rows.rows[positions.numpy()])
        targets = self._targets(labels, positions)
        if self.auxiliary:
            further = targets_of(self.rows.auxiliary, positions.numpy(), self.device)
            targets = torch.cat([targets, further], 1)
        rng = np.random.default_rng([recipe.seed, epoch, batch, processes.rank()])
        groups = self.attribute_values[recipe.halfmix_within][labels.numpy()] if recipe.halfmix_within else None
        return mix.mix(images, targets, mix.shares(recipe), recipe.mix_alpha, rng, groups)

    def _loss(self, outputs, targets: Tensor) -> Tensor:
        """The recipe's loss, and with auxiliary heads theirs: their targets are the last columns."""
        if not self.auxiliary:
            return self.loss(outputs, targets)
        outputs, further = outputs
        own = targets.shape[1] - sum(self.auxiliary.widths)
        return self.loss(outputs, targets[:, :own]) + self.auxiliary.loss(further, targets[:, own:])

    def _targets(self, labels: Tensor, positions: Tensor) -> Tensor:
        """The training targets (B, T) of a batch: of its soft labels where the recipe softens them."""
        if self.rows.soft is None:
            return self.head.targets(labels.to(self.device, non_blocking=True))
        soft = torch.from_numpy(self.rows.soft[positions.numpy()])
        return self.head.spread(soft.to(self.device, non_blocking=True))

    def step(self, number: int) -> None:
        """Move the weights by the gradients. number: of the batch since the start, which the EMA's warm-up follows."""
        if self.recipe.clip_grad:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.trained.parameters(), self.recipe.clip_grad)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.ema:
            self.ema.update(self.model, step=number)

    def state_dict(self) -> dict:
        """All that a resumed training needs of the learner."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "ema": self.ema.module.state_dict() if self.ema else {},
            "auxiliary": self.auxiliary.heads.state_dict() if self.auxiliary else {},
        }

    def load_state_dict(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.auxiliary:
            self.auxiliary.heads.load_state_dict(state["auxiliary"])
        self.scaler.load_state_dict(state["scaler"])
        if self.ema:
            self.ema.module.load_state_dict(state["ema"])
