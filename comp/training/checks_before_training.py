"""Check a run before anything is written, so that a mistake is reported at once and leaves no files.

The largest check is a trial step, in which an untrained model trains on two grey photos and predicts them. The trial
step shows whether the model works at the recipe's image size and, if not, at which size the model works.
"""

import dataclasses
from pathlib import Path

import torch
from torch import nn

from comp.competition.competition import Competition
from comp.data import augment
from comp.errors import InputError
from comp.hardware.device import autocast, memory_format, precision
from comp.models import factory, heads, init_weights
from comp.models.factory import with_normalisation
from comp.prediction import tta
from comp.project import Project
from comp.recipes import catalog, recipe_json
from comp.recipes.recipe_settings import Recipe
from comp.store.paths import ALL_DATA
from comp.store.runs import Run
from comp.training import learner, losses, optimizers

STEP = 32  # pixels between the image sizes that are tried, since most models halve the side five times


def check_trial_step(recipe: Recipe, competition: Competition, where: torch.device) -> None:
    """Raise InputError if the model cannot train or predict at the recipe's image size.

    The error names the nearest size that works. where: the device that the trial step runs on.
    """
    problem = fault_of_trial(recipe, competition, where)
    if not problem:
        return
    size, shown = recipe.image_size, recipe.model
    if better := working_size(recipe, competition, where):
        raise InputError(
            f"image_size={size} does not fit {shown}: {problem}",
            f"a size that fits, such as image_size={better}",
            f"the same command with image_size={better} in SET, and RUN=<name>",
        )
    raise InputError(
        f"{shown} does not train here at any size: {problem}",
        "a model that turns photos (B, 3, H, W) into one row of outputs for each photo",
        "make train MODEL=resnet34, or another model that python -c 'import timm; print(*timm.list_models())' lists",
    )


def working_size(recipe: Recipe, competition: Competition, where: torch.device) -> int:
    """Return the image size (pixels) nearest to the recipe's at which the trial step works, or 0 if there is none.

    No size above the model's own size is tried.
    """
    own = factory.timm_size(recipe.model)
    sizes = {own, *range(STEP, own + 1, STEP)} - {recipe.image_size}
    for size in sorted(sizes, key=lambda size: (abs(size - recipe.image_size), -size)):
        if not fault_of_trial(dataclasses.replace(recipe, image_size=size), competition, where):
            return size
    return 0


def fault_of_trial(recipe: Recipe, competition: Competition, where: torch.device) -> str:
    """Run the trial step. Return its error as one line of text, or "" if the step works.

    Raises InputError for a fault that every image size has, such as an unknown optimizer, or auxiliary targets with a
    model whose classifier is not a linear layer.
    """
    try:
        model = factory.create_model(recipe, competition, Path(), pretrained=False)
        model = model.to(where, memory_format=memory_format(recipe))
    except factory.NotBuilt as error:
        return error.found
    if recipe.auxiliary:
        learner.classifier_of(model)
    learner.switch_on_gradient_checkpointing(model, recipe)
    optimizer = optimizers.make_optimizer(model, recipe, where)
    try:
        _trial_step(model, optimizer, recipe, competition, where)
    except torch.OutOfMemoryError:
        return ""  # the training meets the same error and says what to do
    except Exception as error:  # a timm model may raise any error at a size that is not its own
        return f"{type(error).__name__}: {(str(error).strip() or '?').splitlines()[0][:200]}"
    return ""


def _trial_step(model: nn.Module, optimizer, recipe: Recipe, competition: Competition, where: torch.device) -> None:
    """Train the model for one step, then predict. Raises ValueError if the outputs have a wrong shape."""
    images = torch.zeros(2, 3, recipe.image_size, recipe.image_size, device=where)
    images = images.contiguous(memory_format=memory_format(recipe))
    head = heads.build_head(recipe, competition)
    model.train()
    for stages in (recipe.freeze_stages, None):
        learner.freeze_parts(model, stages)
    if learner.freeze_always(recipe):
        learner.freeze_for_epoch(model, recipe, 0)
    for training in (True, False):
        with torch.set_grad_enabled(training), autocast(precision(recipe, where, training=training), where):
            outputs = model.train(training)(images)
        if not isinstance(outputs, torch.Tensor) or outputs.shape[:1] != (2,) or outputs.ndim != 2:
            raise ValueError(f"the model gives {_shape_of(outputs)}, not a row for each photo")
        probs = head.probs(outputs.float())
        if probs.shape != (2, competition.size):
            raise ValueError(f"outputs of shape {tuple(outputs.shape)} do not give {competition.size} probabilities")
        if training:
            outputs.float().square().mean().backward()
            optimizer.step()


def _shape_of(outputs) -> str:
    if isinstance(outputs, torch.Tensor):
        return f"a tensor of shape {tuple(outputs.shape)}"
    return f"a {type(outputs).__name__}"


# ---- all other checks


def check_names(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError for an unknown loss, augmentation, TTA set or model; no file is read for this."""
    losses.check_loss(recipe, competition)
    augment.pipeline(recipe.augment)
    tta.check(recipe.tta)
    catalog.check_model_name(recipe.model, catalog.recipe_names())


def with_statistics(run: Run, recipe: Recipe, competition: Competition) -> Recipe:
    """Return the recipe with its mean and std filled in, if they are not set, from its initial weights."""
    return with_normalisation(init_weights.with_init(recipe, run, competition))


def check_begun(project: Project, run: Run, recipe: Recipe, numbers: list[int | str]) -> None:
    """Raise InputError if the run has begun with another recipe, or if all rows are asked for before all folds.

    numbers: the folds to train, or ALL_DATA alone, which means all rows.
    """
    if run.recipe.is_file():
        recipe_json.check_recipe(run, recipe, project.competition)
    if numbers == [ALL_DATA]:
        check_folds_trained(project, run)


def check_folds_trained(project: Project, run: Run) -> None:
    """Raise InputError unless all folds of the run are trained."""
    missing = [k for k in range(project.fold_count) if not run.is_trained(k)]
    if missing:
        raise InputError(
            f"FOLD={ALL_DATA}: fold {', '.join(map(str, missing))} of {run.name} not trained",
            "all folds trained, because the mean of their best epochs decides how long to train on all rows",
            f"the same command with FOLD={missing[0] if len(missing) == 1 else 'all'}",
        )


def check_init(project: Project, run: Run, recipe: Recipe, numbers: list[int | str]) -> None:
    """Raise InputError unless each of the folds `numbers` can begin with the weights of the same fold of INIT.

    A recipe without INIT passes.
    """
    if not recipe.init:
        return
    init_weights.check_init_folds(run, recipe.init, project.folds_digest, numbers)
    if not run.recipe.is_file():
        state = init_weights.init_weights_of(run, recipe.init, numbers[0])
        factory.build_model(recipe, project.competition, Path(), init=state)


def first_weights(project: Project, run: Run, recipe: Recipe, where: torch.device) -> dict | None:
    """Try the model of a new run. Returns the origin of its pretrained weights as plain values for recipe.json.

    Returns None if the run has begun or uses no pretrained weights. Raises InputError if the model does not work at the
    recipe's image size, or if the pretrained weights are missing or do not fit.
    """
    if run.recipe.is_file():
        return None
    check_trial_step(recipe, project.competition, where)
    if recipe.init or not recipe.pretrained:
        return None
    origin = factory.build_model(recipe, project.competition, project.inputs / "weights").origin
    return dataclasses.asdict(origin) if origin else None
