"""A model that begins with the weights of a trained fold (INIT), of another image size or with another head too."""

from collections.abc import Callable

from safetensors import SafetensorError
from torch import nn

from comp.errors import InputError
from comp.models import classifiers, key_matching
from comp.models.checkpoint_reading import State
from comp.models.key_matching import Match
from comp.models.pretrained_filling import FAULTS, filled_by, first_line
from comp.recipes import model_names

INSIDE = "backbone."  # where a head wraps timm's model (AttributeSum), its tensors have this before their names


def backbone(name: str, state: State, options: dict) -> nn.Module:
    """timm's model of that name with the weights of `state`, a fold's; its classifier is new.

    Position embeddings of another image size are resampled by timm, as it does for pretrained weights.
    options: of timm.create_model. Raises InputError where a tensor is missing or has another shape.
    """
    import timm

    filled = []

    def fill(own: Callable, model: nn.Module, filter_fn: Callable | None = None, **settings) -> None:
        match = _match(state, model, filter_fn)
        model.load_state_dict(match.tensors, strict=False)
        filled.append(match)

    try:
        with filled_by(fill):
            model = timm.create_model(model_names.current(name), pretrained=True, **options)
    except (*FAULTS, SafetensorError) as error:
        raise _does_not_fit(name, first_line(error)) from error
    if not filled or filled[-1].missing:
        raise _does_not_fit(name, "without " + ", ".join(filled[-1].missing[:5]) if filled else "timm fills nothing in")
    return model


def _match(state: State, model: nn.Module, filter_fn: Callable | None) -> Match:
    """The tensors as they are where they fit: only where one does not is timm's filter asked, which resamples."""
    plain = key_matching.compared({name.removeprefix(INSIDE): value for name, value in state.items()}, model)
    return plain if not plain.missing else key_matching.best({"": state}, model, filter_fn)


def _does_not_fit(name: str, problem: str) -> InputError:
    return InputError(
        f"the weights of INIT do not fit {name} at this image_size: {problem}",
        "weights of the same model, whose position embeddings timm can resample",
        "the same command with the image_size of the INIT run in SET, or without INIT",
    )


def keep_head(model: nn.Module, inner: nn.Module, state: State) -> list[str]:
    """Load those head tensors of `state` that fit the model; the others, which keep their first values, as text.

    model: with its head; inner: timm's model in it.
    """
    classifier, own = classifiers.tensor_names(inner), model.state_dict()
    before = INSIDE if inner is not model else ""
    body = {before + name for name in inner.state_dict() if name not in classifier}
    head = [name for name in own if name not in body]
    kept = {name: state[name] for name in head if name in state and state[name].shape == own[name].shape}
    model.load_state_dict(kept, strict=False)
    return [f"{name} {_shape(state, name)} to {_shape(own, name)}" for name in head if name not in kept]


def _shape(state: State, name: str) -> str:
    return "×".join(map(str, state[name].shape)) or "1" if name in state else "nothing"
