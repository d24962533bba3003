"""Draw faces, and write them in the files of the competition that this toolkit was first written for.

In this competition, a class combines mask, gender and age. The faces are drawn with OpenCV; they are NOT photos of
people. These files are written:

    train/train.csv        id,gender,race,age,path: one row for each person
    train/images/<path>/   seven pictures of each person: mask1 … mask5, incorrect_mask, normal
    eval/info.csv          ImageID,ans: the sample submission, in which every ans is 0
    eval/images/<ImageID>  pictures of people who are not in train
    answers.csv            ImageID,ans: the true classes of the test pictures, for the test scores

Skin, head, hair and features of a person are equal in all seven pictures. Pose, light, clothes and background change.
Several features of a face depend on gender and age, but not exactly. Two of them are still visible in a picture of 32
pixels: the length of the hair and how grey it is. So a small model can learn from scratch in a minute.
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
SUFFIXES = (*[".jpg"] * 10, ".jpeg", ".JPG", ".png", ".PNG")
TEST_PEOPLE_FROM = 1_000_000  # first index of test people, so that their faces do not depend on the number in train
UNDER_30, WOMEN, OLD = 0.51, 0.61, 0.06  # shares about as in the real table; OLD: the share aged 60 of each gender


def draw(folder: Path, settings: dict) -> None:
    """Write all files and pictures of the competition into a new folder.

    settings: a dictionary with the keys people and test_people, the numbers of people to draw, and seed.
    """
    seed = settings["seed"]
    train = train_table(roster(settings["people"], np.random.default_rng([seed, 0, 0])), seed)
    test = roster(settings["test_people"], np.random.default_rng([seed, 0, 1]))
    jobs = [*train_jobs(folder, train, seed), *write_test_tables(folder, test, seed)]
    train.to_csv(folder / "train/train.csv", index=False)
    joblib.Parallel(n_jobs=-1)(joblib.delayed(draw_person)(*job) for job in jobs)
    write_junk(folder, train)


def roster(people: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return a table with the columns gender and age, and a row for each person in random order.

    people: the number of people. The number of people of each gender and age is not random, so that each class has
    enough people for every fold.
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
    """Return the table train.csv. people: the gender and age of each person.

    As in the real competition, `id` is not unique and not always a number, while `path` is unique.
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
    """Make the folders of the training pictures. Return the arguments of `draw_person` for each person."""
    suffixes = np.random.default_rng([seed, 0, 3]).choice(SUFFIXES, (len(train), len(SHOTS)))
    jobs = []
    for p in train.itertuples():
        home = folder / "train/images" / p.path
        home.mkdir(parents=True)
        files = [home / f"{shot}{suffix}" for shot, suffix in zip(SHOTS, suffixes[p.Index], strict=True)]
        jobs.append((p.gender, p.age, files, [seed, 1, p.Index]))
    return jobs


def write_test_tables(folder: Path, test: pd.DataFrame, seed: int) -> list[tuple]:
    """Write info.csv and answers.csv. Return the arguments of `draw_person` for each person.

    The rows of both files are sorted by the names of the pictures. The names are random, so the people are shuffled.
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
    """Return the number of the class, from 0 to 17. mask: 0 is worn, 1 is worn wrongly, 2 is no mask.

    The formula is written again here instead of calling the toolkit, so that the answers can reveal a mistake there.
    """
    return mask * 6 + (gender == "female") * 3 + (age >= 30) + (age >= 60)


def write_junk(folder: Path, train: pd.DataFrame) -> None:
    """Write some files like those that macOS adds to archives. The toolkit must skip them."""
    (folder / "train/images/.DS_Store").write_bytes(b"junk")
    for path in train["path"][::20]:
        (folder / "train/images" / path / "._mask1.jpg").write_bytes(b"junk")


def draw_person(gender: str, age: int, files: list[Path], seed: list[int]) -> None:
    """Draw the seven pictures of a person, and write them to `files`, whose order is that of SHOTS."""
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
