"""Batches for training and prediction: which rows an epoch visits in which order, and their pixels.

`Batches` gives pixels and labels by position, `Order` the positions of each batch of an epoch, and `to_model` the input
of the model. Pixels travel as uint8 (B, H, W, 3), a quarter of float32; `to_model` turns them on the device into
normalised floats (B, 3, H, W), which are in channels-last order already. loader.py lets worker processes make batches.
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
    """Indexed by (epoch, positions): uint8 pixels (B, H, W, 3), their labels and the positions (B,).

    labels (N, …) as competition/labels.py makes them. units (N,) int: rows of one unit are alternatives, such as the
    photos of one group and class (see `Order`). ids (N,): prediction ids, if several photos have one. soft (N, T):
    soft labels to train with, instead of the labels (see competition/soft_labels.py). auxiliary: further targets of
    training rows (see competition/auxiliary_targets.py). pseudo: how many of the last rows are pseudo-labelled.
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
        """How many rows have a label from the training table: the first ones."""
        return len(self.rows) - self.pseudo

    def only(self, positions: np.ndarray) -> "Batches":
        """These rows alone, for prediction: without units and ids."""
        if len(positions) == len(self.rows):
            return self
        return Batches(self.photos, self.rows[positions], self.labels[positions], self.augment_name, self.seed)

    def __getitem__(self, key: tuple[int, np.ndarray]) -> tuple[Tensor, Tensor, Tensor]:
        epoch, positions = key
        rows = self.rows[positions]
        # sorted reads are sequential reads of the memory-mapped file
        order = np.argsort(rows)
        pixels = np.empty((len(rows), self.photos.size, self.photos.size, 3), np.uint8)
        pixels[order] = self.photos.batch(rows[order])
        pixels = augment.augmented(self.augment_name, pixels, [(self.seed, epoch, int(row)) for row in rows])
        return torch.from_numpy(pixels), torch.from_numpy(self.labels[positions]), torch.from_numpy(positions)


def to_model(pixels: Tensor, mean: Sequence[float], std: Sequence[float], device: torch.device) -> Tensor:
    """uint8 (B, H, W, 3) to normalised float32 (B, 3, H, W) on the device; mean and std in 0 … 1, RGB."""
    pixels = pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).float()
    scale = torch.tensor(std, device=device).view(1, 3, 1, 1) * 255
    return (pixels - torch.tensor(mean, device=device).view(1, 3, 1, 1) * 255) / scale


# ---- the order of an epoch


class Order:
    """What the loader draws: set `epoch`, then iterate over (epoch, positions) of each batch.

    units (N,) int: rows that are alternatives, such as the photos of one group and class, for sampler="one_of_each".
    The last `pseudo` rows are pseudo-labelled: they make up the share `pseudo_share` of an epoch, in addition to all
    others. With several processes each batch is this process's share of the whole batch.
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
        """Positions of this epoch, in its order."""
        count = len(self.labels) - self.pseudo
        units = None if self.units is None else self.units[:count]
        order = epoch_order(self.labels[:count], self.sampler, self.seed, self.epoch, units)
        return self._with_pseudo(order) if self.pseudo else order

    def _with_pseudo(self, order: np.ndarray) -> np.ndarray:
        """The order mixed with pseudo-labelled rows; none of them repeats before all were drawn."""
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
    """Positions of one epoch, by sampler.

    none: the order of the rows. shuffle: a permutation. balanced: N draws in which all classes are equally frequent;
    within a class no row repeats before every row was drawn. one_of_each: one row per unit, another one each epoch.
    """
    rng = np.random.default_rng([seed, epoch])
    if sampler == "none":
        return np.arange(len(labels))
    if sampler == "one_of_each":
        if units is None:
            raise InputError("sampler=one_of_each", "rows with units (group and class)", "SET=sampler=shuffle")
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
    """Consecutive batches. A last single row joins the batch before it: batch norm cannot train on one image."""
    parts = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if len(parts) > 1 and len(parts[-1]) == 1 and batch_size > 1:
        parts[-2:] = [np.concatenate(parts[-2:])]
    return parts
