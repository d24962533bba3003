"""Train a run again with pseudo-labelled test photos, round after round, until a round does not gain out of fold.

reads   the blend's runs, outputs/<run>/recipe.json, the photos
writes  outputs/pseudo/<run>_pseudo<round>/fold<k>.npz: labels of test photos for each fold
        outputs/<run>_pseudo<round>/: a run like any other

The test photos of fold k's training are labelled by models of fold k alone: see comp/blending/pseudo_labelling.py.
Killed, it goes on where it stopped when it is started again with the same command.
"""

import dataclasses

from options import add_device, competition_of, parser

from comp import console
from comp.errors import InputError
from comp.recipes import recipe_json
from comp.recipes.recipe_settings import validated_recipe
from comp.store import blend_files, fold_table, runs
from comp.store.pseudo_labels import PseudoLabels
from comp.store.runs import Run, check_run_name, repair_command


def main() -> None:
    args = arguments()
    competition = competition_of(args)
    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    base = base_run(args, folds)
    labellers = blended_runs(args, competition)
    for number in range(1, args.rounds + 1):
        made = PseudoLabels(args.outputs, f"{args.run}_pseudo{number}")
        label(made, labellers, folds, digest, competition, args)
        train(args, base, made, competition)
        gain = gain_of(args.outputs, base.name, made.name, folds, digest, competition)
        console.say(
            f"round {number}: {base.name} {gain.first:.4f}, {made.name} {gain.second:.4f} out of fold, "
            f"better with probability {gain.better:.2f}"
        )
        if gain.better <= 0.5:
            console.say(f"no gain: stopped. To leave {made.name} out of the blend: rm -r {args.outputs / made.name}")
            return
        labellers = [made.name if name == base.name else name for name in labellers]
        base = Run(args.outputs, made.name)
    console.say(f"{args.rounds} round{'s' * (args.rounds > 1)} done; make blend takes the new runs in")


def arguments():
    made = parser(__doc__)
    made.add_argument("--run", default="", help="the run whose recipe is trained again")
    made.add_argument("--rounds", type=int, default=2, help="rounds, at most")
    made.add_argument("--share", type=float, default=0.3, help="share of pseudo-labelled photos in an epoch")
    made.add_argument("--power", type=float, default=2.0, help="labels are sharpened by this power; 1: as they are")
    made.add_argument("--most-per-class", type=int, default=0, help="only so many of the surest of each class; 0: all")
    add_device(made)
    return made.parse_args()


def base_run(args, folds) -> Run:
    """The run of --run. Raises InputError unless it was trained here, on all folds."""
    if args.rounds < 1 or not args.power > 0:
        raise InputError(
            f"--rounds={args.rounds} --power={args.power}",
            "at least 1 round, and a power above 0",
            "make pseudo RUN=<run> ROUNDS=2",
        )
    there = runs.trained_runs(args.outputs)
    run = Run(args.outputs, args.run)
    if args.run not in there:
        example = f"make pseudo RUN={there[0]}" if there else "make train MODEL=<a model>"
        raise InputError(f"no trained run {args.run!r}", f"one of: {', '.join(there) or 'none yet'}", example)
    if missing := runs.missing_folds(run, fold_table.fold_count(folds)):
        found = f"run {run.name} has no predictions of fold {missing[0]}"
        raise InputError(found, "predictions of all folds", repair_command(run, missing[0]))
    check_run_name(f"{args.run}_pseudo1")
    return run


def blended_runs(args, competition) -> list[str]:
    """The trained runs of the blend, which label; the runs of earlier rounds do not. Raises InputError without a blend.

    The blend may be stale: while this command works, it lacks the runs of the rounds.
    """
    from comp.blending.pseudo_labelling import labelling_runs

    found = blend_files.blend_state(args.outputs, args.inputs, competition)
    if not found.made:
        raise InputError("no blend, whose runs label the test photos", "outputs/blend", "make blend")
    return labelling_runs(
        found.made["runs"], [name for name in runs.trained_runs(args.outputs) if "_pseudo" not in name]
    )


def label(made: PseudoLabels, labellers: list[str], folds, digest: str, competition, args) -> None:
    """Write the labels of a round; those of a round that has begun stay as they are."""
    from comp.blending import pseudo_labelling

    numbers = range(fold_table.fold_count(folds))
    if all(made.file(k).is_file() for k in numbers):
        for k in numbers:
            made.load(k, digest, competition)
        return
    how = {"power": args.power, "most_per_class": args.most_per_class}
    pseudo_labelling.write(made, labellers, folds, digest, competition, how)
    console.say(f"wrote {made.file(0).parent}: test photos labelled by {', '.join(labellers)}")


def train(args, base: Run, made: PseudoLabels, competition) -> None:
    """Train and predict all folds of the round's run: the recipe of the base, with the pseudo-labels."""
    from comp.data import run_data
    from comp.hardware import device, processes
    from comp.prediction import predict
    from comp.training import train_stage

    recipe = recipe_json.load_recipe(base, competition)
    recipe = validated_recipe(dataclasses.replace(recipe, pseudo=made.name, pseudo_share=args.share, all_data=False))
    where = processes.start(device.choose_device(args.device))
    run, data = Run(args.outputs, made.name), run_data.load_data(args.inputs, args.outputs, recipe, competition)
    recipe = recipe_json.claim_run(run, recipe, competition, recipe_json.pretrained_of(base))
    for k in range(fold_table.fold_count(data.folds)):
        train_stage.train_fold(run, recipe, data, k, args.inputs, where)
        predict.predict_folds(run, recipe, data, [k], recipe.tta, where)


def gain_of(outputs, base: str, name: str, folds, digest: str, competition):
    """The difference of the two runs out of fold: see comp/blending/paired_difference.py."""
    from comp.blending import compare

    data = compare.compare_runs(outputs, folds, digest, competition, [base], [name])
    return next(iter(compare.compared_metrics(data).values()))


if __name__ == "__main__":
    console.run_stage(main)
