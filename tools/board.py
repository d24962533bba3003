"""A table of all runs: what differs between them, scores, folds, times, state; on the terminal and as a page.

reads   outputs/folds.csv, all predictions, recipe.json, history.csv, the blend, noted leaderboard scores
writes  outputs/board.html, one file that opens offline
"""

from options import competition_of, parser

from comp import console
from comp.pages import board_page, run_rows, run_settings, tables
from comp.pages.board_table import in_two, run_table
from comp.store import fold_table
from comp.store.scored_rows import scored_rows
from comp.submission import submission

PAGE = "board.html"
MOST_PARTS = 4  # attributes or labels with a column on the terminal


def main() -> None:
    args = parser(__doc__).parse_args()
    competition = competition_of(args)
    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    test_ids = submission.ids_here(args.inputs, competition)
    on = run_rows.Predicted(args.outputs, args.inputs, folds, digest, scored_rows(folds, competition), test_ids)
    settings = run_settings.read(args.outputs)
    rows = run_rows.rows_of(on, settings)
    notes = board_page.explained(rows, competition, settings.usual, run_rows.blend_interval(on))
    show(rows, notes, competition)
    board_page.write(args.outputs / PAGE, rows, notes, competition, args.outputs)
    console.say(f"wrote {args.outputs / PAGE}")


def show(rows, notes, competition) -> None:
    """The table on the terminal, and why runs are not complete."""
    if not rows:
        text, command = board_page.NO_RUNS
        console.say(f"{text} Run: {command}")
        return
    for made in in_two(run_table(rows, competition, MOST_PARTS)):
        console.table(made.title, made.columns, [[tables.shown(cell) for cell in row] for row in made.rows])
    for note in notes:
        console.say(note)
    for row in rows:
        if row.why:
            console.warn(f"{row.name}: {row.why}")


if __name__ == "__main__":
    console.run_stage(main)
