"""Make batches for training and prediction: choose the rows of an epoch and their order, and read their pixels.

1. `Order` chooses the rows of each batch. It returns their positions, which are row numbers from 0.
2. `Batches` returns the pixels and labels of the rows at these positions. loader.py calls it in worker processes.
3. `to_model` sends the pixels to the device and turns them into the input of the model. Pixels are sent as uint8 (B, H,
   W, 3), which takes a quarter of the bytes of float32. The input of the model is normalised floats (B, 3, H, W) in
   channels-last layout.

Letters in the shapes: N rows; a batch has B images of H x W pixels.
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
    """A torch Dataset of photos with labels. It returns a whole batch for an index (epoch, positions).

    `positions` (B,) are the row numbers of the batch. The batch is a tuple of the pixels (B, H, W, 3) uint8, the labels
    (B, …) and the positions (B,).

    photos: all photos that the rows need. rows (N,): for each of N rows, the position of its photo in `photos`.
    labels (N, …): the label of each row, in the form that competition/labels.py makes.
    augment_name, seed: the name of the augmentation (see augment.py), and the seed of its random numbers.
    units (N,) int: rows with the same number have the same group and label. Only the sampler "one_of_each" needs them
    (see `Order`).
    ids (N,): the id of each row in the sample submission, or None if each photo has its own id.
    soft (N, T): soft labels for T classes or finer ranges, which replace `labels` in training (see
    competition/soft_labels.py), or None.
    auxiliary: further targets that a network learns (see competition/auxiliary_targets.py).
    pseudo: the number of pseudo-labelled rows, which are the last rows.
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
        """The number of rows that are not pseudo-labelled. They come before the pseudo-labelled rows."""
        return len(self.rows) - self.pseudo

    def only(self, positions: np.ndarray) -> "Batches":
        """Return Batches with only the rows at `positions`, for prediction.

        The result keeps the labels of these rows, but has no units, ids, soft labels or auxiliary targets. If
        `positions` are all rows in their order, this object itself is returned.
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

    mean, std: three numbers each, for red, green and blue. Pixel values are divided by 255; then the mean is
    subtracted, and the result is divided by the standard deviation.
    """
    pixels = pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).float()
    scale = torch.tensor(std, device=device).view(1, 3, 1, 1) * 255
    return (pixels - torch.tensor(mean, device=device).view(1, 3, 1, 1) * 255) / scale


# ---- the order of an epoch


class Order:
    """The batches of an epoch, as row numbers. Set the attribute `epoch`, then iterate over the batches.

    Each batch is a pair (epoch, positions), where `positions` is an array with the row numbers of the batch.
    labels (N, …): the label of each of N rows. sampler: how the rows of an epoch are chosen: "none", "shuffle",
    "balanced" or "one_of_each" (see `epoch_order`). units (N,) int: rows with the same number have the same group and
    label; only "one_of_each" needs them.
    pseudo: the number of pseudo-labelled rows, which are the last rows. The sampler chooses only among the other rows.
    Then randomly drawn pseudo-labelled rows are added, until they are the share `pseudo_share` of the epoch.
    If several processes train one model, each process gets its own part of every batch. With the sampler "none", which
    is for prediction, each process gets whole batches.
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
        """Return the positions of all rows of the epoch, in the order in which the batches have them."""
        count = len(self.labels) - self.pseudo
        units = None if self.units is None else self.units[:count]
        order = epoch_order(self.labels[:count], self.sampler, self.seed, self.epoch, units)
        return self._with_pseudo(order) if self.pseudo else order

    def _with_pseudo(self, order: np.ndarray) -> np.ndarray:
        """Return the positions in `order` and the positions of randomly drawn pseudo-labelled rows, shuffled together.

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
    """Return the positions of the rows of one epoch, in the order in which the batches have them.

    labels (N, …): the label of each of N rows. seed, epoch: two numbers that determine the random choice. sampler: how
    the rows are chosen.
    "none": all rows, in their order.
    "shuffle": all rows, in random order.
    "balanced": N rows in random order, equally many from each class. No row is drawn a second time before all rows of
    its class were drawn once.
    "one_of_each": one random row of each unit. A unit is the set of all rows with the same number in `units`, (N,) int.
    Raises InputError if the sampler is "one_of_each" and `units` is None.
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
    """Cut `order`, an array of positions, into batches of `batch_size` positions.

    If a single position is left at the end, it is added to the batch before it, because batch norm needs two images.
    """
    parts = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if len(parts) > 1 and len(parts[-1]) == 1 and batch_size > 1:
        parts[-2:] = [np.concatenate(parts[-2:])]
    return parts
