"""Assign each training photo to a fold, and check for leaks, such as photos that occur twice.

reads   competition.toml, the competition's tables, all photos (each photo is decoded once, to list all unreadable ones)
writes  outputs/folds.csv; folds.json with the hash and the settings of folds.csv; competition.json, the description of
        the competition that all later commands read

All photos of a group get the same fold, and the labels are spread evenly over the folds.
"""

from options import project_and_options

from comp import console


def main() -> None:
    project, given = project_and_options(__doc__, "folds", "seed", "search", "adversarial", "split-twins")
    from comp.data.write_folds import AskedFolds, write_folds

    write_folds(project, AskedFolds(given.folds, given.seed, given.search, given.adversarial, given.split_twins))


if __name__ == "__main__":
    console.run_stage(main)
