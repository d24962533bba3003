"""Whether weights are finite numbers, and what to change in a training whose weights, loss or probabilities are not.

A fold's weights on disk: safetensors with a checksum over the weights and what they were made with.

What the weights of a fold were made with, and whether these files are still the same.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from comp import files
from comp.data.run_data import RunData
from comp.errors import InputError
from comp.recipes import catalog
from comp.recipes.recipe_settings import Recipe
from comp.store import made_of, runs
from comp.store.fold_table import fold_count
from comp.store.made_of import KEY
from comp.store.runs import ALL_DATA, Run


class NotFinite(InputError):
    """A training that has to be done with other settings: the same ones would end in the same numbers."""

    def __init__(self, found: str, recipe: Recipe, first: str = ""):
        super().__init__(found, "finite numbers", first + settings_that_may_help(recipe))


def settings_that_may_help(recipe: Recipe) -> str:
    """The change of settings that keeps such a training finite: at most the lr of the model's own recipe."""
    changes = [f"lr={min(recipe.lr / 10, catalog.get_recipe(recipe.name).lr):g}"]
    if not 0 < recipe.clip_grad <= 1:
        changes.append("clip_grad=1")
    if recipe.amp != "off":
        changes.append("amp=off")
    return f"the same command with RUN=<another name>, and {' '.join(changes)} added to its SET"


def all_finite(values: Iterable[Tensor]) -> bool:
    """Whether every floating-point value is finite."""
    flags = [value.isfinite().all() for value in values if value.is_floating_point()]
    return bool(torch.stack(flags).all())  # of all at once: a GPU is waited for only here


def check_finite_file(path: Path, recipe: Recipe) -> None:
    """Raise InputError where a fold's weights file does not open, NotFinite where earlier versions kept NaN."""
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        remedy = f"rm {path}, then the same command"
        raise InputError(f"{path} does not load: {error}", "the whole weights of a fold", remedy) from None
    check_finite_weights(tensors, path, recipe)


def check_finite_weights(state: dict[str, Tensor], path: Path, recipe: Recipe) -> None:
    """Raise NotFinite where weights that were read from a fold's file are not finite."""
    if not all_finite(state.values()):
        raise NotFinite(f"{path} holds weights that are not finite", recipe, f"rm -r {path.parent}, then ")


def save_weights(path: Path, state: dict[str, Tensor], metadata: dict) -> None:
    """Write a state dict as safetensors, whole or not at all, with a checksum over weights and metadata.

    metadata: plain values. They are stored as one JSON text, because safetensors shuffles its keys, and equal weights
    should be equal bytes.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    meta = {**metadata, "sha256": weights_checksum(tensors, metadata)}
    files.write_bytes(path, save(tensors, {"meta": json.dumps(meta)}))


def weights_checksum(tensors: dict[str, Tensor], metadata: dict) -> str:
    """SHA-256 (16 digits) of the weights' bytes, names, types and shapes, and of the metadata."""
    sha = hashlib.sha256(files.checksum(metadata).encode())
    for name, value in sorted(tensors.items()):
        sha.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
        sha.update(value.contiguous().flatten().view(torch.uint8).numpy())
    return sha.hexdigest()[:16]


def weights_metadata(path: Path, run: str) -> dict:
    """The metadata that `save_weights` was given; InputError with the remedy `run` where the file does not open."""
    try:
        meta = _metadata(path)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} does not open: {error}", "the whole weights of a fold", run) from None
    meta.pop("sha256", None)
    return meta


def _metadata(path: Path) -> dict:
    with safe_open(path, "pt") as file:
        meta = json.loads((file.metadata() or {}).get("meta", "{}"))
    if not isinstance(meta, dict):
        raise ValueError(f"its metadata is a {type(meta).__name__}")
    return meta


_UNREADABLE = (SafetensorError, RuntimeError, OSError, KeyError, ValueError, TypeError, AttributeError)


def read_weights(path: Path, run: str) -> dict[str, Tensor]:
    """The state dict that `save_weights` wrote; InputError with the remedy `run` where it is missing or damaged."""
    if not path.is_file():
        raise InputError(f"no {path}", "the weights of a trained fold", run)
    try:
        tensors, meta = load_file(path), _metadata(path)
        if meta.pop("sha256") != weights_checksum(tensors, meta):
            raise ValueError("its checksum differs: the file was damaged or changed")
    except _UNREADABLE as error:
        raise _does_not_load(path, error, run) from None
    return tensors


def load_weights(model: nn.Module, path: Path, run: str) -> None:
    """Load what `save_weights` wrote into the model; InputError where it is missing, damaged or of another model."""
    tensors = read_weights(path, run)
    try:
        model.load_state_dict(tensors)
    except _UNREADABLE as error:
        raise _does_not_load(path, error, run) from None


def _does_not_load(path: Path, error: Exception, run: str) -> InputError:
    return InputError(f"{path} does not load: {str(error).splitlines()[0]}", "the weights of this run", run)


def made_with(run: Run, data: RunData, k: int | str) -> dict:
    """The hashes of recipe.json, folds.csv and pseudo-labels, and the fold: what the weights of fold k depend on.

    Also those of the weights that the fold begins with (INIT), and of the weights that they began with. For ALL_DATA
    also those of the folds, whose best epochs say how long it trains.
    """
    folds = [run.weights(fold) for fold in range(fold_count(data.folds))] if k == ALL_DATA else []
    sources = began_with(run, k) | made_of.digests_of_files(run.outputs, folds)
    return _made_with(run, data, k) | ({KEY: sources} if sources else {})


def began_with(run: Run, k: int | str) -> dict[str, str]:
    """Path relative to outputs to hash, of the weights of the chain of INIT, the nearest first."""
    if not runs.init_of(run):
        return {}
    path = Run(run.outputs, runs.init_of(run)).weights(k)
    earlier = weights_metadata(path, f"rm {path}, then the same command").get(KEY, {})
    return made_of.digests_of_files(run.outputs, [path]) | earlier


def _made_with(run: Run, data: RunData, k: int | str) -> dict:
    made = {"recipe": files.digest(run.recipe), "folds": data.folds_digest, "fold": k}
    return made | ({"pseudo": data.pseudo.digest(k)} if data.pseudo else {})


def trained_with(run: Run, data: RunData, k: int | str) -> dict:
    """As `made_with`, of weights that are there: what they began with may be gone."""
    kept = weights_metadata(run.weights(k), runs.command_to_start_again(run, k)).get(KEY)
    return _made_with(run, data, k) | ({KEY: kept} if kept else {})


def check_weights_current(run: Run, data: RunData, k: int | str) -> None:
    """Raise InputError if fold k was trained with a recipe.json, folds.csv or weights that differ from the current."""
    remedy = f"rm -r {run.fold(k)}, then the same command"
    metadata = weights_metadata(run.weights(k), remedy)
    different = differences_from_now(metadata, run.outputs, _made_with(run, data, k))
    if different:
        raise InputError(
            f"{run.weights(k)} was trained with another {' and '.join(different)}",
            "the folds.csv, recipe.json and earlier weights that are there now",
            remedy,
        )


def differences_from_now(metadata: dict, outputs: Path, now: dict) -> list[str]:
    """What is another one in the metadata of weights than `now`: recipe, folds, …, or the paths of weights before."""
    different = [name for name, value in now.items() if metadata.get(name) != value]
    return different + made_of.changed_files(outputs, metadata)
