"""model.safetensors of a fold, which holds weights, a checksum over the weights, and a record of what they depend on.

Weights that are not finite are refused with an error that names settings that may help.
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
    """The error for numbers that are not finite. It advises other settings, because equal settings give equal numbers.

    first: words in front of the advice, such as a command to run first.
    """

    def __init__(self, found: str, recipe: Recipe, first: str = ""):
        super().__init__(found, "finite numbers", first + settings_that_may_help(recipe))


def settings_that_may_help(recipe: Recipe) -> str:
    """Return the advice for a training that was not finite: a lower lr, clip_grad=1 and amp=off.

    lr is a tenth of the recipe's lr, but at most the lr of the model's named recipe.
    """
    changes = [f"lr={min(recipe.lr / 10, catalog.get_recipe(recipe.name).lr):g}"]
    if not 0 < recipe.clip_grad <= 1:
        changes.append("clip_grad=1")
    if recipe.amp != "off":
        changes.append("amp=off")
    return f"the same command with RUN=<another name>, and {' '.join(changes)} added to its SET"


def all_finite(values: Iterable[Tensor]) -> bool:
    """Whether every number in the floating-point tensors is finite."""
    flags = [value.isfinite().all() for value in values if value.is_floating_point()]
    return bool(torch.stack(flags).all())  # one test of all flags, so that the GPU is waited for only once


def check_finite_file(path: Path, recipe: Recipe) -> None:
    """Raise InputError if a fold's weights file does not open, or NotFinite if its weights are not finite."""
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        remedy = f"rm {quoted(path)}, then the same command"
        raise InputError(f"{path} does not load: {error}", "the complete weights of a fold", remedy) from None
    check_finite_weights(tensors, path, recipe)


def check_finite_weights(state: dict[str, Tensor], path: Path, recipe: Recipe) -> None:
    """Raise NotFinite if `state`, which was read from a fold's file `path`, holds numbers that are not finite."""
    if not all_finite(state.values()):
        raise NotFinite(f"{path} holds weights that are not finite", recipe, f"rm -r {quoted(path.parent)}, then ")


def save_weights(path: Path, state: dict[str, Tensor], metadata: dict) -> None:
    """Write a state dict and its metadata as a safetensors file, with a checksum over both.

    A killed write leaves no partial file. metadata: plain values, stored as one JSON text, because safetensors shuffles
    keys and equal weights should give equal bytes.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    meta = {**metadata, "sha256": weights_checksum(tensors, metadata)}
    files.write_bytes(path, save(tensors, {"meta": json.dumps(meta)}))


def weights_checksum(tensors: dict[str, Tensor], metadata: dict) -> str:
    """SHA-256 (the first 16 digits) over the metadata and over the bytes, names, types and shapes of the weights."""
    sha = hashlib.sha256(files.checksum(metadata).encode())
    for name, value in sorted(tensors.items()):
        sha.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
        sha.update(value.contiguous().flatten().view(torch.uint8).numpy())
    return sha.hexdigest()[:16]


def weights_metadata(path: Path, run: str) -> dict:
    """Return the metadata that `save_weights` was given.

    Raises InputError if the file does not open. run: the command that the error advises.
    """
    try:
        meta = _metadata(path)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} does not open: {error}", "the complete weights of a fold", run) from None
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
    """Return the state dict that `save_weights` wrote.

    Raises InputError if the file is missing or damaged. run: the command that the error advises.
    """
    if not path.is_file():
        raise InputError(f"no {path}", "the weights of a trained fold", run)
    try:
        tensors, meta = load_file(path), _metadata(path)
        if meta.pop("sha256") != weights_checksum(tensors, meta):
            raise ValueError("its checksum differs, so the file was damaged or changed")
    except _UNREADABLE as error:
        raise _does_not_load(path, error, run) from None
    return tensors


def load_weights(model: nn.Module, path: Path, run: str) -> None:
    """Load the weights that `save_weights` wrote into the model.

    Raises InputError if the file is missing, damaged or of another model. run: the command that the error advises.
    """
    tensors = read_weights(path, run)
    try:
        model.load_state_dict(tensors)
    except _UNREADABLE as error:
        raise _does_not_load(path, error, run) from None


def _does_not_load(path: Path, error: Exception, run: str) -> InputError:
    return InputError(f"{path} does not load: {str(error).splitlines()[0]}", "the weights of this run", run)


# ---- what the weights of a fold depend on


def training_record(data: RunData, run: Run, k: int | str) -> dict:
    """Return what the weights of fold k depend on: recipe.json, folds.csv, the fold, pseudo-labels, earlier weights.

    Earlier weights are the weights that the fold begins with (INIT) and the weights that INIT began with. For ALL_DATA,
    the weights of all folds are earlier weights too, because the best epochs of the folds decide how long it trains.
    """
    folds = [run.weights(fold) for fold in range(data.project.fold_count)] if k == ALL_DATA else []
    earlier = began_with(run, k) | made_of.digests_of_files(run.outputs, folds)
    return _own_record(data, run, k) | ({made_of.FROM_WEIGHTS: earlier} if earlier else {})


def began_with(run: Run, k: int | str) -> dict[str, str]:
    """Return the hashes of the weights that fold k begins with (INIT), and of the weights that INIT began with.

    The keys are the paths of the weights relative to outputs/. The result is empty for a run without INIT.
    """
    if not run.init:
        return {}
    path = Run(run.outputs, run.init).weights(k)
    earlier = weights_metadata(path, f"rm {quoted(path)}, then the same command").get(made_of.FROM_WEIGHTS, {})
    return made_of.digests_of_files(run.outputs, [path]) | earlier


def kept_record(data: RunData, run: Run, k: int | str) -> dict:
    """Return the `training_record` of weights that exist.

    The earlier weights are copied from the metadata of the weights, because their files may have been deleted.
    """
    earlier = weights_metadata(run.weights(k), run.restart_command(k)).get(made_of.FROM_WEIGHTS)
    return _own_record(data, run, k) | ({made_of.FROM_WEIGHTS: earlier} if earlier else {})


def _own_record(data: RunData, run: Run, k: int | str) -> dict:
    record = {"recipe": files.digest(run.recipe), "folds": data.project.folds_digest, "fold": k}
    return record | ({"pseudo": data.pseudo.digest(k)} if data.pseudo else {})


def changes_of_weights(run: Run, metadata: dict, record: dict) -> list[str]:
    """The names of the parts of `record` that differ from the metadata, and the paths of earlier weights that changed.

    metadata: the metadata of weights that exist.
    """
    now = {**record, made_of.FROM_WEIGHTS: made_of.earlier_weights(run.outputs, metadata)}
    return [change.key or change.part for change in made_of.changes(metadata, now)]


def check_weights_current(data: RunData, run: Run, k: int | str) -> None:
    """Raise InputError if recipe.json, folds.csv, pseudo-labels or earlier weights changed since fold k was trained."""
    remedy = f"rm -r {quoted(run.fold(k))}, then the same command"
    different = changes_of_weights(run, weights_metadata(run.weights(k), remedy), _own_record(data, run, k))
    if different:
        raise InputError(
            f"{run.weights(k)} was trained with another {' and '.join(different)}",
            "weights that were trained with the current folds.csv, recipe.json and earlier weights",
            remedy,
        )
