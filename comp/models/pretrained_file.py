"""Pretrained weights from a local file, which must hold nearly all of the model's backbone and of no larger one."""

from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError
from torch import nn

from comp.errors import InputError
from comp.io import files
from comp.models import checkpoint_reading, key_matching
from comp.models.key_matching import Match
from comp.models.pretrained_filling import FAULTS, Origin, filled_by, first_line, origin_of
from comp.recipes import model_names


def from_file(name: str, file: Path, options: dict) -> tuple[nn.Module, Origin]:
    """timm's model of that name with the file's weights, all but the classifier; InputError where they do not fit."""
    import timm

    states, matches = checkpoint_reading.state_dicts(file), []

    def fill(own: Callable, model: nn.Module, pretrained_cfg: dict, filter_fn: Callable | None, **settings) -> None:
        match = key_matching.best(states, model, filter_fn)
        _check_fits(name, file, match)
        matches.append(match)
        # the classifier is left out, and the names are settled: num_classes=-1 and no strict says so
        settings |= {"num_classes": -1, "strict": False}
        own(model, pretrained_cfg=pretrained_cfg | {"state_dict": dict(match.tensors)}, **settings)

    try:
        with filled_by(fill):
            model = timm.create_model(model_names.current(name), pretrained=True, **options)
    except (*FAULTS, SafetensorError) as error:
        raise InputError(f"{file} does not fit {name}: {first_line(error)}", *_other_weights(name, file)) from error
    return model, origin_of(file.name, files.digest(file), matches)


def _check_fits(name: str, file: Path, match: Match) -> None:
    """Raise InputError, naming five tensors, unless the file holds nearly all of the backbone and not a larger one."""
    if match.fits:
        return
    found = f"{file} has {match.found} of the {match.total} tensors of {name}'s backbone"
    if match.found < key_matching.ENOUGH * match.total:
        found += f"; not found, or of another shape: {', '.join(match.missing[:5])}"
    else:
        found += f", and {len(match.surplus)} that this model has no place for: {', '.join(match.surplus[:5])}"
    raise InputError(found, *_other_weights(name, file))


def _other_weights(name: str, file: Path) -> tuple[str, str]:
    return (
        f"weights of {name} itself, at least 99 % of them: MODEL= names the model that the file is of",
        f"mv '{file}' '{file}.other' && the same command: it asks the hub; or, from scratch, "
        "the same command with SET=pretrained=false RUN=<name>",
    )
