"""What was loaded into a model, and the way to look at timm's loading."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from comp.models.key_matching import Match

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


def origin_of(place: str, digest: str, matches: list[Match]) -> Origin:
    """The last of the matches as an Origin; one without counts where there are none."""
    if not matches:
        return Origin(place, digest)
    match = matches[-1]
    return Origin(place, digest, match.removed, match.found, match.total, tuple(match.missing))


@contextlib.contextmanager
def filled_by(fill: Callable) -> Iterator[None]:
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


def first_line(error: Exception) -> str:
    """The type of an error and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
