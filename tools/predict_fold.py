"""Predict a run's held-out photos and the test photos with TTA; probabilities are averaged over the views.

reads   outputs/<run>/recipe.json, outputs/<run>/fold<k>/model.safetensors, outputs/folds.csv, the photos
writes  outputs/<run>/fold<k>/oof.npz, test.npz; outputs/<run>/all_data/test.npz where the run has such a model
"""

from options import add_device, add_run, competition_of, parser

from comp import console
from comp.store import fold_table
from comp.store.runs import ALL_DATA, Run, check_run_name, folds_file


def main() -> None:
    args = arguments()
    check_run_name(args.run or args.model)
    competition = competition_of(args)
    fold_table.load_folds(folds_file(args.outputs), competition)  # cheap: before torch
    from comp.data import run_data
    from comp.hardware import device, processes
    from comp.prediction import predict, tta
    from comp.recipes import recipe_json

    run = Run(args.outputs, args.run or args.model)
    recipe = recipe_json.at_other_speed(recipe_json.load_recipe(run, competition), args.set, run)
    views = args.tta or recipe.tta
    tta.check(views)
    where = processes.start(device.choose_device(args.device))
    data = run_data.load_data(args.inputs, args.outputs, recipe, competition)
    numbers = run_data.fold_numbers(args.fold, data.folds)
    numbers += [ALL_DATA] if args.fold == "all" and run.weights(ALL_DATA).is_file() else []
    predict.predict_folds(run, recipe, data, numbers, views, where)
    predict.show_fold_scores(run, data, numbers)
    processes.stop()


def arguments():
    made = parser(__doc__)
    add_run(made)
    made.add_argument("--tta", default="", help="none, hflip, contrast, zoom, flips or d4; empty for the recipe's")
    made.add_argument("--set", default="", metavar="'KEY=VALUE …'", help="workers and cache: the rest is trained")
    add_device(made)
    return made.parse_args()


if __name__ == "__main__":
    console.run_stage(main)
