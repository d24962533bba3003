"""Predict the held-out photos and the test photos with the models of a trained run.

reads   outputs/<run>/recipe.json, outputs/<run>/fold<k>/model.safetensors, outputs/folds.csv, the photos
writes  outputs/<run>/fold<k>/oof.npz, test.npz; outputs/<run>/all_data/test.npz if a model was trained on all photos

With test-time augmentation (TTA), a photo is predicted in several versions, such as mirrored, and the probabilities are
averaged. Only files that are missing or out of date are written. For example, if only the test set has changed, only
the test.npz files are written.
"""

import contextlib

from options import project_and_options

from comp import console
from comp.errors import InputError
from comp.recipes import catalog
from comp.store import runs
from comp.store.runs import check_run_name


def main() -> None:
    project, given = project_and_options(__doc__, "model", "run", "fold", "tta", "set", "device")
    run = project.run(given.run or given.model)
    check_run_name(run.name)
    project.folds  # noqa: B018  raises InputError without folds, before torch is imported
    if not run.recipe.is_file():
        raise runs.no_trained_run(project.outputs, run.name, given.model if _is_model(given.model) else "")
    from comp.prediction import predict

    predict.predict_run(project, run, given.fold, given.tta, given.set, given.device)


def _is_model(name: str) -> bool:
    """Return whether `name` is the name of a recipe or of a timm model."""
    with contextlib.suppress(InputError):
        catalog.check_model_name(catalog.get_recipe(name).model, catalog.recipe_names())
        return True
    return False


if __name__ == "__main__":
    console.run_stage(main)
