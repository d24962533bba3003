"""model.safetensors of a fold: its weights, a checksum over them, and a record of what they were made of.

Weights that are not finite are refused, with the settings that may help.
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
from comp.errors import InputError, quoted
from comp.recipes import catalog
from comp.recipes.recipe_settings import Recipe
from comp.store import made_of
from comp.store.paths import ALL_DATA
from comp.store.runs import Run


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
    """Raise InputError if a fold's weights file does not open, NotFinite if it holds numbers that are not finite."""
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        remedy = f"rm {quoted(path)}, then the same command"
        raise InputError(f"{path} does not load: {error}", "the whole weights of a fold", remedy) from None
    check_finite_weights(tensors, path, recipe)


def check_finite_weights(state: dict[str, Tensor], path: Path, recipe: Recipe) -> None:
    """Raise NotFinite where weights that were read from a fold's file are not finite."""
    if not all_finite(state.values()):
        raise NotFinite(f"{path} holds weights that are not finite", recipe, f"rm -r {quoted(path.parent)}, then ")


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


# ---- what the weights of a fold were made of


def training_record(data: RunData, run: Run, k: int | str) -> dict:
    """What the weights of fold k depend on: recipe.json, folds.csv, the fold, pseudo-labels, and earlier weights.

    Earlier weights are those that the fold begins with (INIT) and those that these began with. For ALL_DATA they are
    also those of the folds, whose best epochs decide how long it trains.
    """
    folds = [run.weights(fold) for fold in range(data.project.fold_count)] if k == ALL_DATA else []
    earlier = began_with(run, k) | made_of.digests_of_files(run.outputs, folds)
    return _own_record(data, run, k) | ({made_of.FROM_WEIGHTS: earlier} if earlier else {})


def began_with(run: Run, k: int | str) -> dict[str, str]:
    """Path relative to outputs to hash, of the weights that fold k begins with and of those before them."""
    if not run.init:
        return {}
    path = Run(run.outputs, run.init).weights(k)
    earlier = weights_metadata(path, f"rm {quoted(path)}, then the same command").get(made_of.FROM_WEIGHTS, {})
    return made_of.digests_of_files(run.outputs, [path]) | earlier


def kept_record(data: RunData, run: Run, k: int | str) -> dict:
    """As `training_record`, of weights that exist: the weights that they began with may be gone."""
    earlier = weights_metadata(run.weights(k), run.restart_command(k)).get(made_of.FROM_WEIGHTS)
    return _own_record(data, run, k) | ({made_of.FROM_WEIGHTS: earlier} if earlier else {})


def _own_record(data: RunData, run: Run, k: int | str) -> dict:
    record = {"recipe": files.digest(run.recipe), "folds": data.project.folds_digest, "fold": k}
    return record | ({"pseudo": data.pseudo.digest(k)} if data.pseudo else {})


def changes_of_weights(run: Run, metadata: dict, record: dict) -> list[str]:
    """The parts of `record` that differ in the metadata of weights, and the paths of earlier weights that changed."""
    now = {**record, made_of.FROM_WEIGHTS: made_of.earlier_weights(run.outputs, metadata)}
    return [change.key or change.part for change in made_of.changes(metadata, now)]


def check_weights_current(data: RunData, run: Run, k: int | str) -> None:
    """Raise InputError if fold k was trained with a recipe.json, folds.csv or weights that differ from the current."""
    remedy = f"rm -r {quoted(run.fold(k))}, then the same command"
    different = changes_of_weights(run, weights_metadata(run.weights(k), remedy), _own_record(data, run, k))
    if different:
        raise InputError(
            f"{run.weights(k)} was trained with another {' and '.join(different)}",
            "the folds.csv, recipe.json and earlier weights that are there now",
            remedy,
        )
