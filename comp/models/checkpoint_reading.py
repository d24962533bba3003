"""State dicts out of files of weights, whatever they are wrapped in; no code that a file brings is ever run."""

from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors.torch import load_file
from torch import Tensor

from comp.errors import InputError

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".pth.tar")
WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")  # of torch, anywhere in a name
_DEEPEST = 4  # dictionaries within dictionaries

State = dict[str, Tensor]


class Ignored:
    """Stands for every class of a file that is no tensor (settings, metrics): it takes anything and does nothing."""

    def __new__(cls, *args, **options):
        return super().__new__(cls)

    def __init__(self, *args, **options):
        pass

    def __setstate__(self, state):
        pass


def state_dicts(file: Path) -> dict[str, State]:
    """The state dicts that a file holds by where they lie in it ("" is the file itself), averaged weights (EMA) first.

    Those with less than half of the most tensors are left out: they are an optimizer's.
    Raises InputError for a file that does not open, or has no tensors with names.
    """
    found = dict(_found(_opened(file)))
    most = max(map(len, found.values()), default=0)
    if not most:
        raise InputError(f"{file} is not a readable weights file: it holds no tensors with names", *_ADVICE)
    kept = {place: state for place, state in found.items() if 2 * len(state) >= most}
    return dict(sorted(kept.items(), key=lambda item: ("ema" not in item[0].lower(), -len(item[1]))))


_ADVICE = (
    "safetensors, or a state dict that torch.save wrote",
    "torch.save(model.state_dict(), '<file>') where the model was trained, and copy that file here",
)


def _opened(file: Path):
    """What the file holds: a dictionary, if it is a file of weights."""
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except UnpicklingError:
            foreign = [(Ignored, name) for name in torch.serialization.get_unsafe_globals_in_checkpoint(file)]
            with torch.serialization.safe_globals(foreign):
                return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises UnpicklingError, RuntimeError, EOFError, … for a hostile or torn file
        problem = str(error).strip().partition("\n")[0][:200]
        raise InputError(f"{file} is not a readable weights file: {problem}", *_ADVICE) from None


def _found(content, place: str = "", depth: int = 0):
    """(place, state dict) of each dictionary with tensors in it, from the outside in."""
    if not isinstance(content, dict) or depth > _DEEPEST:
        return
    named = {key: value for key, value in content.items() if isinstance(key, str)}
    if state := {_unwrapped(key): value.detach() for key, value in named.items() if isinstance(value, Tensor)}:
        yield place, state
    for key, value in named.items():
        yield from _found(value, f"{place}.{key}" if place else key, depth + 1)


def _unwrapped(key: str) -> str:
    return ".".join(part for part in key.split(".") if part not in WRAPPERS)
