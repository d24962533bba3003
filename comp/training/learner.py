"""Train a model one batch at a time, with its loss, optimizer, averaged weights (EMA) and number format.

`Learner`, at the end of the module, trains on one batch after another. The module first defines three optional parts of
a training, which a recipe may switch on:
- frozen layers, whose weights and batch norm statistics do not change. If the first layers are frozen, the backward
  pass stops before them, which saves time and memory.
- gradient checkpointing: autograd keeps the outputs of a few layers and computes the other outputs again in the
  backward pass (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"). A step takes about a third longer
  and gives the same numbers.
- auxiliary heads: small heads that predict further targets from the features that the classifier gets (multi-task
  learning, Caruana 1997). They influence what the backbone learns. They are not saved, and no prediction uses them.

Letters: B photos of a batch, T training targets, F features, A columns of auxiliary targets, V categories of a column.
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

# ---- frozen layers


def freeze_always(recipe: Recipe) -> bool:
    """Return whether the layers that the recipe freezes stay frozen for the whole training."""
    return recipe.freeze_epochs < 0 or recipe.freeze_epochs >= recipe.epochs


def freeze_for_epoch(model: nn.Module, recipe: Recipe, epoch: int) -> None:
    """Freeze the layers that the recipe freezes in an epoch, and unfreeze all other layers.

    epoch: the number of the epoch, from 0. Call this function after `model.train()`, because `model.train()` unfreezes
    the statistics of all batch norms.
    """
    frozen = freeze_always(recipe) or epoch < recipe.freeze_epochs
    freeze_parts(model, recipe.freeze_stages if frozen else None)


def freeze_parts(model: nn.Module, stages: int | None) -> None:
    """Freeze the first `stages` stages of a model, and unfreeze all other layers. The stem is the first stage.

    stages: a number above 0 is the number of frozen stages. 0 freezes all weights except those of the classifier. None
    freezes nothing. A negative number counts from the end: -2 freezes all stages except the last two and the head. The
    head is the last group of timm's parameters, which holds the classifier and often a norm or an attention pool before
    the classifier. Classifiers are never frozen. The stages are timm's groups of parameters
    (`group_matcher(coarse=True)`: stem, stages or blocks, norm and head). If the model has no group_matcher, the stages
    are its child modules in their order. The batch norms of frozen stages also keep their statistics, so call this
    function after `model.train()`.
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
    """Return a list with one list of parameter names for each stage of the model, from the first stage to the last."""
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
    """Switch on timm's gradient checkpointing in the model if the recipe has checkpointing=true.

    Raises InputError if the model has no gradient checkpointing.
    """
    if not recipe.checkpointing:
        return
    try:
        backbone(model).set_grad_checkpointing(True)
    except (AttributeError, AssertionError, NotImplementedError):
        raise InputError(
            f"checkpointing=true: {recipe.model} has no gradient checkpointing in timm",
            "checkpointing=false; a smaller batch_size and a larger accumulate also save memory",
            f'the same command with SET="checkpointing=false batch_size={max(recipe.batch_size // 2, 1)} '
            f'accumulate={2 * recipe.accumulate}" RUN=<name>',
        ) from None
    for module in model.modules():
        if getattr(module, "track_running_stats", False):  # a batch norm, which would count each batch twice
            module.register_forward_pre_hook(_before_recomputing)
            # always_call, because torch stops the second forward pass with an exception
            module.register_forward_hook(_after_recomputing, always_call=True)


def _recomputing(norm: nn.Module) -> bool:
    """Return whether the batch norm is now in the second forward pass, which runs during the backward pass.

    Gradient checkpointing runs this second forward pass. A private function of torch gives the answer, because torch
    has no public function for it.
    """
    return norm.training and torch._C._current_graph_task_id() != -1


def _before_recomputing(norm: nn.Module, _) -> None:
    if _recomputing(norm):
        norm.first_momentum, norm.momentum = norm.momentum, 0.0  # a momentum of 0 leaves the statistics unchanged


def _after_recomputing(norm: nn.Module, _, outputs) -> None:
    if _recomputing(norm):
        norm.momentum = norm.first_momentum
        norm.num_batches_tracked.sub_(1)


# ---- auxiliary heads


class WithAuxiliary(nn.Module):
    """A model with an additional linear head for each column of auxiliary targets.

    model: the model that is trained. columns: the auxiliary columns. The heads read the inputs of the model's
    classifier. Raises InputError if the classifier is not a linear layer.
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
        """Return the outputs of the model for images (B, 3, H, W), and a list of the outputs of each auxiliary head."""
        outputs = self.model(images)
        features = self.features.flatten(2).mean(2) if self.features.ndim == 4 else self.features  # (B, F)
        del self.features  # otherwise the autograd graph of the batch would stay in memory
        return outputs, [head(features) for head in self.heads]

    @property
    def widths(self) -> list[int]:
        """Return how many targets each auxiliary column has. The sum of these numbers is A.

        A column of numbers has two targets, and a column of categories has one target for each category.
        """
        return [column.values.shape[1] for column in self.columns]

    def loss(self, outputs: list[Tensor], targets: Tensor) -> Tensor:
        """Return the weighted sum of the losses of all auxiliary columns, as a scalar.

        outputs: the outputs of each auxiliary head. targets (B, A): the targets of the first auxiliary column, then the
        targets of the next column, and so on. After mixup, a target is a mixture of the targets of two photos.
        """
        parts = zip(self.columns, outputs, targets.split(self.widths, 1), strict=True)
        return sum(
            column.weight * (number_loss if column.is_number else category_loss)(output.float(), target)
            for column, output, target in parts
        )


def number_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error of outputs (B, 1) over the rows whose number is known.

    targets (B, 2): the first column is the number, or 0 if it is not known. The second column is 1 if the number is
    known, else 0. After mixup, both columns are mixtures of two rows. The first column divided by the second is then
    the number to predict, and the second column is the weight of the row in the mean.
    """
    number, known = targets.unbind(1)
    error = (outputs[:, 0] - number / known.clamp_min(1e-12)) ** 2
    return (known * error).sum() / known.sum().clamp_min(1e-12)


def category_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross entropy of logits (B, V) over the rows whose category is known.

    targets (B, V): one-hot rows. A row has only zeros if its category is not known.
    """
    return -(targets * outputs.log_softmax(1)).sum() / targets.sum().clamp_min(1e-12)


def classifier_of(model: nn.Module) -> nn.Module:
    """Return the classifier of a model, which is a linear layer or a convolution. Its inputs are the model's features.

    Raises InputError if the classifier is another layer, or if timm does not say which layer it is.
    """
    classifiers = factory.classifier_modules(backbone(model))
    if not classifiers or not isinstance(classifiers[0], (nn.Linear, nn.Conv2d)):
        raise InputError(
            f"the classifier of this model is not a linear layer, but {classifiers[0] if classifiers else 'unknown'}",
            "a model whose classifier is a linear layer, because the setting auxiliary needs one",
            "the same command with RUN=<name>, and without auxiliary in SET or with another MODEL",
        )
    return classifiers[0]


def targets_of(columns: list[Auxiliary], positions, device: torch.device) -> Tensor:
    """Return the targets (B, A) of some training rows for all auxiliary columns, side by side, on `device`.

    columns: the auxiliary columns. positions (B,): the positions of the rows among all training rows, from 0.
    """
    return torch.cat([torch.from_numpy(column.values[positions]) for column in columns], 1).to(device)


# ---- the training on a batch


class Learner:
    """A training on one device. It does the forward pass, the backward pass and the optimizer step of each batch.

    model: the model to train. rows: the training rows. The class weights of the loss are computed from the labels of
    the rows, and the row numbers seed the augmentation of whole batches.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, rows: Batches, competition: Competition, device: torch.device):
        self.recipe, self.rows, self.device = recipe, rows, device
        self.memory_format = memory_format(recipe)
        self.model = model.to(device, memory_format=self.memory_format)
        if freeze_always(recipe):  # freeze first: the optimizer and the exchange of gradients then skip the frozen part
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
        """Return the model that is scored and saved: the EMA model if the recipe has an EMA, else the trained model."""
        return self.ema.module if self.ema else self.model

    def start_epoch(self, epoch: int) -> None:
        """Put the model into training mode, and freeze the layers that the recipe freezes in this epoch.

        epoch: the number of the epoch, from 0.
        """
        self.model.train()
        freeze_for_epoch(self.model, self.recipe, epoch)

    def set_lr(self, epoch: float) -> None:
        """Set the optimizer's learning rate for a moment of the training.

        epoch: the moment, as a number of epochs since the start. It may be a fraction, such as 2.5.
        """
        for group in self.optimizer.param_groups:  # lr_scale is set by timm's layer decay
            group["lr"] = self.recipe.lr * optimizers.lr_factor(self.recipe, epoch) * group.get("lr_scale", 1.0)

    def backward(self, loaded: tuple[Tensor, Tensor, Tensor], epoch: int, batch: int, group: int, sync: bool) -> Tensor:
        """Run the forward and backward pass of one batch, and add up the gradients. Return the loss of the batch.

        loaded: the pixels of the batch, its labels, and its positions among the training rows. epoch, batch: the
        numbers of the epoch and of the batch, both from 0; they seed the mixing of photos. group: the number of batches
        whose gradients are added before the optimizer takes a step. sync: whether the processes of a training exchange
        gradients in this backward pass.
        """
        with processes.without_sync(self.forward, not sync):
            images, targets = self._mixed(loaded, epoch, batch)
            with autocast(self.precision, self.device):
                outputs = self.forward(images.contiguous(memory_format=self.memory_format))
            loss = self._loss(outputs, targets)
            self.scaler.scale(loss / group).backward()
        return loss.detach()

    def _mixed(self, loaded: tuple[Tensor, Tensor, Tensor], epoch: int, batch: int) -> tuple[Tensor, Tensor]:
        """Augment and mix the photos of a batch. Return images (B, 3, H, W) and training targets, both on the device.

        The targets are (B, T), or (B, T + A) if the recipe has auxiliary targets. `backward` explains the arguments.
        """
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
        """Return the recipe's loss as a scalar. If there are auxiliary heads, their loss is added.

        outputs: what the model returns, or what `WithAuxiliary` returns if there are auxiliary heads. The last A
        columns of `targets` are the targets of the auxiliary heads.
        """
        if not self.auxiliary:
            return self.loss(outputs, targets)
        outputs, auxiliary_outputs = outputs
        own = targets.shape[1] - sum(self.auxiliary.widths)
        return self.loss(outputs, targets[:, :own]) + self.auxiliary.loss(auxiliary_outputs, targets[:, own:])

    def _targets(self, labels: Tensor, positions: Tensor) -> Tensor:
        """Return the training targets (B, T) of a batch.

        The targets are made from soft labels if the training rows have soft labels, else from `labels`. positions (B,):
        the positions of the batch among the training rows.
        """
        if self.rows.soft is None:
            return self.head.targets(labels.to(self.device, non_blocking=True))
        soft = torch.from_numpy(self.rows.soft[positions.numpy()])
        return self.head.spread(soft.to(self.device, non_blocking=True))

    def step(self, number: int) -> None:
        """Let the optimizer change the weights, with the gradients that `backward` has added up. Then update the EMA.

        number: the number of the current batch since the start of the training, from 0. The warm-up of the EMA depends
        on this number.
        """
        if self.recipe.clip_grad:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.trained.parameters(), self.recipe.clip_grad)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.ema:
            self.ema.update(self.model, step=number)

    def state_dict(self) -> dict:
        """Return the state of the training, from which it can be resumed. `load_state_dict` reads this state.

        It holds the states of the model, the optimizer, the gradient scaler, the EMA and the auxiliary heads.
        """
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
