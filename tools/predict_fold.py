"""Predict a run's held-out photos and the test photos with TTA; probabilities are averaged over the views.

reads   outputs/<run>/recipe.json, outputs/<run>/fold<k>/model.safetensors, outputs/folds.csv, the photos
writes  outputs/<run>/fold<k>/oof.npz, test.npz
"""

from options import add_device, add_run, parser

from comp import artifacts, competition, console
from comp.artifacts import Run


def main() -> None:
    args = arguments()
    artifacts.check_run_name(args.run or args.model)
    artifacts.load_folds(artifacts.folds_file(args.outputs), len(competition.CLASSES))  # cheap: before torch
    from comp import device, parallel, predict_stage, stages, tta

    run = Run(args.outputs, args.run or args.model)
    recipe = stages.load_recipe(run)
    views = args.tta or recipe.tta
    tta.check(views)
    where = parallel.start(device.choose_device(args.device))
    data = stages.load_data(args.inputs, args.outputs, recipe)
    numbers = stages.fold_numbers(args.fold, data.folds)
    predict_stage.predict_folds(run, recipe, data, numbers, views, where)
    predict_stage.fold_table(run, data.folds, numbers)
    parallel.stop()


def arguments():
    made = parser(__doc__)
    add_run(made)
    made.add_argument("--tta", default="", help="none, hflip, contrast or zoom; empty for the recipe's")
    add_device(made)
    return made.parse_args()


if __name__ == "__main__":
    console.run_stage(main)
