"""The resume file: what a killed training needs to go on, with a checksum, and without any pickle that could run."""

import hashlib
import io
import pickle
from pathlib import Path

import torch

from comp.errors import InputError
from comp.io import files

SHA256 = 32  # bytes at the end of the file


def save(path: Path, identity: dict, content: dict) -> None:
    """Write plain values and tensors. identity: what they were made with (recipe, folds), which `load` compares."""
    stream = io.BytesIO()
    torch.save({"identity": identity, "content": content}, stream)
    data = stream.getvalue()
    files.write_bytes(path, data + hashlib.sha256(data).digest())


def load(path: Path, identity: dict, device: torch.device) -> dict:
    """The content that `save` wrote; InputError where the file is damaged, or made with something else."""
    remedy = f"rm {path}, then the same command: the fold starts again"
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[:-SHA256]).digest() != data[-SHA256:]:
            raise ValueError("its checksum differs")
        saved = torch.load(io.BytesIO(data[:-SHA256]), map_location=device, weights_only=True)
        found, content = saved["identity"], saved["content"]
    except (OSError, RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError, TypeError) as error:
        first_line = str(error).splitlines()[0]
        raise InputError(f"{path} does not load: {first_line}", "a complete checkpoint", remedy) from None
    if found != identity:
        raise InputError(f"{path} was made with {found}", f"{identity}", remedy)
    return content
