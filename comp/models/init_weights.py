"""Start the training of a run with the weights of another run, which the option INIT names: `make train … INIT=<run>`.

A run is a recipe (all settings of a training) that is trained once for each fold. The run that INIT names is called the
INIT run. It may have another image size and another head. Each fold starts with the weights that the INIT run has for
the same fold. Both runs use the same folds.csv, so these weights were never trained on the fold's held-out rows.
"""

import dataclasses
from collections.abc import Callable

from safetensors import SafetensorError
from torch import nn

from comp import files
from comp.competition.competition import Competition
from comp.errors import InputError, first_line
from comp.models import factory, pretrained, weights_file
from comp.models.heads import SCALE, TABLE
from comp.models.pretrained import FAULTS, Match, State, filled_by
from comp.recipes import catalog, recipe_json
from comp.recipes.recipe_settings import Recipe
from comp.store import made_of
from comp.store.paths import ALL_DATA
from comp.store.runs import Run, check_run_name, own_runs


def load_init_backbone(name: str, state: State, options: dict) -> nn.Module:
    """Return timm's model `name`, with the weights of a trained fold in its backbone and a new last layer (classifier).

    state: the weights, as a state dict. If they were trained at another image size, timm resamples their position
    embeddings. options: further arguments for timm.create_model. Raises InputError if `state` lacks a tensor of the
    backbone or has it in another shape.
    """
    import timm

    filled = []

    def fill(own: Callable, model: nn.Module, filter_fn: Callable | None = None, **settings) -> None:
        match = _match(state, model, filter_fn)
        model.load_state_dict(match.tensors, strict=False)
        filled.append(match)

    try:
        with filled_by(fill):
            model = timm.create_model(catalog.current_model_name(name), pretrained=True, **options)
    except (*FAULTS, SafetensorError) as error:
        raise _does_not_fit(name, first_line(error)) from error
    if not filled or filled[-1].missing:
        raise _does_not_fit(
            name,
            f"these tensors are missing or have another shape: {', '.join(filled[-1].missing[:5])}"
            if filled
            else "timm loads no weights into this model",
        )
    return model


def _match(state: State, model: nn.Module, filter_fn: Callable | None) -> Match:
    """Compare the weights of a trained fold with the backbone of a model, and return which tensors fit.

    state: the weights, as a state dict. filter_fn: timm's function that converts weights for this model, for example
    resamples position embeddings, or None if timm has none. It is only used if the unconverted weights do not fill the
    whole backbone.
    """
    plain = pretrained.compared_state(state, model)
    return plain if not plain.missing else pretrained.best_match({"": state}, model, filter_fn)


def _does_not_fit(name: str, problem: str) -> InputError:
    return InputError(
        f"the weights of the INIT run do not fit {name} at this image_size: {problem}",
        "weights of the same model that were trained at this image_size, or that timm can resample to this image_size",
        "the same command with the image_size of the INIT run in SET, or without INIT",
    )


def keep_head(model: nn.Module, state: State) -> dict[str, str]:
    """Load the weights of the model's head from a trained fold. Return a text for each tensor that could not be loaded.

    The texts are in a dictionary by the name of the tensor. A tensor is not loaded if `state` lacks it or has it in
    another shape, or if the outputs meant something else; it then keeps its first values. model: the model that is
    trained. state: the weights of the trained fold, as a state dict.
    """
    head, own = factory.classifier_tensor_names(model) | {SCALE}, model.state_dict()
    differs = {name: _difference(state, own, name) for name in own if name in head}
    model.load_state_dict({name: state[name] for name, how in differs.items() if not how}, strict=False)
    return {name: f"{name} ({how})" for name, how in differs.items() if how}


def _difference(state: State, own: State, name: str) -> str:
    """Return how a tensor of the weights `state` differs from that of the model, `own`; "" if it can be loaded."""
    if SCALE in state and SCALE not in own:  # standardised numbers, and now logits of a sigmoid
        return "of a loss for which the outputs mean something else"
    if (TABLE in state) != (TABLE in own):  # attribute values, and now classes, of which there may be as many
        return f"{_shape(state, name)} in the weights, of a head whose outputs mean something else"
    if name in state and state[name].shape == own[name].shape:
        return ""
    return f"{_shape(state, name)} in the weights, {_shape(own, name)} in the model"


def _shape(state: State, name: str) -> str:
    return "×".join(map(str, state[name].shape)) or "1" if name in state else "missing"


# ---- which runs may be the INIT run

OTHER = "the same command with another INIT, or without INIT"


def with_init(recipe: Recipe, run: Run, competition: Competition) -> Recipe:
    """Return the recipe with the mean and std of the pixels with which the INIT run was trained.

    The INIT run is the run with whose weights this training starts. A mean or std that the recipe sets itself is kept.
    A recipe without an INIT run is returned unchanged. If `run` has been started before, mean and std are read from its
    own recipe.json, because the INIT run may have been deleted since.
    Raises InputError if the INIT run does not exist, is the run itself, or has other classes or another model.
    """
    if not recipe.init:
        return recipe
    begun = run.init == recipe.init
    before = recipe_json.load_recipe(run, competition) if begun else _recipe_of(_known(run, recipe.init), competition)
    if not begun and _architecture(before) != _architecture(recipe):
        raise InputError(
            f"INIT={recipe.init} is a run of the model {before.model}, but this run trains the model {recipe.model}",
            "INIT=<a run of the same model>; its image size, head and loss may differ",
            f"the same command with MODEL={before.name}; or the same command without INIT",
        )
    return dataclasses.replace(recipe, mean=recipe.mean or before.mean, std=recipe.std or before.std)


def _known(run: Run, name: str) -> Run:
    check_run_name(name)
    if name == run.name:
        found = f"INIT={name} is the run itself: a run cannot start with its own weights"
        raise InputError(found, "INIT=<another run>", f"{OTHER}, or with another RUN")
    before = Run(run.outputs, name)
    if not before.has_folds:
        known = ", ".join(other.name for other in own_runs(run.outputs) if other != run)
        raise InputError(
            f"there is no trained run {name} in {run.outputs}"
            + (", only external predictions with this name" if before.folder.is_dir() else ""),
            f"INIT=<a trained run>; trained runs: {known or 'none yet'}",
            f"make train MODEL=<a model> RUN={name}; or {OTHER}",
        )
    return before


def _recipe_of(before: Run, competition: Competition) -> Recipe:
    try:
        return recipe_json.load_recipe(before, competition)
    except InputError as error:
        expected = "INIT=<a trained run with the classes of this competition>"
        raise InputError(f"INIT={before.name}: {error.found}", expected, OTHER) from None


def _architecture(recipe: Recipe) -> str:
    return catalog.current_model_name(recipe.model).partition(".")[0]


def check_init_folds(run: Run, init: str, folds_digest: str, numbers: list[int | str]) -> None:
    """Raise InputError unless each fold in `numbers` can start with up-to-date weights of the run `init`.

    run: the run that is trained. init: the name of the run with whose weights it starts. folds_digest: the hash of the
    current folds.csv. numbers: the numbers of the folds to train; "all_data" in this list stands for the training on
    all rows. Folds that are already trained are not checked. InputError is also raised if `init` itself started with
    the weights of `run`.
    """
    before = Run(run.outputs, init)
    wanted = [k for k in numbers if not run.is_trained(k)]
    missing = [k for k in wanted if not before.is_trained(k)]
    if missing:
        which = missing[0] if len(missing) == 1 or missing[0] == ALL_DATA else None
        raise InputError(
            f"INIT={init} has no trained fold {', '.join(map(str, missing))}",
            "weights of the INIT run for every fold that is to be trained now",
            before.train_command(which),
        )
    for k in wanted:
        _check_current(run, before, k, folds_digest)


def _check_current(run: Run, before: Run, k: int | str, folds_digest: str) -> None:
    anew = before.restart_command(k)
    metadata = weights_file.weights_metadata(before.weights(k), anew)
    if run.name in made_of.runs_before(metadata):
        raise InputError(
            f"INIT={before.name} was itself started with the weights of {run.name}",
            f"an INIT run that was not started with the weights of {run.name}",
            f"{OTHER}, or with another RUN",
        )
    record = {"recipe": files.digest(before.recipe), "folds": folds_digest, "fold": k}
    different = weights_file.changes_of_weights(run, metadata, record)
    if "folds" in different:
        raise InputError(
            f"INIT={before.name}: fold {k} was trained with another folds.csv, whose hash is {metadata.get('folds')}",
            f"weights trained with the current folds.csv, whose hash is {folds_digest}, "
            "because other weights may have seen photos that are held out now",
            f"{anew}; or {OTHER}",
        )
    if different:
        raise InputError(
            f"INIT={before.name}: fold {k} is out of date: {' and '.join(different)} changed after its training",
            "weights of the INIT run that are up to date",
            anew,
        )


def init_weights_of(run: Run, init: str, k: int | str) -> State:
    """Return the weights with which fold k of `run` starts, as a state dict. They come from fold k of the run `init`.

    k: the number of a fold, or "all_data" for the training on all rows. Raises InputError if the file with the weights
    is missing or damaged.
    """
    before = Run(run.outputs, init)
    return weights_file.read_weights(before.weights(k), before.restart_command(k))
