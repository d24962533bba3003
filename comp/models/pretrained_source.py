"""Where pretrained weights come from: a file in inputs/weights, or else the model hub."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from torch import nn

from comp.errors import InputError
from comp.io import files
from comp.models import checkpoint_reading, key_matching, weights_file
from comp.models.key_matching import Match
from comp.recipes import model_names

# what timm raises for a model that cannot be built or filled
FAULTS = (RuntimeError, ValueError, TypeError, KeyError, AssertionError, AttributeError, IndexError)


@dataclass
class Origin:
    """What was loaded: its place, its digest, and how much of the model's backbone it is.

    place: a file's name or the hub's; the same weights have the same place on every machine. removed: what was taken
    off the file's names. found, total: tensors of the backbone; 0 where timm reads the weights in its own way.
    missing: those that were not found.
    """

    place: str
    digest: str = ""
    removed: str = ""
    found: int = 0
    total: int = 0
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"pretrained weights of {self.place}" + (f" ({self.digest})" if self.digest else "")]
        parts += [f"{self.found} of the backbone's {self.total} tensors"] if self.total else []
        parts += [f"{self.removed!r} taken off their names"] if self.removed else []
        return ", ".join(parts) + (f"; not found: {', '.join(self.missing)}" if self.missing else "")


def load(name: str, weights: Path, options: dict) -> tuple[nn.Module, Origin]:
    """timm's model of that name with pretrained weights, and where they are from.

    A local file goes first, and then no network is asked. weights: the folder of local files, <name>.safetensors, .pth,
    .pt, .bin, .ckpt or .pth.tar; options: of timm.create_model.
    Raises InputError for weights that do not fit, cannot be read, do not exist, or for a hub out of reach.
    """
    file = local_file(name, weights)
    return _from_file(name, file, options) if file else _from_hub(name, weights, options)


def local_file(name: str, weights: Path) -> Path | None:
    """The file of a model's weights, by its name as given or as timm has it now, with or without the tag, or None."""
    current = model_names.current(name)
    stems = dict.fromkeys((name, name.partition(".")[0], current, current.partition(".")[0]))
    paths = [weights / f"{stem}{suffix}" for stem in stems for suffix in checkpoint_reading.SUFFIXES]
    return next((file for file in paths if file.is_file()), None)


def _from_file(name: str, file: Path, options: dict) -> tuple[nn.Module, Origin]:
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
        with _filled_by(fill):
            model = timm.create_model(model_names.current(name), pretrained=True, **options)
    except (*FAULTS, SafetensorError) as error:
        raise InputError(f"{file} does not fit {name}: {_first_line(error)}", *_other_weights(name, file)) from error
    return model, _origin(file.name, files.digest(file), matches)


def _from_hub(name: str, weights: Path, options: dict) -> tuple[nn.Module, Origin]:
    """timm's own loading, only looked at: its weights are of this model by definition."""
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
        with _filled_by(fill):
            model = timm.create_model(current, pretrained=True, **options)
    except hub_errors() as error:
        raise _none(name, weights, f"the hub cannot be reached ({_first_line(error)})") from error
    except (*FAULTS, SafetensorError) as error:
        raise _none(name, weights, f"timm cannot build or fill it ({_first_line(error)})") from error
    place = model.pretrained_cfg.get("hf_hub_id") or model.pretrained_cfg.get("url") or current
    return model, _origin(place, "".join(digests), matches)


@contextlib.contextmanager
def _filled_by(fill: Callable) -> Iterator[None]:
    """While this holds, timm's create_model calls fill(its own load_pretrained, model, …) to load weights.

    timm tells nobody else which filter of names belongs to a model, or which tensors it has left out.
    """
    from timm.models import _builder

    own = _builder.load_pretrained
    _builder.load_pretrained = lambda model, **settings: fill(own, model, **settings)
    try:
        yield
    finally:
        _builder.load_pretrained = own


def _origin(place: str, digest: str, matches: list[Match]) -> Origin:
    if not matches:
        return Origin(place, digest)
    match = matches[-1]
    return Origin(place, digest, match.removed, match.found, match.total, tuple(match.missing))


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


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
