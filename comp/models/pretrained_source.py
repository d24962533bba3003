"""Where pretrained weights come from: a file in inputs/weights, or else the model hub."""

from pathlib import Path

from torch import nn

from comp.models import checkpoint_reading
from comp.models.pretrained_file import from_file
from comp.models.pretrained_filling import Origin
from comp.models.pretrained_hub import from_hub
from comp.recipes import model_names


def load(name: str, weights: Path, options: dict) -> tuple[nn.Module, Origin]:
    """timm's model of that name with pretrained weights, and where they are from.

    A local file goes first, and then no network is asked. weights: the folder of local files, <name>.safetensors, .pth,
    .pt, .bin, .ckpt or .pth.tar; options: of timm.create_model.
    Raises InputError for weights that do not fit, cannot be read, do not exist, or for a hub out of reach.
    """
    file = local_file(name, weights)
    return from_file(name, file, options) if file else from_hub(name, weights, options)


def local_file(name: str, weights: Path) -> Path | None:
    """The file of a model's weights, by its name as given or as timm has it now, with or without the tag, or None."""
    current = model_names.current(name)
    stems = dict.fromkeys((name, name.partition(".")[0], current, current.partition(".")[0]))
    paths = [weights / f"{stem}{suffix}" for stem in stems for suffix in checkpoint_reading.SUFFIXES]
    return next((file for file in paths if file.is_file()), None)
