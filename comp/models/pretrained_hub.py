"""Pretrained weights from the model hub, by timm."""

from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError
from torch import nn

from comp.errors import InputError
from comp.models import key_matching, weights_file
from comp.models.pretrained_filling import FAULTS, Origin, filled_by, first_line, origin_of
from comp.recipes import model_names


def from_hub(name: str, weights: Path, options: dict) -> tuple[nn.Module, Origin]:
    """timm's model with the hub's weights. It is timm's own loading, only looked at: its weights are of this model.

    weights: the folder of local files, for the error where the hub is out of reach.
    """
    import timm

    current, matches, digests = model_names.current(name), [], []

    def fill(own: Callable, model: nn.Module, filter_fn: Callable | None, **settings) -> None:
        def looked_at(state: dict, model: nn.Module) -> dict:
            digests.append(weights_file.checksum(state, {}))
            tensors = key_matching.filtered(state, model, filter_fn)
            matches.append(key_matching.compared(tensors, model))
            return tensors

        own(model, filter_fn=looked_at, **settings)

    try:
        with filled_by(fill):
            model = timm.create_model(current, pretrained=True, **options)
    except hub_errors() as error:
        raise _none(name, weights, f"the hub cannot be reached ({first_line(error)})") from error
    except (*FAULTS, SafetensorError) as error:
        raise _none(name, weights, f"timm cannot build or fill it ({first_line(error)})") from error
    place = model.pretrained_cfg.get("hf_hub_id") or model.pretrained_cfg.get("url") or current
    return model, origin_of(place, "".join(digests), matches)


def hub_errors() -> tuple[type[Exception], ...]:
    """What the hub's client raises where there is no network, no such file, or no access; never a bug in our code."""
    from huggingface_hub.errors import HfHubHTTPError

    # its bases include the HTTP library's own root, whichever that is (requests, httpx): timeouts and refusals
    client = tuple(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
    return (OSError, HfHubHTTPError, *client)


def _none(name: str, weights: Path, why: str) -> InputError:
    return InputError(
        f"no pretrained weights for {name}: {why}",
        f"a network that reaches the model hub, or the file {weights / (name + '.safetensors')} (or .pth)",
        "the same command with SET=pretrained=false RUN=<name> trains from scratch",
    )
