"""List every run and fold: complete, trained, begun, missing, stale or unused, and why; then blend and submissions.

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
