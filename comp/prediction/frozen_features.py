"""Compute features of photos with a frozen timm model, and fit a scikit-learn classifier to them (`make embed`).

The model has no classification layer. It turns B photos (B, 3, H, W) into D features each, (B, D). The features of all
photos are computed once and kept in outputs/cache, in one folder for the training photos and one for the test photos.
Each folder has several files, so if the command is stopped, only the missing files are computed the next time. The name
of a folder is a hash of everything on which the features depend: the photo files (their names, sizes and times of
change), the model and its weights, the settings crop, fit, image_size, mean, std, tta and batch_size, the number format
(such as float16), the memory layout, and the versions of timm and torch.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import nn

from comp import console, files
from comp.competition import labels
from comp.competition.competition import Competition
from comp.data import photo_cache
from comp.data.batches import to_model
from comp.data.photos import Photos
from comp.data.run_data import open_photos
from comp.errors import InputError, first_line
from comp.hardware import device
from comp.hardware.device import autocast, explained_device_error, memory_format, precision
from comp.models import factory, weights_file
from comp.models.pretrained import Origin
from comp.prediction import tta
from comp.project import Project
from comp.recipes import catalog, recipe_settings
from comp.recipes.automatic import chosen_settings
from comp.recipes.recipe_settings import Recipe
from comp.settings import automatic_settings, help_text, how_to_list, parsed_settings, setting_types, settings_of
from comp.store.paths import cache_folder
from comp.store.runs import FEATURES, Run, check_run_name, make_command
from comp.tabular import classifiers
from comp.tabular.classifiers import ClassifierSettings
from comp.tabular.cross_fitting import LearningRows
from comp.tabular.derived_runs import Places, check_derived, claim_derived, predict_derived
from comp.tabular.row_values import RowValues, chosen_columns

OF_MODEL = ("pretrained", "image_size", "crop", "fit", "mean", "std", "tta", "amp", "channels_last", "batch_size")
SPEED = ("cache",)  # settings that change only the speed, not the result
HELP = how_to_list("embed")
PACKAGES = ("numpy", "scikit-learn", "torch", "timm")
OTHER_MODEL = (
    "make embed MODEL=resnet34, or the same command with another MODEL; the models of timm are listed by: "
    ".venv/bin/python -c 'import timm; print(*timm.list_models())'"
)
BATCHES = 8  # a file of features holds this many batches
TIMES = 4  # batches are this many times larger than in training, because the outputs of layers are not kept


# ---- the stage


def embed(project: Project, model: str, name: str = "", text: str = "", seed: int = 0, where: str = "auto") -> None:
    """Compute features of all photos, fit a classifier to the features, and save its predictions as a run.

    model: the name of a recipe or of a timm model. name: the name of the run; "" means <model>_embed. text: changed
    settings in one text, such as "image_size=288 tta=none". where: a device such as "cuda", or "auto".
    """
    run = project.run(name or f"{model}_embed")
    check_run_name(run.name)
    competition = project.competition
    settings = chosen_embed_recipe(model, text, seed, competition)
    tta.check(settings.recipe.tta)
    catalog.check_model_name(settings.recipe.model, catalog.recipe_names())
    settings = dataclasses.replace(settings, recipe=factory.with_normalisation(settings.recipe))
    check_derived(run, settings.plain(), competition)
    test = project.test_rows
    columns = chosen_columns(settings.classifier.columns, project.tables, project.folds["image"], test)
    backbone = load_backbone(settings.recipe, competition, project.inputs / "weights", device.choose_device(where))
    _say_backbone(settings.recipe, backbone)
    vectors = [features(project, backbone, settings.recipe, list(table["image"])) for table in (project.folds, test)]
    command = make_command("embed", MODEL=model, RUN=run.name, SET=text, SEED=seed)
    origin = {"pretrained": dataclasses.asdict(backbone.origin)} if backbone.origin else {}
    claim_derived(run, FEATURES, settings.plain(), command, competition, PACKAGES, **origin)
    values = [RowValues(*parts) for parts in zip(vectors, columns, strict=True)]
    _predict(project, run, settings, values)


def _say_backbone(recipe: Recipe, backbone: "Backbone") -> None:
    console.say(
        f"{recipe.model}: {backbone.features} features for each photo, at {recipe.image_size} px, TTA {recipe.tta}"
        + (f"; {backbone.origin}" if backbone.origin else ", not pretrained")
    )


def _predict(project: Project, run: Run, settings: "EmbedRecipe", values: list[RowValues]) -> None:
    """Fit a classifier for each fold, and save its predictions for the held-out photos and for the test photos.

    values: first the inputs of the classifier for the training photos, then those for the test photos. The inputs of a
    photo are its features and chosen columns of the tables.
    """
    folds, competition = project.folds, project.competition
    ids = folds["id"].to_numpy() if competition.combine else None
    known, numbers, groups = labels.to_array(folds["label"], competition), folds["fold"], folds["group"]
    rows = LearningRows(competition, values[0], known, numbers.to_numpy(), groups.to_numpy(), values[1], ids)
    meta = {"tta": settings.recipe.tta, "classifier": settings.classifier.classifier}
    test_ids = project.test_rows["id"].to_numpy()
    places = Places(folds["image"].to_numpy(), np.arange(len(folds)), test_ids, project.folds_digest, meta)
    predict_derived(run, rows, settings.classifier, settings.recipe.seed, places)


# ---- settings


@dataclass(frozen=True)
class EmbedRecipe:
    """The settings of `make embed`.

    recipe: the settings of the model and of how it sees the photos. classifier: the settings of the classifier that is
    fitted to the features.
    """

    recipe: Recipe
    classifier: ClassifierSettings

    def plain(self) -> dict:
        """Return all settings on which the result depends, as a dictionary of JSON values for recipe.json."""
        of_model = {key: getattr(self.recipe, key) for key in ("name", "model", *OF_MODEL, "seed")}
        return of_model | dataclasses.asdict(self.classifier)


def chosen_embed_recipe(model: str, text: str, seed: int, competition: Competition) -> EmbedRecipe:
    """Return the settings of the command `make embed MODEL=<model> SET=<text>`.

    If `model` is the name of a recipe, settings that are not in `text`, such as the image size, come from this recipe.
    For a setting that is "auto", the usual value is taken.
    Raises InputError if a setting is unknown, or if its value is not allowed or does not fit the target.
    """
    of_recipe = setting_types(Recipe, only=(*OF_MODEL, *SPEED))
    given = parsed_settings(text, of_recipe | classifiers.setting_types(), HELP, automatic_settings(Recipe))
    changes = {key: value for key, value in given.items() if key in of_recipe}
    named = catalog.get_recipe(model, competition.defaults)
    recipe = recipe_settings.validated_recipe(
        dataclasses.replace(named, **changes, head="auto", loss="auto", seed=seed)
    )
    usual = {choice.setting: choice.value for choice in chosen_settings(recipe, competition)}
    recipe = dataclasses.replace(recipe, **{key: usual[key] for key in OF_MODEL if key in usual})
    own = ClassifierSettings(**{key: value for key, value in given.items() if key not in of_recipe})
    return EmbedRecipe(recipe, classifiers.resolved_settings(own, competition, HELP))


def settings_help() -> str:
    """Return the part of the --help text that explains all settings for SET, with their defaults."""
    fields = [*settings_of(Recipe, only=(*OF_MODEL, *SPEED)), *settings_of(ClassifierSettings)]
    return help_text("settings of SET:", fields)


# ---- the backbone


@dataclass(frozen=True)
class Backbone:
    """A frozen timm model without its classification layer, in eval mode on its device.

    features: how many features the model computes for a photo. digest: a hash of the weights. origin: where the
    pretrained weights come from, or None if the model is not pretrained.
    """

    model: nn.Module
    features: int
    digest: str
    origin: Origin | None
    device: torch.device


def load_backbone(recipe: Recipe, competition: Competition, weights: Path, where: torch.device) -> Backbone:
    """Return the model of a recipe, frozen and without its classification layer.

    The model is pretrained, unless the recipe says pretrained=false. weights: a folder in which weights are looked for
    before they are downloaded. where: the device. Raises InputError if the model cannot compute features at the
    recipe's image size, or if its weights cannot be found or do not fit.
    """
    check_backbone(recipe, competition, where)
    torch.manual_seed(recipe.seed)
    built = factory.build_model(recipe, competition, weights)
    model = _without_classifier(built.model).to(where, memory_format=memory_format(recipe)).eval()
    digest = weights_file.weights_checksum({name: one.cpu() for name, one in model.state_dict().items()}, {})
    return Backbone(model, _features(model, recipe, where), digest, built.origin, where)


def check_backbone(recipe: Recipe, competition: Competition, where: torch.device) -> None:
    """Raise InputError unless the recipe's model can turn photos into features at the recipe's image size."""
    problem = fault_of_backbone(recipe, competition, where)
    if not problem:
        return
    found = f"{recipe.model} gives no features at image_size={recipe.image_size}: {problem}"
    own = factory.timm_size(recipe.model)
    if own != recipe.image_size and not fault_of_backbone(
        dataclasses.replace(recipe, image_size=own), competition, where
    ):
        raise InputError(
            found,
            f"an image size that fits the model, such as its own image_size={own}",
            f"the same command with image_size={own} in SET, and RUN=<new name>",
        )
    raise InputError(found, "a timm model that turns each photo into one row of features", OTHER_MODEL)


def fault_of_backbone(recipe: Recipe, competition: Competition, where: torch.device) -> str:
    """Return why the model of a recipe cannot turn photos into features, or "" if it can.

    The model is tried on two grey photos, with random weights. If the memory is not enough, the result is "", because
    that error gets its own message later.
    """
    try:
        model = factory.create_model(recipe, competition, Path(), pretrained=False)
        model = _without_classifier(model).to(where, memory_format=memory_format(recipe)).eval()
        _features(model, recipe, where)
    except factory.NotBuilt as error:
        return error.found
    except InputError:
        raise
    except torch.OutOfMemoryError:
        return ""  # the advice for this error is given later, when the photos are read
    except Exception as error:  # a timm model may raise any error if the image size does not fit
        return first_line(error)
    return ""


def _without_classifier(model: nn.Module) -> nn.Module:
    if not hasattr(model, "reset_classifier"):
        raise TypeError("timm cannot remove the classifier of this model")
    model.reset_classifier(0)
    return model.requires_grad_(False)


def _features(model: nn.Module, recipe: Recipe, where: torch.device) -> int:
    """Try the model on two grey photos, and return how many features it computes for each of them.

    Raises ValueError if the output does not have the shape (2, number of features).
    """
    images = torch.zeros(2, 3, recipe.image_size, recipe.image_size, device=where)
    with torch.inference_mode():
        output = model(images.contiguous(memory_format=memory_format(recipe)))
    shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[0] != 2 or shape[1] == 0:
        raise ValueError(f"the output for two photos is {shape}, not (2, features)")
    return shape[1]


# ---- the features of many photos


def features(project: Project, backbone: Backbone, recipe: Recipe, images: Sequence[str]) -> np.ndarray:
    """Return D features for each of N photos, (N, D) float32, as means over the TTA views that the recipe names.

    images (N,): the paths of the photos relative to inputs/. Features that are already in outputs/cache are read from
    there. Raises InputError if a feature is nan or infinite.
    """
    folder = _folder(project, backbone, recipe, images)
    size = BATCHES * TIMES * recipe.batch_size
    with files.lock(folder / "building", "the embeddings", wait=True):
        parts = {i: _kept(folder / f"{i:09d}.npz", backbone) for i in range(0, len(images), size)}
        missing = [i for i, part in parts.items() if part is None]
        if missing:
            photos = open_photos(project, recipe, list(images))
            counts = [len(images[i : i + size]) for i in missing]
            with console.progress(f"{recipe.model}: embedding", sum(counts)) as advance:
                for i, count in zip(missing, counts, strict=True):
                    parts[i] = _computed(backbone, recipe, photos, np.arange(i, i + count), advance)
                    files.write_arrays(folder / f"{i:09d}.npz", features=parts[i])
    return np.concatenate([parts[i] for i in sorted(parts)])


def _folder(project: Project, backbone: Backbone, recipe: Recipe, images: Sequence[str]) -> Path:
    photos = photo_cache.cache_file(Path(), project.inputs, images, recipe.crop, recipe.image_size, recipe.fit).name
    made_by = [backbone.digest, recipe.model, recipe.mean, recipe.std, recipe.batch_size, recipe.tta]
    machine = [str(precision(recipe, backbone.device)), str(memory_format(recipe)), version("timm"), version("torch")]
    return cache_folder(project.outputs) / f"features_{files.checksum([photos, made_by, machine])}"


def _kept(file: Path, backbone: Backbone) -> np.ndarray | None:
    """Return the features (n, D) of n photos in a file of outputs/cache, or None if the file is missing or damaged."""
    try:
        part = files.read_arrays(file, ("features",))["features"]
    except ValueError:
        return None
    return part if part.ndim == 2 and part.shape[1] == backbone.features else None


def _computed(backbone: Backbone, recipe: Recipe, photos: Photos, rows: np.ndarray, advance: Callable) -> np.ndarray:
    where = backbone.device
    model, half, layout = tta.averaged(backbone.model, recipe.tta), precision(recipe, where), memory_format(recipe)
    batches, size = [], TIMES * recipe.batch_size
    with torch.inference_mode(), explained_device_error(recipe, where):
        for i in range(0, len(rows), size):
            pixels = torch.from_numpy(photos.batch(rows[i : i + size]))
            inputs = to_model(pixels, recipe.mean, recipe.std, where).contiguous(memory_format=layout)
            with autocast(half, where):
                batches.append(model(inputs).float().cpu().numpy())
            advance(len(pixels))
    part = np.concatenate(batches)
    bad = int((~np.isfinite(part).all(1)).sum())
    if bad:
        other = "amp=off in SET, and RUN=<new name>" if half != torch.float32 else "another MODEL"
        raise InputError(
            f"{recipe.model} gives features that are not finite for {bad} of {len(part)} photos",
            "features that are finite numbers, not nan or infinite",
            f"the same command with {other}",
        )
    return part
