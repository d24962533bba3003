"""INIT: start a model with the weights of another run, which may have another image size or another head.

Fold k always starts with the weights of fold k. Both runs have the same folds.csv, so the weights were never trained on
the rows that are held out of fold k.
"""

import dataclasses
from collections.abc import Callable

from safetensors import SafetensorError
from torch import nn

from comp import files
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.models import factory, pretrained, weights_file
from comp.models.pretrained import FAULTS, Match, State, filled_by, first_line
from comp.recipes import catalog, recipe_json
from comp.recipes.recipe_settings import Recipe
from comp.store import made_of
from comp.store.paths import ALL_DATA
from comp.store.runs import Run, check_run_name, own_runs

INSIDE = "backbone."  # the prefix of timm's tensors in a model that a head wraps around timm's model (AttributeSum)


def load_init_backbone(name: str, state: State, options: dict) -> nn.Module:
    """Return timm's model `name` with a fold's weights `state` in its backbone and a new classifier.

    timm resamples position embeddings of another image size, as for pretrained weights.
    options: the arguments for timm.create_model. Raises InputError if a tensor is missing or has another shape.
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
            f"no fitting tensors for {', '.join(filled[-1].missing[:5])}"
            if filled
            else "timm loads no weights into it",
        )
    return model


def _match(state: State, model: nn.Module, filter_fn: Callable | None) -> Match:
    """Match the tensors unchanged if all of them fit the model; otherwise let timm's filter resample them first."""
    plain = pretrained.compared_state({name.removeprefix(INSIDE): value for name, value in state.items()}, model)
    return plain if not plain.missing else pretrained.best_match({"": state}, model, filter_fn)


def _does_not_fit(name: str, problem: str) -> InputError:
    return InputError(
        f"the weights of INIT do not fit {name} at this image_size: {problem}",
        "weights of the same model, whose position embeddings timm can resample",
        "the same command with the image_size of the INIT run in SET, or without INIT",
    )


def keep_head(model: nn.Module, inner: nn.Module, state: State) -> list[str]:
    """Load the head tensors of `state` that fit the model. Return a line of text for each head tensor left out.

    A head tensor that is left out keeps its initial values. model: the model with its head. inner: timm's model,
    which is a part of `model` or `model` itself.
    """
    classifier, own = factory.classifier_tensor_names(inner), model.state_dict()
    before = INSIDE if inner is not model else ""
    body = {before + name for name in inner.state_dict() if name not in classifier}
    head = [name for name in own if name not in body]
    kept = {name: state[name] for name in head if name in state and state[name].shape == own[name].shape}
    model.load_state_dict(kept, strict=False)
    return [f"{name} {_shape(state, name)} to {_shape(own, name)}" for name in head if name not in kept]


def _shape(state: State, name: str) -> str:
    return "×".join(map(str, state[name].shape)) or "1" if name in state else "nothing"


# ---- which runs a run may begin with

OTHER = "the same command with another INIT, or without INIT"


def with_init(recipe: Recipe, run: Run, competition: Competition) -> Recipe:
    """Return the recipe of a run, with its mean and std filled in from the INIT run if they are not set.

    The weights of INIT expect photos that are normalised with this mean and std. If the run has begun, mean and std are
    copied from the run's own recipe.json, because the INIT run may have been deleted since.
    Raises InputError if INIT is the run itself, was not trained here, or has other classes or another model.
    """
    if not recipe.init:
        return recipe
    begun = run.init == recipe.init
    before = recipe_json.load_recipe(run, competition) if begun else _recipe_of(_known(run, recipe.init), competition)
    if not begun and _architecture(before) != _architecture(recipe):
        raise InputError(
            f"INIT={recipe.init} is a {before.model}, not a {recipe.model}",
            "weights of the same model; image size, head and loss may differ",
            f"the same command with MODEL={before.name}; or the same command without INIT",
        )
    return dataclasses.replace(recipe, mean=recipe.mean or before.mean, std=recipe.std or before.std)


def _known(run: Run, name: str) -> Run:
    check_run_name(name)
    if name == run.name:
        raise InputError(f"INIT={name} is the run itself", "another run", f"{OTHER}, or with another RUN")
    before = Run(run.outputs, name)
    if not before.has_folds:
        known = ", ".join(other.name for other in own_runs(run.outputs) if other != run)
        raise InputError(
            f"no trained run {name} in {run.outputs}"
            + (", only external predictions of that name" if before.folder.is_dir() else ""),
            f"one of the trained runs: {known or 'none yet'}",
            f"make train MODEL=<a model> RUN={name}; or {OTHER}",
        )
    return before


def _recipe_of(before: Run, competition: Competition) -> Recipe:
    try:
        return recipe_json.load_recipe(before, competition)
    except InputError as error:
        raise InputError(f"INIT={before.name}: {error.found}", "a trained run of these classes", OTHER) from None


def _architecture(recipe: Recipe) -> str:
    return catalog.current_model_name(recipe.model).partition(".")[0]


def check_init_folds(run: Run, init: str, folds_digest: str, numbers: list[int | str]) -> None:
    """Raise InputError unless INIT has current weights of each fold that is to be trained.

    init: the name of the INIT run. folds_digest: the hash of the current folds.csv. numbers: the folds to train, or
    ALL_DATA. A fold that is already trained is not checked, because it needs no weights of INIT.
    """
    before = Run(run.outputs, init)
    wanted = [k for k in numbers if not run.is_trained(k)]
    missing = [k for k in wanted if not before.is_trained(k)]
    if missing:
        which = missing[0] if len(missing) == 1 or missing[0] == ALL_DATA else None
        raise InputError(
            f"INIT={init} has no trained fold {', '.join(map(str, missing))}",
            "weights of fold k of INIT for each fold k that is to be trained",
            before.train_command(which),
        )
    for k in wanted:
        _check_current(run, before, k, folds_digest)


def _check_current(run: Run, before: Run, k: int | str, folds_digest: str) -> None:
    anew = before.restart_command(k)
    metadata = weights_file.weights_metadata(before.weights(k), anew)
    if run.name in made_of.runs_before(metadata):
        raise InputError(
            f"INIT={before.name} began with {run.name} itself",
            f"an INIT run that did not begin with {run.name}",
            f"{OTHER}, or with another RUN",
        )
    record = {"recipe": files.digest(before.recipe), "folds": folds_digest, "fold": k}
    different = weights_file.changes_of_weights(run, metadata, record)
    if "folds" in different:
        raise InputError(
            f"INIT={before.name}: fold {k} was trained with folds.csv {metadata.get('folds')}",
            f"the current folds.csv, {folds_digest}; with other folds it has seen photos that are held out now",
            f"{anew}; or {OTHER}",
        )
    if different:
        raise InputError(
            f"INIT={before.name}: fold {k} was trained with another {' and '.join(different)}",
            "weights that are up to date",
            anew,
        )


def init_weights_of(run: Run, init: str, k: int | str) -> State:
    """Read the weights that fold k of a run begins with, from fold k of the INIT run. init: the name of this run."""
    before = Run(run.outputs, init)
    return weights_file.read_weights(before.weights(k), before.restart_command(k))
