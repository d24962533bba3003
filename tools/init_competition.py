"""Look at the competition's files, and write a first competition.toml, which describes the competition.

reads   inputs/ (the names of all files, the tables, JSON files that list images)
writes  inputs/competition.toml, or the file that the option COMPETITION names; an existing file is never overwritten

The values in the file are guesses. A comment gives the reason for each guess, with the word CHECK if it is uncertain.
"""

from options import project_and_options

from comp import console
from comp.inputs.guess_competition import init_competition


def main() -> None:
    project, _ = project_and_options(__doc__)
    init_competition(project.inputs, project.competition_file)


if __name__ == "__main__":
    console.run_stage(main)
