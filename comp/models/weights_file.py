"""Write, read and check model.safetensors, the file with the weights of a trained fold.

The file also holds a checksum, and the hashes of all files that the weights depend on, such as folds.csv. If one of
these files has changed since, the weights are out of date. Weights with infinite or NaN numbers are refused, and the
error names settings that may help.
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
from comp.models.heads import SCALE, TABLE
from comp.recipes import automatic, catalog
from comp.recipes.recipe_settings import Recipe
from comp.settings import AUTO
from comp.store import made_of
from comp.store.paths import ALL_DATA
from comp.store.runs import Run


class NotFinite(InputError):
    """The error for a training that has numbers which are not finite (infinite or NaN).

    It tells the user to change settings, because the same settings would give the same numbers again. found: what is
    not finite. recipe: the recipe of the training. first: what the user should do before that, such as "first look at
    these photos, then ".
    """

    def __init__(self, found: str, recipe: Recipe, first: str = ""):
        super().__init__(found, "finite numbers", first + settings_that_may_help(recipe))


def settings_that_may_help(recipe: Recipe) -> str:
    """Return a text that tells the user which settings to change after a training whose numbers were not finite.

    The settings are a lower learning rate, clip_grad=1 and amp=off. A setting that the recipe already has is left out.
    The new learning rate is a tenth of the recipe's, but at most the one that the recipe has before the user changes
    settings.
    """
    usual = catalog.get_recipe(recipe.name).lr
    changes = [f"lr={min(recipe.lr / 10, automatic.usual_lr(recipe) if usual == AUTO else usual):g}"]
    if not 0 < recipe.clip_grad <= 1:
        changes.append("clip_grad=1")
    if recipe.amp != "off":
        changes.append("amp=off")
    return f"the same command with RUN=<another name>, and {' '.join(changes)} added to its SET"


def all_finite(values: Iterable[Tensor]) -> bool:
    """Return whether all numbers in the tensors `values` are finite. Tensors of whole numbers are not checked."""
    flags = [value.isfinite().all() for value in values if value.is_floating_point()]
    return bool(torch.stack(flags).all())  # one test of all flags, so that the GPU is waited for only once


def check_finite_file(path: Path, recipe: Recipe) -> None:
    """Raise NotFinite if the weights in a file are not finite, and InputError if the file cannot be read.

    recipe: the recipe with which the weights were trained; the error tells the user which of its settings to change.
    """
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        remedy = f"first rm {quoted(path)}, then the same command"
        raise InputError(f"{path} does not load: {error}", "the complete weights of a fold", remedy) from None
    check_finite_weights(tensors, path, recipe)


def check_finite_weights(state: dict[str, Tensor], path: Path, recipe: Recipe) -> None:
    """Raise NotFinite if weights have numbers that are not finite.

    state: the weights, as a state dict. path: the file that they were read from. recipe: the recipe with which they
    were trained; the error tells the user which of its settings to change.
    """
    if not all_finite(state.values()):
        remedy = f"first rm -r {quoted(path.parent)}, then "
        raise NotFinite(f"{path} holds weights that are not finite", recipe, remedy)


def save_weights(path: Path, state: dict[str, Tensor], metadata: dict) -> None:
    """Write weights to a safetensors file, together with metadata and a checksum of both.

    If the process is killed meanwhile, no incomplete file is left. state: the weights, as a state dict. metadata: a
    dictionary that can be written as JSON. It is stored as a single text, because safetensors writes several entries in
    random order, and equal weights should give equal files.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    meta = {**metadata, "sha256": weights_checksum(tensors, metadata)}
    files.write_bytes(path, save(tensors, {"meta": json.dumps(meta)}))


def weights_checksum(tensors: dict[str, Tensor], metadata: dict) -> str:
    """Return a checksum of weights and their metadata: the first 16 hexadecimal digits of a SHA-256.

    It depends on the metadata, and on the name, the data type, the shape and the bytes of each tensor.
    """
    sha = hashlib.sha256(files.checksum(metadata).encode())
    for name, value in sorted(tensors.items()):
        sha.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
        sha.update(value.contiguous().flatten().view(torch.uint8).numpy())
    return sha.hexdigest()[:16]


def weights_metadata(path: Path, run: str) -> dict:
    """Return the metadata of a weights file, which is the dictionary that was given to `save_weights`.

    run: what the error tells the user to run. Raises InputError if the file cannot be opened.
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


OLD_PREFIX = "backbone."  # of weights with head=attributes, which older versions put around the network
_UNREADABLE = (SafetensorError, RuntimeError, OSError, KeyError, ValueError, TypeError, AttributeError)


def read_weights(path: Path, run: str) -> dict[str, Tensor]:
    """Return the state dict in a weights file that was written by `save_weights`.

    run: what the error tells the user to run. Raises InputError if the file is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"the file {path} does not exist", "the weights of a trained fold", run)
    try:
        tensors, meta = load_file(path), _metadata(path)
        if meta.pop("sha256") != weights_checksum(tensors, meta):
            raise ValueError("its checksum differs, so the file was damaged or changed")
    except _UNREADABLE as error:
        raise _does_not_load(path, error, run) from None
    return _without_prefix(tensors)


def _without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict in which no name starts with "backbone.", as all names did with head=attributes before."""
    wrapped = all(name.startswith(OLD_PREFIX) for name in state)
    return {name.removeprefix(OLD_PREFIX): value for name, value in state.items()} if wrapped else state


def load_weights(model: nn.Module, path: Path, run: str) -> None:
    """Load the weights in the file `path`, which was written by `save_weights`, into the model.

    run: what the error tells the user to run. Raises InputError if the file is missing or damaged, or has the weights
    of another model.
    """
    tensors = read_weights(path, run)
    # weights of older versions lack these buffers; the model has the values that these versions used
    tensors = {name: value for name, value in model.state_dict().items() if name in (SCALE, TABLE)} | tensors
    try:
        model.load_state_dict(tensors)
    except _UNREADABLE as error:
        raise _does_not_load(path, error, run) from None


def _does_not_load(path: Path, error: Exception, run: str) -> InputError:
    return InputError(f"{path} does not load: {first_line(error)}", "the complete weights of this run's model", run)


# ---- what the weights of a fold depend on


def training_record(data: RunData, run: Run, k: int | str) -> dict:
    """Return a dictionary with the hashes of all files that the weights of fold k of a run depend on.

    The keys are "recipe" and "folds" (the hashes of recipe.json and folds.csv), "fold" (k), "pseudo" (the hash of the
    pseudo-labels) and "from_weights". The last two are left out if the training uses no such files. "from_weights" is a
    dictionary from the path of a weights file to its hash. It has the weights with which the training starts (see
    `began_with`). For the training on all rows it also has the weights of all folds, because their best epochs decide
    how many epochs this training takes. k: the number of a fold, or "all_data" for the training on all rows.
    """
    folds = [run.weights(fold) for fold in range(data.project.fold_count)] if k == ALL_DATA else []
    earlier = began_with(run, k) | made_of.digests_of_files(run.outputs, folds)
    return _own_record(data, run, k) | ({made_of.FROM_WEIGHTS: earlier} if earlier else {})


def began_with(run: Run, k: int | str) -> dict[str, str]:
    """Return the hashes of the weights files with which the training of fold k starts, as a dictionary by path.

    These are the weights of the run that the option INIT names, and the weights with which the training of that run
    started in turn. The paths are relative to outputs/. The dictionary is empty for a run without INIT. k: the number
    of a fold, or "all_data" for the training on all rows.
    """
    if not run.init:
        return {}
    path = Run(run.outputs, run.init).weights(k)
    earlier = weights_metadata(path, f"first rm {quoted(path)}, then the same command").get(made_of.FROM_WEIGHTS, {})
    return made_of.digests_of_files(run.outputs, [path]) | earlier


def kept_record(data: RunData, run: Run, k: int | str) -> dict:
    """Return a dictionary with the hashes of all files that the existing weights of fold k of a run depend on.

    The keys are those of `training_record`. The hashes of other weights files are not computed again, but copied from
    the metadata of the weights of fold k, because the other files may have been deleted. k: the number of a fold, or
    "all_data" for the training on all rows.
    """
    earlier = weights_metadata(run.weights(k), run.restart_command(k)).get(made_of.FROM_WEIGHTS)
    return _own_record(data, run, k) | ({made_of.FROM_WEIGHTS: earlier} if earlier else {})


def _own_record(data: RunData, run: Run, k: int | str) -> dict:
    record = {"recipe": files.digest(run.recipe), "folds": data.project.folds_digest, "fold": k}
    return record | ({"pseudo": data.pseudo.digest(k)} if data.pseudo else {})


def changes_of_weights(run: Run, metadata: dict, record: dict) -> list[str]:
    """Return the names of everything that has changed since weights were trained, such as "folds" for folds.csv.

    If another weights file that the training used has changed, its path is the name. metadata: the metadata of the
    weights, with the hashes at the time of the training. record: a dictionary with the same keys and the current
    hashes. The hashes of other weights files need not be in `record`.
    """
    now = {**record, made_of.FROM_WEIGHTS: made_of.earlier_weights(run.outputs, metadata)}
    return [change.key or change.part for change in made_of.changes(metadata, now)]


def check_weights_current(data: RunData, run: Run, k: int | str) -> None:
    """Raise InputError if the weights of fold k are out of date.

    They are out of date if recipe.json, folds.csv, the pseudo-labels, or other weights that the training used have
    changed since fold k was trained. k: the number of a fold, or "all_data" for the training on all rows.
    """
    remedy = f"first rm -r {quoted(run.fold(k))}, then the same command"
    different = changes_of_weights(run, weights_metadata(run.weights(k), remedy), _own_record(data, run, k))
    if different:
        raise InputError(
            f"{run.weights(k)} is out of date: {' and '.join(different)} changed after its training",
            "weights that were trained with the current version of every file that the training uses",
            remedy,
        )
