"""Drawn faces with the files of the home competition (mask x gender x age), for which this toolkit was written first.

The faces are drawn with OpenCV; they are NOT photos of people.

    train/train.csv        id,gender,race,age,path: one row for each person
    train/images/<path>/   seven pictures of each person: mask1 … mask5, incorrect_mask, normal
    eval/info.csv          ImageID,ans: the sample submission, in which every ans is 0
    eval/images/<ImageID>  pictures of people who are not in train
    answers.csv            ImageID,ans: the true classes, only for the leaderboard

Skin, head, hair and features of a person are equal in all seven pictures. Pose, light, clothes and background change.
Gender and age show through noisy cues. Two cues are still visible in a picture of 32 pixels: how far the hair reaches
and how grey it is. So a small model can learn from scratch in a minute.
"""

from pathlib import Path

import cv2
import joblib
import numpy as np
import pandas as pd
from drawing.look import make_look
from drawing.picture import MASKS, draw_picture

QUALITY = 85  # quality of JPEG files
SHOTS = {f"mask{i}": 0 for i in range(1, 6)} | {"incorrect_mask": 1, "normal": 2}
SUFFIXES = (".jpg", ".jpg", ".jpg", ".jpg", ".jpeg", ".JPG", ".png", ".PNG")
TEST_PEOPLE_FROM = 1_000_000  # first index of test people, so that their faces do not depend on the number in train
UNDER_30, WOMEN, OLD = 0.51, 0.61, 0.06  # shares about as in the real table; OLD: the share aged 60 of each gender


def draw(folder: Path, settings: dict) -> None:
    """Draw the whole competition into a new folder. settings: has the keys people, test_people and seed."""
    seed = settings["seed"]
    train = train_table(roster(settings["people"], np.random.default_rng([seed, 0, 0])), seed)
    test = roster(settings["test_people"], np.random.default_rng([seed, 0, 1]))
    jobs = [*train_jobs(folder, train, seed), *write_test_tables(folder, test, seed)]
    train.to_csv(folder / "train/train.csv", index=False)
    joblib.Parallel(n_jobs=-1)(joblib.delayed(draw_person)(*job) for job in jobs)
    write_junk(folder, train)


def roster(people: int, rng: np.random.Generator) -> pd.DataFrame:
    """The table of people with columns gender and age, in random order.

    The shares of gender and age are exact rather than drawn, because every fold needs each class.
    """
    old = max(1, round(OLD * people))
    women, rows = min(max(2, round(WOMEN * people) - old), people - 2 * old - 2), []
    for gender, others in (("female", women), ("male", people - 2 * old - women)):
        young = max(1, round(UNDER_30 * others - 0.01))
        low, high = [(np.arange(n) + 0.5) / n for n in (young, others - young)]  # even quantiles
        # none near the limits of the groups: 29 and 31, or 58 and 60, look alike
        ages = [*(18 + 8 * low), *(36 + 14 * high), *[60] * old]
        rows += [(gender, int(age)) for age in ages]
    return pd.DataFrame(rows, columns=["gender", "age"]).iloc[rng.permutation(people)].reset_index(drop=True)


def train_table(people: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The content of train.csv. people: from `roster`.

    As in the real table, `id` is not unique and not always a number, and `path` is unique.
    """
    numbers = np.random.default_rng([seed, 0, 2]).integers(1, 60, len(people)).cumsum()
    ids = [f"{number:06d}" for number in numbers]
    ids[2] = "003397-1"
    first = people.iloc[0]
    other = people.index[(people["gender"] != first["gender"]) & (people.index > 2)][0]
    ids[other] = ids[0]
    paths = [f"{i}_{p.gender}_Asian_{p.age}" for i, p in zip(ids, people.itertuples(), strict=True)]
    return pd.DataFrame({"id": ids, "gender": people["gender"], "race": "Asian", "age": people["age"], "path": paths})


def train_jobs(folder: Path, train: pd.DataFrame, seed: int) -> list[tuple]:
    """Make the folders of the training pictures. Returns the arguments of draw_person for each person."""
    suffixes = np.random.default_rng([seed, 0, 3]).choice(SUFFIXES, (len(train), len(SHOTS)))
    jobs = []
    for p in train.itertuples():
        home = folder / "train/images" / p.path
        home.mkdir(parents=True)
        files = [home / f"{shot}{suffix}" for shot, suffix in zip(SHOTS, suffixes[p.Index], strict=True)]
        jobs.append((p.gender, p.age, files, [seed, 1, p.Index]))
    return jobs


def write_test_tables(folder: Path, test: pd.DataFrame, seed: int) -> list[tuple]:
    """Write info.csv and answers.csv. Returns the arguments of draw_person for each person.

    Rows are sorted by the random names of the pictures, which shuffles the people.
    """
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
    """The class 0 … 17. It does not use the toolkit's code, because the answers test this code."""
    return mask * 6 + (gender == "female") * 3 + (age >= 30) + (age >= 60)


def write_junk(folder: Path, train: pd.DataFrame) -> None:
    """Write files that a Mac leaves in archives. The toolkit must skip these files."""
    (folder / "train/images/.DS_Store").write_bytes(b"junk")
    for path in train["path"][::20]:
        (folder / "train/images" / path / "._mask1.jpg").write_bytes(b"junk")


def draw_person(gender: str, age: int, files: list[Path], seed: list[int]) -> None:
    """Draw the seven pictures of a person into `files`, which are in the order of SHOTS. seed: that of the person."""
    cv2.setNumThreads(1)  # there is one worker per core already
    rng = np.random.default_rng(seed)
    look = make_look(gender == "female", age, rng)
    masks = rng.permutation(len(MASKS))
    for i, (file, mask) in enumerate(zip(files, SHOTS.values(), strict=True)):
        picture = draw_picture(look, mask, MASKS[masks[i % len(MASKS)]], rng)
        kind = file.suffix.lower()
        options = [] if kind == ".png" else [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        _, data = cv2.imencode(kind, picture[..., ::-1], options)
        file.write_bytes(data.tobytes())
