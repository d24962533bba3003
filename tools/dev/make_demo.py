"""Make the files of a small competition to try the toolkit: drawn faces, or scikit-learn's handwritten digits.

reads   nothing
writes  <dest>/: the competition's files (see drawing/faces.py and drawing/digits.py), answers.csv with the true answers
        of the test photos, and demo.json with the settings of the demo

The faces are drawn; they are NOT photos of people. Their files and classes are those of the competition that this
toolkit was first written for, in which a class combines mask, gender and age. The digits are real.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from drawing import digits, faces

VERSIONS = {"faces": 4, "digits": 1}  # raise the version if the pictures change, so that older demos are drawn again


def main() -> None:
    args = arguments()
    settings = chosen(args)
    if is_drawn(args.dest, settings):
        print(f"the demo in {args.dest} is already drawn with these settings")
        return
    draw_competition(args.dest, settings)
    if args.comp == "digits":
        print(f"wrote 1,797 handwritten digits to {args.dest}: one half to train on, the other half to predict")
        return
    print(
        f"drew into {args.dest}: {args.people} people with {len(faces.SHOTS) * args.people} photos to train on, and "
        f"{args.test_people} other people with {len(faces.SHOTS) * args.test_people} photos to predict"
    )
    print("the faces are drawn, not photographed")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comp", choices=VERSIONS, default="faces", help="the competition to draw")
    parser.add_argument("--dest", type=Path, default=Path("inputs/demo"), help="folder to write to")
    parser.add_argument("--people", type=int, default=150, help="faces: number of people to train on, 7 photos each")
    parser.add_argument("--test-people", type=int, default=54, help="faces: number of people to predict, 7 photos each")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the drawing")
    args = parser.parse_args()
    if min(args.people, args.test_people) < 6:
        parser.error("--people and --test-people must be at least 6, so that each age group has each gender")
    return args


def chosen(args: argparse.Namespace) -> dict:
    """Return the settings that demo.json will have: the kind of demo, the seed, and the numbers of people."""
    settings = {"version": VERSIONS[args.comp], "seed": args.seed}
    if args.comp == "digits":
        return {"comp": "digits", **settings}
    return settings | {"people": args.people, "test_people": args.test_people}


def is_drawn(dest: Path, settings: dict) -> bool:
    """Return whether the folder `dest` already has the demo with exactly these settings.

    If `dest` exists but was not written by this script, exit with an error, because a new demo replaces the folder.
    """
    if not dest.exists():
        return False
    if not all((dest / name).is_file() for name in ("answers.csv", "demo.json")):
        sys.exit(
            f"error: {dest} exists and is not a demo (answers.csv or demo.json is missing)\n"
            "expected: a folder that does not exist yet, or an earlier demo\n"
            "run:      the same command with another --dest"
        )
    return json.loads((dest / "demo.json").read_text()) == settings


def draw_competition(dest: Path, settings: dict) -> None:
    """Write the competition to a temporary folder, and then rename this folder to `dest`.

    So `dest` is complete whenever it exists, even if the script was interrupted.
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
