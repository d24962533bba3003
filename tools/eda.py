"""Look at the input: labels, sizes, light, duplicates, what separates train from test; photos of each class.

reads   competition.toml, the competition's tables, all photos; outputs/folds.csv if it exists
writes  outputs/eda.html, one file that opens offline
"""

import time

from options import parser

from comp import console
from comp.data import audit_tables, near_duplicates, photo_check
from comp.pages import eda, eda_photos

PAGE = "eda.html"


def main() -> None:
    args = parser(__doc__).parse_args()
    start = time.monotonic()
    audit = audit_tables.read(args.inputs, args.outputs, args.competition)
    images = list(dict.fromkeys([*audit.train["image"], *audit.test["image"]]))
    with console.progress("looking at photos", len(images)) as advance:
        facts = photo_check.scan_photos(args.inputs, images, advance)
    pairs = near_duplicates.photo_pairs(facts, audit.train, audit.test)
    chosen, path = eda_photos.sampled_photos(audit), args.outputs / PAGE
    with console.progress("drawing photos", sum(len(part) for _, part in chosen)) as advance:
        eda.write_eda(path, args.inputs, audit, facts, pairs, chosen, advance)
    show(eda.tiles(audit, facts, pairs), audit.problems)
    console.say(f"wrote {path}, {path.stat().st_size / 1e6:.1f} MB, in {time.monotonic() - start:.0f} s")


def show(tiles, problems) -> None:
    for problem, command in problems:
        console.warn(f"{problem}; {command}" if command else problem)
    console.say(", ".join(f"{value} {what}" for value, what in tiles))


if __name__ == "__main__":
    console.run_stage(main)
