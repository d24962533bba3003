"""Check a training before it writes any file, so that a mistake is reported at once and leaves no files behind.

The longest check is a trial: a model with random weights trains on two grey images and then predicts them. The trial
shows whether the model works at the recipe's image size. If not, other sizes are tried, and the error names one that
works.
"""

import dataclasses
from pathlib import Path

import torch
from torch import nn

from comp import console
from comp.competition.competition import Competition
from comp.data import augment
from comp.errors import InputError, first_line
from comp.hardware.device import autocast, memory_format, precision
from comp.models import factory, heads, init_weights
from comp.models.factory import with_normalisation
from comp.prediction import mirror_check, tta
from comp.prediction.facts import facts_of
from comp.project import Project
from comp.recipes import catalog, recipe_json
from comp.recipes.automatic import RULES, chosen_settings, resolved_recipe
from comp.recipes.recipe_settings import Recipe
from comp.settings import AUTO, automatic_settings
from comp.store.paths import ALL_DATA
from comp.store.runs import Run
from comp.training import learner, losses, optimizers

STEP = 32  # pixels between two image sizes that are tried; most models halve the side of the image five times


def check_trial_step(recipe: Recipe, competition: Competition, where: torch.device) -> None:
    """Raise InputError if the recipe's model cannot train or predict at the recipe's image size.

    If the model works at another size, the error names this size. where: the device on which the model is tried.
    """
    problem = fault_of_trial(recipe, competition, where)
    if not problem:
        return
    size, shown = recipe.image_size, recipe.model
    if better := working_size(recipe, competition, where):
        raise InputError(
            f"image_size={size} does not fit {shown}: {problem}",
            f"a size that fits, such as image_size={better}",
            f"the same command with image_size={better} in SET, and RUN=<new name>",
        )
    raise InputError(
        f"{shown} cannot be trained by this toolkit at any image size: {problem}",
        "a model that turns images (B, 3, H, W) into one row of outputs for each image",
        "make train MODEL=resnet34, or another model from the list that this command prints: "
        "python -c 'import timm; print(*timm.list_models())'",
    )


def working_size(recipe: Recipe, competition: Competition, where: torch.device) -> int:
    """Return another image size, in pixels, at which the recipe's model can train and predict. Return 0 if none works.

    The size is the one nearest to the recipe's image size. The multiples of 32 are tried up to the size at which timm's
    weights of the model were trained, and that size itself. where: the device on which the model is tried.
    """
    own = factory.timm_size(recipe.model)
    sizes = {own, *range(STEP, own + 1, STEP)} - {recipe.image_size}
    for size in sorted(sizes, key=lambda size: (abs(size - recipe.image_size), -size)):
        if not fault_of_trial(dataclasses.replace(recipe, image_size=size), competition, where):
            return size
    return 0


def fault_of_trial(recipe: Recipe, competition: Competition, where: torch.device) -> str:
    """Let an untrained model train and predict once. Return the error as one line of text, or "" if there is no error.

    An error is returned if another image size may help. For any other mistake InputError is raised, for example if the
    optimizer is unknown. where: the device on which the model is tried.
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
        return ""  # the training will raise the same error, with advice
    except Exception as error:  # a timm model may raise any error at a size that is not its own
        return first_line(error)
    return ""


def _trial_step(model: nn.Module, optimizer, recipe: Recipe, competition: Competition, where: torch.device) -> None:
    """Train the model for one step on two grey images, then predict them.

    Raises ValueError if the model's outputs have the wrong shape. Errors of the model itself are not caught. where: the
    device that holds the model.
    """
    images = torch.zeros(2, 3, recipe.image_size, recipe.image_size, device=where)
    images = images.contiguous(memory_format=memory_format(recipe))
    head = heads.head_of(model, recipe, competition)
    model.train()
    for stages in (recipe.freeze_stages, None):
        learner.freeze_parts(model, stages)
    if learner.freeze_always(recipe):
        learner.freeze_for_epoch(model, recipe, 0)
    for training in (True, False):
        with torch.set_grad_enabled(training), autocast(precision(recipe, where, training=training), where):
            outputs = model.train(training)(images)
        if not isinstance(outputs, torch.Tensor) or outputs.shape[:1] != (2,) or outputs.ndim != 2:
            raise ValueError(f"the model returns {_shape_of(outputs)}, and not one row for each image")
        probs = head.probs(outputs.float())
        if probs.shape != (2, competition.size):
            problem = f"for two images the model returns outputs of shape {tuple(outputs.shape)}, which do not give"
            raise ValueError(f"{problem} {competition.size} probabilities for each image")
        if training:
            outputs.float().square().mean().backward()
            optimizer.step()


def _shape_of(outputs) -> str:
    if isinstance(outputs, torch.Tensor):
        return f"a tensor of shape {tuple(outputs.shape)}"
    return f"a {type(outputs).__name__}"


# ---- all other checks


def check_names(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError if the recipe names an unknown loss, augmentation, TTA set or model. No file is read."""
    recipe = resolved_recipe(recipe, competition)
    losses.check_loss(recipe, competition)
    augment.pipeline(recipe.augment)
    tta.check(recipe.tta)
    catalog.check_model_name(recipe.model, catalog.recipe_names())


def with_chosen_settings(project: Project, run: Run, recipe: Recipe, where: torch.device) -> Recipe:
    """Return the recipe with a value in place of each "auto", and print the values with their reasons.

    A run that exists keeps the values in its recipe.json. where: the device on which mirrored photos are looked at.
    """
    competition = project.competition
    names = [name for name in RULES if getattr(recipe, name) == AUTO]
    if run.recipe.is_file():
        before = recipe_json.load_recipe(run, competition)
        return resolved_recipe(dataclasses.replace(recipe, **{n: getattr(before, n) for n in names}), competition)
    reads = {*automatic_settings(Recipe)} & {*names}  # a named recipe often needs no photo to be read
    facts = facts_of(project, recipe) if reads else None
    if {"augment", "tta"} & reads:
        sized = resolved_recipe(recipe, competition, facts)
        facts = dataclasses.replace(facts, mirrored=mirror_check.worse_when_mirrored(project, sized, where))
    choices = chosen_settings(recipe, competition, facts)
    if choices:
        console.say(f"{run.name}: settings chosen for this competition; to change one, name it in SET", style="bold")
    width = max((len(f"{choice.setting}={choice.value}") for choice in choices), default=0)
    for choice in choices:
        console.say(f"  {f'{choice.setting}={choice.value}':{width}}  {choice.reason}")
    values = {choice.setting: choice.value for choice in choices}
    return resolved_recipe(dataclasses.replace(recipe, **values), competition)


def with_statistics(run: Run, recipe: Recipe, competition: Competition) -> Recipe:
    """Return the recipe with the mean and the standard deviation (std) by which the model's input is normalised.

    If the recipe does not set one of them, it is taken from the weights with which the training starts. These are the
    weights of the run that the option INIT names, or timm's weights of the model.
    """
    return with_normalisation(init_weights.with_init(recipe, run, competition))


def check_begun(project: Project, run: Run, recipe: Recipe, numbers: list[int | str]) -> None:
    """Raise InputError if the run exists and has another recipe.

    numbers: the folds to train. If `numbers` is ["all_data"], only a training on all rows is to be done, and InputError
    is also raised if a fold of the run is not trained yet.
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
            f"FOLD={ALL_DATA} needs all folds of {run.name}, but these are not trained: {', '.join(map(str, missing))}",
            "all folds trained, because their best epochs decide how many epochs a training on all rows takes",
            f"the same command with FOLD={missing[0] if len(missing) == 1 else 'all'}",
        )


def check_init(project: Project, run: Run, recipe: Recipe, numbers: list[int | str]) -> None:
    """Raise InputError unless each fold in `numbers` can start with the weights of the run that the option INIT names.

    Each fold starts with that run's weights of the same fold. numbers: the numbers of the folds to train; "all_data" in
    this list stands for the training on all rows. Nothing is checked for a run without INIT.
    """
    if not recipe.init:
        return
    init_weights.check_init_folds(run, recipe.init, project.folds_digest, numbers)
    if not run.recipe.is_file():
        state = init_weights.init_weights_of(run, recipe.init, numbers[0])
        factory.build_model(recipe, project.competition, Path(), init=state)


def first_weights(project: Project, run: Run, recipe: Recipe, where: torch.device) -> dict | None:
    """Try the model of a new run. Return where its pretrained weights come from, as a dictionary for recipe.json.

    The keys of the dictionary are the fields of `Origin` in models/pretrained.py. The result is None if the run does
    not start with pretrained weights. It is also None, without a trial, if the run has a recipe.json already. where:
    the device on which the model is tried. Raises InputError if the model does not work at the recipe's image size, or
    if its pretrained weights are missing or do not fit.
    """
    if run.recipe.is_file():
        return None
    check_trial_step(recipe, project.competition, where)
    if recipe.init or not recipe.pretrained:
        return None
    origin = factory.build_model(recipe, project.competition, project.inputs / "weights").origin
    return dataclasses.asdict(origin) if origin else None
