"""Draw a small face competition to try the toolkit on. The faces are drawn with OpenCV, they are NOT photos of people.

reads   nothing
writes  <dest>/train/train.csv        id,gender,race,age,path: one row a person
        <dest>/train/images/<path>/   seven pictures a person: mask1 … mask5, incorrect_mask, normal
        <dest>/eval/info.csv          ImageID,ans: the sample submission, ans all 0
        <dest>/eval/images/<ImageID>  pictures of people who are not in train
        <dest>/answers.csv            ImageID,ans: the true classes, for the leaderboard alone
        <dest>/demo.json              the settings that it was drawn with

A person keeps skin, head, hair and features over the seven pictures; pose, light, clothes and background change.
Gender and age show only through noisy cues, so that no model can be right about everyone.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import cv2
import joblib
import numpy as np
import pandas as pd
from drawing.look import make_look
from drawing.picture import MASKS, draw_picture

VERSION = 2  # of the drawing: raise it where pictures change, and older demos are drawn anew
QUALITY = 85  # of JPEG
SHOTS = {f"mask{i}": 0 for i in range(1, 6)} | {"incorrect_mask": 1, "normal": 2}
SUFFIXES = (".jpg", ".jpg", ".jpg", ".jpg", ".jpeg", ".JPG", ".png", ".PNG")
TEST_PEOPLE_FROM = 1_000_000  # indices of test people: their faces do not depend on the number of train people
UNDER_30, WOMEN, OLD = 0.51, 0.61, 0.06  # shares as in the real table; OLD: aged 60, for each gender (a bit more)


def main() -> None:
    args = arguments()
    settings = {"version": VERSION, "people": args.people, "test_people": args.test_people, "seed": args.seed}
    if is_drawn(args.dest, settings):
        print(f"already drawn: {args.dest}")
        return
    draw_competition(args.dest, settings)
    print(f"drew {args.people} people with {len(SHOTS) * args.people} photos to train on, and {args.test_people} "
          f"others with {len(SHOTS) * args.test_people} to predict, into {args.dest}")
    print("the faces are drawn, not photographed")


def arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--dest", type=Path, default=Path("inputs/demo"), help="folder to draw into")
    made.add_argument("--people", type=int, default=96, help="people to train on, seven photos each")
    made.add_argument("--test-people", type=int, default=30, help="people to predict, seven photos each")
    made.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    args = made.parse_args()
    if min(args.people, args.test_people) < 6:
        made.error("--people and --test-people: at least 6, one for each gender and age group")
    return args


def is_drawn(dest: Path, settings: dict) -> bool:
    """Whether dest holds exactly this demo. Exits where dest is something else's folder: it is not ours to replace."""
    if not dest.exists():
        return False
    if not all((dest / name).is_file() for name in ("answers.csv", "demo.json")):
        sys.exit(f"error: {dest} is there and no demo (it has no answers.csv and demo.json)\n"
                 "expected: a new folder, or one that this tool drew; give another --dest")
    return json.loads((dest / "demo.json").read_text()) == settings


def draw_competition(dest: Path, settings: dict) -> None:
    """Draw all of it into a sibling folder, then rename: dest is whole or not there."""
    seed, drawing = settings["seed"], dest.with_name(f".{dest.name}.drawing")
    shutil.rmtree(drawing, ignore_errors=True)
    train = train_table(roster(settings["people"], np.random.default_rng([seed, 0, 0])), seed)
    test = roster(settings["test_people"], np.random.default_rng([seed, 0, 1]))
    jobs = [*train_jobs(drawing, train, seed), *write_test_tables(drawing, test, seed)]
    train.to_csv(drawing / "train/train.csv", index=False)
    joblib.Parallel(n_jobs=-1)(joblib.delayed(draw_person)(*job) for job in jobs)
    write_junk(drawing, train)
    (drawing / "demo.json").write_text(json.dumps(settings) + "\n")
    if dest.exists():
        shutil.rmtree(dest)
    drawing.rename(dest)


def roster(people: int, rng: np.random.Generator) -> pd.DataFrame:
    """Columns gender, age, one row a person in random order. Allocated, not drawn: every fold needs each class."""
    old = max(1, round(OLD * people))
    women, rows = min(max(2, round(WOMEN * people) - old), people - 2 * old - 2), []
    for gender, others in (("female", women), ("male", people - 2 * old - women)):
        young = max(1, round(UNDER_30 * others - 0.01))
        low, high = [(np.arange(n) + 0.5) / n for n in (young, others - young)]  # even quantiles
        # fewer towards the end of each group: 29 and 31, or 58 and 60, look alike
        ages = [*(18 + 12 * low**1.3), *(30 + 30 * high**1.5), *[60] * old]
        rows += [(gender, int(age)) for age in ages]
    return pd.DataFrame(rows, columns=["gender", "age"]).iloc[rng.permutation(people)].reset_index(drop=True)


def train_table(people: pd.DataFrame, seed: int) -> pd.DataFrame:
    """train.csv of a roster. As in real tables `id` is not unique and not always a number; `path` is unique."""
    numbers = np.random.default_rng([seed, 0, 2]).integers(1, 60, len(people)).cumsum()
    ids = [f"{number:06d}" for number in numbers]
    ids[2] = "003397-1"
    first = people.iloc[0]
    other = people.index[(people["gender"] != first["gender"]) & (people.index > 2)][0]
    ids[other] = ids[0]
    paths = [f"{i}_{p.gender}_Asian_{p.age}" for i, p in zip(ids, people.itertuples(), strict=True)]
    return pd.DataFrame({"id": ids, "gender": people["gender"], "race": "Asian", "age": people["age"], "path": paths})


def train_jobs(folder: Path, train: pd.DataFrame, seed: int) -> list[tuple]:
    """Arguments of draw_person for each person of train; makes the folders."""
    suffixes = np.random.default_rng([seed, 0, 3]).choice(SUFFIXES, (len(train), len(SHOTS)))
    jobs = []
    for p in train.itertuples():
        home = folder / "train/images" / p.path
        home.mkdir(parents=True)
        files = [home / f"{shot}{suffix}" for shot, suffix in zip(SHOTS, suffixes[p.Index], strict=True)]
        jobs.append((p.gender, p.age, files, [seed, 1, p.Index]))
    return jobs


def write_test_tables(folder: Path, test: pd.DataFrame, seed: int) -> list[tuple]:
    """Write info.csv and answers.csv; the arguments of draw_person. Sorted by random names, which shuffles people."""
    rng, images, jobs, answers = np.random.default_rng([seed, 0, 4]), folder / "eval/images", [], {}
    images.mkdir(parents=True)
    for p in test.itertuples():
        names = [f"{rng.bytes(20).hex()}.jpg" for _ in SHOTS]
        answers |= {name: true_class(mask, p.gender, p.age) for name, mask in zip(names, SHOTS.values(), strict=True)}
        jobs.append((p.gender, p.age, [images / name for name in names], [seed, 1, TEST_PEOPLE_FROM + p.Index]))
    table = pd.DataFrame({"ImageID": sorted(answers), "ans": [answers[name] for name in sorted(answers)]})
    table.to_csv(folder / "answers.csv", index=False)
    table.assign(ans=0).to_csv(folder / "eval/info.csv", index=False)
    return jobs


def true_class(mask: int, gender: str, age: int) -> int:
    """Class 0 … 17. Written out here too, so that the answers do not rest on the code that they judge."""
    return mask * 6 + (gender == "female") * 3 + (age >= 30) + (age >= 60)


def write_junk(folder: Path, train: pd.DataFrame) -> None:
    """What a Mac leaves behind in real archives: such files are to be skipped by who reads."""
    (folder / "train/images/.DS_Store").write_bytes(b"junk")
    for path in train["path"][::20]:
        (folder / "train/images" / path / "._mask1.jpg").write_bytes(b"junk")


def draw_person(gender: str, age: int, files: list[Path], seed: list[int]) -> None:
    """Draw one person's seven pictures, in the order of SHOTS. All chance is this person's: no worker count matters."""
    cv2.setNumThreads(1)  # one worker a core already
    rng = np.random.default_rng(seed)
    look = make_look(gender == "female", age, rng)
    masks = rng.permutation(len(MASKS))
    for i, (file, mask) in enumerate(zip(files, SHOTS.values(), strict=True)):
        picture = draw_picture(look, mask, MASKS[masks[i % len(MASKS)]], rng)
        kind = file.suffix.lower()
        options = [] if kind == ".png" else [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        _, data = cv2.imencode(kind, picture[..., ::-1], options)
        file.write_bytes(data.tobytes())


if __name__ == "__main__":
    main()
