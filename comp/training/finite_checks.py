"""What must be finite in an epoch: losses, weights, held-out probabilities. An epoch where it is not is not kept.

All processes of a training raise together: one that raised alone would leave the others waiting for it.
"""

import numpy as np
import torch
from torch import Tensor

from comp.data.batches import Batches
from comp.errors import listed
from comp.hardware import processes
from comp.models.finite import NotFinite, all_finite
from comp.training.learner import Learner


def check_losses(losses: list[Tensor], seen: list[Tensor], rows: Batches, learner: Learner, epoch: int) -> None:
    """Raise NotFinite with the photos of the first batch whose loss is not finite.

    seen: the positions among `rows` of each batch; epoch: its number from 0.
    """
    bad = (~torch.stack(losses).isfinite()).nonzero().flatten().cpu()
    if not processes.anywhere(len(bad) > 0):
        return
    if not len(bad):
        raise NotFinite(f"a loss is not finite in {_name(epoch)}, on another process", learner.recipe)
    first = int(bad[0])
    photos = listed(rows.photos.images[row] for row in rows.rows[seen[first].numpy()])
    found = f"the loss is {float(losses[first]):g} in {_name(epoch)}, first in the batch of these photos:{photos}"
    raise NotFinite(found, learner.recipe, "look at those photos; or ")


def check_weights(learner: Learner, epoch: int) -> None:
    """Raise NotFinite where the model's weights or the averaged ones are not finite after an epoch."""
    for what, model in (("weights", learner.model), ("averaged weights", learner.scored)):
        if processes.anywhere(not all_finite(model.state_dict().values())):
            raise NotFinite(f"the {what} are not finite after {_name(epoch)}", learner.recipe)


def check_scores(what: str, values: np.ndarray | float, learner: Learner, epoch: int) -> None:
    """Raise NotFinite where values of the held-out photos are not finite; they are the same on every process."""
    if not np.isfinite(values).all():
        raise NotFinite(f"{what} is not finite after {_name(epoch)}", learner.recipe)


def _name(epoch: int) -> str:
    return f"epoch {epoch + 1}" + (f" (epoch {epoch} is kept in resume.pt)" if epoch else "")
