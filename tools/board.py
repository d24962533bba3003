"""A table of all runs: what differs between them, scores, folds, times, state; on the terminal and as a page.

reads   outputs/folds.csv, all predictions, recipe.json, history.csv, the blend, noted leaderboard scores
writes  outputs/board.html, one file that opens offline
"""

from options import competition_of, parser

from comp import console
from comp.competition.scored_rows import scored_rows
from comp.pages import board, board_rows, figures
from comp.pages.board import in_two, run_table
from comp.recipes import recipe_json
from comp.store import fold_table
from comp.submission import submission_file

PAGE = "board.html"
MOST_PARTS = 4  # attributes or labels with a column on the terminal


def main() -> None:
    args = parser(__doc__).parse_args()
    competition = competition_of(args)
    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    test_ids = submission_file.ids_here(args.inputs, competition)
    on = board_rows.Predicted(args.outputs, args.inputs, folds, digest, scored_rows(folds, competition), test_ids)
    settings = recipe_json.read_run_settings(args.outputs)
    rows = board_rows.board_rows(on, settings)
    notes = board.explained(rows, competition, settings.usual, board_rows.blend_interval(on))
    show(rows, notes, competition)
    board.write_board(args.outputs / PAGE, rows, notes, competition, args.outputs)
    console.say(f"wrote {args.outputs / PAGE}")


def show(rows, notes, competition) -> None:
    """The table on the terminal, and why runs are not complete."""
    if not rows:
        text, command = board.NO_RUNS
        console.say(f"{text} Run: {command}")
        return
    for made in in_two(run_table(rows, competition, MOST_PARTS)):
        console.table(made.title, made.columns, [[figures.shown(cell) for cell in row] for row in made.rows])
    for note in notes:
        console.say(note)
    for row in rows:
        if row.why:
            console.warn(f"{row.name}: {row.why}")


if __name__ == "__main__":
    console.run_stage(main)
