"""Show a table of all runs in the terminal and as an HTML page: settings, scores, training times, and what is missing.

reads   outputs/folds.csv, all predictions, recipe.json, history.csv, the blend, the leaderboard scores you have noted
writes  outputs/board.html, one file that opens offline
"""

from options import project_and_options

from comp import console


def main() -> None:
    project, _ = project_and_options(__doc__)
    from comp.pages.board import make_board

    make_board(project)


if __name__ == "__main__":
    console.run_stage(main)
