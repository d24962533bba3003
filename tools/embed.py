"""Fit a scikit-learn classifier to the features that a frozen model computes. The result is a run like any other.

reads   outputs/folds.csv, the photos, and the tables if SET contains columns=
writes  outputs/<run>/recipe.json, outputs/<run>/fold<k>/oof.npz, test.npz; the features in outputs/cache

The features are computed once for all photos. For each fold, the regularisation or the number of neighbours or trees is
chosen on the other folds alone, from the values of the setting `grid`. comp/tabular/cross_fitting.py explains how.
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
