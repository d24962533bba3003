"""Train a recipe or any timm model on all folds or on one fold, and predict each fold with TTA after its training.

reads   outputs/folds.csv, the photos, and with INIT the weights of another run
writes  outputs/<run>/recipe.json, outputs/<run>/fold<k>/model.safetensors, history.csv, oof.npz, test.npz;
        with all_data=true also outputs/<run>/all_data/ (trained on all rows, so it has no oof.npz)

If the command was killed, run the same command again: it continues after the last complete epoch. A trained fold is not
trained again.
"""

from options import project_and_options

from comp import console
from comp.recipes import catalog, recipe_json
from comp.store.runs import check_run_name


def main() -> None:
    names = ("model", "run", "fold", "set", "init", "seed", "no-predict", "device")
    project, given = project_and_options(__doc__, *names, epilog=catalog.settings_help())
    check_run_name(given.run or given.model)
    asked = recipe_json.asked_recipe(project.competition, given.model, given.run, given.set, given.init, given.seed)
    from comp.training import train_stage  # imports torch, which --help and an error in the options do not need

    run = project.run(given.run or given.model)
    train_stage.train_run(project, run, asked.recipe, asked.command, given.fold, given.device, not given.no_predict)


if __name__ == "__main__":
    console.run_stage(main)
