"""Make batches for training and prediction: choose the rows of an epoch and their order, and read their pixels.

`Batches` returns pixels and labels by position, and `Order` the positions of each batch of an epoch. Pixels are sent to
the device as uint8 (B, H, W, 3), which takes a quarter of the bytes of float32. There `to_model` turns the pixels into
the input of the model, normalised floats (B, 3, H, W) in channels-last layout. loader.py makes batches in worker
processes.
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
    """A dataset that returns, for an index (epoch, positions), pixels (B, H, W, 3) uint8, labels and positions (B,).

    rows (N,): the position of each row in `photos`. labels (N, …): the labels as competition/labels.py makes them.
    units (N,) int: rows of one unit are alternatives, such as the photos of one group and class (see `Order`).
    ids (N,): the prediction id of each row, if several photos share an id. soft (N, T): soft labels, which replace the
    labels in training (see competition/soft_labels.py). auxiliary: further targets of training rows (see
    competition/auxiliary_targets.py). pseudo: the number of pseudo-labelled rows, which are the last rows.
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
        """The number of rows with a label from the training table. These rows are the first rows."""
        return len(self.rows) - self.pseudo

    def only(self, positions: np.ndarray) -> "Batches":
        """The rows at `positions` alone, for prediction. Units, ids and targets other than the labels are left out."""
        if len(positions) == len(self.rows):
            return self
        return Batches(self.photos, self.rows[positions], self.labels[positions], self.augment_name, self.seed)

    def __getitem__(self, key: tuple[int, np.ndarray]) -> tuple[Tensor, Tensor, Tensor]:
        epoch, positions = key
        rows = self.rows[positions]
        # rows are read in sorted order, so that the memory-mapped file is read sequentially
        order = np.argsort(rows)
        pixels = np.empty((len(rows), self.photos.size, self.photos.size, 3), np.uint8)
        pixels[order] = self.photos.batch(rows[order])
        pixels = augment.augmented(self.augment_name, pixels, [(self.seed, epoch, int(row)) for row in rows])
        return torch.from_numpy(pixels), torch.from_numpy(self.labels[positions]), torch.from_numpy(positions)


def to_model(pixels: Tensor, mean: Sequence[float], std: Sequence[float], device: torch.device) -> Tensor:
    """Normalise pixels (B, H, W, 3) uint8 to float32 (B, 3, H, W) on the device. mean, std: of RGB values in 0 … 1."""
    pixels = pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).float()
    scale = torch.tensor(std, device=device).view(1, 3, 1, 1) * 255
    return (pixels - torch.tensor(mean, device=device).view(1, 3, 1, 1) * 255) / scale


# ---- the order of an epoch


class Order:
    """The order in which epochs visit the rows. Set `epoch`, then iterate over (epoch, positions) of each batch.

    units (N,) int: rows of one unit are alternatives, such as the photos of one group and class; the sampler
    "one_of_each" draws one row of each unit. pseudo: the number of pseudo-labelled rows, which are the last rows. An
    epoch visits the labelled rows that the sampler draws, and also so many pseudo-labelled rows that they make up the
    share `pseudo_share` of the epoch. If several processes train, each gets its part of every batch.
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
        """The positions of all rows that the epoch visits, in order."""
        count = len(self.labels) - self.pseudo
        units = None if self.units is None else self.units[:count]
        order = epoch_order(self.labels[:count], self.sampler, self.seed, self.epoch, units)
        return self._with_pseudo(order) if self.pseudo else order

    def _with_pseudo(self, order: np.ndarray) -> np.ndarray:
        """Mix pseudo-labelled rows into `order`. No pseudo-labelled row repeats before all of them were drawn."""
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
    """The positions of the rows that one epoch visits, in order. The sampler decides.

    none: all rows in their order. shuffle: all rows in random order. balanced: as many rows as there are, with equally
    many rows of each class; within a class no row repeats before every row was drawn. one_of_each: one random row of
    each unit, which is drawn anew for each epoch.
    """
    rng = np.random.default_rng([seed, epoch])
    if sampler == "none":
        return np.arange(len(labels))
    if sampler == "one_of_each":
        if units is None:
            raise InputError(
                "sampler=one_of_each, but the rows have no groups and classes",
                "rows with a group and a class, since the sampler draws one row of each group and class",
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
    """Cut `order` into batches. If one row is left, it joins the last batch, since batch norm needs two images."""
    parts = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if len(parts) > 1 and len(parts[-1]) == 1 and batch_size > 1:
        parts[-2:] = [np.concatenate(parts[-2:])]
    return parts
