"""Fit a scikit-learn classifier to the features of a frozen model. The result is a run that can be blended like others.

reads   outputs/folds.csv, the photos, and the tables if SET has columns=
writes  outputs/<run>/recipe.json, outputs/<run>/fold<k>/oof.npz, test.npz; the features in outputs/cache

The features are computed once for all photos. For each fold, a value of the grid (regularisation, neighbours or trees)
is chosen on only the other folds; see comp/tabular/cross_fitting.py.
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
