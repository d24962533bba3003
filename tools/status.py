"""Show which files are complete, missing or out of date, and why: each fold of each run, the blend, the submissions.

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
