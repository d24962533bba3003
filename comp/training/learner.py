"""What learns: a model with its loss, optimizer, averaged weights (EMA) and number format, one batch at a time.

`Learner`, at the end, does the work of a batch. Before it are three parts of it that a recipe may switch on:
- frozen parts: weights, and the statistics of batch norms, that stay as they are. A frozen first part needs no backward
  pass: autograd keeps nothing of layers before the first weight that learns.
- gradient checkpointing: autograd keeps the outputs of few layers and computes the others again in the backward pass
  (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"). A step takes about a third longer; the numbers
  stay the same.
- auxiliary heads: small heads for further targets, on the features that the classifier gets (multi-task learning,
  Caruana 1997). They steer the backbone in training only: they are not saved, and predict nothing.

Letters: B batch, T training targets, F features, A columns of auxiliary targets, V values of one of them.
"""

import numpy as np
import torch
from torch import Tensor, nn

from comp.competition.auxiliary_targets import Auxiliary
from comp.competition.competition import Competition
from comp.data import augment
from comp.data.batches import Batches, to_model
from comp.errors import InputError
from comp.hardware import processes
from comp.hardware.device import autocast, memory_format, precision
from comp.models import factory, heads
from comp.recipes.recipe_settings import Recipe
from comp.training import losses, mixing, optimizers
from comp.training.optimizers import backbone

# ---- frozen parts


def freeze_always(recipe: Recipe) -> bool:
    """Whether the frozen part is frozen for the whole training."""
    return recipe.freeze_epochs < 0 or recipe.freeze_epochs >= recipe.epochs


def freeze_for_epoch(model: nn.Module, recipe: Recipe, epoch: int) -> None:
    """Freeze what the recipe freezes in this epoch (from 0), and unfreeze the rest. Call it after `model.train()`."""
    frozen = freeze_always(recipe) or epoch < recipe.freeze_epochs
    freeze_parts(model, recipe.freeze_stages if frozen else None)


def freeze_parts(model: nn.Module, stages: int | None) -> None:
    """Freeze the first `stages` stages, of which the stem is the first; 0: all but the classifier; None: nothing.

    A negative number counts from the end: -2 freezes all but the last two stages and the head. The head is timm's last
    group: the classifier, and often a norm or an attention pool before it. Classifiers are never frozen.
    Stages are timm's own (`group_matcher(coarse=True)`: stem, stages or blocks, norm and head), or the model's parts in
    their order if timm gives none. Batch norms of frozen stages keep their statistics too, so call this after
    `model.train()`.
    """
    model = backbone(model)
    head = {id(parameter) for parameter in factory.classifier_parameters(model)}
    frozen = _frozen_names(model, stages)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen or id(parameter) in head)
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        if hasattr(module, "running_var") and own and not any(p.requires_grad for p in own):
            module.eval()


def _frozen_names(model: nn.Module, stages: int | None) -> set[str]:
    if stages is None:
        return set()
    if stages == 0:
        return {name for name, _ in model.named_parameters()}
    groups = _stages(model)
    count = stages if stages > 0 else max(len(groups) - 1 + stages, 0)
    return {name for group in groups[:count] for name in group}


def _stages(model: nn.Module) -> list[list[str]]:
    """The names of the parameters of each stage, in the order of the stages."""
    if not hasattr(model, "group_matcher"):
        return [
            [f"{part}.{name}" if name else part for name, _ in child.named_parameters()]
            for part, child in model.named_children()
        ]
    from timm.models import group_parameters

    groups = group_parameters(model, model.group_matcher(coarse=True))
    return [groups[group] for group in sorted(groups)]


# ---- gradient checkpointing


def switch_on_gradient_checkpointing(model: nn.Module, recipe: Recipe) -> None:
    """Switch on timm's gradient checkpointing if the recipe asks for it; InputError for a model that has none."""
    if not recipe.checkpointing:
        return
    try:
        backbone(model).set_grad_checkpointing(True)
    except (AttributeError, AssertionError, NotImplementedError):
        raise InputError(
            f"checkpointing=true: {recipe.model} has no gradient checkpointing in timm",
            "checkpointing=false; a smaller batch_size with more accumulate needs less memory too",
            f'the same command with SET="checkpointing=false batch_size={max(recipe.batch_size // 2, 1)} '
            f'accumulate={2 * recipe.accumulate}" RUN=<name>',
        ) from None
    for module in model.modules():
        if getattr(module, "track_running_stats", False):  # batch norms see each batch twice
            module.register_forward_pre_hook(_before_recomputing)
            module.register_forward_hook(_after_recomputing, always_call=True)  # torch ends recomputing by an exception


def _recomputing(norm: nn.Module) -> bool:
    """Whether this is the second forward pass, within the backward pass; torch has no public name for this."""
    return norm.training and torch._C._current_graph_task_id() != -1


def _before_recomputing(norm: nn.Module, _) -> None:
    if _recomputing(norm):
        norm.first_momentum, norm.momentum = norm.momentum, 0.0  # the statistics stay as they are


def _after_recomputing(norm: nn.Module, _, outputs) -> None:
    if _recomputing(norm):
        norm.momentum = norm.first_momentum
        norm.num_batches_tracked.sub_(1)


# ---- auxiliary heads


class WithAuxiliary(nn.Module):
    """A model with a linear head for each auxiliary column; its forward gives the model's outputs and the heads'.

    Raises InputError for a model whose classifier is not a linear layer, because its features are then not known.
    """

    def __init__(self, model: nn.Module, columns: list[Auxiliary]):
        super().__init__()
        self.model, self.columns = model, columns
        classifier = classifier_of(model)
        size = classifier.weight.shape[1]
        self.heads = nn.ModuleList(nn.Linear(size, column.outputs) for column in columns)
        classifier.register_forward_pre_hook(self._keep)

    def _keep(self, classifier: nn.Module, inputs: tuple) -> None:
        self.features = inputs[0]

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """images (B, 3, H, W)."""
        outputs = self.model(images)
        features = self.features.flatten(2).mean(2) if self.features.ndim == 4 else self.features  # (B, F)
        del self.features  # it would keep the graph of this batch in memory
        return outputs, [head(features) for head in self.heads]

    @property
    def widths(self) -> list[int]:
        """How many columns of targets each auxiliary column has; they sum to A."""
        return [column.values.shape[1] for column in self.columns]

    def loss(self, outputs: list[Tensor], targets: Tensor) -> Tensor:
        """The weighted sum over columns. targets (B, A): the columns' targets side by side, perhaps mixed."""
        parts = zip(self.columns, outputs, targets.split(self.widths, 1), strict=True)
        return sum(
            column.weight * (number_loss if column.is_number else category_loss)(output.float(), target)
            for column, output, target in parts
        )


def number_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error of (B, 1) over the rows whose number is known; targets (B, 2): number x known, known."""
    number, known = targets.unbind(1)
    error = (outputs[:, 0] - number / known.clamp_min(1e-12)) ** 2
    return (known * error).sum() / known.sum().clamp_min(1e-12)


def category_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy of (B, V) logits over the rows whose category is known; targets (B, V)."""
    return -(targets * outputs.log_softmax(1)).sum() / targets.sum().clamp_min(1e-12)


def classifier_of(model: nn.Module) -> nn.Module:
    """The last linear layer of a model; its inputs are the features."""
    classifiers = factory.classifier_modules(backbone(model))
    if not classifiers or not isinstance(classifiers[0], (nn.Linear, nn.Conv2d)):
        raise InputError(
            f"the classifier of this model is {classifiers[0] if classifiers else 'not known'}, not a linear layer",
            "a model whose classifier is a linear layer, for auxiliary targets",
            "the same command without auxiliary in SET, or another MODEL, with RUN=<name>",
        )
    return classifiers[0]


def targets_of(columns: list[Auxiliary], positions, device: torch.device) -> Tensor:
    """The targets (B, A) of all columns side by side, for these positions (B,) of the training rows."""
    return torch.cat([torch.from_numpy(column.values[positions]) for column in columns], 1).to(device)


# ---- the work of a batch


class Learner:
    """Forward, backward and step of a recipe's training on one device.

    rows: the training rows; the loss counts their labels, and their numbers seed the augmentation of batches.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, rows: Batches, competition: Competition, device: torch.device):
        self.recipe, self.rows, self.device = recipe, rows, device
        self.memory_format = memory_format(recipe)
        self.model = model.to(device, memory_format=self.memory_format)
        if freeze_always(recipe):  # the optimizer and the exchange between processes then leave the frozen part out
            freeze_for_epoch(self.model, recipe, 0)
        switch_on_gradient_checkpointing(self.model, recipe)
        self.auxiliary = WithAuxiliary(self.model, rows.auxiliary).to(device) if rows.auxiliary else None
        self.trained = self.auxiliary or self.model
        self.forward = processes.wrap(self.trained, device, unused=recipe.freeze_epochs > 0)
        self.forward = torch.compile(self.forward) if recipe.compile else self.forward
        self.precision = precision(recipe, device, training=True)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == torch.float16)
        self.optimizer = optimizers.make_optimizer(self.model, recipe, device)
        if self.auxiliary:
            self.optimizer.add_param_group({"params": list(self.auxiliary.heads.parameters())})
        self.ema = optimizers.make_ema(self.model, recipe)
        self.head = heads.build_head(recipe, competition)
        self.loss = losses.build_loss(recipe, rows.labels[: rows.labelled], competition, device)
        self.attribute_values = competition.attribute_values

    @property
    def scored(self) -> nn.Module:
        """The model whose weights are scored and kept: the averaged ones if the recipe asks for them."""
        return self.ema.module if self.ema else self.model

    def start_epoch(self, epoch: int) -> None:
        """Training mode, with the parts frozen that the recipe freezes in this epoch."""
        self.model.train()
        freeze_for_epoch(self.model, self.recipe, epoch)

    def set_lr(self, epoch: float) -> None:
        """Set the learning rate of a (fractional) epoch."""
        for group in self.optimizer.param_groups:  # lr_scale: timm's layer decay
            group["lr"] = self.recipe.lr * optimizers.lr_factor(self.recipe, epoch) * group.get("lr_scale", 1.0)

    def backward(self, loaded: tuple[Tensor, Tensor, Tensor], epoch: int, batch: int, group: int, sync: bool) -> Tensor:
        """Add the gradients of one batch (pixels, labels, positions), and return its loss.

        epoch, batch: their numbers from 0, which seed the mixing. group: how many batches make this step.
        sync: whether processes exchange their gradients now.
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
        if recipe.augment == augment.BATCH:
            images = augment.augmented_batch(images, recipe.seed, epoch, self.rows.rows[positions.numpy()])
        targets = self._targets(labels, positions)
        if self.auxiliary:
            further = targets_of(self.rows.auxiliary, positions.numpy(), self.device)
            targets = torch.cat([targets, further], 1)
        rng = np.random.default_rng([recipe.seed, epoch, batch, processes.rank()])
        groups = self.attribute_values[recipe.halfmix_within][labels.numpy()] if recipe.halfmix_within else None
        return mixing.mix(images, targets, mixing.shares(recipe), recipe.mix_alpha, rng, groups)

    def _loss(self, outputs, targets: Tensor) -> Tensor:
        """The recipe's loss, plus that of the auxiliary heads, whose targets are the last columns."""
        if not self.auxiliary:
            return self.loss(outputs, targets)
        outputs, auxiliary_outputs = outputs
        own = targets.shape[1] - sum(self.auxiliary.widths)
        return self.loss(outputs, targets[:, :own]) + self.auxiliary.loss(auxiliary_outputs, targets[:, own:])

    def _targets(self, labels: Tensor, positions: Tensor) -> Tensor:
        """The training targets (B, T) of a batch, from its soft labels if the recipe softens them."""
        if self.rows.soft is None:
            return self.head.targets(labels.to(self.device, non_blocking=True))
        soft = torch.from_numpy(self.rows.soft[positions.numpy()])
        return self.head.spread(soft.to(self.device, non_blocking=True))

    def step(self, number: int) -> None:
        """Move the weights by the gradients. number: of the batch since the start; the EMA's warm-up depends on it."""
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
