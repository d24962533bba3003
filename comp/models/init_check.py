"""Whether a run may begin with the weights of another one (INIT): fold k only ever begins with fold k.

The rows that are held out of a fold were then never trained on, because both runs have the same folds.csv.
"""

import dataclasses

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import files
from comp.models import init_weights, provenance, weights_file
from comp.recipes import frozen, model_names
from comp.recipes.recipe import Recipe
from comp.store import repair_commands, runs, weights_sources
from comp.store.paths import ALL_DATA, Run, check_run_name

OTHER = "the same command with another INIT, or without"


def with_init(recipe: Recipe, run: Run, competition: Competition) -> Recipe:
    """The recipe of a new run, with the mean and std of its INIT where it gives none: the weights know no others.

    A run that has begun has them in its own recipe: its INIT may be gone.
    Raises InputError for an INIT that is the run itself, was not trained here, or has other classes or another model.
    """
    if not recipe.init:
        return recipe
    begun = repair_commands.init(run) == recipe.init
    before = frozen.load_recipe(run, competition) if begun else _recipe_of(_known(run, recipe.init), competition)
    if not begun and _architecture(before) != _architecture(recipe):
        raise InputError(
            f"INIT={recipe.init} is a {before.model}, not a {recipe.model}",
            "weights of the same model; image size, head and loss may differ",
            f"the same command with MODEL={before.name}; or without INIT",
        )
    return dataclasses.replace(recipe, mean=recipe.mean or before.mean, std=recipe.std or before.std)


def _known(run: Run, name: str) -> Run:
    check_run_name(name)
    if name == run.name:
        raise InputError(f"INIT={name} is the run itself", "another run", f"{OTHER}; or with another RUN")
    before = Run(run.outputs, name)
    if not before.recipe.is_file():
        known = ", ".join(one for one in runs.trained(run.outputs) if one != run.name)
        raise InputError(
            f"no trained run {name} in {run.outputs}"
            + (": its predictions are external" if before.folder.is_dir() else ""),
            f"one of the trained runs: {known or 'none yet'}",
            f"make train MODEL=<a model> RUN={name}; or {OTHER}",
        )
    return before


def _recipe_of(before: Run, competition: Competition) -> Recipe:
    try:
        return frozen.load_recipe(before, competition)
    except InputError as error:
        raise InputError(f"INIT={before.name}: {error.found}", "a trained run of these classes", OTHER) from None


def _architecture(recipe: Recipe) -> str:
    return model_names.current(recipe.model).partition(".")[0]


def check_folds(run: Run, init: str, folds_digest: str, numbers: list[int | str]) -> None:
    """Raise InputError unless fold k of the INIT run is trained, with the current folds.csv, for each k that begins.

    numbers: the folds to train, or ALL_DATA. Those that are trained already need nothing any more.
    """
    before = Run(run.outputs, init)
    wanted = [k for k in numbers if not is_trained(run, k)]
    missing = [k for k in wanted if not is_trained(before, k)]
    if missing:
        which = missing[0] if len(missing) == 1 or missing[0] == ALL_DATA else None
        raise InputError(
            f"INIT={init} has no trained fold {', '.join(map(str, missing))}",
            "fold k of INIT for each fold k that is to be trained",
            repair_commands.train(before, which),
        )
    for k in wanted:
        _check_current(run, before, k, folds_digest)


def is_trained(run: Run, k: int | str) -> bool:
    """Whether there are weights of fold k, and not from a training that still has to write its last files."""
    return run.weights(k).is_file() and not (run.fold(k) / "resume.pt").is_file()


def _check_current(run: Run, before: Run, k: int | str, folds_digest: str) -> None:
    anew = repair_commands.again(before, k)
    metadata = weights_file.weights_metadata(before.weights(k), anew)
    if run.name in weights_sources.runs_of(metadata):
        raise InputError(f"INIT={before.name} began with {run.name} itself", "a run that is older than this one",
                         f"{OTHER}; or with another RUN")  # fmt: skip
    now = {"recipe": files.digest(before.recipe), "folds": folds_digest, "fold": k}
    different = provenance.differences(metadata, run.outputs, now)
    if "folds" in different:
        raise InputError(
            f"INIT={before.name}: fold {k} was trained with folds.csv {metadata.get('folds')}",
            f"the current folds.csv, {folds_digest}: with other folds it has seen photos that are held out now",
            f"{anew}; or {OTHER}",
        )
    if different:
        raise InputError(f"INIT={before.name}: fold {k} was trained with another {' and '.join(different)}",
                         "weights that are up to date", anew)  # fmt: skip


def weights(run: Run, init: str, k: int | str) -> init_weights.State:
    """The state dict that fold k begins with."""
    before = Run(run.outputs, init)
    return weights_file.read_weights(before.weights(k), repair_commands.again(before, k))
