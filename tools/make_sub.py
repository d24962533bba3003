"""Fill the sample submission with the blend's (or one run's) answers, check it, write it, keep it.

reads   outputs/blend/test.npz, oof.npz, outputs/folds.csv, inputs/eval/info.csv
writes  outputs/submission.csv, outputs/submissions/<hash>.csv, <hash>.json (what made it)
"""

import numpy as np
from options import parser

from comp import console
from comp.competition import home
from comp.io import files
from comp.store import artifacts, runs, submission
from comp.store.artifacts import BLEND, Run

COLUMNS = home.ID, home.ANSWER
SHIFT = 4.0  # standard errors: of 18 classes one in a thousand submissions has one further off by chance
SHOWN = 10  # latest earlier submissions


def main() -> None:
    args = arguments()
    home.read_test(args.inputs)  # checks the sample and its photos
    sample = submission.read(args.inputs / home.SAMPLE, *COLUMNS)
    folds, digest = artifacts.folds_and_digest(args.outputs, len(home.CLASSES))
    oof, made, record = probabilities(args, folds, digest)
    size = len(home.CLASSES)
    table = submission.fill(sample, *COLUMNS, made.ids, made.probs.argmax(1))
    submission.check(table, sample, *COLUMNS, size)
    show_classes(oof.argmax(1), folds["group"].to_numpy(), table[home.ANSWER].to_numpy())
    show_earlier(args.outputs, sample, table)
    data = table.to_csv(index=False, lineterminator="\n").encode()
    kept = submission.keep(args.outputs, data, record)
    path = artifacts.submission_file(args.outputs)
    files.write_bytes(path, data)  # last: the file that make looks at
    console.say(f"wrote {path}: {len(table)} rows, checked against {args.inputs / home.SAMPLE}; ready to upload")
    console.say(f"kept as {kept}")


def arguments():
    made = parser(__doc__)
    made.add_argument("--run", default=BLEND, help="whose probabilities to submit")
    return made.parse_args()


def probabilities(args, folds, digest: str):
    """OOF probabilities in the rows of folds, the test predictions, and the record of what made them."""
    run = Run(args.outputs, args.run)
    if args.run != BLEND:
        oof, test = runs.load(run, folds, digest, home.CLASSES)
        return oof, test, {"run": args.run, "runs": [args.run], "folds": digest}
    made = files.read_json(run.folder / "weights.json", "the blend's weights", "make blend")
    oof = artifacts.load_predictions(run.folder / "oof.npz", home.CLASSES, "make blend")
    test = artifacts.load_predictions(run.folder / "test.npz", home.CLASSES, "make blend")
    runs.check_same_blend(made, (oof, test), digest)
    kept = ("run", "runs", "folds", "method", "rule", "weights", "metric", "in_sample", "cross_fitted", "interval_95")
    return oof.at(folds["image"]), test, {name: made[name] for name in kept if name in made}


def show_classes(oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """The predicted classes' shares out of fold and in the submission; a shift beyond chance is warned of."""
    size = len(home.CLASSES)
    shares = [np.bincount(part, minlength=size) / len(part) for part in (oof, test)]
    far = submission.shifts(oof, groups, test, size)
    rows = [[f"{c:2d} {name}", f"{shares[0][c]:.1%}", f"{shares[1][c]:.1%}", f"{far[c]:+.1f}"]
            for c, name in enumerate(home.CLASSES)]  # fmt: skip
    console.table("predicted classes", ["class", "out of fold", "test", "standard errors"], rows)
    for c in np.flatnonzero(np.abs(far) > SHIFT):
        console.warn(f"{home.CLASSES[c]} is {shares[1][c]:.1%} of the test answers and {shares[0][c]:.1%} "
                     "out of fold, more than chance: has the test set other people, or another crop?")  # fmt: skip


def show_earlier(outputs, sample, table) -> None:
    """Agreement with each earlier submission."""
    answers = table[home.ANSWER].to_numpy()
    rows = []
    for one in submission.kept(outputs)[-SHOWN:]:
        path, size = outputs / "submissions" / one["file"], len(home.CLASSES)
        theirs = submission.answers(path, sample, *COLUMNS, size)
        rows.append([one["file"], one["made"], f"{np.mean(answers == theirs):.1%}"])
    if rows:
        console.table("agreement with earlier submissions", ["file", "made", "rows"], rows)


if __name__ == "__main__":
    console.run_stage(main)
