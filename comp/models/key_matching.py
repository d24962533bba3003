"""Which of a file's tensors are which of a model's: the prefixes that the file itself has are tried."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

from comp.models import classifiers
from comp.models.checkpoint_reading import State

ENOUGH = 0.99  # share of the backbone's tensors that must be there
_RARE = 0.25  # a prefix that fewer of the file's tensors have is a part of a model, not a wrapper around one
_COUNTER = "num_batches_tracked"  # of a batch norm: only counts, and older files lack it
_FILTER_ERRORS = (KeyError, RuntimeError, ValueError, TypeError, AttributeError, IndexError, AssertionError)


@dataclass
class Match:
    """tensors: by the model's names, all with fitting shapes; found, total: how many of the backbone's there are;
    missing: names that were not found or do not fit; surplus: names in the file that lie in a part of the model which
    has no such tensor; removed: what was taken off the file's names."""

    tensors: State
    found: int
    total: int
    missing: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    removed: str = ""

    @property
    def fits(self) -> bool:
        """Whether these are weights of this model, and not of a larger or a smaller one."""
        return self.found >= ENOUGH * self.total and len(self.surplus) <= (1 - ENOUGH) * self.total


def best(states: dict[str, State], model: nn.Module, filter_fn: Callable | None) -> Match:
    """The first match that fits, over the file's state dicts and prefixes; where none does, the one that finds most.

    filter_fn: timm's for this model, which renames older names and resamples position embeddings.
    """
    tried = []
    for place, state in states.items():
        for prefix in _prefixes(state):
            inside = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            tried.append(compared(filtered(inside, model, filter_fn), model))
            tried[-1].removed = ".".join(filter(None, (place, prefix.rstrip("."))))
            if tried[-1].fits:
                return tried[-1]
    return max(tried, key=lambda match: match.found)


def filtered(state: State, model: nn.Module, filter_fn: Callable | None) -> State:
    """The state dict after timm's filter; unchanged where the filter cannot read it."""
    if filter_fn is None:
        return state
    try:
        return filter_fn(dict(state), model)
    except _FILTER_ERRORS:
        return state


def _prefixes(state: State) -> list[str]:
    """ "" first, then what the file's names begin with, averaged weights first, then the most frequent."""
    counts = Counter()
    for key in state:
        parts = key.split(".")[:-1]
        counts.update(".".join(parts[: i + 1]) + "." for i in range(len(parts)))
    usual = [prefix for prefix, count in counts.items() if count >= _RARE * len(state)]
    return ["", *sorted(usual, key=lambda prefix: ("ema" not in prefix.lower(), -counts[prefix]))]


def compared(state: State, model: nn.Module) -> Match:
    """The match of a state dict whose names are the model's already."""
    wanted, head = model.state_dict(), classifiers.tensor_names(model)
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
