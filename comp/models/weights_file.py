"""Write, read and check model.safetensors, the file with the weights of a trained fold.

The file also holds a checksum over the weights, and a record of everything that the weights depend on. Weights with
numbers that are not finite are refused, and the error names settings that may help.
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
from comp.errors import InputError, first_line, quoted
from comp.recipes import catalog
from comp.recipes.recipe_settings import Recipe
from comp.store import made_of
from comp.store.paths import ALL_DATA
from comp.store.runs import Run


class NotFinite(InputError):
    """This error is raised if a training or its weights have numbers that are not finite (infinite or NaN).

    Its advice is to change settings, because the same settings would give the same numbers again. found: the problem.
    recipe: the recipe of the training. first: words that stand before the advice, such as a command to run first.
    """

    def __init__(self, found: str, recipe: Recipe, first: str = ""):
        super().__init__(found, "finite numbers", first + settings_that_may_help(recipe))


def settings_that_may_help(recipe: Recipe) -> str:
    """Return advice for a training whose numbers were not finite: a lower learning rate, clip_grad=1 and amp=off.

    A setting that the recipe already has is left out. The advised learning rate is a tenth of the recipe's learning
    rate, but never above the learning rate of the catalog's recipe for this model.
    """
    changes = [f"lr={min(recipe.lr / 10, catalog.get_recipe(recipe.name).lr):g}"]
    if not 0 < recipe.clip_grad <= 1:
        changes.append("clip_grad=1")
    if recipe.amp != "off":
        changes.append("amp=off")
    return f"the same command with RUN=<another name>, and {' '.join(changes)} added to its SET"


def all_finite(values: Iterable[Tensor]) -> bool:
    """Return whether all numbers in the floating-point tensors of `values` are finite. Other tensors are skipped."""
    flags = [value.isfinite().all() for value in values if value.is_floating_point()]
    return bool(torch.stack(flags).all())  # one test of all flags, so that the GPU is waited for only once


def check_finite_file(path: Path, recipe: Recipe) -> None:
    """Raise InputError if the weights file `path` cannot be read, and NotFinite if its weights are not finite.

    recipe: the recipe of the training, from which the error's advice is made.
    """
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        remedy = f"first rm {quoted(path)}, then the same command"
        raise InputError(f"{path} does not load: {error}", "the complete weights of a fold", remedy) from None
    check_finite_weights(tensors, path, recipe)


def check_finite_weights(state: dict[str, Tensor], path: Path, recipe: Recipe) -> None:
    """Raise NotFinite if the weights `state` have numbers that are not finite.

    path: the file from which `state` was read. recipe: the recipe of the training, from which the error's advice is
    made.
    """
    if not all_finite(state.values()):
        remedy = f"first rm -r {quoted(path.parent)}, then "
        raise NotFinite(f"{path} holds weights that are not finite", recipe, remedy)


def save_weights(path: Path, state: dict[str, Tensor], metadata: dict) -> None:
    """Write a state dict and its metadata as a safetensors file, with a checksum over both.

    If the process is killed while it writes, no partial file is left. metadata: plain values. They are stored as one
    JSON text, because safetensors writes several entries in random order, and equal weights should give equal bytes.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    meta = {**metadata, "sha256": weights_checksum(tensors, metadata)}
    files.write_bytes(path, save(tensors, {"meta": json.dumps(meta)}))


def weights_checksum(tensors: dict[str, Tensor], metadata: dict) -> str:
    """Return a checksum of the weights and their metadata: the first 16 hexadecimal digits of a SHA-256.

    It covers the metadata, and the name, the type, the shape and the bytes of each tensor.
    """
    sha = hashlib.sha256(files.checksum(metadata).encode())
    for name, value in sorted(tensors.items()):
        sha.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
        sha.update(value.contiguous().flatten().view(torch.uint8).numpy())
    return sha.hexdigest()[:16]


def weights_metadata(path: Path, run: str) -> dict:
    """Return the metadata that `save_weights` stored in the file `path`.

    Raises InputError if the file cannot be opened. run: the command that the error tells the user to run.
    """
    try:
        meta = _metadata(path)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be opened: {error}", "the complete weights of a fold", run) from None
    meta.pop("sha256", None)
    return meta


def _metadata(path: Path) -> dict:
    with safe_open(path, "pt") as file:
        meta = json.loads((file.metadata() or {}).get("meta", "{}"))
    if not isinstance(meta, dict):
        raise ValueError(f"its metadata is not a dictionary, but a {type(meta).__name__}")
    return meta


_UNREADABLE = (SafetensorError, RuntimeError, OSError, KeyError, ValueError, TypeError, AttributeError)


def read_weights(path: Path, run: str) -> dict[str, Tensor]:
    """Return the state dict that `save_weights` stored in the file `path`.

    Raises InputError if the file is missing or damaged. run: the command that the error tells the user to run.
    """
    if not path.is_file():
        raise InputError(f"the file {path} does not exist", "the weights of a trained fold", run)
    try:
        tensors, meta = load_file(path), _metadata(path)
        if meta.pop("sha256") != weights_checksum(tensors, meta):
            raise ValueError("its checksum differs, so the file was damaged or changed")
    except _UNREADABLE as error:
        raise _does_not_load(path, error, run) from None
    return tensors


def load_weights(model: nn.Module, path: Path, run: str) -> None:
    """Load weights into the model from the file `path`, which `save_weights` has written.

    Raises InputError if the file is missing or damaged, or has the weights of another model. run: the command that the
    error tells the user to run.
    """
    tensors = read_weights(path, run)
    try:
        model.load_state_dict(tensors)
    except _UNREADABLE as error:
        raise _does_not_load(path, error, run) from None


def _does_not_load(path: Path, error: Exception, run: str) -> InputError:
    return InputError(f"{path} does not load: {first_line(error)}", "complete weights of this run's model", run)


# ---- what the weights of a fold depend on


def training_record(data: RunData, run: Run, k: int | str) -> dict:
    """Return a dictionary of plain values that records everything that the weights of fold k depend on.

    The record has the number of the fold, and the hashes of recipe.json, folds.csv, the pseudo-labels and all earlier
    weights. Earlier weights are the weights with which the training of the fold starts (those of the run that INIT
    names), and the weights with which that run itself started. If k is ALL_DATA, the weights of all folds are earlier
    weights too, because the best epochs of the folds decide how long the training on all rows takes.
    """
    folds = [run.weights(fold) for fold in range(data.project.fold_count)] if k == ALL_DATA else []
    earlier = began_with(run, k) | made_of.digests_of_files(run.outputs, folds)
    return _own_record(data, run, k) | ({made_of.FROM_WEIGHTS: earlier} if earlier else {})


def began_with(run: Run, k: int | str) -> dict[str, str]:
    """Return a dictionary with the paths and the hashes of the weights files with which fold k of a run starts.

    The files are the weights of the INIT run (the run that the option INIT names), and the weights with which the INIT
    run itself started. Paths are relative to outputs/. The dictionary is empty for a run without INIT.
    """
    if not run.init:
        return {}
    path = Run(run.outputs, run.init).weights(k)
    earlier = weights_metadata(path, f"first rm {quoted(path)}, then the same command").get(made_of.FROM_WEIGHTS, {})
    return made_of.digests_of_files(run.outputs, [path]) | earlier


def kept_record(data: RunData, run: Run, k: int | str) -> dict:
    """Return the `training_record` of fold k of a run whose weights for fold k exist already.

    The hashes of earlier weights are copied from the metadata of fold k's weights, because the files of the earlier
    weights may have been deleted.
    """
    earlier = weights_metadata(run.weights(k), run.restart_command(k)).get(made_of.FROM_WEIGHTS)
    return _own_record(data, run, k) | ({made_of.FROM_WEIGHTS: earlier} if earlier else {})


def _own_record(data: RunData, run: Run, k: int | str) -> dict:
    record = {"recipe": files.digest(run.recipe), "folds": data.project.folds_digest, "fold": k}
    return record | ({"pseudo": data.pseudo.digest(k)} if data.pseudo else {})


def changes_of_weights(run: Run, metadata: dict, record: dict) -> list[str]:
    """Return the names of everything that weights depend on and that has changed since the weights were trained.

    metadata: the metadata of the weights. record: the current values of what the weights depend on, without earlier
    weights. A name is a key of `record`, such as "folds", or the path of a file with earlier weights.
    """
    now = {**record, made_of.FROM_WEIGHTS: made_of.earlier_weights(run.outputs, metadata)}
    return [change.key or change.part for change in made_of.changes(metadata, now)]


def check_weights_current(data: RunData, run: Run, k: int | str) -> None:
    """Raise InputError if the weights of fold k are out of date.

    They are out of date if recipe.json, folds.csv, the pseudo-labels or the weights with which the training started
    have changed since fold k was trained.
    """
    remedy = f"first rm -r {quoted(run.fold(k))}, then the same command"
    different = changes_of_weights(run, weights_metadata(run.weights(k), remedy), _own_record(data, run, k))
    if different:
        raise InputError(
            f"{run.weights(k)} is out of date: {' and '.join(different)} changed after its training",
            "weights that were trained with the current folds.csv, recipe.json, pseudo-labels and earlier weights",
            remedy,
        )
