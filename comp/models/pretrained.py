"""Pretrained weights for a timm model, from a file in inputs/weights or, if there is none, from the model hub.

`load_pretrained` chooses between the two. A local file may be wrapped in any way (`module.`, state_dict, EMA,
Lightning, a fold of this toolkit): `state_dicts` finds the tensors in the file without running code from the file, and
`best_match` tries the prefixes of the tensors' names. The file must hold nearly the whole backbone of the model, and
must not be of a larger model. timm loads the hub's weights itself, and `filled_by` only observes what timm loads.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from comp import files
from comp.errors import InputError
from comp.models import factory, weights_file
from comp.recipes import catalog
from comp.recipes.catalog import WEIGHT_SUFFIXES

WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")  # parts that torch adds to a name
ENOUGH = 0.99  # the share of the backbone's tensors that a file must hold
# the errors that timm raises for a model that it cannot build or load weights into
FAULTS = (RuntimeError, ValueError, TypeError, KeyError, AssertionError, AttributeError, IndexError)
_DEEPEST = 4  # how many levels of nested dictionaries are searched
_RARE = 0.25  # a prefix of a smaller share of the file's tensors is a part of the model, not a wrapper around it
_COUNTER = "num_batches_tracked"  # a batch norm's counter of batches, which some files lack

State = dict[str, Tensor]


@dataclass
class Origin:
    """Which pretrained weights were loaded, as plain values for recipe.json.

    place: the name of the file without its folder, or the hub's name of the weights; it is equal on every machine.
    digest: a hash of the weights. removed: the prefix that was taken off the names in the file. found: how many of the
    backbone's tensors were loaded. total: how many tensors the backbone has. found and total are 0 if timm reads the
    weights in its own way. missing: the names of the backbone's tensors that were not found.
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


def load_pretrained(name: str, weights: Path, options: dict) -> tuple[nn.Module, Origin]:
    """Return timm's model `name` with pretrained weights, and the origin of the weights.

    A local file is used if there is one, without the network. weights: the folder of local files, which are named
    <name>.safetensors, .pth, .pt, .bin, .ckpt or .pth.tar. options: the arguments for timm.create_model.
    Raises InputError if the weights do not exist, cannot be read or do not fit, or if the hub cannot be reached.
    """
    file = local_weights(name, weights)
    return from_file(name, file, options) if file else from_hub(name, weights, options)


def local_weights(name: str, weights: Path) -> Path | None:
    """Return the local file of a model's weights, or None if there is no file.

    weights: the folder of local files. The file has the old or the current name of the model, with or without its tag.
    """
    current = catalog.current_model_name(name)
    stems = dict.fromkeys((name, name.partition(".")[0], current, current.partition(".")[0]))
    paths = [weights / f"{stem}{suffix}" for stem in stems for suffix in WEIGHT_SUFFIXES]
    return next((file for file in paths if file.is_file()), None)


# ---- what a file holds


class Ignored:
    """The stand-in for each class in a file that is not a tensor, such as a class of settings; it ignores arguments."""

    def __new__(cls, *args, **options):
        return super().__new__(cls)

    def __init__(self, *args, **options):
        pass

    def __setstate__(self, state):
        pass


def state_dicts(file: Path) -> dict[str, State]:
    """Return the state dicts in a file by their place in the file; "" is the top level. EMA weights come first.

    A state dict with less than half as many tensors as the largest is left out, because it belongs to an optimizer.
    Raises InputError if the file does not open or holds no tensors with names.
    """
    states = dict(_states_in(_opened(file)))
    most = max(map(len, states.values()), default=0)
    if not most:
        raise InputError(f"{file} is not a readable weights file: it holds no tensors with names", *_ADVICE)
    kept = {place: state for place, state in states.items() if 2 * len(state) >= most}
    return dict(sorted(kept.items(), key=lambda item: ("ema" not in item[0].lower(), -len(item[1]))))


_ADVICE = (
    "safetensors, or a state dict that torch.save wrote",
    "torch.save(model.state_dict(), '<file>') in Python where the model was trained, then copy <file> here",
)


def _opened(file: Path):
    """Read the content of a file, which is a dictionary if the file holds weights."""
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


def _states_in(content, place: str = "", depth: int = 0):
    """Yield the place and the state dict of each dictionary that holds tensors, the outermost dictionary first."""
    if not isinstance(content, dict) or depth > _DEEPEST:
        return
    named = {key: value for key, value in content.items() if isinstance(key, str)}
    if state := {_unwrapped(key): value.detach() for key, value in named.items() if isinstance(value, Tensor)}:
        yield place, state
    for key, value in named.items():
        yield from _states_in(value, f"{place}.{key}" if place else key, depth + 1)


def _unwrapped(key: str) -> str:
    return ".".join(part for part in key.split(".") if part not in WRAPPERS)


# ---- which tensor of the file belongs to which tensor of the model

_FILTER_ERRORS = (KeyError, RuntimeError, ValueError, TypeError, AttributeError, IndexError, AssertionError)


@dataclass
class Match:
    """How much of a model's backbone a state dict holds.

    tensors: the tensors that fit, by their names in the model. found: how many tensors of the backbone fit. total: how
    many tensors the backbone has. missing: the names of the backbone's tensors that are absent or do not fit.
    surplus: the names in the state dict that the model does not have, in parts (such as `blocks`) that the model has.
    removed: the prefix that was taken off the names in the state dict.
    """

    tensors: State
    found: int
    total: int
    missing: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    removed: str = ""

    @property
    def fits(self) -> bool:
        """Whether these are weights of this model, and not of a larger or a smaller model."""
        return self.found >= ENOUGH * self.total and len(self.surplus) <= (1 - ENOUGH) * self.total


def best_match(states: dict[str, State], model: nn.Module, filter_fn: Callable | None) -> Match:
    """Try the file's state dicts, each with all its prefixes, and return the first match that fits the model.

    If no match fits, return the match that finds most tensors. filter_fn: timm's function for this model, which renames
    old tensors and resamples position embeddings.
    """
    tried = []
    for place, state in states.items():
        for prefix in _prefixes(state):
            inside = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            tried.append(compared_state(filtered_state(inside, model, filter_fn), model))
            tried[-1].removed = ".".join(filter(None, (place, prefix.rstrip("."))))
            if tried[-1].fits:
                return tried[-1]
    return max(tried, key=lambda match: match.found)


def filtered_state(state: State, model: nn.Module, filter_fn: Callable | None) -> State:
    """Return the state dict after timm's filter, or the unchanged state dict if the filter cannot read it."""
    if filter_fn is None:
        return state
    try:
        return filter_fn(dict(state), model)
    except _FILTER_ERRORS:
        return state


def _prefixes(state: State) -> list[str]:
    """Return the prefixes to try: "" first, then prefixes with "ema", then the other frequent prefixes of the names."""
    counts = Counter()
    for key in state:
        parts = key.split(".")[:-1]
        counts.update(".".join(parts[: i + 1]) + "." for i in range(len(parts)))
    usual = [prefix for prefix, count in counts.items() if count >= _RARE * len(state)]
    return ["", *sorted(usual, key=lambda prefix: ("ema" not in prefix.lower(), -counts[prefix]))]


def compared_state(state: State, model: nn.Module) -> Match:
    """Match a state dict whose tensors already have the names that the model gives them."""
    wanted, head = model.state_dict(), factory.classifier_tensor_names(model)
    fitting = {
        name: value
        for name, value in state.items()
        if name in wanted and name not in head and value.shape == wanted[name].shape
    }
    counted = [name for name in wanted if name not in head and not name.endswith(_COUNTER)]
    missing = [name for name in counted if name not in fitting]
    parts = {name.partition(".")[0] for name in counted}
    surplus = [name for name in state if name not in wanted and name.partition(".")[0] in parts]
    return Match(fitting, len(counted) - len(missing), len(counted), missing, surplus)


def origin_of(place: str, digest: str, matches: list[Match]) -> Origin:
    """Return the Origin for the last of the matches, or an Origin without counts if there is no match."""
    if not matches:
        return Origin(place, digest)
    match = matches[-1]
    return Origin(place, digest, match.removed, match.found, match.total, tuple(match.missing))


# ---- timm's loading


@contextlib.contextmanager
def filled_by(fill: Callable) -> Iterator[None]:
    """Within this context, let timm's create_model load weights by fill(timm's own load_pretrained, model, …).

    A name in a private module of timm is replaced, because timm has no public way to get a model's filter function.
    """
    from timm.models import _builder

    own = _builder.load_pretrained
    _builder.load_pretrained = partial(fill, own)
    try:
        yield
    finally:
        _builder.load_pretrained = own


def first_line(error: Exception) -> str:
    """The type of an error and the first line of its text."""
    return f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"


def from_file(name: str, file: Path, options: dict) -> tuple[nn.Module, Origin]:
    """Return timm's model `name` with the file's weights in all but its classifier, and the origin of the weights.

    options: the arguments for timm.create_model. Raises InputError if the weights do not fit the model.
    """
    import timm

    states, matches = state_dicts(file), []

    def fill(own: Callable, model: nn.Module, pretrained_cfg: dict, filter_fn: Callable | None, **settings) -> None:
        match = best_match(states, model, filter_fn)
        _check_fits(name, file, match)
        matches.append(match)
        # num_classes=-1 leaves the classifier out; _check_fits has compared the names, so strict is not needed
        settings |= {"num_classes": -1, "strict": False}
        own(model, pretrained_cfg=pretrained_cfg | {"state_dict": dict(match.tensors)}, **settings)

    try:
        with filled_by(fill):
            model = timm.create_model(catalog.current_model_name(name), pretrained=True, **options)
    except (*FAULTS, SafetensorError) as error:
        raise InputError(f"{file} does not fit {name}: {first_line(error)}", *_other_weights(name, file)) from error
    return model, origin_of(file.name, files.digest(file), matches)


def _check_fits(name: str, file: Path, match: Match) -> None:
    """Raise InputError unless the match fits; the error names up to five tensors that are missing or in surplus."""
    if match.fits:
        return
    problem = f"{file} has {match.found} of the {match.total} tensors of {name}'s backbone"
    if match.found < ENOUGH * match.total:
        problem += f"; missing or of another shape: {', '.join(match.missing[:5])}"
    else:
        problem += f", and {len(match.surplus)} tensors that {name} does not have: {', '.join(match.surplus[:5])}"
    raise InputError(problem, *_other_weights(name, file))


def _other_weights(name: str, file: Path) -> tuple[str, str]:
    """Return what is expected and what to run, for the error about a file that does not fit a model."""
    return (
        f"a file with at least 99 % of the weights of {name}, the model that MODEL= names",
        f"mv '{file}' '{file}.other', then the same command, which asks the model hub; or, to train from scratch, "
        "the same command with SET=pretrained=false RUN=<name>",
    )


def from_hub(name: str, weights: Path, options: dict) -> tuple[nn.Module, Origin]:
    """Return timm's model `name` with the hub's weights, and the origin of the weights.

    The hub's weights always fit, so timm loads them itself, and its loading is only observed. weights: the folder of
    local files, which the error names if the hub cannot be reached. options: the arguments for timm.create_model.
    """
    import timm

    current, matches, digests = catalog.current_model_name(name), [], []

    def fill(own: Callable, model: nn.Module, filter_fn: Callable | None, **settings) -> None:
        def observed(state: dict, model: nn.Module) -> dict:
            digests.append(weights_file.weights_checksum(state, {}))
            tensors = filtered_state(state, model, filter_fn)
            matches.append(compared_state(tensors, model))
            return tensors

        own(model, filter_fn=observed, **settings)

    try:
        with filled_by(fill):
            model = timm.create_model(current, pretrained=True, **options)
    except hub_errors() as error:
        raise _no_weights(name, weights, f"the hub cannot be reached ({first_line(error)})") from error
    except (*FAULTS, SafetensorError) as error:
        raise _no_weights(name, weights, f"timm cannot build or fill it ({first_line(error)})") from error
    place = model.pretrained_cfg.get("hf_hub_id") or model.pretrained_cfg.get("url") or current
    return model, origin_of(place, "".join(digests), matches)


def hub_errors() -> tuple[type[Exception], ...]:
    """The errors that the hub's client raises if there is no network, no such file or no access to the file."""
    from huggingface_hub.errors import HfHubHTTPError

    # its base classes include HTTPError of the HTTP library in use (requests or httpx), for timeouts and refusals
    client = tuple(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
    return (OSError, HfHubHTTPError, *client)


def _no_weights(name: str, weights: Path, why: str) -> InputError:
    """Return the error if the hub gives no weights; its advice is a local file, or a training from scratch."""
    return InputError(
        f"no pretrained weights for {name}: {why}",
        f"a network that reaches the model hub, or the file {weights / (name + '.safetensors')} (or .pth)",
        "the same command with SET=pretrained=false RUN=<name>, which trains from scratch",
    )
