"""What train_fold and predict_fold share: a run's claim on its name, its data, and the prediction of a fold."""

import contextlib
import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from comp import artifacts, competition, console, device, files, models, parallel, photos, recipes, tta
from comp.artifacts import Run
from comp.data import Batches
from comp.engine import Fit
from comp.errors import InputError
from comp.predict import predict, predict_all
from comp.recipes import Recipe

WAITING = 0.05  # share of an epoch spent waiting for photos that is worth a word


@dataclass(frozen=True)
class Data:
    """The tables and photos of a run: first the rows of folds.csv, then those of the sample submission."""

    folds: pd.DataFrame
    folds_digest: str
    test: pd.DataFrame
    photos: photos.Photos

    def training(self, k: int, recipe: Recipe) -> Batches:
        """All folds but k, under the recipe's label policy."""
        rows = self.folds.assign(row=np.arange(len(self.folds)))[self.folds["fold"] != k]
        rows = competition.training_policy(rows, recipe.age_old_from, recipe.drop_ages)
        if rows.empty:
            raise InputError(f"drop_ages={recipe.drop_ages} leaves no training row", "rows to train on")
        units = rows.groupby(["group", "label"], sort=False).ngroup()  # one person's photos of one class
        return Batches(self.photos, rows["row"], rows["label"], recipe.augment, recipe.seed, units)

    def held_out(self, k: int) -> Batches:
        """Every row of fold k, on the official labels."""
        rows = np.flatnonzero(self.folds["fold"] == k)
        return Batches(self.photos, rows, self.folds["label"].to_numpy()[rows], "none", 0)

    def held_out_ids(self, k: int) -> pd.Series:
        """The images of fold k, in the order of `held_out`."""
        return self.folds["image"][self.folds["fold"] == k]

    def testing(self) -> Batches:
        """The test photos; their labels are not known and stand as 0."""
        rows = np.arange(len(self.folds), len(self.folds) + len(self.test))
        return Batches(self.photos, rows, np.zeros(len(rows), int), "none", 0)


def load_data(inputs: Path, outputs: Path, recipe: Recipe) -> Data:
    """Read the tables and open the photos, building their cache once if the recipe uses it."""
    folds, digest = artifacts.folds_and_digest(outputs, len(competition.CLASSES))
    test = competition.read_test(inputs)
    images = [*folds["image"], *test["image"]]
    crop, size = recipe.crop, recipe.image_size
    if recipe.cache:
        with parallel.first_alone(), console.progress("decoding photos", len(images)) as advance:
            pixels = photos.cached(outputs / "cache", inputs, images, crop, size, advance, say=console.say)
    else:
        pixels = photos.Photos(inputs, images, crop, size)
    return Data(folds, digest, test, pixels)


def fold_numbers(text: str, folds: pd.DataFrame) -> list[int]:
    """ "all", or one fold's number; InputError for one that is not there."""
    count = int(folds["fold"].max()) + 1
    if text == "all":
        return list(range(count))
    if not text.isdecimal() or int(text) >= count:
        raise InputError(f"FOLD={text}", f"all, or 0 … {count - 1}: folds.csv has {count} folds")
    return [int(text)]


def claim(run: Run, recipe: Recipe) -> Recipe:
    """Write recipe.json, or check that the one there is this recipe: a run name belongs to one recipe.

    Returns the recipe to use (the given one: it may differ in what does not change the result).
    """
    with parallel.first_alone():
        return _claim(run, recipe)


def _claim(run: Run, recipe: Recipe) -> Recipe:
    if not run.recipe.is_file():
        versions = {module.__name__: module.__version__ for module in (torch, np, pd)} | {
            "python": platform.python_version()
        }
        content = {"format": 1, "recipe": recipes.to_json(recipe), "classes": competition.CLASSES, "versions": versions}
        files.write_json(run.recipe, content)
        return recipe
    differences = recipes.differences(load_recipe(run), recipe)
    if differences:
        raise InputError(
            f"run {run.name} was trained with another recipe ({'; '.join(differences)})",
            f"the recipe in {run.recipe}: a run name belongs to one recipe",
            f"the same command with RUN=<another name>, or rm -r {run.folder}",
        )
    return recipe


def load_recipe(run: Run) -> Recipe:
    """The recipe that a run was trained with; never the code's current one."""
    expected, remedy = "the recipe of a trained run", f"make train MODEL={run.name}"
    content = files.read_json(run.recipe, expected, remedy)
    if not isinstance(content.get("recipe"), dict) or content.get("classes") != list(competition.CLASSES):
        raise InputError(f"{run.recipe} holds no recipe for these classes", expected, remedy)
    return recipes.from_json(content["recipe"], run.recipe)


def class_attributes() -> dict[str, np.ndarray]:
    return competition.attribute_labels(np.arange(len(competition.CLASSES)))


def train_fold(run: Run, recipe: Recipe, data: Data, k: int, inputs: Path, where: torch.device) -> None:
    """Train fold k unless it is trained already; resume it if it was begun. One process at a time."""
    with parallel.first_holds(run.lock(k), f"fold {k} of {run.name}"):
        _train_fold(run, recipe, data, k, inputs, where)


def _train_fold(run: Run, recipe: Recipe, data: Data, k: int, inputs: Path, where: torch.device) -> None:
    identity = {"recipe": files.digest(run.recipe), "folds": data.folds_digest, "fold": k}
    resume = run.fold(k) / "resume.pt"
    if run.weights(k).is_file() and not resume.is_file():
        _check_trained(run, k, identity)
        console.say(f"{run.name} fold {k}: already trained, {run.weights(k)}")
        return
    train, val = data.training(k, recipe), data.held_out(k)
    overlap = set(data.folds["group"].iloc[train.rows]) & set(data.folds["group"].iloc[val.rows])
    if overlap:  # checked when the folds were written; the file may have been edited since
        raise InputError(f"{sorted(overlap)[:3]} on both sides of fold {k}", "each person in one fold", "make folds")
    torch.manual_seed(recipe.seed * 1000 + k)
    resumed = resume.is_file()
    model = models.create(
        recipe,
        len(competition.CLASSES),
        class_attributes(),
        inputs / "weights",
        pretrained=recipe.pretrained and not resumed,
    )
    fit = Fit(model, recipe, train, val, class_attributes(), where)
    words = f"{len(train.labels)} training rows, {len(val.labels)} held out"
    console.say(f"{run.name} fold {k}: {words}" + (", resumed" if resumed else ""), style="bold")
    console.say(f"  {', '.join(f'{name} {value}' for name, value in fit.chosen.items())}")
    state = fit.run(resume, identity, console.progress, _say_epoch)
    if parallel.rank() == 0:
        write_history(run.history(k), state.history)
        made_by = {"epoch": state.best_epoch + 1, "epochs": len(state.history), "engine": fit.chosen}
        models.save_weights(run.weights(k), state.best, identity | made_by)
        resume.unlink(missing_ok=True)
    parallel.wait()


def _check_trained(run: Run, k: int, identity: dict) -> None:
    remedy = f"rm -r {run.fold(k)}, then the same command"
    metadata = models.weights_metadata(run.weights(k), remedy)
    different = [name for name, value in identity.items() if metadata.get(name) != value]
    if different:
        raise InputError(
            f"{run.weights(k)} was trained with another {' and '.join(different)}",
            "the folds.csv and recipe.json that are there now",
            remedy,
        )


def _say_epoch(row: dict) -> None:
    console.say(
        f"  epoch {row['epoch']:3d}  train loss {row['train_loss']:.4f}  val loss {row['val_loss']:.4f}"
        f"  macro F1 {row['macro_f1']:.4f}  accuracy {row['accuracy']:.4f}  lr {row['lr']:.1e}"
        f"  {row['images_per_second']:,.0f} images/s  {row['seconds']:.0f} s"
        + (f"  {row['waiting']:.0%} of it waiting for photos" if row["waiting"] > WAITING else "")
    )


def write_history(path: Path, rows: list[dict]) -> None:
    with files.replacing(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False, float_format="%.6g")


def predict_folds(run: Run, recipe: Recipe, data: Data, numbers: list[int], views: str, where: torch.device) -> None:
    """Write oof.npz and test.npz of the folds that have none made by their weights, folds.csv and these views.

    The test photos are read once for as many of the folds' models as fit in memory together.
    """
    pending = []
    for k in numbers:
        remedy = f"make train MODEL={recipe.name} RUN={run.name} FOLD={k}"
        if not run.weights(k).is_file():
            raise InputError(f"no {run.weights(k)}", "the weights of a trained fold", remedy)
        _check_trained(run, k, {"recipe": files.digest(run.recipe), "folds": data.folds_digest, "fold": k})
        ids = {run.oof(k): data.held_out_ids(k), run.test(k): data.test["id"]}
        origin = _origin(run, data, k, views)  # hashes the weights: once for both files
        if all(_is_made(path, wanted, origin) for path, wanted in ids.items()):
            console.say(f"{run.name} fold {k}: already predicted with TTA {views}")
        else:
            pending.append(k)
    parallel.wait()  # all have looked before one writes
    size = device.fitting(where, sum(run.weights(k).stat().st_size for k in pending), len(pending))
    for i in range(0, len(pending), size):
        _predict(run, recipe, data, pending[i : i + size], views, where)


def _origin(run: Run, data: Data, k: int, views: str) -> dict:
    """What a prediction was made with."""
    return {
        "run": run.name,
        "fold": k,
        "tta": views,
        "folds": data.folds_digest,
        "recipe": files.digest(run.recipe),
        "weights": files.digest(run.weights(k)),
    }


def _predict(run: Run, recipe: Recipe, data: Data, numbers: list[int], views: str, where: torch.device) -> None:
    with contextlib.ExitStack() as held:
        for k in numbers:
            held.enter_context(parallel.first_holds(run.lock(k), f"fold {k} of {run.name}"))
        _predict_held(run, recipe, data, numbers, views, where)


def _predict_held(run: Run, recipe: Recipe, data: Data, numbers: list[int], views: str, where: torch.device) -> None:
    loaded = [_trained(run, recipe, k, where) for k in numbers]
    testing, held_out = data.testing(), [data.held_out(k) for k in numbers]
    total = len(testing.labels) + sum(len(part.labels) for part in held_out)
    names = f"fold{'s' * (len(numbers) > 1)} {' '.join(map(str, numbers))}"
    with console.progress(f"{run.name} {names}: predicting", total) as advance:
        how = {"advance": advance, "wrap": lambda model: tta.wrap(model, views)}
        oofs = [predict(m, part, recipe, where, **how) for m, part in zip(loaded, held_out, strict=True)]
        tests = predict_all(loaded, testing, recipe, where, **how)
    for k, oof, test in zip(numbers, oofs, tests, strict=True):
        if parallel.rank() == 0:
            meta = _origin(run, data, k, views)
            artifacts.save_predictions(run.oof(k), data.held_out_ids(k), oof, competition.CLASSES, meta)
            artifacts.save_predictions(run.test(k), data.test["id"], test, competition.CLASSES, meta)
    parallel.wait()
    console.say(f"{run.name} {names}: wrote oof.npz and test.npz, TTA {views} ({tta.views(views)} views)")


def _trained(run: Run, recipe: Recipe, k: int, where: torch.device) -> torch.nn.Module:
    """The model of a trained fold, on the device."""
    model = models.create(recipe, len(competition.CLASSES), class_attributes(), Path(), pretrained=False)
    models.load_weights(model, run.weights(k), f"make train MODEL={recipe.name} RUN={run.name} FOLD={k}")
    return model.to(where, memory_format=device.memory_format(recipe))


def _is_made(path: Path, ids, meta: dict) -> bool:
    try:
        made = artifacts.load_predictions(path, competition.CLASSES)
    except InputError:
        return False
    return {name: made.meta.get(name) for name in meta} == meta and set(made.ids) == set(ids)


def fold_table(run: Run, folds: pd.DataFrame, numbers: list[int]) -> None:
    """Print each predicted fold's scores (TTA included), then mean and spread."""
    from comp import metrics

    rows = []
    for k in numbers:
        part = folds[folds["fold"] == k]
        made = artifacts.load_predictions(run.oof(k), competition.CLASSES)
        scores = metrics.scores(part["label"].to_numpy(), made.at(part["image"]))
        trained = models.weights_metadata(run.weights(k), "") if run.weights(k).is_file() else {}
        best = f"{trained['epoch']} of {trained['epochs']}" if trained else "-"
        rows.append([f"fold {k}", scores["macro_f1"], scores["accuracy"], best])
    numbers_only = np.array([row[1:3] for row in rows], float)
    mean, spread = numbers_only.mean(0), numbers_only.std(0)
    if len(rows) > 1:
        rows.append(["mean ± sd", *[f"{m:.4f} ± {s:.4f}" for m, s in zip(mean, spread, strict=True)], ""])
    console.table(
        f"{run.name}: out of fold, TTA {made.meta.get('tta')}",
        ["fold", "macro F1", "accuracy", "best epoch"],
        rows,
    )
