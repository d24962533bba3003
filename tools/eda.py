"""Audit the input: labels, sizes, light, duplicates, differences between train and test, photos of each class.

reads   competition.toml, the competition's tables, all photos; outputs/folds.csv if it exists
writes  outputs/eda.html, one file that opens offline
"""

from options import project_and_options

from comp import console


def main() -> None:
    project, _ = project_and_options(__doc__)
    from comp.pages.eda import make_eda

    make_eda(project)


if __name__ == "__main__":
    console.run_stage(main)
