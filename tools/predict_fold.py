"""Predict the held-out photos and the test photos with the models of a trained run.

reads   outputs/<run>/recipe.json, outputs/<run>/fold<k>/model.safetensors, outputs/folds.csv, the photos
writes  outputs/<run>/fold<k>/oof.npz, test.npz; outputs/<run>/all_data/test.npz if a model was trained on all photos

With test-time augmentation (TTA), a photo is predicted in several versions, such as mirrored, and the probabilities are
averaged. Only files that are missing or out of date are written. For example, if only the test set has changed, only
the test.npz files are written.
"""

from options import project_and_options

from comp import console
from comp.store import runs
from comp.store.runs import check_run_name


def main() -> None:
    project, given = project_and_options(__doc__, "model", "run", "fold", "tta", "set", "device")
    run = project.run(given.run or given.model)
    check_run_name(run.name)
    project.folds  # noqa: B018  raises InputError without folds, before torch is imported
    if not run.recipe.is_file():
        raise runs.no_trained_run(project.outputs, run.name, given.model)
    from comp.prediction import predict

    predict.predict_run(project, run, given.fold, given.tta, given.set, given.device)


if __name__ == "__main__":
    console.run_stage(main)
