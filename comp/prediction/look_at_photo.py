"""Show with Grad-CAM where the models of a run look in a photo on which they did not train (`make look`).

A training photo is shown to the model of the fold that holds it out. A test photo is shown to the models of all folds
that have weights, and the probabilities and heat maps of these models are averaged. Test-time augmentation (TTA) is not
used, because the heat map of a mirrored photo would be mirrored, too.
"""

import dataclasses
import difflib
from dataclasses import dataclass

import numpy as np
import torch

from comp.competition import labels, scoring
from comp.competition.competition import Competition
from comp.data import photos
from comp.data.batches import to_model
from comp.data.run_data import RunData
from comp.errors import InputError, quoted
from comp.models import heads
from comp.models.heads import Head
from comp.prediction import grad_cam
from comp.prediction.grad_cam import Question
from comp.prediction.predict import check_trained, trained_model
from comp.project import Project
from comp.recipes import recipe_json
from comp.recipes.recipe_settings import Recipe
from comp.store import grad_cam_files, runs
from comp.store.grad_cam_files import GradCam, Heat
from comp.store.runs import EXTERNAL, NETWORKS, Run

WEIGHTS = "fold*/model.safetensors"
MOST = 6  # at most this many labels of a photo get a heat map
CPU = torch.device("cpu")  # slower than a GPU, but fast enough for one photo, and every machine gives the same heat


# ---- the photo, and the models that did not train on it


@dataclass(frozen=True)
class ChosenPhoto:
    """A photo, and the folds whose models are shown the photo.

    image: the path of the photo relative to inputs/. folds: the numbers of the folds. label: the true label, in the
    form that comp/competition/labels.py explains, or None for a test photo.
    """

    image: str
    folds: tuple[int, ...]
    label: object = None

    @property
    def is_test(self) -> bool:
        return self.label is None


def photo_names(project: Project) -> list[str]:
    """Return all names that IMAGE may have: the paths of all photos, and the ids of the test photos."""
    test = project.test_rows
    return list(dict.fromkeys([*project.folds["image"], *test["image"], *test["id"].astype(str)]))


def chosen_photo(project: Project, run: Run, name: str) -> ChosenPhoto:
    """Return the photo that `name` stands for, with the folds whose models did not train on this photo.

    name: the path of a photo, or the id of a test photo. The folds are the one that holds out a training photo, or all
    folds with weights for a test photo. Raises InputError if the photo is unknown or if there are no weights.
    """
    rows = project.folds[project.folds["image"] == name]
    if len(rows):
        k, label = int(rows["fold"].iloc[0]), labels.to_array(rows["label"], project.competition)[0]
        _check_weights(run, [k])
        return ChosenPhoto(name, (k,), label)
    test = project.test_rows
    images = test["image"][(test["image"] == name) | (test["id"].astype(str) == name)]
    if images.empty:
        raise unknown_photo(name, run, [*project.folds["image"], *test["image"]])
    numbers = tuple(k for k in range(project.fold_count) if run.weights(k).is_file())
    _check_weights(run, numbers or [0])
    return ChosenPhoto(images.iloc[0], numbers)


def unknown_photo(name: str, run: Run, images: list[str]) -> InputError:
    """Return the error for a name that is not the name of a photo.

    The error tells the user to run the command for the photo whose path is most similar. images: the paths of all
    photos.
    """
    nearest = (difflib.get_close_matches(name, images, 1) or images)[0]
    return InputError(
        f"there is no photo {name} in folds.csv or among the test photos" if name else "no IMAGE was given",
        "the path of a photo from folds.csv, or the path or id of a test photo",
        f"make look RUN={run.name} IMAGE={quoted(nearest)}",
    )


def _check_weights(run: Run, numbers) -> None:
    for k in numbers:
        if not run.weights(k).is_file():
            expected = "the weights of the fold whose model did not train on this photo"
            raise InputError(f"the file {run.weights(k)} does not exist", expected, run.repair_command(k))


def check_run(project: Project, run: Run) -> None:
    """Raise InputError if the run is unknown, or if it has no neural networks.

    Predictions that other people made, and classifiers on features or on the predictions of other runs, have none.
    """
    names = [other.name for other in project.runs if any(other.folder.glob(WEIGHTS))]
    expected = f"a run whose networks are trained: {', '.join(names) or 'there is none yet'}"
    advice = f"the same command with RUN={names[0]}" if names else "make train MODEL=<a model>"
    if not run.name:
        raise InputError("no RUN was given", expected, advice)
    runs.check_known(project.outputs, [run.name])
    if run.kind not in NETWORKS:
        kind = "has external predictions" if run.kind == EXTERNAL else "is a classifier on features or predictions"
        raise InputError(f"the run {run.name} has no network: it {kind}", expected, advice)


# ---- the questions


def asked_questions(competition: Competition, probs: np.ndarray, label, number: bool) -> list[Question]:
    """Return a list of Questions, which say what the heat maps of a photo should show.

    If a class is predicted, one heat map shows the places that support this class, and another the places that support
    the true class if it is a different one. With several labels, there is a heat map for each predicted or true label.
    If a number is predicted, one heat map shows the places that raise it, and another the places that lower it. probs
    (C,): the predicted probabilities. label: the true label, in the form that comp/competition/labels.py explains, or
    None for a test photo. number: whether the model predicts a number, as for a regression or for an ordinal target
    with the head "regression".
    """
    if number:
        value = float(scoring.numbers(competition, probs[None])[0])
        return [Question("raises the number", value, sign=1), Question("lowers the number", value, sign=-1)]
    answer = scoring.answers(competition, probs[None])[0]
    if competition.target == "multilabel":
        return _of_labels(competition, probs, answer, label)
    parts = {int(answer): ["prediction"]}
    if label is not None:
        parts.setdefault(int(label), []).append("truth")
    return [_of_class(competition, probs, place, " and ".join(roles)) for place, roles in parts.items()]


def _of_labels(competition: Competition, probs: np.ndarray, answer: np.ndarray, label) -> list[Question]:
    """Return a Question for each label that is predicted or true, the most probable label first, and at most MOST.

    If no label is predicted or true, return a Question for the most probable label. probs (C,): the probability of each
    label. answer (C,) bool: True for the predicted labels. label (C,): 1 for the true labels, else 0; None for a test
    photo.
    """
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
    """Return a true or predicted label as text, such as the name of a class. Return "" if the label is None."""
    if label is None:
        return ""
    if competition.target == "regression":
        return f"{float(label):.6g}"
    if competition.target == "multilabel":
        return ", ".join(competition.classes[i] for i in np.flatnonzero(label)) or "no label"
    return competition.classes[int(label)]


# ---- the heats


def look_at(project: Project, run: Run, photo: ChosenPhoto) -> tuple[GradCam, np.ndarray]:
    """Return the heat maps and the prediction of a photo as a GradCam, and the pixels of the photo (S, S, 3) uint8.

    S is the image size with which the models see the photo. Raises InputError if a model has no weights, or if
    folds.csv or other files on which its training depends have changed since then.
    """
    recipe = recipe_json.load_recipe(run, project.competition)
    data = RunData(project, dataclasses.replace(recipe, cache=False))
    for k in photo.folds:
        check_trained(data, run, k)
    pixels = photos.read_photo(project.inputs / photo.image, recipe.crop, recipe.image_size, recipe.fit)
    image = to_model(torch.from_numpy(pixels[None]), recipe.mean, recipe.std, CPU)
    models = [trained_model(run, recipe, project.competition, k, CPU) for k in photo.folds]
    return _look(run, photo, recipe, project.competition, models, image), pixels


def _look(run: Run, photo: ChosenPhoto, recipe: Recipe, competition: Competition, models, image) -> GradCam:
    of_models = [heads.head_of(model, recipe, competition) for model in models]
    probs = np.mean([_probs(model, head, image) for model, head in zip(models, of_models, strict=True)], axis=0)
    number = competition.target == "regression" or of_models[0].family == "number"
    questions = asked_questions(competition, probs, photo.label, number)
    cells = [
        grad_cam.heats(model, head, image, questions, recipe.model)
        for model, head in zip(models, of_models, strict=True)
    ]
    heats = [
        Heat(question.title, question.value, np.mean(maps, axis=0))
        for question, maps in zip(questions, zip(*cells, strict=True), strict=True)
    ]
    answer = named_question(competition, scoring.answers(competition, probs[None])[0])
    truth, sources = named_question(competition, photo.label), grad_cam_files.source_hashes(run)
    return GradCam(run.name, photo.image, photo.folds, photo.is_test, truth, answer, sources, heats)


def _probs(model: torch.nn.Module, head: Head, image: torch.Tensor) -> np.ndarray:
    """Return the probabilities (C,) that a model gives for one photo, or the predicted value (1,) of a regression."""
    with torch.inference_mode():
        return head.probs(model.eval()(image).float())[0].double().numpy()
