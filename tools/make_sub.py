"""Fill the sample submission with the blend's (or one run's) answers, check it, write it, keep it.

reads   outputs/blend/test.npz, oof.npz, outputs/folds.csv, the sample submission
writes  outputs/submission.csv, outputs/submissions/<hash>.csv, <hash>.json (what made it)
"""

import numpy as np
from options import frozen, parser

from comp import console
from comp.competition import scoring
from comp.errors import InputError
from comp.io import files
from comp.store import fold_table
from comp.store.blend_predictions import load_blend
from comp.store.paths import BLEND, Run, submission_file
from comp.store.run_predictions import load
from comp.store.scored_rows import scored_rows
from comp.submission import answer_shift, answers, submission, submission_history

SHIFT = 4.0  # standard errors: of 18 classes one in a thousand submissions has one further off by chance
SHOWN = 10  # latest earlier submissions; classes, where there are more than MOST_CLASSES
MOST_CLASSES = 40
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
RECORDED = ("run", "runs", "folds", "method", "rule", "weights", "metric", "in_sample", "cross_fitted", "interval_95")


def main() -> None:
    args = arguments()
    competition = frozen(args)
    sample = submission.read_sample(args.inputs, competition)
    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    rows = scored_rows(folds, competition)
    oof, test, record = probabilities(args, folds, digest, rows)
    probs = submission.in_sample_order(sample, competition, test)
    made = answers.from_probabilities(competition, probs)
    data = submission.fill(sample, competition, made)
    show(competition, oof, rows.groups, probs)
    show_earlier(args.outputs, competition, submission.sample_ids(sample, competition), made)
    kept = submission_history.keep(args.outputs, data, record)
    path = submission_file(args.outputs)
    files.write_bytes(path, data)  # last: the file that make looks at
    console.say(f"wrote {path}: {len(probs)} rows, checked against {args.inputs / competition.sample.file}; "
                "ready to upload")  # fmt: skip
    console.say(f"kept as {kept}")


def arguments():
    made = parser(__doc__)
    made.add_argument("--run", default=BLEND, help="whose probabilities to submit")
    return made.parse_args()


def probabilities(args, folds, digest: str, rows):
    """OOF probabilities of the scored rows, the test predictions, and the record of what made them."""
    if args.run != BLEND:
        oof, test = load(Run(args.outputs, args.run), folds, digest, rows.competition)
        return rows.combine(oof), test, {"run": args.run, "runs": [args.run], "folds": digest}
    oof, test, made = load_blend(args.outputs, rows, digest, rows.competition)
    return oof, test, {name: made[name] for name in RECORDED if name in made}


def show(competition, oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """How the answers are spread out of fold and in the submission; a shift beyond chance is warned of."""
    if competition.target == "regression" or competition.sample.answer == "probability":
        show_values(answers.from_probabilities(competition, oof), groups, answers.from_probabilities(competition, test))
    else:
        show_shares(competition, scoring.answers(competition, oof), groups, scoring.answers(competition, test))


def show_shares(competition, oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """The share of rows that have each class; of many classes those that differ most."""
    size = competition.size
    shares = [np.bincount(np.nonzero(part)[1] if part.ndim == 2 else part, minlength=size) / len(part)
              for part in (oof, test)]  # fmt: skip
    far = answer_shift.share_shifts(oof, groups, test, size)
    shown = np.arange(size) if size <= MOST_CLASSES else np.argsort(-np.abs(far), kind="stable")[:SHOWN]
    rows = [[f"{c:2d} {competition.classes[c]}", f"{shares[0][c]:.1%}", f"{shares[1][c]:.1%}", f"{far[c]:+.1f}"]
            for c in shown]  # fmt: skip
    title = "predicted classes" + (f": the {SHOWN} of {size} that differ most" if len(shown) < size else "")
    console.table(title, ["class", "out of fold", "test", "standard errors"], rows)
    for c in np.flatnonzero(np.abs(far) > SHIFT)[:SHOWN]:
        warn_of_shift(f"{competition.classes[c]} is {shares[1][c]:.1%} of the test answers and {shares[0][c]:.1%}")


def show_values(oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Mean and quantiles of probabilities or numbers."""
    rows = [[name, float(part.mean()), *map(float, np.quantile(part, QUANTILES))]
            for name, part in (("out of fold", oof), ("test", test))]  # fmt: skip
    console.table("predicted values", ["", "mean", *[f"{q:.0%}" for q in QUANTILES]], rows)
    far = answer_shift.mean_shift(oof.astype(np.float64), groups, test.astype(np.float64))
    console.say(f"the means differ by {far:+.1f} standard errors")
    if abs(far) > SHIFT:
        warn_of_shift(f"the mean is {test.mean():.4g} in the test answers and {oof.mean():.4g}")


def warn_of_shift(found: str) -> None:
    console.warn(f"{found} out of fold, more than chance: do the test photos differ from the training photos "
                 "(other subjects, places, cameras or crops)?")  # fmt: skip


def show_earlier(outputs, competition, ids, made: np.ndarray) -> None:
    """Agreement with each earlier submission; one that cannot be compared is named with the reason."""
    rows = []
    for one in submission_history.kept(outputs)[-SHOWN:]:
        path = outputs / "submissions" / one["file"]
        try:
            what, value = answers.agreement(competition, made, submission.read_answers(path, competition, ids))
            agreement = f"{value:.4f}" if what == "correlation" else f"{value:.1%}"
        except InputError as error:
            agreement = f"not comparable: {error.found.splitlines()[0]}"
        rows.append([one["file"], one["made"], agreement])
    if rows:
        title = "correlation" if competition.sample.answer in answers.VALUES else "rows"
        console.table("agreement with earlier submissions", ["file", "made", title], rows)


if __name__ == "__main__":
    console.run_stage(main)
