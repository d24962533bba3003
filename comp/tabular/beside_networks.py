"""Say what `make embed` and `make stack` give beside the trained networks.

After `make train`, the command that was not tried yet is printed. After `make embed` and `make stack`, the new run is
compared with the best trained network on the out-of-fold predictions of both. Classifiers on frozen features or on
columns of the tables take minutes. Where photos are few, or columns tell much, they are often better than a trained
network, or make the blend better.
"""

from dataclasses import dataclass, replace

import numpy as np

from comp import console
from comp.blending import combine, compare
from comp.blending.compare import Compared, Difference
from comp.competition import scoring
from comp.console import score_text
from comp.errors import InputError
from comp.project import Project
from comp.recipes import catalog
from comp.recipes.recipe_settings import Recipe
from comp.store.out_of_fold import oof_of_folds
from comp.store.runs import FEATURES, NETWORKS, STACK, Run, make_command

OF_PHOTOS = ("image_size", "crop", "fit")  # settings with which a frozen model sees the photos like the trained one

# ---- after `make train`


def untried_command(project: Project, run: Run, recipe: Recipe) -> str:
    """Return a command with `make embed` or `make stack` that may beat the trained run, or "" if none is left to try.

    run: a trained run. recipe: its settings. The command is `make embed` with the same model if no run on frozen
    features exists, and `make stack` with columns if the tables share columns and no stack exists. `make embed` is left
    out for a run that did not start with pretrained weights, because these may be missing on this machine.
    """
    kinds, columns = {other.kind for other in project.runs}, _has_columns(project)
    if FEATURES not in kinds and recipe.pretrained and not recipe.init:
        usual = catalog.get_recipe(recipe.name, project.competition.defaults)
        own = [f"{key}={getattr(recipe, key)}" for key in OF_PHOTOS if getattr(recipe, key) != getattr(usual, key)]
        text = " ".join([*own, *(["columns=all"] if columns else [])])
        return make_command("embed", MODEL=recipe.name, RUN=f"{run.name}_embed", SET=text)
    return make_command("stack", SET="columns=all") if columns and STACK not in kinds else ""


def say_untried(project: Project, run: Run, recipe: Recipe) -> None:
    """Print the command that `untried_command` returns, if there is one and all folds of the run are predicted."""
    if run.missing_folds(project.fold_count):
        return
    if command := untried_command(project, run, recipe):
        console.say(f"not tried yet, takes minutes, and may score better or help the blend: {command}")


def _has_columns(project: Project) -> bool:
    """Return whether the training table and the test table share a column that a classifier can use."""
    try:
        return bool(project.tables.shared_columns[2])
    except InputError:  # the advice is not worth an error after hours of training
        return False


# ---- after `make embed` and `make stack`


@dataclass(frozen=True)
class BesideNetworks:
    """How a run compares with the best trained network, and how the mean of both does, in the competition's metric.

    network: the name of the network. alone: the difference between the run (second) and the network (first). mean: the
    difference between the mean of both (second) and the network (first).
    """

    network: str
    alone: Difference
    mean: Difference


def beside_networks(project: Project, run: Run) -> BesideNetworks | None:
    """Compare a run with the trained network that has the best out-of-fold score. Return None if there is no network.

    Only networks with current predictions for all folds count. Raises InputError if predictions of the run are missing
    or out of date.
    """
    network = _best_network(project)
    if not network:
        return None
    data = compare.load_compared(project, [network], [run.name])
    mean = combine.apply_weights(np.stack([*data.first, *data.second]), np.full(2, 0.5))
    return BesideNetworks(network, _difference(data), _difference(replace(data, second=[mean])))


def _best_network(project: Project) -> str:
    """Return the name of the trained network with the best out-of-fold score, or "" if no network is complete."""
    scores, rows = {}, project.scored_rows
    for name in project.complete_runs:
        if project.run(name).kind in NETWORKS:
            try:
                probs = oof_of_folds(project, project.run(name), list(range(project.fold_count)))
            except InputError:  # `make status` says what is out of date
                continue
            scores[name] = scoring.score(project.competition, rows.labels, rows.combine(probs))
    return max(scores, key=scores.get, default="")


def _difference(data: Compared) -> Difference:
    metric = data.competition.metric
    part = compare.Part(data.competition, data.labels, *data.predictions(metric))
    return compare.differences({metric.name: part}, data.group)[metric.name]


def say_beside_networks(project: Project, run: Run) -> None:
    """Print how a run of `make embed` or `make stack` compares with the best trained network, and what to run next."""
    found = beside_networks(project, run)
    if found is None:
        return
    metric, alone, mean = project.competition.metric, found.alone, found.mean
    name = metric.name if metric.higher_is_better else f"{metric.name} (lower is better)"
    console.say(
        f"{name} out of fold: {run.name} {score_text(alone.second)}, the best trained network {found.network} "
        f"{score_text(alone.first)}, the mean of both {score_text(mean.second)}"
    )
    text, helps = verdict(found, run.name, metric.higher_is_better)
    console.say(f"{text}; next: {make_command('blend')}" if helps else text)


def verdict(found: BesideNetworks, name: str, higher: bool) -> tuple[str, bool]:
    """Return a text that says whether a run, or its mean with the best network, is better, and whether to blend it.

    name: the name of the run. higher: whether a higher value of the metric is better.
    """
    luck = ", but the interval includes 0, so this may be luck"
    if _gains(found.alone.value, higher):
        sure = all(_gains(end, higher) for end in found.alone.interval)
        return f"{name} is better than every trained network, {_by(found.alone)}{'' if sure else luck}", True
    if _gains(found.mean.value, higher):
        sure = all(_gains(end, higher) for end in found.mean.interval)
        beginning = f"{name} is not better than {found.network}, but the mean of both is"
        return f"{beginning}, {_by(found.mean)}{'' if sure else luck}", True
    beginning = f"neither {name} nor the mean of both is better than {found.network}"
    return f"{beginning}: {name} differs {_by(found.alone)}", False


def _gains(difference: float, higher: bool) -> bool:
    return difference > 0 if higher else difference < 0


def _by(difference: Difference) -> str:
    value, low, high = (score_text(x, difference.first, "+") for x in (difference.value, *difference.interval))
    return f"by {value} (95 % interval {low} to {high})"
