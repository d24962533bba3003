"""Draw a small competition to try the toolkit on: faces, or scikit-learn's handwritten digits.

reads   nothing
writes  <dest>/: the competition's files (see drawing/faces.py and drawing/digits.py), answers.csv with the true answers
        of the test photos, and demo.json with the settings that it was drawn with

The faces are drawn, they are NOT photos of people; their files lie as those of the home competition do (mask x gender x
age, the one that this toolkit was written for first). The digits are real.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from drawing import digits, faces

VERSIONS = {"faces": 3, "digits": 1}  # raise one if its pictures change: then older demos are drawn anew


def main() -> None:
    args = arguments()
    settings = chosen(args)
    if is_drawn(args.dest, settings):
        print(f"already drawn: {args.dest}")
        return
    draw_competition(args.dest, settings)
    if args.comp == "digits":
        print(f"wrote 1,797 handwritten digits, one half to train on and one to predict, into {args.dest}")
        return
    print(
        f"drew {args.people} people with {len(faces.SHOTS) * args.people} photos to train on, and {args.test_people} "
        f"others with {len(faces.SHOTS) * args.test_people} to predict, into {args.dest}"
    )
    print("the faces are drawn, not photographed")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comp", choices=VERSIONS, default="faces", help="which competition")
    parser.add_argument("--dest", type=Path, default=Path("inputs/demo"), help="folder to draw into")
    parser.add_argument("--people", type=int, default=150, help="faces: people to train on, seven photos each")
    parser.add_argument("--test-people", type=int, default=54, help="faces: people to predict, seven photos each")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    args = parser.parse_args()
    if min(args.people, args.test_people) < 6:
        parser.error("--people and --test-people: at least 6, one for each gender and age group")
    return args


def chosen(args: argparse.Namespace) -> dict:
    """The settings of a demo, as demo.json holds them."""
    settings = {"version": VERSIONS[args.comp], "seed": args.seed}
    if args.comp == "digits":
        return {"comp": "digits", **settings}
    return settings | {"people": args.people, "test_people": args.test_people}


def is_drawn(dest: Path, settings: dict) -> bool:
    """Whether dest holds exactly this demo. Exits if dest is not a demo: this tool must not replace it."""
    if not dest.exists():
        return False
    if not all((dest / name).is_file() for name in ("answers.csv", "demo.json")):
        sys.exit(
            f"error: {dest} is there and is no demo (it has no answers.csv and demo.json)\n"
            "expected: a new folder, or one that this tool drew; give another --dest"
        )
    return json.loads((dest / "demo.json").read_text()) == settings


def draw_competition(dest: Path, settings: dict) -> None:
    """Draw the competition into a folder next to dest, then rename it, so that dest is whole or does not exist."""
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
