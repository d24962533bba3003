"""Check the input files and photos before anything is trained, and write an HTML page about them.

reads   competition.toml, the competition's tables, all photos; outputs/folds.csv if it exists
writes  outputs/eda.html, one file that opens offline

The page shows the labels, the sizes and the brightness of the photos, duplicates, differences between the training set
and the test set, and some photos of each class.
"""

from options import project_and_options

from comp import console


def main() -> None:
    project, _ = project_and_options(__doc__)
    from comp.pages.eda import make_eda

    make_eda(project)


if __name__ == "__main__":
    console.run_stage(main)
