"""Assign each training photo to a fold: no person on two sides, classes spread evenly; then audit for leaks.

reads   inputs/train, inputs/eval (every photo is decoded once: unreadable ones are all listed)
writes  outputs/folds.csv, folds.json (its hash, and what it was made with)
"""

from options import parser

from comp import console
from comp.competition import loading, tables
from comp.data import folds, leaks, photos
from comp.errors import InputError
from comp.io import files
from comp.store import fold_table, frozen_competition, runs
from comp.store.paths import folds_file


def main() -> None:
    args = arguments()
    competition = loading.load(args.inputs, args.competition)
    table = tables.read_train(competition, args.inputs)
    test = tables.read_test(competition, args.inputs)
    looked = look_at_photos(args.inputs, table, test)
    table, merged = join_alike(table, looked)
    warn_of_shared(table, test, looked)
    table = folds.assign(table, args.folds, args.seed)
    folds.audit(table, {image: look.digest for image, look in looked.items()})
    write(args, competition, table, merged, looked)
    show(competition, table, test)
    if args.adversarial:
        tell_apart(table, test, looked)


def arguments():
    made = parser(__doc__)
    made.add_argument("--folds", type=int, default=5, help="number of folds")
    made.add_argument("--seed", type=int, default=0, help="seed of the assignment")
    made.add_argument("--search", type=int, default=1, help="seeds to try")
    made.add_argument("--adversarial", action="store_true", help="also try to tell train from test photos")
    return made.parse_args()


def look_at_photos(inputs, table, test) -> dict[str, photos.Look]:
    """Decode all photos; what is remembered of each."""
    images = [*table["image"], *test["image"]]
    with console.progress("checking photos", len(images)) as advance:
        return photos.check(inputs, images, advance)


def join_alike(table, looked) -> tuple:
    """The table with one group for persons who share near-identical photos, and the list of those: [[a, b], …].

    One person under two names, or one photo handed in twice: on two sides of a fold it is a leak.
    """
    images = table["image"].tolist()
    pairs = leaks.alike([looked[image] for image in images], table["group"].tolist())
    if pairs is None:
        console.warn(f"more than {leaks.MOST:,} photos: only identical bytes were looked for, not near-identical ones")
        return table, []
    merged = leaks.merged_groups(table["group"].tolist(), pairs)
    near = "are near-identical: their persons are kept in one fold"
    warn_each([f"{images[a]} and {images[b]} {near}" for a, b in pairs])
    names = sorted({tuple(sorted({table['group'].iloc[a], table['group'].iloc[b]})) for a, b in pairs})
    return table.assign(group=merged), [list(pair) for pair in names]


def warn_of_shared(table, test, looked) -> None:
    """Training photos in the test set: not a leak between folds, but the leaderboard rewards memory for them."""
    train_of = {looked[image].digest: image for image in table["image"]}
    shared = [(train_of[looked[image].digest], image) for image in test["image"] if looked[image].digest in train_of]
    warn_each([f"{a} is also the test photo {b}, byte for byte" for a, b in shared])


def warn_each(lines: list[str], most: int = 20) -> None:
    for line in lines[:most]:
        console.warn(line)
    if len(lines) > most:
        console.warn(f"… and {len(lines) - most} more such pairs")


def tell_apart(table, test, looked) -> None:
    """The adversarial check: the AUC of a quick model that tells train from test by thumbnails."""
    auc = leaks.adversarial_auc([looked[i] for i in table["image"]], [looked[i] for i in test["image"]], table["group"])
    console.say(f"a quick model tells train from test with AUC {auc:.3f}: 0.5 cannot; above 0.6, look for what differs "
                "(light, crop, compression), for the out-of-fold score will not be the leaderboard's")  # fmt: skip


def write(args, competition, table, merged, looked) -> None:
    """Write folds.csv, unless that would change the folds, or the photos, under runs that were trained on them."""
    path = folds_file(args.outputs)
    there = runs.trained(args.outputs)
    data = files.checksum(sorted((image, look.digest) for image, look in looked.items()))
    before = fold_table.data_hash(path) if there else None  # without runs a damaged folds.json is just replaced
    anew = f"the same command with OUTPUTS=<another folder>, or rm -r {args.outputs} to start anew"
    if before not in (None, data):
        raise InputError(
            f"photos have changed since {', '.join(there)} were trained on them: their hash is {data}",
            f"{before}, as when {path} was made",
            anew,
        )
    if path.is_file() and there and path.read_text(encoding="utf-8", errors="replace") != fold_table.folds_text(table):
        raise InputError(
            f"these folds differ from {path}, on which {', '.join(there)} were trained",
            "the same data, FOLDS and SEED as before",
            anew,
        )
    made_with = {"folds": args.folds, "seed": args.seed, "photos": len(table), "data": data, "merged": merged}
    fold_table.save_folds(path, table, made_with)
    frozen_competition.save(args.outputs, competition, loading.settings_file(args.inputs, args.competition))
    console.say(f"wrote {path}")


def show(competition, table, test) -> None:
    """The table of classes by fold."""
    counts = folds.class_counts(table, competition.size)
    rows = [[f"{c:2d} {name}", *counts[c], counts[c].sum()] for c, name in enumerate(competition.classes)]
    rows.append(["photos", *counts.sum(0), counts.sum()])
    people = table.groupby("fold")["group"].nunique()
    rows.append(["groups", *people, people.sum()])
    console.table("classes by fold", ["class", *[f"fold {k}" for k in range(counts.shape[1])], "all"], rows)
    console.say(f"{len(test)} test photos; no group and no photo in two folds")
    for c, name in enumerate(competition.classes):
        without = [str(k) for k in range(counts.shape[1]) if counts[c, k] == 0]
        if counts[c].sum() == 0:
            console.warn(f"no photo of {name} at all: no model can learn it")
        elif len(without) == counts.shape[1] - 1:
            console.warn(f"{name} is in one fold only: that fold's model never sees it; use fewer FOLDS")
        elif without:
            folds_of = ", ".join(without)
            console.warn(f"fold {folds_of} has no photo of {name}: its macro F1 cannot see it; use fewer FOLDS")


if __name__ == "__main__":
    console.run_stage(main)
