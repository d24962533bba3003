"""Draw a small competition to try the toolkit: faces, or scikit-learn's handwritten digits.

reads   nothing
writes  <dest>/: the competition's files (see drawing/faces.py and drawing/digits.py), answers.csv with the true answers
        of the test photos, and demo.json with the settings of the drawing

The faces are drawn; they are NOT photos of people. The files are named as in the home competition (mask x gender x
age), for which this toolkit was written first. The digits are real.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from drawing import digits, faces

VERSIONS = {"faces": 3, "digits": 1}  # raise the version if the pictures change; then older demos are drawn again


def main() -> None:
    args = arguments()
    settings = chosen(args)
    if is_drawn(args.dest, settings):
        print(f"already drawn: {args.dest}")
        return
    draw_competition(args.dest, settings)
    if args.comp == "digits":
        print(f"wrote 1,797 handwritten digits into {args.dest}, one half to train and one half to predict")
        return
    print(
        f"drew {args.people} people with {len(faces.SHOTS) * args.people} photos to train on, and {args.test_people} "
        f"other people with {len(faces.SHOTS) * args.test_people} photos to predict, into {args.dest}"
    )
    print("the faces are drawn, not photographed")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comp", choices=VERSIONS, default="faces", help="the competition to draw")
    parser.add_argument("--dest", type=Path, default=Path("inputs/demo"), help="folder to draw into")
    parser.add_argument("--people", type=int, default=150, help="faces: people to train on, seven photos each")
    parser.add_argument("--test-people", type=int, default=54, help="faces: people to predict, seven photos each")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything that is drawn")
    args = parser.parse_args()
    if min(args.people, args.test_people) < 6:
        parser.error("--people and --test-people must be at least 6, one person for each gender and age group")
    return args


def chosen(args: argparse.Namespace) -> dict:
    """The settings of the demo that the options ask for, in the form of demo.json."""
    settings = {"version": VERSIONS[args.comp], "seed": args.seed}
    if args.comp == "digits":
        return {"comp": "digits", **settings}
    return settings | {"people": args.people, "test_people": args.test_people}


def is_drawn(dest: Path, settings: dict) -> bool:
    """Return whether dest has the demo with exactly these settings.

    If dest exists and is not a demo, exit, because this tool must not replace it.
    """
    if not dest.exists():
        return False
    if not all((dest / name).is_file() for name in ("answers.csv", "demo.json")):
        sys.exit(
            f"error: {dest} exists and is not a demo (answers.csv or demo.json is missing)\n"
            "expected: a new folder, or a folder that this tool drew\n"
            "run:      the same command with another --dest"
        )
    return json.loads((dest / "demo.json").read_text()) == settings


def draw_competition(dest: Path, settings: dict) -> None:
    """Draw the competition into a folder next to dest, then rename the folder to dest.

    So dest is either complete, or it does not exist.
    """
    drawing = dest.with_name(f".{dest.name}.drawing")
    shutil.rmtree(drawing, ignore_errors=True)
    if settings.get("comp") == "digits":
        digits.draw(drawing, settings["seed"])
    else:
        faces.draw(drawing, settings)
    (drawing / "demo.json").write_text(json.dumps(settings) + "\n")
    if dest.exists():
        shutil.rmtree(dest)
    drawing.rename(dest)


if __name__ == "__main__":
    main()
