"""Small heads for auxiliary targets, on the features that the classifier gets (multi-task learning, Caruana 1997).

They steer the backbone in training only: they are not part of the saved weights, and predict nothing.

Letters: B batch, F features, A columns of targets.
"""

import torch
from torch import Tensor, nn

from comp.competition.auxiliary_columns import Auxiliary
from comp.errors import InputError
from comp.models import classifiers
from comp.training import optim


class WithAuxiliary(nn.Module):
    """A model with a linear head per auxiliary column; its forward gives the model's outputs and those of the heads.

    Raises InputError for a model whose classifier is no linear layer, so that its features are not known.
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
        """The weighted sum over columns; targets (B, A): the columns' targets side by side, perhaps mixed."""
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
    """The last linear layer of a model; what it is given are the features."""
    found = classifiers.modules(optim.backbone(model))
    if not found or not isinstance(found[0], (nn.Linear, nn.Conv2d)):
        raise InputError(
            f"the classifier of this model is {found[0] if found else 'not known'}: its features cannot be had",
            "a model whose classifier is a linear layer, for auxiliary targets",
            "the same command without auxiliary in SET, or another MODEL, with RUN=<name>",
        )
    return found[0]


def targets_of(columns: list[Auxiliary], positions, device: torch.device) -> Tensor:
    """The targets (B, A) of all columns side by side, for these positions (B,) of the training rows."""
    return torch.cat([torch.from_numpy(column.values[positions]) for column in columns], 1).to(device)
