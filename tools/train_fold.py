"""Train a recipe, or any timm model, on all folds or one; each fold is trained, then predicted with TTA.

reads   outputs/folds.csv, the photos, with --init the weights of another run
writes  outputs/<run>/recipe.json, outputs/<run>/fold<k>/model.safetensors, history.csv, oof.npz, test.npz;
        with all_data=true also outputs/<run>/all_data/ (all rows, no oof.npz)

Killed, it goes on from its last epoch when it is started again with the same command. A trained fold is not
trained again.
"""

import dataclasses
import shlex
import textwrap

from options import add_device, add_run, competition_of, parser

from comp import console
from comp.errors import InputError
from comp.recipes import catalog, recipe_json, recipe_settings
from comp.recipes.recipe_settings import Recipe, resolved_recipe
from comp.store import fold_table
from comp.store.runs import ALL_DATA, Run, check_run_name


def main() -> None:
    args = arguments()
    competition = competition_of(args)
    run = Run(args.outputs, args.run or args.model)
    check_run_name(run.name)
    recipe = resolved_recipe(chosen_recipe(args, competition.defaults), competition)
    # these import torch: not for --help or a typing error
    from comp.hardware import device, processes
    from comp.training import checks_before_training

    checks_before_training.check_names(recipe, competition)
    where = processes.start(device.choose_device(args.device))
    job = Job(args, competition, run, recipe, where)
    job.check()
    job.train()
    processes.stop()


class Job:
    """The run of this command: first checked, then trained."""

    def __init__(self, args, competition, run: Run, recipe: Recipe, where):
        from comp.data import run_data

        self.args, self.competition, self.recipe, self.where = args, competition, recipe, where
        self.run, self.predicted = run, not args.no_predict
        self.folds, self.digest = fold_table.folds_and_digest(args.outputs, competition)
        self.numbers = run_data.fold_numbers(args.fold, self.folds)
        self.numbers += [ALL_DATA] if recipe.all_data and args.fold == "all" else []

    def check(self) -> None:
        """Raise InputError for what cannot be trained."""
        from comp.training import checks_before_training as before

        self.recipe = before.with_statistics(self.run, self.recipe, self.competition)
        before.check_begun(self.run, self.recipe, self.competition, self.numbers, fold_table.fold_count(self.folds))
        before.check_init(self.run, self.recipe, self.competition, self.digest, self.numbers)
        self.origin = before.first_weights(self.run, self.recipe, self.competition, self.args.inputs, self.where)

    def train(self) -> None:
        from comp.data import run_data
        from comp.hardware import processes
        from comp.prediction import predict
        from comp.training import train_stage

        data = run_data.load_data(self.args.inputs, self.args.outputs, self.recipe, self.competition)
        data.training(self.numbers[0], self.recipe)  # a label policy that does not fit: nothing is written yet
        with processes.first_alone(self.args.outputs):
            recipe = recipe_json.claim_run(self.run, self.recipe, self.competition, self.origin)
        for k in self.numbers:
            train_stage.train_fold(self.run, recipe, data, k, self.args.inputs, self.where)
            if self.predicted:
                predict.predict_folds(self.run, recipe, data, [k], recipe.tta, self.where)
        if self.predicted:
            predict.show_fold_scores(self.run, data, self.numbers)


def arguments():
    made = parser(__doc__)
    made.epilog = settings_help()
    add_run(made)
    made.add_argument("--set", default="", metavar="'KEY=VALUE …'", help="override settings of the recipe; needs --run")
    made.add_argument("--init", default="", help="a run of the same model: fold k begins with its fold k; needs --run")
    made.add_argument("--seed", type=int, default=0, help="seed of the run")
    made.add_argument("--no-predict", action="store_true", help="train only")
    add_device(made)
    return made.parse_args()


def chosen_recipe(args, defaults: str) -> Recipe:
    """The named recipe with the settings of --set, --init and --seed; an overridden one needs --run.

    defaults: the competition's settings for a model without a recipe of its own.
    """
    named, init = catalog.get_recipe(args.model, defaults), f" init={shlex.quote(args.init)}" if args.init else ""
    recipe = recipe_settings.override_settings(named, f"seed={args.seed} {args.set}{init}")
    changed = recipe_json.differences(named, recipe)
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
    return f"{title}\n\n{text}\n\nrecipes: {', '.join(catalog.recipe_names())}".replace("%", "%%")


if __name__ == "__main__":
    console.run_stage(main)
