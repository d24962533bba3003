"""Train a model on all folds or on one fold, and predict each fold with test-time augmentation after its training.

reads   outputs/folds.csv, the photos; with the option INIT also the weights of another run
writes  outputs/<run>/recipe.json, outputs/<run>/fold<k>/model.safetensors, history.csv, oof.npz, test.npz;
        with the setting all_data=true also outputs/<run>/all_data/, the model that is trained on all photos

The model is a recipe (a model with all its settings) or any timm model, which is trained with default settings.

If the command was killed, run the same command again: it continues after the last saved epoch. A trained fold is not
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
