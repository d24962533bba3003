"""Guess competition.toml from the competition's files. Each guess has a reason, and is marked CHECK if it is uncertain.

reads   inputs/ (the names of all files, the tables, JSON files that list images)
writes  inputs/competition.toml, or the file that COMPETITION names; an existing file is never overwritten
"""

from options import project_and_options

from comp import console
from comp.inputs.guess_competition import init_competition


def main() -> None:
    project, _ = project_and_options(__doc__)
    init_competition(project.inputs, project.competition_file)


if __name__ == "__main__":
    console.run_stage(main)
