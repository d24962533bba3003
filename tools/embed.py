"""Fit a scikit-learn classifier on the features of a frozen model, on all folds: a run that blends like a trained one.

reads   outputs/folds.csv, the photos, the tables where SET has columns=
writes  outputs/<run>/recipe.json, outputs/<run>/fold<k>/oof.npz, test.npz; the features in outputs/cache

The features are computed once for all photos. A value of the grid (regularisation, neighbours, trees) is chosen for
each fold on the other folds alone: see comp/tabular/cross_fitting.py.
"""

import dataclasses
import shlex

from options import add_device, competition_of, parser

from comp import console
from comp.competition.competition import Competition
from comp.prediction import frozen_features
from comp.prediction.frozen_features import EmbedRecipe
from comp.recipes.recipe_settings import Recipe
from comp.store.runs import Run, check_run_name
from comp.tabular import classifiers, derived_runs

PACKAGES = ("numpy", "scikit-learn", "torch", "timm")


def main() -> None:
    args = arguments()
    name = args.run or f"{args.model}_embed"
    check_run_name(name)
    competition = competition_of(args)
    run, made = (
        Run(args.outputs, name),
        frozen_features.chosen_embed_recipe(args.model, args.set, args.seed, competition),
    )
    made = with_normalisation(made)
    derived_runs.check_derived(run, made.plain(), competition)
    from comp.inputs import loading
    from comp.store import fold_table
    from comp.tabular.row_values import chosen_columns

    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    test = loading.read_test(competition, args.inputs)
    columns = chosen_columns(made.classifier.columns, competition, args.inputs, folds["image"], test)
    vectors, origin = embedded(args, made.recipe, competition, [*folds["image"], *test["image"]])
    command = f"make embed MODEL={args.model} RUN={name}" + (f" SET={shlex.quote(args.set)}" if args.set else "")
    command += f" SEED={args.seed}" if args.seed else ""
    derived_runs.claim_derived(run, made.plain(), command, competition, PACKAGES, **origin)
    predict(run, made, competition, folds, digest, test, vectors, columns)


def arguments():
    made = parser(__doc__)
    made.epilog = settings_help()
    made.add_argument("--model", required=True, help="any timm model, or a recipe: its image size and crop are used")
    made.add_argument("--run", default="", help="name of the run; empty for <model>_embed")
    made.add_argument("--set", default="", metavar="'KEY=VALUE …'", help="settings, see below")
    made.add_argument("--seed", type=int, default=0, help="seed of trees, and of weights that are not pretrained")
    add_device(made)
    return made.parse_args()


def settings_help() -> str:
    """All settings with default and meaning, for --help."""
    known = [
        one for one in dataclasses.fields(Recipe) if one.name in (*frozen_features.OF_MODEL, *frozen_features.SPEED)
    ]
    known += dataclasses.fields(classifiers.ClassifierSettings)
    shown = [(one, ",".join(map(str, one.default)) if isinstance(one.default, tuple) else one.default) for one in known]
    lines = [f"  {f'{one.name}={value}':24} {one.metadata['help']}" for one, value in shown]
    return "settings of --set:\n\n" + "\n".join(lines).replace("%", "%%")


def with_normalisation(made: EmbedRecipe) -> EmbedRecipe:
    """With the mean and std of the weights. Raises InputError for an unknown model or TTA set."""
    from comp.models import factory
    from comp.prediction import tta
    from comp.recipes import catalog

    tta.check(made.recipe.tta)
    catalog.check_model_name(made.recipe.model, catalog.recipe_names())
    return dataclasses.replace(made, recipe=factory.with_normalisation(made.recipe))


def embedded(args, recipe: Recipe, competition: Competition, images: list[str]) -> tuple:
    """Features (N, D) of the photos, and what the pretrained weights were, for recipe.json."""
    from comp.hardware import device

    where = device.choose_device(args.device)
    frozen = frozen_features.load_backbone(recipe, competition, args.inputs / "weights", where)
    console.say(
        f"{recipe.model}: {frozen.features} features at {recipe.image_size} px, TTA {recipe.tta}"
        + (f"; {frozen.origin}" if frozen.origin else ", not pretrained")
    )
    origin = {"pretrained": dataclasses.asdict(frozen.origin)} if frozen.origin else {}
    return frozen_features.features(frozen, recipe, args.inputs, args.outputs, images, where), origin


def predict(run: Run, made: EmbedRecipe, competition: Competition, folds, digest: str, test, vectors, columns) -> None:
    """Fit the classifiers and write the predictions. vectors (N + M, D), columns (N, T) and (M, T)."""
    import numpy as np

    from comp.competition import labels
    from comp.tabular.cross_fitting import LearningRows
    from comp.tabular.derived_runs import Places, predict_derived
    from comp.tabular.row_values import RowValues

    count = len(folds)
    values = [RowValues(part, table) for part, table in zip((vectors[:count], vectors[count:]), columns, strict=True)]
    known, ids = labels.to_array(folds["label"], competition), folds["id"].to_numpy() if competition.combine else None
    fold_of, groups = folds["fold"].to_numpy(), folds["group"].to_numpy()
    rows = LearningRows(competition, values[0], known, fold_of, groups, values[1], ids)
    meta = {"tta": made.recipe.tta, "classifier": made.classifier.classifier}
    places = Places(folds["image"].to_numpy(), np.arange(count), test["id"].to_numpy(), digest, meta)
    predict_derived(run, rows, made.classifier, made.recipe.seed, places)


if __name__ == "__main__":
    console.run_stage(main)
