"""Where pretrained weights come from: a file in inputs/weights, or else the model hub."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from comp.errors import InputError


def load(name: str, weights: Path, options: dict) -> nn.Module:
    """timm's model of that name with pretrained weights. A local file goes first, and then no network is asked.

    weights: the folder of local files, <name>.safetensors or .pth; options: of timm.create_model.
    Raises InputError for weights that do not fit, cannot be read, do not exist, or for a hub out of reach.
    """
    file = local_file(name, weights)
    return _from_file(name, file, options) if file else _from_hub(name, weights, options)


def local_file(name: str, weights: Path) -> Path | None:
    """The file of a model's weights, by its name with or without the tag; None where there is none."""
    stems = dict.fromkeys((name, name.partition(".")[0]))
    files = [weights / f"{stem}{suffix}" for stem in stems for suffix in (".safetensors", ".pth")]
    return next((file for file in files if file.is_file()), None)


def _from_file(name: str, file: Path, options: dict) -> nn.Module:
    import timm

    _check_readable(file)
    try:
        return timm.create_model(name, pretrained=True, pretrained_cfg_overlay={"file": str(file)}, **options)
    except (RuntimeError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise InputError(f"{file} does not fit {name}: {error}", "weights of that timm model") from error


def _from_hub(name: str, weights: Path, options: dict) -> nn.Module:
    import timm

    try:
        return timm.create_model(name, pretrained=True, **options)
    except hub_errors() as error:
        raise _none(name, weights, f"the hub cannot be reached ({_first_line(error)})") from error
    except (RuntimeError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise _none(name, weights, f"timm cannot build or fill it ({_first_line(error)})") from error


def hub_errors() -> tuple[type[Exception], ...]:
    """What the hub's client raises where there is no network, no such file, or no access; never a bug in our code."""
    from huggingface_hub.errors import HfHubHTTPError

    # its bases include the HTTP library's own root, whichever that is (requests, httpx): timeouts and refusals
    client = tuple(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
    return (OSError, HfHubHTTPError, *client)


def _check_readable(file: Path) -> None:
    """Raise InputError unless the file opens as weights and nothing else: no pickle is ever run."""
    try:
        if file.suffix == ".safetensors":
            load_file(file)
        else:
            torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises UnpicklingError, RuntimeError, EOFError, … for a hostile or torn file
        raise InputError(
            f"{file} is not a readable weights file: {error}", "safetensors, or a .pth of tensors"
        ) from None


def _none(name: str, weights: Path, why: str) -> InputError:
    return InputError(
        f"no pretrained weights for {name}: {why}",
        f"a network that reaches the model hub, or the file {weights / (name + '.safetensors')} (or .pth)",
        "the same command with SET=pretrained=false RUN=<name> trains from scratch",
    )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
