"""One row per run and one for the blend: out-of-fold scores, and the leaderboard's where answers are known.

reads   outputs/folds.csv, outputs/<run>/fold<k>/oof.npz, test.npz, outputs/blend, a table of answers if given
writes  nothing
"""

from pathlib import Path

from options import competition_of, parser

from comp import console
from comp.competition import scoring
from comp.competition.scored_rows import scored_rows
from comp.errors import InputError
from comp.store import blend_files, fold_table, runs
from comp.store.blend_files import load_blend
from comp.store.out_of_fold import load_run
from comp.store.runs import BLEND, Run
from comp.submission.true_answers import read_truth


def main() -> None:
    args = arguments()
    competition = competition_of(args)
    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    rows = scored_rows(folds, competition)
    truth = read_truth(args.answers, competition) if args.answers else None
    cells = []
    blend = blend_files.blend_state(args.outputs, args.inputs, competition)
    if blend.made and blend.problem:
        console.warn(f"the blend is stale: {blend.problem}; {blend.asked.command}")
    for name, oof, test in predictions(args.outputs, folds, digest, rows):
        cells.append([name, *values(competition, rows.labels, oof)])
        if truth is not None:
            cells[-1] += values(competition, truth[1], test.at(truth[0]))
    names = [metric.name for metric in (competition.metric, *competition.also)]
    columns = [f"{place} {name}" for place in ("OOF", "leaderboard")[: 1 + (truth is not None)] for name in names]
    title = "cross-validated" + (" and on the leaderboard" if truth is not None else "")
    console.table(title, ["run", *columns], cells)


def arguments():
    made = parser(__doc__)
    made.add_argument("--answers", type=Path, help="table of the test photos' true labels, if there is one")
    return made.parse_args()


def predictions(outputs, folds, digest: str, rows):
    """Yield name, OOF probabilities of the scored rows and test predictions of each run and of the blend.

    What cannot be loaded is warned of and left out.
    """
    for reason in runs.unused_folders(outputs).values():
        console.warn(reason)
    for name in runs.run_names(outputs):
        try:
            oof, test = load_run(Run(outputs, name), folds, digest, rows.competition)
        except InputError as error:
            console.warn(f"{name} is left out: {error.found.splitlines()[0]}")
            continue
        yield name, rows.combine(oof), test
    if (Run(outputs, BLEND).folder / "test.npz").is_file():
        oof, test, _ = load_blend(outputs, rows, digest, rows.competition)
        yield BLEND, oof, test


def values(competition, labels, probs) -> list[float]:
    """The metrics' values as a leaderboard shows them, the deciding one first."""
    return list(scoring.scores(competition, labels, probs).values())


if __name__ == "__main__":
    console.run_stage(main)
