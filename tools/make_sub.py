"""Fill the sample submission with the blend's (or one run's) most probable classes, check it, write it.

reads   outputs/blend/test.npz, inputs/eval/info.csv
writes  outputs/submission.csv
"""

import pandas as pd
from options import parser

from comp import artifacts, competition, console, runs, submission
from comp.artifacts import BLEND, Run


def main() -> None:
    args = arguments()
    competition.read_test(args.inputs)  # checks the sample and its photos
    sample = pd.read_csv(args.inputs / competition.SAMPLE, dtype={competition.ID: str})
    made = test_probabilities(args)
    table = submission.fill(sample, competition.ID, competition.ANSWER, made.ids, made.probs.argmax(1))
    submission.check(table, sample, competition.ID, competition.ANSWER, len(competition.CLASSES))
    path = artifacts.submission_file(args.outputs)
    artifacts.write_text(path, table.to_csv(index=False, lineterminator="\n"))
    console.say(f"wrote {path}: {len(table)} rows, checked against {args.inputs / competition.SAMPLE}; ready to upload")


def arguments():
    made = parser(__doc__)
    made.add_argument("--run", default=BLEND, help="whose probabilities to submit")
    return made.parse_args()


def test_probabilities(args) -> artifacts.Predictions:
    """The blend's test probabilities, or the mean over the folds of one run."""
    run = Run(args.outputs, args.run)
    if args.run == BLEND:
        return artifacts.load_predictions(run.folder / "test.npz", competition.CLASSES, "make blend")
    path = artifacts.folds_file(args.outputs)
    folds = artifacts.load_folds(path, len(competition.CLASSES))
    return runs.load(run, folds, artifacts.digest(path), competition.CLASSES)[1]


if __name__ == "__main__":
    console.run_stage(main)
