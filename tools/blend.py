"""Fit the weights of the runs' blend on their out-of-fold predictions; print the honest score; blend the test.

reads   outputs/folds.csv, outputs/<run>/fold<k>/oof.npz, test.npz
writes  outputs/blend/weights.json, oof.npz, test.npz
"""

import numpy as np
from options import parser

from comp import artifacts, blend, competition, console, metrics
from comp.artifacts import BLEND, Run
from comp.errors import InputError


def main() -> None:
    args = arguments()
    names = chosen_runs(args)
    path = artifacts.folds_file(args.outputs)
    folds, digest = artifacts.load_folds(path, len(competition.CLASSES)), artifacts.digest(path)
    loaded = [artifacts.load_run(Run(args.outputs, name), folds, digest, competition.CLASSES) for name in names]
    probs = np.stack([oof for oof, _ in loaded])
    labels, fold = folds["label"].to_numpy(), folds["fold"].to_numpy()
    weights = blend.fit_weights(probs, labels)
    honest = blend.cross_fitted(probs, labels, fold)
    write(args.outputs, names, weights, folds, honest, [test for _, test in loaded], digest)
    show(names, probs, weights, honest, labels)


def arguments():
    made = parser(__doc__)
    made.add_argument("--runs", default="", help="runs to blend, separated by spaces or commas; empty for all")
    return made.parse_args()


def chosen_runs(args) -> list[str]:
    there = artifacts.run_names(args.outputs)
    names = args.runs.replace(",", " ").split() or there
    unknown = [name for name in names if name not in there]
    if unknown or not names:
        expected = f"trained runs: {', '.join(there) or 'none yet'}"
        raise InputError(f"no run {' '.join(unknown)} in {args.outputs}", expected, "make train MODEL=vit_small_r26")
    return list(dict.fromkeys(names))


def write(outputs, names, weights, folds, honest, tests, digest) -> None:
    """The blend's files. Its OOF probabilities are the cross-fitted ones: each row's weights never saw its fold."""
    run = Run(outputs, BLEND)
    meta = {"run": BLEND, "runs": names, "weights": [round(float(w), 6) for w in weights], "folds": digest}
    ids = tests[0].ids
    mixed = blend.apply_weights(np.stack([test.at(ids) for test in tests]), weights)
    artifacts.save_predictions(run.folder / "oof.npz", folds["image"], honest, competition.CLASSES, meta)
    artifacts.save_predictions(run.folder / "test.npz", ids, mixed, competition.CLASSES, meta)
    artifacts.write_json(run.folder / "weights.json", meta)  # last: the file that make looks at
    console.say(f"wrote {run.folder}/weights.json, oof.npz, test.npz")


def show(names, probs, weights, honest, labels) -> None:
    rows = []
    for name, weight, one in zip(names, weights, probs, strict=True):
        scores = metrics.scores(labels, one)
        rows.append([name, float(weight), scores["macro_f1"], scores["accuracy"]])
    inside = metrics.scores(labels, blend.apply_weights(probs, weights))
    outside = metrics.scores(labels, honest)
    rows.append(["blend, in sample", "", inside["macro_f1"], inside["accuracy"]])
    rows.append(["blend, honest", "", outside["macro_f1"], outside["accuracy"]])
    console.table("out of fold", ["run", "weight", "macro F1", "accuracy"], rows)
    console.say("honest: weights fitted on K-1 folds, scored on the fold left out")


if __name__ == "__main__":
    console.run_stage(main)
