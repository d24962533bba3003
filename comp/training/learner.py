"""Train a model on one batch after another.

The class `Learner`, at the end of the module, holds the model with its loss, its optimizer and its averaged weights
(EMA). The module first defines three options of a training:
- frozen layers, whose weights and batch norm statistics do not change. If the first layers are frozen, the backward
  pass stops before them, which saves time and memory.
- gradient checkpointing, which saves memory: the outputs of most layers are not kept, but computed again in the
  backward pass (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"). A step takes about a third longer
  and gives the same numbers.
- auxiliary heads: linear layers that predict further columns of the training table from the features of the model
  (multi-task learning, Caruana 1997). They change what the backbone learns. They are not saved, and no prediction uses
  them.

Letters in the shapes: B photos in a batch, F features, V categories of an auxiliary column.
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
from comp.hardware.device import autocast, memory_format, precision, use_quick_convolutions
from comp.models import factory, heads
from comp.recipes.recipe_settings import Recipe
from comp.training import losses, mixing, optimizers

# ---- frozen layers


def freeze_always(recipe: Recipe) -> bool:
    """Return whether the layers that the recipe freezes stay frozen in all epochs."""
    return recipe.freeze_epochs < 0 or recipe.freeze_epochs >= recipe.epochs


def freeze_for_epoch(model: nn.Module, recipe: Recipe, epoch: int) -> None:
    """Freeze the layers that the recipe freezes in this epoch, and unfreeze all others.

    epoch: the number of the epoch, from 0. Call this function after `model.train()`, which would unfreeze the
    statistics of all batch norms.
    """
    frozen = freeze_always(recipe) or epoch < recipe.freeze_epochs
    freeze_parts(model, recipe.freeze_stages if frozen else None)


def freeze_parts(model: nn.Module, stages: int | None) -> None:
    """Freeze the first stages of a model, and unfreeze all other layers. The last layer (classifier) is never frozen.

    stages: how many stages are frozen; the first stage is the stem. None freezes nothing, and 0 freezes everything
    except the classifier. A negative number counts from the end: -2 freezes all stages except the last two and the
    head. The head is the last group of layers: the classifier, and often a norm or a pooling layer before it.
    timm divides most models into stages (`group_matcher(coarse=True)`). In all other models, each child module is a
    stage. The batch norms of frozen stages keep their statistics. Therefore call this function after `model.train()`,
    which would unfreeze them.
    """
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
    """Return the stages of the model, from the first to the last, each as a list of its parameters' names."""
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

    Raises InputError if timm has no gradient checkpointing for the model.
    """
    if not recipe.checkpointing:
        return
    try:
        model.set_grad_checkpointing(True)
    except (AttributeError, AssertionError, NotImplementedError):
        raise InputError(
            f"checkpointing=true: {recipe.model} has no gradient checkpointing in timm",
            "checkpointing=false; a smaller batch_size and a larger accumulate also save memory",
            f'the same command with SET="checkpointing=false batch_size={max(recipe.batch_size // 2, 1)} '
            f'accumulate={2 * recipe.accumulate}" RUN=<new name>',
        ) from None
    for module in model.modules():
        if getattr(module, "track_running_stats", False):  # a batch norm, which would count each batch twice
            module.register_forward_pre_hook(_before_recomputing)
            # always_call, because torch stops the second forward pass with an exception
            module.register_forward_hook(_after_recomputing, always_call=True)


def _recomputing(norm: nn.Module) -> bool:
    """Return whether gradient checkpointing is now computing the batch norm a second time, in the backward pass."""
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
    """A model with additional linear heads. Each predicts a further column of the training table (an auxiliary column).

    model: the model that is trained. columns: the auxiliary columns. The heads get the same features as the classifier
    (the last layer) of the model. Raises InputError if the classifier is neither a linear layer nor a convolution.
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
        """Return the outputs of the model for images (B, 3, H, W), and the outputs of each auxiliary head as a list."""
        outputs = self.model(images)
        features = self.features.flatten(2).mean(2) if self.features.ndim == 4 else self.features  # (B, F)
        del self.features  # otherwise the autograd graph of the batch would stay in memory
        return outputs, [head(features) for head in self.heads]

    @property
    def widths(self) -> list[int]:
        """Return how many columns each auxiliary column needs in the tensor of targets.

        A column of numbers needs two (see `number_loss`), and a column of categories needs one for each category.
        """
        return [column.values.shape[1] for column in self.columns]

    def loss(self, outputs: list[Tensor], targets: Tensor) -> Tensor:
        """Return the weighted sum of the losses of all auxiliary columns, as a scalar.

        outputs: a list with the outputs of each auxiliary head. targets: a tensor with a row for each photo and the
        targets of all auxiliary columns side by side.
        """
        parts = zip(self.columns, outputs, targets.split(self.widths, 1), strict=True)
        return sum(
            column.weight * (number_loss if column.is_number else category_loss)(output.float(), target)
            for column, output, target in parts
        )


def number_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error of predicted numbers. Rows whose true number is not known are left out.

    outputs (B, 1): the predicted numbers of B photos. targets (B, 2): the true number and 1, or 0 and 0 if the number
    is not known. If two photos were mixed, a row of targets is a mixture of their rows. The true number is then the
    first column divided by the second, and the second column is the weight of the row in the mean.
    """
    number, known = targets.unbind(1)
    error = (outputs[:, 0] - number / known.clamp_min(1e-12)) ** 2
    return (known * error).sum() / known.sum().clamp_min(1e-12)


def category_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross entropy of predicted categories. Rows whose true category is not known are left out.

    outputs: logits, with a row for each photo and a column for each category. targets: one-hot rows of the same shape;
    a row has only zeros if its category is not known.
    """
    return -(targets * outputs.log_softmax(1)).sum() / targets.sum().clamp_min(1e-12)


def classifier_of(model: nn.Module) -> nn.Module:
    """Return the classifier of a model, which is its last layer. It is a linear layer or a convolution.

    Raises InputError if the classifier is another layer, or if timm does not say which layer it is.
    """
    classifiers = factory.classifier_modules(model)
    if not classifiers or not isinstance(classifiers[0], (nn.Linear, nn.Conv2d)):
        found = classifiers[0] if classifiers else "unknown"
        raise InputError(
            f"the classifier of this model is neither a linear layer nor a convolution, but {found}",
            "a model whose classifier is a linear layer or a convolution, because the setting auxiliary needs one",
            "the same command with RUN=<new name>, and without auxiliary in SET or with another MODEL",
        )
    return classifiers[0]


def targets_of(columns: list[Auxiliary], positions, device: torch.device) -> Tensor:
    """Return the targets of auxiliary columns for some training rows, as a tensor on `device`.

    The tensor has a row for each training row, and the targets of all columns side by side. columns: the auxiliary
    columns. positions: the positions of the rows among all training rows, from 0.
    """
    return torch.cat([torch.from_numpy(column.values[positions]) for column in columns], 1).to(device)


# ---- the start of a new head


def start_head(model: nn.Module, recipe: Recipe, rows: Batches, drawn: np.ndarray, competition: Competition) -> None:
    """Let a new head predict for every photo what is true of the training rows on average (see models/heads.py).

    This is the mean of the numbers, or how frequent each class or label is. model: the model that is trained. rows: the
    training rows. drawn: the positions of the rows that the sampler draws for an epoch; a balanced sampler draws all
    classes equally often.
    """
    head, own = heads.build_head(recipe, competition), rows.labels[: rows.labelled]
    if isinstance(head, heads.Number) and not head.squashed:
        varies = own.min() < own.max()  # the deviation of equal numbers may be a rounding error
        scale = [float(np.mean(own, dtype=np.float64)), float(np.std(own, dtype=np.float64)) if varies else 1.0]
        getattr(model, heads.SCALE).copy_(torch.tensor(scale, dtype=torch.float64))
        head.use_scale_of(model)
    count = len(drawn)
    if rows.soft is None:
        sums = heads.target_sums(head, rows.labels[drawn], competition)
    else:
        mean = np.mean(rows.soft[drawn], axis=0, dtype=np.float64).astype(np.float32)
        sums = head.spread(torch.from_numpy(mean[None]))[0] * count
    if recipe.class_weights == "balanced":
        weights = losses.balancing_weights(head, heads.target_sums(head, own, competition), len(own))  # of the loss
        plain, sums = sums, weights * sums
        count = sums.sum() if head.family == "classes" else count - plain + sums
    learned = recipe.pretrained or bool(recipe.init)
    factory.start_classifier(model, head.prior(sums, count), small=learned or head.family == "number")


# ---- the training on a batch


class Learner:
    """Train a model on one device: the forward pass, the backward pass and the optimizer's step of each batch.

    model: the model to train. rows: the training rows with their photos and labels.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, rows: Batches, competition: Competition, device: torch.device):
        self.recipe, self.rows, self.competition, self.device = recipe, rows, competition, device
        self.memory_format = memory_format(recipe)
        self.model = model.to(device, memory_format=self.memory_format)
        if device.type == "cpu" and not recipe.compile:
            use_quick_convolutions(self.model)
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
        self.head = heads.head_of(self.model, recipe, competition)
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
        """Set the learning rate that the recipe has at one moment of the training.

        epoch: the moment, as the number of epochs since the start. It may be a fraction, such as 2.5.
        """
        for group in self.optimizer.param_groups:  # lr_scale is set by timm's layer decay
            group["lr"] = self.recipe.lr * optimizers.lr_factor(self.recipe, epoch) * group.get("lr_scale", 1.0)

    def backward(self, loaded: tuple[Tensor, Tensor, Tensor], epoch: int, batch: int, group: int, sync: bool) -> Tensor:
        """Run the forward and the backward pass of one batch, and add up the gradients. Return the loss of the batch.

        loaded: the pixels of the batch, its labels, and the positions of its photos among the training rows. epoch,
        batch: the numbers of the epoch and of the batch, from 0; they are the seed for the mixing of photos. group: how
        many batches are added up before the optimizer takes a step. sync: whether the processes that train together
        exchange gradients now.
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

        The training targets have a row for each photo. If the recipe has auxiliary columns, their targets are further
        columns. loaded: the pixels of the batch, its labels, and the positions of its photos among the training rows.
        epoch, batch: the numbers of the epoch and of the batch, from 0; they are the seed for the mixing.
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
        """Return the loss of a batch as a scalar. The loss of the auxiliary heads is added if there are any.

        outputs: what the model returns; with auxiliary heads, a pair of the model's outputs and a list of the heads'
        outputs. targets: the training targets, in which those of the auxiliary heads are the last columns.
        """
        if not self.auxiliary:
            return self.loss(outputs, targets)
        outputs, auxiliary_outputs = outputs
        own = targets.shape[1] - sum(self.auxiliary.widths)
        return self.loss(outputs, targets[:, :own]) + self.auxiliary.loss(auxiliary_outputs, targets[:, own:])

    def _targets(self, labels: Tensor, positions: Tensor) -> Tensor:
        """Return the training targets of a batch, a row for each photo.

        They are made from the soft labels of the training rows if there are any, else from `labels`. positions: the
        positions of the batch's photos among the training rows.
        """
        if self.rows.soft is None:
            return self.head.targets(labels.to(self.device, non_blocking=True))
        soft = torch.from_numpy(self.rows.soft[positions.numpy()])
        return self.head.spread(soft.to(self.device, non_blocking=True))

    def step(self, number: int) -> None:
        """Let the optimizer change the weights by the gradients that `backward` has added up. Then update the EMA.

        number: the number of the batch since the start of the training, from 0. The EMA uses it for its warm-up.
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
        """Return everything that is needed to resume the training with `load_state_dict`, as a dictionary.

        These are the states of the model, the optimizer, the gradient scaler, the EMA and the auxiliary heads.
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
        self.head = heads.head_of(self.model, self.recipe, self.competition)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.auxiliary:
            self.auxiliary.heads.load_state_dict(state["auxiliary"])
        self.scaler.load_state_dict(state["scaler"])
        if self.ema:
            self.ema.module.load_state_dict(state["ema"])
