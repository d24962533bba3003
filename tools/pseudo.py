"""Train a run again with pseudo-labelled test photos, and repeat this until the out-of-fold score no longer rises.

reads   the predictions of the runs in the blend, outputs/<run>/recipe.json, the photos
writes  outputs/pseudo/<run>_pseudo<round>/fold<k>.npz: the pseudo-labels of the test photos for each fold
        outputs/<run>_pseudo<round>/: the new run, with its models and predictions

comp/training/pseudo_labelling.py explains which runs may make pseudo-labels. If the command was killed, run the same
command again: it continues where it stopped.
"""

from options import project_and_options

from comp import console


def main() -> None:
    project, given = project_and_options(__doc__, "run", "rounds", "share", "power", "most-per-class", "device")
    from comp.training.pseudo_labelling import Rounds, run_rounds

    asked = Rounds(given.rounds, given.share, given.power, given.most_per_class)
    run_rounds(project, given.run, asked, given.device)


if __name__ == "__main__":
    console.run_stage(main)
