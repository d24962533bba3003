"""Make batches for training and prediction: choose the rows of an epoch and their order, and read their pixels.

`Order` chooses the rows of each batch and returns their positions. `Batches` returns the pixels and labels of the rows
at these positions. Pixels are sent to the device as uint8 (B, H, W, 3), which takes a quarter of the bytes of float32.
On the device, `to_model` turns the pixels into the input of the model: normalised floats (B, 3, H, W) in channels-last
layout. loader.py makes batches in worker processes.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from comp.competition.auxiliary_targets import Auxiliary
from comp.data import augment
from comp.data.photos import Photos
from comp.errors import InputError
from comp.hardware import processes

# ---- pixels and labels by position


class Batches(Dataset):
    """A dataset of photos with labels. It returns a whole batch for the index (epoch, positions).

    The batch is a tuple of the pixels (B, H, W, 3) uint8, the labels (B, …) and the positions (B,) of the rows in the
    batch.

    photos: the photos from which batches are read. rows (N,): for each row, the position of its photo in `photos`.
    labels (N, …): the labels in the form that competition/labels.py makes. augment_name and seed: the augmentation and
    its seed (see augment.py). units (N,) int: rows with the same number are alternatives, such as photos with the same
    group and class (see `Order`). ids (N,): the prediction id of each row, if several photos can share a prediction id.
    soft (N, T): soft labels, which replace the labels in training (see competition/soft_labels.py). auxiliary: further
    targets of the training rows (see competition/auxiliary_targets.py). pseudo: the number of pseudo-labelled rows,
    which come after all other rows.
    """

    def __init__(
        self,
        photos: Photos,
        rows: Sequence[int],
        labels: Sequence,
        augment_name: str,
        seed: int,
        units: Sequence[int] | None = None,
        ids: Sequence[str] | None = None,
        soft: np.ndarray | None = None,
        auxiliary: Sequence[Auxiliary] = (),
        pseudo: int = 0,
    ):
        self.photos, self.rows, self.labels = photos, np.asarray(rows), np.asarray(labels)
        self.augment_name, self.seed = augment_name, seed
        self.units = None if units is None else np.asarray(units)
        self.ids = None if ids is None else np.asarray(ids)
        self.soft, self.auxiliary, self.pseudo = soft, list(auxiliary), pseudo

    @property
    def labelled(self) -> int:
        """The number of rows with a label from the training table. The pseudo-labelled rows come after these rows."""
        return len(self.rows) - self.pseudo

    def only(self, positions: np.ndarray) -> "Batches":
        """Return Batches with only the rows at `positions`, for prediction.

        The result has the labels of these rows, but no units, ids, soft labels or auxiliary targets. If
        `positions` are all positions in ascending order, the same Batches are returned unchanged.
        """
        if np.array_equal(positions, np.arange(len(self.rows))):
            return self
        return Batches(self.photos, self.rows[positions], self.labels[positions], self.augment_name, self.seed)

    def __getitem__(self, key: tuple[int, np.ndarray]) -> tuple[Tensor, Tensor, Tensor]:
        epoch, positions = key
        rows = self.rows[positions]
        # photos are read in the order of their positions, so that the memory-mapped file is read from start to end
        order = np.argsort(rows)
        pixels = np.empty((len(rows), self.photos.size, self.photos.size, 3), np.uint8)
        pixels[order] = self.photos.batch(rows[order])
        pixels = augment.augmented(self.augment_name, pixels, [(self.seed, epoch, int(row)) for row in rows])
        return torch.from_numpy(pixels), torch.from_numpy(self.labels[positions]), torch.from_numpy(positions)


def to_model(pixels: Tensor, mean: Sequence[float], std: Sequence[float], device: torch.device) -> Tensor:
    """Return the pixels (B, H, W, 3) uint8 as normalised float32 (B, 3, H, W) on the device.

    mean, std: the mean and the standard deviation of red, green and blue, for pixel values from 0 to 1.
    """
    pixels = pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).float()
    scale = torch.tensor(std, device=device).view(1, 3, 1, 1) * 255
    return (pixels - torch.tensor(mean, device=device).view(1, 3, 1, 1) * 255) / scale


# ---- the order of an epoch


class Order:
    """The order in which an epoch visits the rows. Set `epoch`, then iterate over the batches.

    Each batch is a pair (epoch, positions); positions (B,) are the positions of its rows. labels (N, …): the label of
    each row. sampler: how the rows of an epoch are chosen (see `epoch_order`). units (N,) int: rows with the same
    number are alternatives, such as photos with the same group and class. The sampler "one_of_each" draws one row of
    each unit.
    pseudo: the number of pseudo-labelled rows, which come after all other rows. The sampler draws only from the
    labelled rows. Pseudo-labelled rows are then added until their share of the epoch is `pseudo_share`.
    If several processes train together, each process gets its own part of every batch. With the sampler "none", which
    is for prediction, batches are not divided.
    """

    def __init__(
        self,
        labels: Sequence,
        batch_size: int,
        sampler: str,
        seed: int,
        units: Sequence[int] | None = None,
        pseudo: int = 0,
        pseudo_share: float = 0.0,
    ):
        self.labels, self.batch_size, self.sampler, self.seed = np.asarray(labels), batch_size, sampler, seed
        self.units, self.epoch = units, 0
        self.pseudo, self.pseudo_share = pseudo, pseudo_share

    def rows(self) -> np.ndarray:
        """Return the positions of all rows that the epoch visits, in the order of the visits."""
        count = len(self.labels) - self.pseudo
        units = None if self.units is None else self.units[:count]
        order = epoch_order(self.labels[:count], self.sampler, self.seed, self.epoch, units)
        return self._with_pseudo(order) if self.pseudo else order

    def _with_pseudo(self, order: np.ndarray) -> np.ndarray:
        """Return the positions in `order` and the positions of pseudo-labelled rows, shuffled together.

        No pseudo-labelled row is drawn a second time before all pseudo-labelled rows were drawn once.
        """
        rng = np.random.default_rng([self.seed, self.epoch, 1])
        first, drawn = len(self.labels) - self.pseudo, round(len(order) * self.pseudo_share / (1 - self.pseudo_share))
        rounds = [first + rng.permutation(self.pseudo) for _ in range(-(-drawn // self.pseudo))]
        return rng.permutation(np.concatenate([order, *rounds])[: len(order) + drawn])

    def __len__(self) -> int:
        return len(split(self.rows(), self.batch_size))

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        share = processes.share if self.sampler != "none" else lambda part: part
        return iter([(self.epoch, share(part)) for part in split(self.rows(), self.batch_size)])


def epoch_order(
    labels: np.ndarray, sampler: str, seed: int, epoch: int, units: Sequence[int] | None = None
) -> np.ndarray:
    """Return the positions of the rows that one epoch visits, in the order of the visits.

    The sampler chooses the rows. "none": all rows in their order. "shuffle": all rows in random order. "balanced": N
    rows in random order, divided equally among the classes; no row is drawn a second time before all rows of its class
    were drawn once. "one_of_each": one random row of each unit, drawn again in each epoch.
    labels (N, …): the label of each row; units (N,) int: rows with the same number are one unit. Raises InputError if
    the sampler is "one_of_each" and there are no units.
    """
    rng = np.random.default_rng([seed, epoch])
    if sampler == "none":
        return np.arange(len(labels))
    if sampler == "one_of_each":
        if units is None:
            raise InputError(
                "sampler=one_of_each needs a group and a class for each row, but the rows have none",
                "rows with groups and classes: the sampler draws one row for each pair of a group and a class",
                "the same command with SET=sampler=shuffle",
            )
        shuffled = rng.permutation(len(labels))
        return rng.permutation(shuffled[np.unique(np.asarray(units)[shuffled], return_index=True)[1]])
    if sampler == "shuffle":
        return rng.permutation(len(labels))
    classes = np.unique(labels)
    drawn = []
    for i, c in enumerate(classes):
        rows = np.flatnonzero(labels == c)
        share = len(labels) // len(classes) + (i < len(labels) % len(classes))
        rounds = [rng.permutation(rows) for _ in range(-(-share // len(rows)))]
        drawn.append(np.concatenate(rounds)[:share])
    return rng.permutation(np.concatenate(drawn))


def split(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Cut `order` into batches of `batch_size` positions. If one position is left over, it joins the last batch.

    A batch of one image is avoided because batch norm needs two images.
    """
    parts = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if len(parts) > 1 and len(parts[-1]) == 1 and batch_size > 1:
        parts[-2:] = [np.concatenate(parts[-2:])]
    return parts
