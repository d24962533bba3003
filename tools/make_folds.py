"""Assign each training photo to a fold: no group on two sides, labels spread evenly; then audit for leaks.

reads   competition.toml, the competition's tables, all photos (each is decoded once: unreadable ones are all listed)
writes  outputs/folds.csv, folds.json (its hash, what it was made with), competition.json (what all later stages read)
"""

from options import project_and_options

from comp import console


def main() -> None:
    project, given = project_and_options(__doc__, "folds", "seed", "search", "adversarial")
    from comp.data.write_folds import AskedFolds, write_folds

    write_folds(project, AskedFolds(given.folds, given.seed, given.search, given.adversarial))


if __name__ == "__main__":
    console.run_stage(main)
