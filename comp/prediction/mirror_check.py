"""Find out before a training whether mirrored photos are harder to predict, as mirrored digits, text or hands are.

A linear model learns the labels from features of the frozen backbone, which are kept apart for the left and the right
half of a photo. It then predicts held-out photos and their mirror images. If left and right mean nothing, both are
predicted equally well. Nothing is trained, so the check takes seconds.

Letters in the shapes: N photos, D features, T targets.
"""

import dataclasses

import numpy as np
import torch
from torch import Tensor, nn

from comp import console
from comp.competition import labels
from comp.competition.competition import ONE_LABEL, Competition
from comp.data.batches import to_model
from comp.data.photos import Photos
from comp.hardware import processes
from comp.models import factory
from comp.models.factory import with_normalisation
from comp.prediction.grad_cam import as_map, prefix_tokens
from comp.project import Project
from comp.recipes import catalog
from comp.recipes.recipe_settings import Recipe

MOST_PHOTOS = 1000
FEWEST_GROUPS = 20
SIZE = 96  # pixels of the photos; models that need their own size get it
MOST_TARGETS = 50  # so many of the most frequent classes or labels are predicted
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)  # for each feature
ERRORS = 3.0  # how many standard errors the difference must be above 0
RATIO = 1.05  # how many times as large the squared error must be


def worse_when_mirrored(project: Project, recipe: Recipe, where: torch.device) -> str:
    """Return a text that says how much worse mirrored photos are predicted, or "" if they are not.

    recipe: the recipe of the run, without "auto" in its image size. where: the device. The result is also "" if there
    are too few groups to tell, if a photo cannot be read, or if the model does not work at this image size: the checks
    before the training then say what is wrong. Raises InputError if the pretrained weights cannot be read.
    """
    folds = project.folds
    rows = np.sort(np.random.default_rng(0).permutation(len(folds))[:MOST_PHOTOS])
    groups = folds["group"].astype(str).to_numpy()[rows]
    if recipe.init or len(np.unique(groups)) < FEWEST_GROUPS:
        return ""
    targets = _targets(labels.to_array(folds["label"].iloc[rows], project.competition), project.competition)
    recipe = _small(recipe)
    torch.manual_seed(recipe.seed)
    try:
        model = factory.build_model(recipe, project.competition, project.inputs / "weights").model
    except factory.NotBuilt:
        return ""
    try:
        plain, mirrored = _features(project, recipe, list(folds["image"].iloc[rows]), model.to(where).eval(), where)
    except Exception:  # a photo is damaged, or the model raises any error at a size that is not its own
        return ""
    errors = _errors(plain, mirrored, targets, folds["fold"].to_numpy()[rows])
    return _text(errors, groups)


def _text(errors: np.ndarray, groups: np.ndarray) -> str:
    """Compare the squared errors (N, 2) of photos and of their mirror images. groups (N,): the group of each photo.

    The standard error of the difference is computed from the means of the groups, because the photos of a group are not
    independent.
    """
    _, number = np.unique(groups, return_inverse=True)
    sums = np.bincount(number, errors[:, 1] - errors[:, 0])
    error = np.sqrt(np.square(sums - sums.mean()).sum() * len(sums) / (len(sums) - 1)) / len(errors)
    own, other = errors.mean(0)
    worse = processes.anywhere(other - own > ERRORS * error and other > RATIO * own)
    return f"they are harder to predict (squared error {other:.3g} instead of {own:.3g})" if worse else ""


def _targets(known: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the targets (N, T) float64 that the linear model learns: numbers or grades, or 0 and 1 for each class."""
    if competition.target in ("regression", "ordinal"):
        values = known.astype(np.float64)[:, None]
        return (values - values.mean()) / (values.std() or 1.0)
    if competition.target in ONE_LABEL:
        counts = np.bincount(known, minlength=competition.size)
        return (known[:, None] == np.argsort(-counts, kind="stable")[:MOST_TARGETS]).astype(np.float64)
    return known[:, np.argsort(-known.sum(0), kind="stable")[:MOST_TARGETS]].astype(np.float64)


def _errors(plain: np.ndarray, mirrored: np.ndarray, targets: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return the squared errors (N, 2), summed over the targets, of photos and of their mirror images.

    Each photo is predicted by a ridge regression that learned from the unmirrored photos of the other folds. Of several
    penalties, the one with the smallest error for unmirrored photos is used. plain, mirrored (N, D): the features.
    targets (N, T), folds (N,): the targets and the fold of each photo.
    """
    from sklearn.linear_model import Ridge

    errors = np.zeros((len(PENALTIES), len(plain), 2))
    for k in np.unique(folds):
        held_out = folds == k
        mean, deviation = plain[~held_out].mean(0), plain[~held_out].std(0)
        deviation = np.maximum(deviation, 0.1 * deviation.mean() + 1e-12)  # a feature may be 0 for all training photos
        known, *both = ((rows - mean) / deviation for rows in (plain[~held_out], plain[held_out], mirrored[held_out]))
        for p, penalty in enumerate(PENALTIES):
            model = Ridge(penalty * plain.shape[1]).fit(known, targets[~held_out])
            for i, features in enumerate(both):
                predicted = model.predict(features).reshape(held_out.sum(), -1)
                errors[p, held_out, i] = np.square(predicted - targets[held_out]).sum(1)
    return errors[errors[:, :, 0].mean(1).argmin()]


def _small(recipe: Recipe) -> Recipe:
    """Return the recipe with the image size at which photos are looked at."""
    size = recipe.image_size if catalog.is_transformer(recipe.model) else min(recipe.image_size, SIZE)
    return with_normalisation(dataclasses.replace(recipe, image_size=size, soften="", head="auto", loss="auto"))


def _features(
    project: Project, recipe: Recipe, images: list[str], model: nn.Module, where: torch.device
) -> tuple[np.ndarray, ...]:
    """Return the features (N, D) of photos and those of their mirror images."""
    photos = Photos(project.inputs, images, recipe.crop, recipe.image_size, fit=recipe.fit)
    parts = ([], [])
    with torch.inference_mode(), console.progress("looking at mirrored photos", len(images)) as advance:
        for i in range(0, len(images), recipe.batch_size):
            pixels = torch.from_numpy(photos.batch(np.arange(i, min(i + recipe.batch_size, len(images)))))
            normalised = to_model(pixels, recipe.mean, recipe.std, where)
            for part, views in zip(parts, (normalised, normalised.flip(3)), strict=True):
                part.append(halves(model, views).float().cpu().numpy())
            advance(len(pixels))
    return tuple(np.concatenate(part).astype(np.float64) for part in parts)


def halves(model: nn.Module, images: Tensor) -> Tensor:
    """Return the features of the left and of the right half of images (B, 3, S, S), side by side.

    model: a timm model. If its features are no map with places, all of them are returned.
    """
    if not hasattr(model, "forward_features"):
        return model(images)
    features = model.forward_features(images)
    features = features[-1] if isinstance(features, (tuple, list)) else features
    is_map = features.ndim == 4 or (features.ndim == 3 and prefix_tokens(model, features.shape[1]) is not None)
    if not is_map:
        return features.flatten(1)
    places = as_map(model, features)
    width = places.shape[3]
    return torch.cat([places[..., : (width + 1) // 2].mean((2, 3)), places[..., width // 2 :].mean((2, 3))], 1)
