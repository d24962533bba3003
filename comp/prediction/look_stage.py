"""Where the models of a run look in one photo: Grad-CAM by models that did not train on it.

A training photo is shown to the model of its own fold. A test photo is shown to the models of all folds with weights;
their probabilities and their heats are averaged. There are no TTA views: a mirrored photo would mirror the heat.
"""

import dataclasses
from pathlib import Path

import numpy as np
import torch

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.data import photos
from comp.data.batches import to_model
from comp.data.rows import load_data
from comp.models import heads
from comp.models.heads import Head
from comp.prediction import grad_cam
from comp.prediction.chosen_photo import ChosenPhoto
from comp.prediction.look_questions import asked, named
from comp.prediction.predict_stage import check_trained, trained_model
from comp.recipes import frozen
from comp.recipes.recipe import Recipe
from comp.store import looks
from comp.store.looks import Heat, Look
from comp.store.paths import Run

CPU = torch.device("cpu")  # one photo: the same heat on every machine is worth more than the time


def look(run: Run, photo: ChosenPhoto, competition: Competition, inputs: Path) -> tuple[Look, np.ndarray]:
    """The heats of a photo, and its pixels (S, S, 3) uint8 as the models see them."""
    recipe = frozen.load_recipe(run, competition)
    data = load_data(inputs, run.outputs, dataclasses.replace(recipe, cache=False), competition)
    for k in photo.folds:
        check_trained(run, data, k)
    pixels = photos.read(Path(inputs) / photo.image, recipe.crop, recipe.image_size, recipe.fit)
    image = to_model(torch.from_numpy(pixels[None]), recipe.mean, recipe.std, CPU)
    models = [trained_model(run, recipe, competition, k, CPU) for k in photo.folds]
    return _look(run, photo, recipe, competition, models, image), pixels


def _look(run: Run, photo: ChosenPhoto, recipe: Recipe, competition: Competition, models, image) -> Look:
    head = heads.build(recipe, competition)
    probs = np.mean([_probs(model, head, image) for model in models], axis=0)
    number = competition.target == "regression" or head.family == "number"
    questions = asked(competition, probs, photo.label, number)
    cells = [grad_cam.heats(model, head, image, questions, recipe.model) for model in models]
    made = [
        Heat(question.title, question.value, np.mean(several, axis=0))
        for question, several in zip(questions, zip(*cells, strict=True), strict=True)
    ]
    answer = named(competition, scoring.answers(competition, probs[None])[0])
    truth = named(competition, photo.label)
    return Look(run.name, photo.image, photo.folds, photo.is_test, truth, answer, looks.made_with(run), made)


def _probs(model: torch.nn.Module, head: Head, image: torch.Tensor) -> np.ndarray:
    """Probabilities (C,), or the value (1,), of one photo."""
    with torch.inference_mode():
        return head.probs(model.eval()(image).float())[0].double().numpy()
