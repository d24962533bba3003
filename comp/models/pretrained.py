"""Load pretrained weights into a timm model: from a file in inputs/weights or, without such a file, from the model hub.

Files come from many tools, such as DataParallel, Lightning and this toolkit, which nest the tensors in dictionaries and
put prefixes before the names of the tensors. `state_dicts` finds the tensors in a file without running code from the
file. `best_match` finds the prefix that must be removed. A file is refused if it lacks more than 1 % of the tensors of
the model's backbone, or if it belongs to a larger model. Weights from the hub are loaded by timm, and this module only
records which tensors timm loads.
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
from comp.errors import InputError, first_line, quoted
from comp.models import factory, weights_file
from comp.recipes import catalog
from comp.recipes.catalog import WEIGHT_SUFFIXES

WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")  # parts of a name that torch adds
ENOUGH = 0.99  # the share of the backbone's tensors that a file must hold
# the errors that timm raises for a model that it cannot build or load weights into
FAULTS = (RuntimeError, ValueError, TypeError, KeyError, AssertionError, AttributeError, IndexError)
_DEEPEST = 4  # how many levels of nested dictionaries are searched
_RARE = 0.25  # a prefix that a smaller share of the file's tensors has is a part of the model, and is not removed
_COUNTER = "num_batches_tracked"  # a batch norm's counter of batches, which some files lack

State = dict[str, Tensor]


@dataclass
class Origin:
    """Where the pretrained weights of a model came from. recipe.json stores these values.

    place: the name of the weights file without its folder, or the name or address of the weights on the hub. digest: a
    hash of the weights. removed: what was removed from the beginning of the tensors' names in the file, such as
    "state_dict.module". found: how many tensors of the backbone were loaded. total: how many tensors the backbone has.
    missing: the names of the backbone's tensors that were not loaded. If it is not known which tensors timm loaded,
    found and total are 0 and missing is empty.
    """

    place: str
    digest: str = ""
    removed: str = ""
    found: int = 0
    total: int = 0
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"pretrained weights from {self.place}" + (f" (hash {self.digest})" if self.digest else "")]
        parts += [f"with {self.found} of the backbone's {self.total} tensors"] if self.total else []
        parts += [f"the prefix {self.removed!r} was removed from their names"] if self.removed else []
        return ", ".join(parts) + (f"; tensors that are missing: {', '.join(self.missing)}" if self.missing else "")


def load_pretrained(name: str, weights: Path, options: dict) -> tuple[nn.Module, Origin]:
    """Return timm's model `name` with pretrained weights, and the origin of these weights.

    The weights are read from a local file or, if there is none, loaded from the model hub. weights: the folder with the
    local files; a file is called <name>.safetensors, .pth, .pt, .bin, .ckpt or .pth.tar. options: further arguments for
    timm.create_model. Raises InputError if the weights do not exist, cannot be read or do not fit the model, or if the
    hub cannot be reached.
    """
    file = local_weights(name, weights)
    return from_file(name, file, options) if file else from_hub(name, weights, options)


def local_weights(name: str, weights: Path) -> Path | None:
    """Return the file in the folder `weights` that has weights of timm's model `name`, or None if there is none.

    The file is called like the model, by its old or current name in timm, and ends in a suffix such as .pth. The part
    of the name after the dot may be left out: resnet18.pth is also found for resnet18.a1_in1k.
    """
    current = catalog.current_model_name(name)
    stems = dict.fromkeys((name, name.partition(".")[0], current, current.partition(".")[0]))
    paths = [weights / f"{stem}{suffix}" for stem in stems for suffix in WEIGHT_SUFFIXES]
    return next((file for file in paths if file.is_file()), None)


# ---- what a file holds


class Ignored:
    """A harmless replacement for unknown classes in a checkpoint file, so that no code of these classes runs.

    A checkpoint file may hold objects of such classes, for example the settings of a training. When the file is read,
    each of these objects becomes an empty object of this class.
    """

    def __new__(cls, *args, **options):
        return super().__new__(cls)

    def __init__(self, *args, **options):
        pass

    def __setstate__(self, state):
        pass


def state_dicts(file: Path) -> dict[str, State]:
    """Return all state dicts in a file, as a dictionary from the place in the file to the state dict.

    A place is the path of dictionary keys to the state dict, such as "checkpoint.model", or "" for the top of the file.
    State dicts of EMA weights come first. A state dict with less than half as many tensors as the largest one is left
    out, because it is part of an optimizer, for example. Raises InputError if the file cannot be read or holds no
    tensors with names.
    """
    states = dict(_states_in(_opened(file)))
    most = max(map(len, states.values()), default=0)
    if not most:
        raise InputError(f"{file} is not a readable weights file, because it holds no tensors with names", *_ADVICE)
    kept = {place: state for place, state in states.items() if 2 * len(state) >= most}
    return dict(sorted(kept.items(), key=lambda item: ("ema" not in item[0].lower(), -len(item[1]))))


_ADVICE = (
    "a safetensors file, or a file with a state dict that torch.save wrote",
    "in Python, where the model was trained: torch.save(model.state_dict(), '<file>'); "
    "then put <file> in the place of the unreadable file",
)


def _opened(file: Path):
    """Return the content of a weights file, which is normally a dictionary. Raises InputError if it cannot be read."""
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
        raise InputError(f"{file} is not a readable weights file: {first_line(error)}", *_ADVICE) from None


def _states_in(content, place: str = "", depth: int = 0):
    """Search nested dictionaries, and yield a place and a state dict for each dictionary that holds tensors.

    The outermost dictionary comes first. content: the content of a file, or a part of it. place: the dictionary keys
    that lead from the top of the file to `content`, joined by dots. depth: the number of these keys.
    """
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


@dataclass
class Match:
    """The result of comparing a state dict with a model: which tensors of the model's backbone the state dict has.

    tensors: the tensors that fit the backbone, by their names in the model. found: how many tensors of the backbone the
    state dict has in the right shape. total: how many tensors the backbone has. missing: the names of the backbone's
    tensors that were not found. surplus: the names in the state dict that look like names of this model but do not
    exist in it, such as the 13th block of a model with 12 blocks; they show that the state dict belongs to a larger
    model. removed: what was removed from the beginning of the names in the state dict.
    """

    tensors: State
    found: int
    total: int
    missing: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    removed: str = ""

    @property
    def fits(self) -> bool:
        """Return whether the state dict has the weights of this model, and not those of a larger or a smaller model.

        It must have at least 99 % of the backbone's tensors, and hardly any tensors that the model does not have.
        """
        return self.found >= ENOUGH * self.total and len(self.surplus) <= (1 - ENOUGH) * self.total


def best_match(states: dict[str, State], model: nn.Module, filter_fn: Callable | None) -> Match:
    """Compare the state dicts of a file with a model, and return the first Match that fits the model.

    Each state dict is compared with and without each prefix that its names may have. If none fits, the Match with the
    most fitting tensors is returned. states: the state dicts by their place in the file. filter_fn: timm's function
    that converts weights for this model, for example resamples position embeddings, or None if timm has none.
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
    """Convert a state dict for a model by timm's function `filter_fn`, and return the new state dict.

    If `filter_fn` is None or raises an error, the state dict is returned unchanged.
    """
    if filter_fn is None:
        return state
    try:
        return filter_fn(dict(state), model)
    except FAULTS:
        return state


def _prefixes(state: State) -> list[str]:
    """Return the prefixes that may have to be removed from the names in a state dict, beginning with the first to try.

    First comes "" (nothing is removed), then all frequent prefixes with "ema" in them, then the other frequent
    prefixes. A prefix is frequent if at least a quarter of the names begin with it.
    """
    counts = Counter()
    for key in state:
        parts = key.split(".")[:-1]
        counts.update(".".join(parts[: i + 1]) + "." for i in range(len(parts)))
    usual = [prefix for prefix, count in counts.items() if count >= _RARE * len(state)]
    return ["", *sorted(usual, key=lambda prefix: ("ema" not in prefix.lower(), -counts[prefix]))]


def compared_state(state: State, model: nn.Module) -> Match:
    """Compare the tensors of a state dict, by name and shape, with the backbone of a model. Return a Match."""
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
    """Return the Origin of the weights that were loaded into a model.

    place: where the weights were loaded from. digest: a hash of the weights. matches: which tensors fitted, for each
    time that weights were loaded into the model; only the last time counts. [] means that this is not known.
    """
    if not matches:
        return Origin(place, digest)
    match = matches[-1]
    return Origin(place, digest, match.removed, match.found, match.total, tuple(match.missing))


# ---- timm's loading


@contextlib.contextmanager
def filled_by(fill: Callable) -> Iterator[None]:
    """Context manager: while it is open, timm.create_model calls `fill` to load pretrained weights.

    fill: the function that is called instead of timm's load_pretrained. Its first argument is load_pretrained itself,
    and its other arguments are those of load_pretrained. The context replaces load_pretrained in a private module of
    timm, because timm has no public way to do this.
    """
    from timm.models import _builder

    own = _builder.load_pretrained
    _builder.load_pretrained = partial(fill, own)
    try:
        yield
    finally:
        _builder.load_pretrained = own


def from_file(name: str, file: Path, options: dict) -> tuple[nn.Module, Origin]:
    """Return timm's model `name` with the weights in `file`, and the origin of these weights.

    The last layer (classifier) gets no weights from the file. options: further arguments for timm.create_model. Raises
    InputError if the file cannot be read or its weights do not fit the model.
    """
    import timm

    states, matches = state_dicts(file), []

    def fill(own: Callable, model: nn.Module, pretrained_cfg: dict, filter_fn: Callable | None, **settings) -> None:
        match = best_match(states, model, filter_fn)
        _check_fits(name, file, match)
        matches.append(match)
        # num_classes=-1 makes timm leave the classifier out; strict is not needed, since _check_fits compared the names
        settings |= {"num_classes": -1, "strict": False}
        own(model, pretrained_cfg=pretrained_cfg | {"state_dict": dict(match.tensors)}, **settings)

    try:
        with filled_by(fill):
            model = timm.create_model(catalog.current_model_name(name), pretrained=True, **options)
    except (*FAULTS, SafetensorError) as error:
        raise InputError(f"{file} does not fit {name}: {first_line(error)}", *_other_weights(name, file)) from error
    return model, origin_of(file.name, files.digest(file), matches)


def _check_fits(name: str, file: Path, match: Match) -> None:
    """Raise InputError unless the weights in `file` fit the model `name`.

    match: the result of comparing the weights with the model. The error names up to five tensors that are missing or
    surplus.
    """
    if match.fits:
        return
    problem = f"{file} has {match.found} of the {match.total} tensors of {name}'s backbone"
    if match.found < ENOUGH * match.total:
        problem += f"; these are missing or have another shape: {', '.join(match.missing[:5])}"
    else:
        problem += f", and {len(match.surplus)} tensors that {name} does not have: {', '.join(match.surplus[:5])}"
    raise InputError(problem, *_other_weights(name, file))


def _other_weights(name: str, file: Path) -> tuple[str, str]:
    """Return two texts for the error about a file that does not fit a model: what is expected, and what to run."""
    moved = f"mv {quoted(file)} {quoted(f'{file}.other')}"
    return (
        f"a file with the weights of {name}, with at most 1 % of the backbone's tensors missing or surplus",
        f"first {moved}, then the same command, which loads weights from the model hub; "
        "or, to train from scratch, the same command with SET=pretrained=false RUN=<new name>",
    )


def from_hub(name: str, weights: Path, options: dict) -> tuple[nn.Module, Origin]:
    """Return timm's model `name` with pretrained weights from the model hub, and the origin of these weights.

    weights: the folder in which the user may put a file with the weights instead; the error names it. options: further
    arguments for timm.create_model. Raises InputError if the hub cannot be reached, or if timm cannot build the model
    or load its weights.
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
        why = f"timm cannot build the model or load its weights ({first_line(error)})"
        raise _no_weights(name, weights, why) from error
    place = model.pretrained_cfg.get("hf_hub_id") or model.pretrained_cfg.get("url") or current
    return model, origin_of(place, "".join(digests), matches)


def hub_errors() -> tuple[type[Exception], ...]:
    """Return the types of the errors that are raised if a file cannot be downloaded from the model hub.

    For example, there may be no network, no such file on the hub, or no access to the file.
    """
    from huggingface_hub.errors import HfHubHTTPError

    # its base classes include HTTPError of the HTTP library in use (requests or httpx), for timeouts and refusals
    client = tuple(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
    return (OSError, HfHubHTTPError, *client)


def _no_weights(name: str, weights: Path, why: str) -> InputError:
    """Return the InputError for pretrained weights that cannot be loaded from the model hub.

    It tells the user to provide a file with the weights, or to train from scratch. weights: the folder for this file.
    why: the reason, as the end of a sentence.
    """
    return InputError(
        f"there are no pretrained weights for {name}: {why}",
        f"access to the model hub over the network, or the file {weights / (name + '.safetensors')} (or .pth)",
        "the same command with SET=pretrained=false RUN=<new name>, which trains from scratch",
    )
