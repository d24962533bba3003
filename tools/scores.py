"""One row a run and one for the blend: out-of-fold scores, and the leaderboard's where answers are known.

reads   outputs/folds.csv, outputs/<run>/fold<k>/oof.npz, test.npz, outputs/blend, a table of answers if given
writes  nothing
"""

from pathlib import Path

from options import parser

from comp import console
from comp.competition import home, metrics
from comp.errors import InputError
from comp.store import artifacts, runs, submission
from comp.store.artifacts import BLEND, Run


def main() -> None:
    args = arguments()
    folds, digest = artifacts.folds_and_digest(args.outputs, len(home.CLASSES))
    answers = submission.read(args.answers, home.ID, home.ANSWER) if args.answers else None
    rows = []
    for name in runs.names(args.outputs):
        try:
            oof, test = runs.load(Run(args.outputs, name), folds, digest, home.CLASSES)
        except InputError as error:
            console.warn(f"{name} is left out: {str(error).splitlines()[0]}")
            continue
        rows.append(row(name, folds, oof, test, answers))
    folder = Run(args.outputs, BLEND).folder
    if (folder / "test.npz").is_file():
        oof = artifacts.load_predictions(folder / "oof.npz", home.CLASSES, "make blend")
        test = artifacts.load_predictions(folder / "test.npz", home.CLASSES, "make blend")
        rows.append(row(BLEND, folds, oof.at(folds["image"]), test, answers))
    columns = ["run", "OOF macro F1", "OOF accuracy"] + ["leaderboard macro F1"] * (answers is not None)
    console.table("cross-validated" + (" and on the leaderboard" if answers is not None else ""), columns, rows)


def arguments():
    made = parser(__doc__)
    made.add_argument("--answers", type=Path, help="table of the test photos' true classes, if there is one")
    return made.parse_args()


def row(name, folds, oof, test, answers) -> list:
    scores = metrics.scores(folds["label"].to_numpy(), oof)
    cells = [name, scores["macro_f1"], scores["accuracy"]]
    if answers is not None:
        truth = answers[home.ANSWER].to_numpy()
        cells.append(metrics.scores(truth, test.at(answers[home.ID]))["macro_f1"])
    return cells


if __name__ == "__main__":
    console.run_stage(main)
