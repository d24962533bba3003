"""Assign each training photo to a fold: no person on two sides, classes spread evenly; then audit for leaks.

reads   inputs/train, inputs/eval (every photo is decoded once: unreadable ones are all listed)
writes  outputs/folds.csv
"""

from options import parser

from comp import artifacts, competition, console, folds, photos, runs
from comp.errors import InputError


def main() -> None:
    args = arguments()
    table = competition.read_train(args.inputs)
    test = competition.read_test(args.inputs)
    digests = check_photos(args.inputs, table, test)
    table = folds.assign(table, args.folds, args.seed)
    folds.audit(table, digests)
    write(args.outputs, table)
    show(table, test)


def arguments():
    made = parser(__doc__)
    made.add_argument("--folds", type=int, default=5, help="number of folds")
    made.add_argument("--seed", type=int, default=0, help="seed of the assignment")
    return made.parse_args()


def check_photos(inputs, table, test) -> dict[str, str]:
    """Decode all photos; the hash of each one's bytes. A training photo that is also a test photo is only warned of."""
    images = [*table["image"], *test["image"]]
    with console.progress("checking photos", len(images)) as advance:
        digests = photos.check(inputs, images, advance)
    shared = {digests[image] for image in table["image"]} & {digests[image] for image in test["image"]}
    if shared:
        console.warn(f"{len(shared)} photo(s) are in both train and test, byte for byte")
    return digests


def write(outputs, table) -> None:
    """Write folds.csv, unless that would change the folds under runs that were trained on them."""
    path = artifacts.folds_file(outputs)
    there = runs.trained(outputs)
    if path.is_file() and there:
        before = artifacts.digest(path)
        candidate = path.with_name(".folds.candidate.csv")
        artifacts.save_folds(candidate, table)
        changed = artifacts.digest(candidate) != before
        candidate.unlink()
        if changed:
            raise InputError(
                f"these folds differ from {path}, on which {', '.join(there)} were trained",
                "the same data, FOLDS and SEED as before",
                f"the same command with OUTPUTS=<another folder>, or rm -r {outputs} to start anew",
            )
    artifacts.save_folds(path, table)
    console.say(f"wrote {path}")


def show(table, test) -> None:
    """The table of classes by fold."""
    counts = folds.class_counts(table, len(competition.CLASSES))
    rows = [[f"{c:2d} {name}", *counts[c], counts[c].sum()] for c, name in enumerate(competition.CLASSES)]
    rows.append(["photos", *counts.sum(0), counts.sum()])
    people = table.groupby("fold")["group"].nunique()
    rows.append(["groups", *people, people.sum()])
    console.table("classes by fold", ["class", *[f"fold {k}" for k in range(counts.shape[1])], "all"], rows)
    console.say(f"{len(test)} test photos; no group and no photo in two folds")
    missing = [competition.CLASSES[c] for c in range(len(counts)) if (counts[c] == 0).any()]
    if missing:
        console.warn(f"a fold has no photo of {', '.join(missing)}: its macro F1 cannot see them; use fewer FOLDS")


if __name__ == "__main__":
    console.run_stage(main)
