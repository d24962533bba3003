"""Show the state of each fold of each run with the reason for it, and the states of the blend and the submissions.

reads   outputs/
writes  nothing
"""

from options import project_and_options

from comp import console
from comp.submission.status import show_status


def main() -> None:
    project, _ = project_and_options(__doc__)
    show_status(project)


if __name__ == "__main__":
    console.run_stage(main)
