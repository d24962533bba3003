"""Fill the sample submission with the blend's (or one run's) answers, check it, write it, keep it.

reads   outputs/blend/test.npz, oof.npz, outputs/folds.csv, the sample submission
writes  outputs/submission.csv, submission.json (what it is made of), submissions/<hash>.csv, <hash>.json (what made
        it); nothing where it is already made of just these files
"""

from options import competition_of, parser

from comp import console
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.store import blend_files
from comp.store.blend_files import BlendState
from comp.store.runs import BLEND, submission_csv
from comp.submission import submission_file

RECORDED = ("run", "runs", "folds", "method", "rule", "weights", "metric", "in_sample", "cross_fitted", "interval_95")


def main() -> None:
    args = arguments()
    competition = competition_of(args)
    blend = blend_files.blend_state(args.outputs, args.inputs, competition) if args.run == BLEND else None
    of = submission_file.sources_of_run(args.run, args.outputs, args.inputs, competition)
    if not (blend and blend.problem) and submission_file.is_current(args.outputs, of):
        whose = "the blend" if blend else f"run {args.run}"
        console.say(f"{submission_csv(args.outputs)} is up to date: of {whose}")
    else:
        make(args, competition, blend, of)


def arguments():
    made = parser(__doc__)
    made.add_argument("--run", default=BLEND, help="whose probabilities to submit")
    return made.parse_args()


def make(args, competition: Competition, blend: BlendState | None, of: dict) -> None:
    """Write and show the submission. The imports are here because one that is up to date needs none of them."""
    from comp.competition.scored_rows import scored_rows
    from comp.store import fold_table
    from comp.submission import answer_report, answers

    sample = submission_file.read_sample(args.inputs, competition)
    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    rows = scored_rows(folds, competition)
    oof, test, record = probabilities(args, folds, digest, rows)
    probs = submission_file.in_sample_order(sample, competition, test)
    check_current(blend)
    made = answers.from_probabilities(competition, probs)
    data = submission_file.fill(sample, competition, made)
    answer_report.show_answers(competition, oof, rows.groups, probs)
    answer_report.show_earlier(args.outputs, competition, submission_file.sample_ids(sample, competition), made)
    kept = submission_file.write_submission(args.outputs, data, record, of)
    console.say(
        f"wrote {submission_csv(args.outputs)}: {len(probs)} rows, checked against "
        f"{args.inputs / competition.sample.file}; ready to upload"
    )
    console.say(f"kept as {kept}")


def check_current(blend: BlendState | None) -> None:
    """Raise InputError for a blend that is not made of the current files: `make status` calls it stale."""
    if blend and blend.problem:
        raise InputError(f"the blend is stale: {blend.problem}", "a blend of what is there now", blend.asked.command)


def probabilities(args, folds, digest: str, rows):
    """OOF probabilities of the scored rows, the test predictions, and the record of what made them."""
    from comp.competition import scoring
    from comp.store.blend_files import load_blend
    from comp.store.out_of_fold import load_run
    from comp.store.runs import Run

    if args.run != BLEND:
        oof, test = load_run(Run(args.outputs, args.run), folds, digest, rows.competition)
        oof, metric = rows.combine(oof), rows.competition.metric.name
        score = scoring.scores(rows.competition, rows.labels, oof)[metric]
        record = {"run": args.run, "runs": [args.run], "folds": digest, "metric": metric}
        return oof, test, record | {"cross_fitted": round(score, 6)}
    oof, test, made = load_blend(args.outputs, rows, digest, rows.competition)
    return oof, test, {name: made[name] for name in RECORDED if name in made}


if __name__ == "__main__":
    console.run_stage(main)
