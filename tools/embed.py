"""Fit a scikit-learn classifier to the features that a frozen model computes for each photo.

reads   outputs/folds.csv, the photos; the competition's tables if the setting `columns` in SET is not empty
writes  outputs/<run>/recipe.json, outputs/<run>/fold<k>/oof.npz, test.npz; the features in outputs/cache

The result is a run that can be blended like a trained model. The features are computed once for all photos. For each
fold, the hyperparameter of the classifier (regularisation, neighbours or trees) is chosen on the other folds alone.
The values to try are in the setting `grid`. comp/tabular/cross_fitting.py explains the choice.
"""

import sys

from options import project_and_options

from comp import console


def main() -> None:
    epilog = ""
    if {"-h", "--help"} & set(sys.argv):
        from comp.prediction.frozen_features import settings_help

        epilog = settings_help()
    project, given = project_and_options(__doc__, "model", "run", "set", "seed", "device", epilog=epilog)
    from comp.prediction import frozen_features

    frozen_features.embed(project, given.model, given.run, given.set, given.seed, given.device)


if __name__ == "__main__":
    console.run_stage(main)
