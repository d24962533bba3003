"""A fold's weights on disk: safetensors with a checksum over the weights and what they were made with."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from comp.errors import InputError
from comp.io import files


def save_weights(path: Path, state: dict[str, Tensor], metadata: dict) -> None:
    """Write a state dict as safetensors, whole or not at all, with a checksum over weights and metadata.

    metadata: plain values. They are stored as one JSON text, because safetensors shuffles its keys, and equal weights
    should be equal bytes.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    meta = {**metadata, "sha256": checksum(tensors, metadata)}
    files.write_bytes(path, save(tensors, {"meta": json.dumps(meta)}))


def checksum(tensors: dict[str, Tensor], metadata: dict) -> str:
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
        if meta.pop("sha256") != checksum(tensors, meta):
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
