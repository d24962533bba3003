"""The photo that is asked for by name, and whose models did not train on it. No torch.

What one asks of a photo: what speaks for the answer, for the truth, or for a higher and a lower number. No torch.

Where the models of a run look in one photo: Grad-CAM by models that did not train on it.

A training photo is shown to the model of its own fold. A test photo is shown to the models of all folds with weights;
their probabilities and their heats are averaged. There are no TTA views: a mirrored photo would mirror the heat.
"""

import dataclasses
import difflib
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from comp.competition import labels, scoring
from comp.competition.competition import Competition
from comp.data import photos
from comp.data.batches import to_model
from comp.data.run_data import load_data
from comp.errors import InputError
from comp.inputs import loading
from comp.models import heads
from comp.models.heads import Head
from comp.prediction import grad_cam
from comp.prediction.predict import check_trained, trained_model
from comp.recipes import recipe_json
from comp.recipes.recipe_settings import Recipe
from comp.store import grad_cam_files, runs
from comp.store.fold_table import fold_count
from comp.store.grad_cam_files import GradCam, Heat
from comp.store.runs import Run, own_command, repair_command

WEIGHTS = "fold*/model.safetensors"


@dataclass(frozen=True)
class ChosenPhoto:
    """image: relative to inputs; folds: whose models are asked; label: as in labels.py, None for a test photo."""

    image: str
    folds: tuple[int, ...]
    label: object = None

    @property
    def is_test(self) -> bool:
        return self.label is None


def photo_names(folds: pd.DataFrame, competition: Competition, inputs: Path) -> list[str]:
    """Every name that `chosen` takes: the images of folds.csv, and the images and ids of the test photos."""
    test = loading.read_test(competition, inputs)
    return list(dict.fromkeys([*folds["image"], *test["image"], *test["id"].astype(str)]))


def chosen_photo(name: str, run: Run, folds: pd.DataFrame, competition: Competition, inputs: Path) -> ChosenPhoto:
    """The photo of that name; of a training photo the fold that holds it, of a test photo all folds with weights.

    InputError for an unknown photo, and for folds without weights.
    """
    rows = folds[folds["image"] == name]
    if len(rows):
        k, label = int(rows["fold"].iloc[0]), labels.to_array(rows["label"], competition)[0]
        _check_weights(run, [k])
        return ChosenPhoto(name, (k,), label)
    test = loading.read_test(competition, inputs)
    found = test["image"][(test["image"] == name) | (test["id"].astype(str) == name)]
    if found.empty:
        raise unknown_photo(name, run, [*folds["image"], *test["image"]])
    there = tuple(k for k in range(fold_count(folds)) if run.weights(k).is_file())
    _check_weights(run, there or [0])
    return ChosenPhoto(found.iloc[0], there)


def unknown_photo(name: str, run: Run, images: list[str]) -> InputError:
    """The error for a name that is no photo; its advice is the nearest one, else the first."""
    nearest = (difflib.get_close_matches(name, images, 1) or images)[0]
    found = f"no photo {name} in folds.csv or among the test photos" if name else "no IMAGE"
    return InputError(
        found,
        "an image as folds.csv writes it, or a test photo",
        f"make look RUN={run.name} IMAGE={shlex.quote(nearest)}",
    )


def _check_weights(run: Run, numbers) -> None:
    for k in numbers:
        if not run.weights(k).is_file():
            raise InputError(
                f"no {run.weights(k)}",
                "the weights of the fold that did not train on this photo",
                repair_command(run, k),
            )


def check_run(run: Run) -> None:
    """Raise InputError for an unknown run, and for one without models of photos: external predictions, stacks."""
    there = [name for name in runs.trained_runs(run.outputs) if any(Run(run.outputs, name).folder.glob(WEIGHTS))]
    expected = f"a run with weights: {', '.join(there) or 'none yet'}"
    advice = f"the same command with RUN={there[0]}" if there else "make train MODEL=<a model>"
    if not run.name:
        raise InputError("no RUN", expected, advice)
    runs.check_known(run.outputs, [run.name])
    if not run.recipe.is_file() or own_command(run):
        kind = "made of other predictions or embeddings" if run.recipe.is_file() else "external predictions"
        raise InputError(f"{run.name} is {kind}: there is no model of photos to look into", expected, advice)


MOST = 6  # labels of one photo that get a map


@dataclass(frozen=True)
class Question:
    """title: for people; value: the probability, or the number.

    place: the class or label; None for a number, then sign: 1 for what raises it, -1 for what lowers it.
    """

    title: str
    value: float
    place: int | None = None
    sign: int = 1


def asked_questions(competition: Competition, probs: np.ndarray, label, number: bool) -> list[Question]:
    """The questions for a photo: probs (C,); label as competition/labels.py has it, or None where it is not known.

    number: whether the model gives a number (a regression, or grades by one).
    """
    if number:
        value = float(probs[0] if competition.target == "regression" else scoring.expectation(probs[None])[0])
        return [Question("raises the number", value, sign=1), Question("lowers the number", value, sign=-1)]
    answer = scoring.answers(competition, probs[None])[0]
    if competition.target == "multilabel":
        return _of_labels(competition, probs, answer, label)
    parts = {int(answer): ["prediction"]}
    if label is not None:
        parts.setdefault(int(label), []).append("truth")
    return [_of_class(competition, probs, place, " and ".join(roles)) for place, roles in parts.items()]


def _of_labels(competition: Competition, probs: np.ndarray, answer: np.ndarray, label) -> list[Question]:
    """One for each label that is predicted or true; the most probable label if there is none."""
    truth = np.zeros(len(probs), bool) if label is None else np.asarray(label) > 0
    places = np.flatnonzero(answer | truth) if (answer | truth).any() else [int(probs.argmax())]
    roles = {(True, True): "prediction and truth", (True, False): "prediction", (False, True): "truth, missed"}
    return [
        _of_class(competition, probs, int(i), roles.get((bool(answer[i]), bool(truth[i])), "most probable"))
        for i in sorted(places, key=lambda i: -probs[i])[:MOST]
    ]


def _of_class(competition: Competition, probs: np.ndarray, place: int, role: str) -> Question:
    return Question(f"{role}: {competition.classes[place]}", float(probs[place]), place)


def named_question(competition: Competition, label) -> str:
    """A label or an answer in words; empty for None."""
    if label is None:
        return ""
    if competition.target == "regression":
        return f"{float(label):.6g}"
    if competition.target == "multilabel":
        return ", ".join(competition.classes[i] for i in np.flatnonzero(label)) or "no label"
    return competition.classes[int(label)]


CPU = torch.device("cpu")  # one photo: the same heat on every machine is worth more than the time


def look_at(run: Run, photo: ChosenPhoto, competition: Competition, inputs: Path) -> tuple[GradCam, np.ndarray]:
    """The heats of a photo, and its pixels (S, S, 3) uint8 as the models see them."""
    recipe = recipe_json.load_recipe(run, competition)
    data = load_data(inputs, run.outputs, dataclasses.replace(recipe, cache=False), competition)
    for k in photo.folds:
        check_trained(run, data, k)
    pixels = photos.read_photo(Path(inputs) / photo.image, recipe.crop, recipe.image_size, recipe.fit)
    image = to_model(torch.from_numpy(pixels[None]), recipe.mean, recipe.std, CPU)
    models = [trained_model(run, recipe, competition, k, CPU) for k in photo.folds]
    return _look_at_one(run, photo, recipe, competition, models, image), pixels


def _look_at_one(run: Run, photo: ChosenPhoto, recipe: Recipe, competition: Competition, models, image) -> GradCam:
    head = heads.build_head(recipe, competition)
    probs = np.mean([_probs(model, head, image) for model in models], axis=0)
    number = competition.target == "regression" or head.family == "number"
    questions = asked_questions(competition, probs, photo.label, number)
    cells = [grad_cam.heats(model, head, image, questions, recipe.model) for model in models]
    made = [
        Heat(question.title, question.value, np.mean(several, axis=0))
        for question, several in zip(questions, zip(*cells, strict=True), strict=True)
    ]
    answer = named_question(competition, scoring.answers(competition, probs[None])[0])
    truth = named_question(competition, photo.label)
    return GradCam(
        run.name, photo.image, photo.folds, photo.is_test, truth, answer, grad_cam_files.source_hashes(run), made
    )


def _probs(model: torch.nn.Module, head: Head, image: torch.Tensor) -> np.ndarray:
    """Probabilities (C,), or the value (1,), of one photo."""
    with torch.inference_mode():
        return head.probs(model.eval()(image).float())[0].double().numpy()
