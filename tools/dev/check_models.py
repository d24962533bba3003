"""Try the smallest model of each module (Python file) of timm, and print a table that says which models work.

reads   nothing
writes  nothing in outputs/

Each model trains its head for one step and then all its weights for one step, and predicts random photos. After that,
its weights are saved under the names that other training frameworks use, and loaded again. The photos have 64 x 64
pixels, or the nearest size that the model takes. The check takes ten minutes on a CPU.
"""

import argparse
import contextlib
import dataclasses
import re
import signal
import tempfile
import traceback
import warnings
from pathlib import Path

import numpy as np
import timm
import torch

from comp.competition.competition import Competition
from comp.data.batches import Batches
from comp.data.photos import Photos
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.models import factory
from comp.models.factory import with_normalisation
from comp.prediction.predict import predict
from comp.recipes import catalog
from comp.recipes.automatic import resolved_recipe
from comp.recipes.recipe_settings import Recipe
from comp.training import checks_before_training
from comp.training.loop import Fit

CPU = torch.device("cpu")
LARGE = re.compile(r"large|huge|giant|so\d|384|448|512")  # such models are skipped if the module has others
COMPETITION = Competition("multiclass", ("a", "b", "c"), named_metrics.get("accuracy"))
SETTINGS = dict(
    pretrained=False,
    batch_size=2,
    workers=0,
    augment="flip",
    optimizer="sgd",
    ema_decay=0.0,
    amp="off",
    freeze_epochs=1,
    epochs=2,
    tta="hflip",
)


def main() -> None:
    args = arguments()
    warnings.simplefilter("ignore")
    works, families = 0, args.family or timm.list_modules()
    print(f"{'family':28} {'model':36} {'M params':>8} {'px':>4}  result", flush=True)
    for family in families:
        name, parameters = smallest(family)
        size, result = tried(name, args.size, args.seconds)
        works += result == "works"
        print(f"{family:28} {name:36} {parameters / 1e6:8.1f} {size:4d}  {result}", flush=True)
    print(f"{works} of {len(families)} models work")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="*", metavar="MODULE", help="modules of timm; default: all of them")
    parser.add_argument("--size", type=int, default=64, help="width and height of the photos in pixels")
    parser.add_argument("--seconds", type=int, default=120, help="most seconds for a model; a slower one is stopped")
    return parser.parse_args()


def smallest(family: str) -> tuple[str, int]:
    """Return the name and the number of parameters of the smallest model in a module of timm.

    family: the name of the module, such as "resnet".
    """
    counts, names = {}, timm.list_models(module=family)
    for name in [name for name in names if not LARGE.search(name)] or names:
        with torch.device("meta"), contextlib.suppress(NotImplementedError):
            counts[name] = sum(parameter.numel() for parameter in timm.create_model(name).parameters())
    return min(counts.items(), key=lambda item: item[1])


def tried(name: str, size: int, seconds: int) -> tuple[int, str]:
    """Try a timm model. Return the image size with which it was tried, and "works" or a text with the problem.

    size: the width and height of the photos in pixels; the nearest size that works is used instead if the model does
    not take this one. seconds: a model that takes longer is stopped.
    """
    recipe = dataclasses.replace(catalog.get_recipe(name), image_size=size, **SETTINGS)
    recipe = resolved_recipe(with_normalisation(recipe), COMPETITION)
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.alarm(seconds)
    try:
        if checks_before_training.fault_of_trial(recipe, COMPETITION, CPU):
            size = checks_before_training.working_size(recipe, COMPETITION, CPU) or size
        recipe = dataclasses.replace(recipe, image_size=size)
        checks_before_training.check_trial_step(recipe, COMPETITION, CPU)
        train_and_predict(recipe)
        refill(recipe)
    except InputError as error:
        return size, f"refused: {error.found}"
    except OutOfTime:
        return size, f"takes more than {seconds} s"
    except Exception as error:  # any error other than InputError is a fault, which this tool must find
        place = traceback.extract_tb(error.__traceback__)[-1]
        return size, f"TRACEBACK {type(error).__name__}: {str(error)[:150]} ({place.filename}:{place.lineno})"
    finally:
        signal.alarm(0)
    return size, "works"


class OutOfTime(BaseException):
    """Raised if a model takes too long. As a BaseException, it passes through all `except Exception`."""


def _out_of_time(number, frame) -> None:
    raise OutOfTime


def train_and_predict(recipe: Recipe) -> None:
    """Train the head of the recipe's model for one step, then the whole model for one step, then predict two photos.

    Raises InputError if a predicted probability is infinite or NaN.
    """
    labels, side = np.arange(4) % 3, recipe.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (4, side, side, 3)).astype(np.uint8)
    photos = Photos("", [f"photo{i}" for i in range(4)], 0, side, pixels)
    train = Batches(photos, np.arange(2), labels[:2], recipe.augment, recipe.seed)
    held_out = Batches(photos, np.arange(2, 4), labels[2:], "none", 0)
    fit = Fit(factory.create_model(recipe, COMPETITION, Path()), recipe, train, held_out, COMPETITION, CPU)
    for epoch in range(recipe.epochs):
        fit.train_epoch(epoch, lambda count: None)
    probs = predict(fit.learner.model, held_out, recipe, COMPETITION, CPU, views=recipe.tta)
    if not np.isfinite(probs).all():
        raise InputError("after two training steps, the model predicts infinite or NaN", "finite probabilities")


def refill(recipe: Recipe) -> None:
    """Save the weights of the recipe's model as another training framework does, and load them again.

    The file is a dictionary with the key "state_dict", and the name of each weight begins with "model.". Raises
    InputError if some weights are not found in the file.
    """
    state = factory.create_model(recipe, COMPETITION, Path()).state_dict()
    with tempfile.TemporaryDirectory() as folder:
        wrapped = {"state_dict": {f"model.{name}": value for name, value in state.items()}}
        torch.save(wrapped, Path(folder, f"{recipe.model}.pth"))
        filled = factory.build_model(dataclasses.replace(recipe, pretrained=True), COMPETITION, Path(folder))
    if filled.origin.found < filled.origin.total:
        found = f"only some of the model's weights were found in the saved file: {filled.origin}"
        raise InputError(found, "all weights of the model in the file")


if __name__ == "__main__":
    main()
