"""Predict photos with one or several models, and predict the folds of a trained run (`make predict`).

The held-out photos of a fold are predicted by the model of this fold. The test photos are predicted by the models of
all folds, and are read only once for all models. If there are several processes, each of them predicts a part of the
photos.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from comp import console, files
from comp.competition import labels, scoring
from comp.competition.competition import Competition
from comp.competition.scored_rows import combine_by_id, scored_ids
from comp.data.batches import Batches, Order, to_model
from comp.data.loader import Loader
from comp.data.run_data import RunData
from comp.errors import InputError, quoted
from comp.hardware import device, processes
from comp.hardware.device import autocast, explained_device_error, memory_format, precision
from comp.models import factory, heads, weights_file
from comp.models.weights_file import NotFinite, check_finite_weights
from comp.prediction import tta
from comp.project import Project
from comp.recipes import recipe_json
from comp.recipes.recipe_settings import Recipe
from comp.store.out_of_fold import is_current
from comp.store.paths import ALL_DATA
from comp.store.predictions import load_predictions, save_predictions
from comp.store.runs import Run

Advance = Callable[[int], None]  # is called with the number of further photos that are done


def predict(
    model: nn.Module, batches: Batches, recipe: Recipe, competition: Competition, device: torch.device, **options
) -> np.ndarray:
    """Return the probabilities of C classes that one model predicts for N photos, (N, C) float32.

    batches: the photos. options: other arguments of `predict_all`.
    """
    return predict_all([model], batches, recipe, competition, device, **options)[0]


def predict_all(
    models: Sequence[nn.Module],
    batches: Batches,
    recipe: Recipe,
    competition: Competition,
    device: torch.device,
    batch_size: int = 0,
    advance: Advance = lambda count: None,
    views: str = "none",
) -> np.ndarray:
    """Return the probabilities of C classes that M models predict for N photos, (M, N, C) float32.

    All models see each photo when it is read, so photos are read only once. batches: the photos. batch_size: photos per
    batch; 0 means four times the recipe's batch size, because prediction needs less memory than training. advance: a
    function that is called with the number of photos finished since its last call. views: the name of the TTA set whose
    views are averaged. If probabilities of a model are not finite in half precision, the model predicts again in
    float32. This can happen with weights that were trained with bf16 on one GPU and are used with fp16 on another GPU.
    """
    size = batch_size or 4 * recipe.batch_size
    probs = _one_pass(models, batches, recipe, competition, device, size, advance, views)
    half = precision(recipe, device)
    bad = [i for i in range(len(models)) if half != torch.float32 and not np.isfinite(probs[i]).all()]
    if bad:
        console.warn(f"{len(bad)} of {len(models)} model(s) overflow in {half}, so they predict again in float32")
        plain, again = dataclasses.replace(recipe, amp="off"), [models[i] for i in bad]
        probs[bad] = _one_pass(again, batches, plain, competition, device, size, lambda count: None, views)
    return probs


def _one_pass(
    models: Sequence[nn.Module],
    batches: Batches,
    recipe: Recipe,
    competition: Competition,
    device: torch.device,
    batch_size: int,
    advance: Advance,
    views: str,
) -> np.ndarray:
    wrapped = [tta.wrap(model.eval(), heads.head_of(model, recipe, competition), views) for model in models]
    mine = batches.only(processes.rows(len(batches.labels)))
    loader = Loader(mine, Order(mine.labels, batch_size, "none", 0), recipe.workers, device)
    half, layout = precision(recipe, device), memory_format(recipe)
    parts = []
    with torch.inference_mode(), explained_device_error(recipe, device):
        for pixels, labels, _ in loader:
            images = to_model(pixels, recipe.mean, recipe.std, device).contiguous(memory_format=layout)
            with autocast(half, device):
                parts.append(torch.stack([probabilities(images).float() for probabilities in wrapped]))
            advance(len(labels) * processes.world())
    probs = torch.cat(parts, 1).double().cpu().numpy()
    if competition.sums_to_one:
        probs = probs / probs.sum(2, keepdims=True)
    return np.stack([processes.gather(one, len(batches.labels)) for one in probs.astype(np.float32)])


# ---- the stage: folds of a run


def predict_run(
    project: Project, run: Run, fold: str = "all", views: str = "", speed: str = "", where: str = "auto"
) -> None:
    """Predict the folds of a trained run with test-time augmentation (TTA), and print the scores of the folds.

    fold: "all", the number of a fold, or "all_data" for the model that was trained on all rows. views: the name of a
    TTA set; "" means the set that the run's recipe names. speed: changed settings that change only the speed, such as
    "workers=4". where: a device such as "cuda", or "auto".
    """
    recipe = recipe_json.at_other_speed(recipe_json.load_recipe(run, project.competition), speed, run)
    views = views or recipe.tta
    tta.check(views)
    where = processes.start(device.choose_device(where))
    numbers = project.fold_numbers(fold)
    numbers += [ALL_DATA] if fold == "all" and run.weights(ALL_DATA).is_file() else []
    data = RunData(project, recipe)
    predict_folds(data, run, numbers, views, where)
    show_fold_scores(data, run, numbers)
    processes.stop()


def predict_folds(data: RunData, run: Run, numbers: list[int | str], views: str, where: torch.device) -> None:
    """Predict the folds `numbers`, and write oof.npz (held-out photos) and test.npz (test photos) for each of them.

    The number ALL_DATA stands for the model that was trained on all rows, which gets only test.npz. If several test
    photos share one id of the sample submission and get one prediction, test.npz has one row for them. A file is kept
    if it was made with the current weights, folds.csv, TTA views and ids, so after a change of the test set only
    test.npz is written. The test photos are read only once for all models that fit in memory together. views: the name
    of the TTA set.
    """
    for k in numbers:
        check_trained(data, run, k)
    pending = {k: parts for k in numbers if (parts := _pending_parts(data, run, k, views))}
    for k in numbers:
        if k not in pending:
            console.say(f"{run.name} fold {k}: already predicted with TTA {views}")
    processes.wait()  # no process may write before all processes have looked at the files
    size = device.fitting(where, sum(run.weights(k).stat().st_size for k in pending), len(pending))
    for i in range(0, len(pending), size):
        _predict_together(data, run, dict(list(pending.items())[i : i + size]), views, where)


def check_trained(data: RunData, run: Run, k: int | str) -> None:
    """Raise InputError if fold k has no weights, or if files on which its training depends have changed since then.

    The files are folds.csv, recipe.json, pseudo-labels, and the weights of another training if fold k started with
    them. k: the number of a fold, or ALL_DATA for the training on all rows.
    """
    if not run.weights(k).is_file():
        raise InputError(
            f"the file {run.weights(k)} does not exist", "the weights of a trained fold", run.train_command(k)
        )
    weights_file.check_weights_current(data, run, k)


def _pending_parts(data: RunData, run: Run, k: int | str, views: str) -> list[str]:
    """Return a list of what must be predicted for fold k: "oof" (held-out photos), "test" (test photos), or both.

    Photos must be predicted if the file with their predictions is missing, or was made with other weights, TTA views or
    ids than the current ones. k: the number of a fold, or ALL_DATA for the training on all rows. views: the name of the
    TTA set.
    """
    record = _record(data, run, k, views)  # hashes the weights, once for both files
    parts = [] if is_current(run.test(k), data.project.test_rows["id"], record, data.competition) else ["test"]
    if k != ALL_DATA and not is_current(run.oof(k), data.held_out_images(k), record, data.competition):
        parts.insert(0, "oof")
    return parts


def _record(data: RunData, run: Run, k: int | str, views: str) -> dict:
    """Return a dictionary of everything on which the predictions of fold k depend, such as a hash of the weights.

    The dictionary is saved with the predictions, to find out later whether they are out of date. k: the number of a
    fold, or ALL_DATA for the training on all rows. views: the name of the TTA set.
    """
    record = weights_file.kept_record(data, run, k)
    return {"run": run.name, "tta": views, **record, "weights": files.digest(run.weights(k))}


def _predict_together(data: RunData, run: Run, pending: dict, views: str, where: torch.device) -> None:
    """Predict folds whose models fit in memory together, and write their files.

    Locks keep other commands from training these folds in the meantime. pending: for each of the folds, a list that has
    "oof" if the held-out photos must be predicted, and "test" if the test photos must be predicted. views: the name of
    the TTA set.
    """
    named = f"fold{'s' * (len(pending) > 1)} {' '.join(map(str, pending))}"
    with contextlib.ExitStack() as locks:
        for k in pending:
            locks.enter_context(processes.first_holds(run.lock(k), f"fold {k} of {run.name}"))
        models = {k: trained_model(run, data.recipe, data.competition, k, where) for k in pending}
        probs = _probabilities(data, run, models, pending, f"{run.name} {named}: predicting", views, where)
        for (k, part), values in probs.items():
            _check_finite(run, data.recipe, k, part, values)
        if processes.rank() == 0:
            for k, parts in pending.items():
                _write(data, run, k, {part: probs[k, part] for part in parts}, views)
        processes.wait()
    parts = [f"{part}.npz" for part in ("oof", "test") if any(part in parts for parts in pending.values())]
    console.say(f"{run.name} {named}: wrote {' and '.join(parts)}, TTA {views} ({tta.views(views)} views)")


def _probabilities(data: RunData, run: Run, models: dict, pending: dict, label: str, views: str, where) -> dict:
    """Return the probabilities (N, C) of N photos and C classes, by the keys (fold, "oof") and (fold, "test").

    "oof" stands for the held-out photos of the fold, and "test" for the test photos, which are read only once for all
    models. models: the model of each fold. pending: for each fold, a list that has "oof", "test" or both. label: the
    text of the progress bar. views: the name of the TTA set.
    """
    held_out = {k: data.held_out(k) for k, parts in pending.items() if "oof" in parts}
    tested = [k for k, parts in pending.items() if "test" in parts]
    testing = data.testing() if tested else None
    total = sum(len(part.labels) for part in held_out.values()) + (len(testing.labels) if tested else 0)
    how, probs = (data.recipe, data.competition, where), {}
    with console.progress(label, total) as advance:
        for k, part in held_out.items():
            probs[k, "oof"] = predict(models[k], part, *how, advance=advance, views=views)
        if tested:
            tests = predict_all([models[k] for k in tested], testing, *how, advance=advance, views=views)
            probs |= {(k, "test"): test for k, test in zip(tested, tests, strict=True)}
    return probs


def _check_finite(run: Run, recipe: Recipe, k: int | str, part: str, probs: np.ndarray) -> None:
    """Raise NotFinite if one of the probabilities (N, C) of N photos is nan or infinite.

    part: "oof" for held-out photos or "test" for test photos, for the error.
    """
    bad = int((~np.isfinite(probs).all(1)).sum())
    if bad:
        which = "held-out" if part == "oof" else part
        found = f"{run.weights(k)} gives probabilities that are not finite for {bad} of {len(probs)} {which} photos"
        raise NotFinite(found, recipe)


def trained_model(run: Run, recipe: Recipe, competition: Competition, k: int | str, where: torch.device) -> nn.Module:
    """Return the model of fold k with its trained weights, on the device `where`.

    k: the number of a fold, or ALL_DATA for the training on all rows. Raises InputError if the weights are missing or
    damaged, and NotFinite if a weight is nan or infinite.
    """
    model = factory.create_model(recipe, competition, Path(), pretrained=False)
    weights_file.load_weights(model, run.weights(k), f"rm {quoted(run.weights(k))} && {run.train_command(k)}")
    check_finite_weights(model.state_dict(), run.weights(k), recipe)
    return model.to(where, memory_format=device.memory_format(recipe))


def _write(data: RunData, run: Run, k: int | str, probs: dict[str, np.ndarray], views: str) -> None:
    """Write oof.npz, test.npz or both for fold k.

    k: the number of a fold, or ALL_DATA for the training on all rows. probs: under the key "oof" the probabilities (N,
    C) of the N held-out photos, and under the key "test" those of the test photos. views: the name of the TTA set.
    """
    record, competition = _record(data, run, k, views), data.competition
    if "oof" in probs:
        save_predictions(run.oof(k), data.held_out_images(k), probs["oof"], competition, record)
    if "test" in probs:
        ids, combined = combine_by_id(competition, data.project.test_rows["id"], probs["test"])
        save_predictions(run.test(k), ids, combined, competition, record)


def show_fold_scores(data: RunData, run: Run, numbers: list[int | str]) -> None:
    """Print the competition's metrics for each of the folds `numbers`, then their mean and standard deviation.

    ALL_DATA, which stands for the training on all rows, is left out because it has no held-out photos.
    """
    numbers = [k for k in numbers if k != ALL_DATA]
    if not numbers:
        return
    rows = [_score_row(data, run, k) for k in numbers]
    views = load_predictions(run.oof(numbers[-1]), data.competition, run.repair_command(numbers[-1])).meta.get("tta")
    columns = ["fold", *scoring.titles(data.competition), "best epoch"]
    console.table(f"{run.name}: out of fold, TTA {views}", columns, scoring.with_mean_row(rows))


def _score_row(data: RunData, run: Run, k: int) -> list:
    folds, competition = data.project.folds, data.competition
    rows = folds[folds["fold"] == k]  # not data.held_out: scores need no photo
    probs = load_predictions(run.oof(k), competition, run.repair_command(k)).at(rows["image"])
    known, ids = labels.to_array(rows["label"], competition), rows["id"] if competition.combine else None
    values = scoring.scores(competition, *scored_ids(competition, known, probs, ids))
    metadata = weights_file.weights_metadata(run.weights(k), run.restart_command(k))
    return [f"fold {k}", *values.values(), f"{metadata['epoch']} of {metadata['epochs']}"]
