"""Assign each training photo to a fold: no group on two sides, labels spread evenly; then audit for leaks.

reads   competition.toml, the competition's tables, all photos (each is decoded once: unreadable ones are all listed)
writes  outputs/folds.csv, folds.json (its hash, what it was made with), competition.json (what all later stages read)
"""

from options import parser

from comp import console, files
from comp.data import folds, near_duplicates, photo_check, train_test_differences
from comp.data.train_test_differences import suggest_groups
from comp.errors import InputError
from comp.inputs import loading
from comp.store import fold_table, frozen_competition, runs
from comp.store.runs import folds_file

MOST_LINES = 20  # warnings of one kind
DARK = 16  # grey values below which a whole thumbnail is nearly black


def main() -> None:
    args = arguments()
    tables = loading.open_tables(args.inputs, args.competition)
    competition, table, test = tables.competition, folds.with_groups(tables.training_rows), tables.test_rows
    advise_groups(*tables.given_tables, table)
    looked = look_at_photos(args.inputs, table, test)
    table, merged = join_alike(table, looked)
    warn_of_shared(table, test, looked)
    with console.progress("trying seeds", args.search, "splits") as advance:
        table = folds.assign_folds(table, competition, args.folds, args.seed, args.search, advance)
    folds.audit_folds(table, {image: look.digest for image, look in looked.items()})
    write(args, competition, table, merged, looked)
    show(table, test, competition)
    if args.adversarial:
        tell_apart(table, test, looked)


def arguments():
    made = parser(__doc__)
    made.add_argument("--folds", type=int, default=5, help="number of folds")
    made.add_argument("--seed", type=int, default=0, help="seed of the assignment")
    made.add_argument("--search", type=int, default=1, help="seeds to try from --seed on; the most even folds are kept")
    made.add_argument("--adversarial", action="store_true", help="also try to tell train from test photos")
    return made.parse_args()


def advise_groups(train, test, table) -> None:
    """Say by which columns the test set was probably split, where that is not what the folds are split by."""
    given = set(table["group"])
    for made in suggest_groups(train, test):
        if not set(train[made.column].astype(str)) <= given:
            console.warn(
                f"{made.column} has {made.train_values} values in train, {made.test_values} in test, and none in both: "
                f'the test set was probably split by it, and the folds should be: group = "{made.column}"'
            )


def look_at_photos(inputs, table, test) -> dict[str, photo_check.PhotoSummary]:
    """Decode all photos; what is remembered of each."""
    images = [*table["image"], *test["image"]]
    with console.progress("checking photos", len(images)) as advance:
        looked = photo_check.check_photos(inputs, images, advance)
    dark = [image for image, look in looked.items() if look.thumbnail.max() < DARK]
    if dark:
        console.warn(
            f"{len(dark):,} photo(s) are nearly black, such as {dark[0]}; if they should not be, save them with values "
            "over the whole range of their 8 or 16 bits"
        )
    return looked


def join_alike(table, looked) -> tuple:
    """The table with one group for groups that share a photo, and the list of those: [[a, b], …].

    One subject or place under two names, or one photo handed in twice: in two folds it is a leak.
    """
    images, groups = table["image"].tolist(), table["group"].tolist()
    looks = [looked[image] for image in images]
    same = near_duplicates.same_bytes(looks, groups)
    near = [(a, b) for a, b in near_duplicates.alike_pairs(looks, groups) if looks[a].digest != looks[b].digest]
    for pairs, what in ((same, "the same photo, byte for byte"), (near, "near-identical")):
        warn_each([f"{images[a]} and {images[b]} are {what}: their groups are kept in one fold" for a, b in pairs])
    names = sorted({tuple(sorted({groups[a], groups[b]})) for a, b in same + near})
    return table.assign(group=near_duplicates.merged_groups(groups, same + near)), [list(pair) for pair in names]


def warn_of_shared(table, test, looked) -> None:
    """Training photos in the test set: not a leak between folds, but the leaderboard rewards memory for them."""
    train_of = {looked[image].digest: image for image in table["image"]}
    shared = [(train_of[looked[image].digest], image) for image in test["image"] if looked[image].digest in train_of]
    warn_each([f"{a} is also the test photo {b}, byte for byte" for a, b in shared])


def warn_each(lines: list[str]) -> None:
    for line in lines[:MOST_LINES]:
        console.warn(line)
    if len(lines) > MOST_LINES:
        console.warn(f"… and {len(lines) - MOST_LINES:,} more of these")


def tell_apart(table, test, looked) -> None:
    """The adversarial check: the AUC of a quick model that tells train from test by thumbnails."""
    sides = [looked[i] for i in table["image"]], [looked[i] for i in test["image"]]
    auc = train_test_differences.adversarial_auc(*sides, table["group"].tolist())
    console.say(
        f"a quick model tells train from test with AUC {auc:.3f}: 0.5 cannot; above 0.6, look for what differs "
        "(light, crop, compression), for the out-of-fold score will not be the leaderboard's"
    )


def write(args, competition, table, merged, looked) -> None:
    """Write folds.csv, unless that would change the folds, or the photos, under runs that were trained on them."""
    path = folds_file(args.outputs)
    there = runs.trained_runs(args.outputs)
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
            "the same data, FOLDS, SEED and SEARCH as before",
            anew,
        )
    made_with = {"folds": args.folds, "seed": args.seed, "photos": len(table), "data": data, "merged": merged}
    made_with |= {"search": args.search} if args.search > 1 else {}
    fold_table.save_folds(path, table, made_with)
    frozen_competition.save(args.outputs, competition, loading.settings_file(args.inputs, args.competition))
    console.say(f"wrote {path}")


def show(table, test, competition) -> None:
    """The table of labels by fold, and what the folds cannot give."""
    what, heads, rows = folds.labels_by_fold(table, competition)
    console.table(f"{what} by fold", heads, rows)
    console.say(f"{len(test)} test photos; no group and no photo in two folds")
    warn_each(folds.missing_labels(table, competition))
    warn_each(folds.crowded_labels(table, competition))


if __name__ == "__main__":
    console.run_stage(main)
