"""Look at the competition's files and write competition.toml: a reason beside each guess, a mark where to check.

reads   inputs/ (names of all files, the tables, JSON files of images)
writes  inputs/competition.toml, or the file of COMPETITION; never over an existing file
"""

from options import project_and_options

from comp import console
from comp.inputs.guess_competition import init_competition


def main() -> None:
    project, _ = project_and_options(__doc__)
    init_competition(project.inputs, project.competition_file)


if __name__ == "__main__":
    console.run_stage(main)
