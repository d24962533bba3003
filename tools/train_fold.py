"""Train a recipe, or any timm model, on all folds or one; each fold is trained, then predicted with TTA.

reads   outputs/folds.csv, the photos
writes  outputs/<run>/recipe.json, outputs/<run>/fold<k>/model.safetensors, history.csv, oof.npz, test.npz

Killed, it goes on from its last epoch when it is started again with the same command. A trained fold is not
trained again.
"""

import dataclasses
import textwrap
from pathlib import Path

from options import add_device, add_run, competition_of, parser

from comp import console
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.recipes import catalog, frozen, model_names, settings
from comp.recipes.recipe import Recipe
from comp.recipes.resolved import resolved
from comp.store.paths import Run, check_run_name


def main() -> None:
    args = arguments()
    check_run_name(args.run or args.model)
    competition = competition_of(args)
    recipe = resolved(chosen_recipe(args, competition.defaults), competition)
    # these import torch: not for --help or a typing error
    from comp.data import rows
    from comp.hardware import device, processes
    from comp.models.normalisation import with_normalisation
    from comp.prediction import fold_scores, predict_stage
    from comp.training import train_stage

    check_names(recipe, competition)
    recipe = with_normalisation(recipe)
    where = processes.start(device.choose_device(args.device))
    run = Run(args.outputs, args.run or args.model)
    origin = first_weights(run, recipe, competition, args.inputs, where)
    data = rows.load_data(args.inputs, args.outputs, recipe, competition)
    numbers = rows.fold_numbers(args.fold, data.folds)
    data.training(numbers[0], recipe)  # a label policy that does not fit is refused before anything is written
    with processes.first_alone():
        recipe = frozen.claim(run, recipe, competition, origin)
    for k in numbers:
        train_stage.train_fold(run, recipe, data, k, args.inputs, where)
        if not args.no_predict:
            predict_stage.predict_folds(run, recipe, data, [k], recipe.tta, where)
    if not args.no_predict:
        fold_scores.fold_table(run, data, numbers)
    processes.stop()


def arguments():
    made = parser(__doc__)
    made.epilog = settings_help()
    add_run(made)
    made.add_argument("--set", default="", metavar="'KEY=VALUE …'", help="override settings of the recipe; needs --run")
    made.add_argument("--seed", type=int, default=0, help="seed of the run")
    made.add_argument("--no-predict", action="store_true", help="train only")
    add_device(made)
    return made.parse_args()


def check_names(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError for an unknown loss, augmentation, TTA set or model, before anything is loaded."""
    from comp.data import augment
    from comp.prediction import tta
    from comp.training import losses

    losses.check(recipe, competition)
    augment.pipeline(recipe.augment)
    tta.check(recipe.tta)
    model_names.check(recipe.model, catalog.names())


def first_weights(run: Run, recipe: Recipe, competition: Competition, inputs: Path, where) -> dict | None:
    """Try the model of a new run before anything is written; what its pretrained weights are, for recipe.json.

    None for a run that has begun, and for one without pretrained weights. Raises InputError for a model that does not
    work at the recipe's size, and for pretrained weights that cannot be had or do not fit.
    """
    from comp.models import factory
    from comp.training import trial

    if run.recipe.is_file():
        return None
    trial.check(recipe, competition, where)
    origin = factory.build(recipe, competition, inputs / "weights").origin if recipe.pretrained else None
    return dataclasses.asdict(origin) if origin else None


def chosen_recipe(args, defaults: str) -> Recipe:
    """The named recipe under --set and --seed; an overridden one must have a run name of its own.

    defaults: the competition's settings for a model without a recipe of its own.
    """
    named = catalog.get(args.model, defaults)
    recipe = settings.override(named, f"seed={args.seed} {args.set}")
    changed = frozen.differences(named, recipe)
    if changed and args.run in ("", args.model):
        raise InputError(
            f"MODEL={args.model} is overridden ({'; '.join(changed)}) and has no name of its own",
            "RUN=<name>: a run name belongs to one recipe",
            "the same command with RUN=<name>",
        )
    return recipe


def settings_help() -> str:
    """The settings by group with default and meaning, for --help."""
    title = "settings of --set, with the values of a timm model that has no recipe of its own:"
    groups = {}
    for setting in dataclasses.fields(Recipe):
        value = setting.default
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        line = f"{setting.name + '=' + shown:34} {setting.metadata['help']}"
        groups.setdefault(setting.metadata["group"], []).append(line)
    groups["model"] = [line for line in groups["model"] if not line.startswith(("name=", "model="))]
    text = "\n".join(f"{group}:\n{textwrap.indent(chr(10).join(lines), '  ')}" for group, lines in groups.items())
    return f"{title}\n\n{text}\n\nrecipes: {', '.join(catalog.names())}".replace("%", "%%")


if __name__ == "__main__":
    console.run_stage(main)
