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
from dataclasses import dataclass
from pathlib import Path

import cv2
import joblib
import numpy as np
import pandas as pd

VERSION = 2  # of the drawing: raise it where pictures change, and older demos are drawn anew
HEIGHT, WIDTH, QUALITY = 512, 384, 85
SHOTS = {f"mask{i}": 0 for i in range(1, 6)} | {"incorrect_mask": 1, "normal": 2}
SUFFIXES = (".jpg", ".jpg", ".jpg", ".jpg", ".jpeg", ".JPG", ".png", ".PNG")
TEST_PEOPLE_FROM = 1_000_000  # indices of test people: their faces do not depend on the number of train people
UNDER_30, WOMEN, OLD = 0.51, 0.61, 0.06  # shares as in the real table; OLD: aged 60, for each gender (a bit more)
SKINS = ((255, 224, 196), (246, 208, 172), (236, 190, 150), (222, 172, 130))
HAIRS = ((28, 24, 26), (44, 32, 28), (66, 44, 32), (92, 60, 38))
VIVID = ((150, 70, 40), (190, 130, 60), (170, 60, 100), (70, 60, 130))  # dyed, mostly by the young
MASKS = ((244, 246, 250), (150, 200, 235), (36, 36, 42), (245, 180, 200), (150, 205, 165), (205, 190, 235))


# ---- who there is


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


# ---- what lasts: a person's look


@dataclass(frozen=True)
class Look:
    """What a person keeps over the pictures. Lengths in face units (1 = half a face's width), colours RGB 0 … 255."""

    skin: np.ndarray
    hair: np.ndarray
    lips: np.ndarray
    clothes: np.ndarray
    grey: float  # share of white strands
    wrinkles: float  # 0 … 1
    blush: float  # 0 … 1
    width: float
    jaw: float  # 2 is an ellipse, more is squarer
    length: float  # how far down the hair reaches: -0.5 above the ears, 1.6 on the shoulders
    hairline: float  # y of the hairline, forehead
    fringe: float  # side of the parting, -1 … 1
    eyes: float  # distance from the middle
    brows: float  # thickness
    lashes: float
    nose: float
    beard: float  # 0 … 1
    glasses: bool


def make_look(woman: bool, age: int, rng: np.random.Generator) -> Look:
    """Draw a look. Each cue has noise of its own around what gender and apparent age suggest."""
    seen = age + rng.normal(0, 1.5)  # the apparent age: 58 and 60 cannot be told apart
    cue = np.clip(woman + rng.normal(0, 0.2), -0.3, 1.3)  # the apparent gender, 0 … 1

    def ramp(low, high, noise=0.08):
        return float(np.clip((seen - low) / (high - low) + rng.normal(0, noise), 0, 1))

    grey = ramp(30, 60) * (0.3 if rng.random() < 0.06 else 1)  # some dye it
    base = pick(VIVID if rng.random() < 0.5 * (seen < 32) else HAIRS, rng)
    return Look(
        skin=mix(pick(SKINS, rng), (196, 150, 116), 0.55 * ramp(22, 62)),
        hair=mix(base, (228, 228, 232), grey**1.6), grey=grey, wrinkles=ramp(26, 60), blush=1 - ramp(24, 36),
        lips=mix((178, 112, 98), (214, 50, 76), cue), clothes=rng.uniform(60, 230, 3),
        width=rng.normal(0.99, 0.04) - 0.05 * cue, jaw=2.75 - 0.65 * cue + rng.normal(0, 0.12),
        length=-0.45 + 1.9 * cue + rng.normal(0, 0.3), hairline=-0.74 - (0.3 - 0.2 * cue) * ramp(25, 60, 0.2),
        fringe=rng.uniform(-0.8, 0.8), eyes=rng.normal(0.43, 0.025), brows=0.115 - 0.06 * cue + rng.normal(0, 0.01),
        lashes=cue, nose=rng.normal(0.17, 0.02) - 0.03 * cue,
        beard=float(np.clip(rng.normal(0.9 - 1.6 * cue, 0.35), 0, 1)), glasses=rng.random() < 0.12 + 0.2 * ramp(30, 60),
    )


def pick(colours: tuple, rng: np.random.Generator) -> np.ndarray:
    """One of the colours, a bit off."""
    return np.clip(np.array(colours[rng.integers(len(colours))]) + rng.normal(0, 5, 3), 0, 255)


def mix(a, b, share: float) -> np.ndarray:
    """Colour a with a share of colour b."""
    return np.asarray(a) * (1 - share) + np.asarray(b) * share


# ---- what changes: one picture


class Pen:
    """Draws on RGB uint8 (H, W, 3) in face units: x right, y down, the bridge of the nose at (0, 0)."""

    def __init__(self, canvas: np.ndarray, scale: float, angle: float, centre: np.ndarray):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self.canvas, self.scale, self.matrix, self.centre = canvas, scale, turn * scale, centre

    def pixels(self, points) -> np.ndarray:
        """Face units (N, 2) to sixteenths of pixels, OpenCV's shift=4."""
        return np.round((np.asarray(points) @ self.matrix.T + self.centre) * 16).astype(np.int32)

    def fill(self, points, colour, alpha: float = 1.0) -> None:
        top = self.canvas.copy() if alpha < 1 else self.canvas
        cv2.fillPoly(top, [self.pixels(points)], tuple(map(float, colour)), cv2.LINE_AA, 4)
        if alpha < 1:
            cv2.addWeighted(top, alpha, self.canvas, 1 - alpha, 0, self.canvas)

    def oval(self, x: float, y: float, rx: float, ry: float, colour, alpha: float = 1.0) -> None:
        self.fill(outline(x, y, rx, ry), colour, alpha)

    def line(self, points, colour, width: float) -> None:
        thickness = max(1, round(width * self.scale))
        cv2.polylines(self.canvas, [self.pixels(points)], False, tuple(map(float, colour)), thickness, cv2.LINE_AA, 4)


def outline(x: float, y: float, rx: float, ry: float, power: float = 2.0) -> np.ndarray:
    """Points (48, 2) of a superellipse: power 2 is an ellipse, more is squarer."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([x + rx * np.sign(c) * abs(c) ** (2 / power), y + ry * np.sign(s) * abs(s) ** (2 / power)], 1)


def curve(a, b, c) -> np.ndarray:
    """Points (12, 2) from a to c, bent towards b."""
    t = np.linspace(0, 1, 12)[:, None]
    return (1 - t) ** 2 * np.array(a) + 2 * t * (1 - t) * np.array(b) + t**2 * np.array(c)


def draw_picture(look: Look, mask: int, mask_colour, rng: np.random.Generator) -> np.ndarray:
    """RGB uint8 (512, 384, 3) of this person with the mask worn (0), worn wrongly (1) or off (2)."""
    centre = np.array([WIDTH / 2, HEIGHT / 2 - 5]) + rng.normal(0, 8, 2)
    pen = Pen(background(rng), rng.normal(98, 4), rng.normal(0, 0.05), centre)
    draw_body(pen, look, rng)
    draw_head(pen, look)
    draw_features(pen, look, rng)
    draw_hair(pen, look, rng)
    if mask < 2:
        draw_mask(pen, look, mask, mask_colour, rng)
    return through_a_camera(pen.canvas, rng)


def background(rng: np.random.Generator) -> np.ndarray:
    """A wall in two colours with a few soft shapes: what is behind says nothing."""
    top, bottom = rng.uniform(90, 235, (2, 3))
    share = np.linspace(0, 1, HEIGHT)[:, None, None]
    canvas = np.tile((1 - share) * top + share * bottom, (1, WIDTH, 1)).astype(np.uint8)
    pen = Pen(canvas, 1.0, 0.0, np.zeros(2))
    for _ in range(4):
        pen.oval(*rng.uniform(0, [WIDTH, HEIGHT]), *rng.uniform(20, 110, 2), rng.uniform(60, 245, 3), 0.5)
    return canvas


def draw_body(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """Hair behind the head, neck, shoulders."""
    if look.length > 0:
        pen.fill(outline(0, (look.length - 1.5) / 2, 1.22 * look.width, (look.length + 1.5) / 2, 3.2), 0.8 * look.hair)
    pen.fill([(-0.42, 0.6), (0.42, 0.6), (0.5, 1.9), (-0.5, 1.9)], 0.84 * look.skin)
    colour = np.clip(look.clothes + rng.normal(0, 45, 3), 20, 245)
    pen.fill(outline(0, 3.0, rng.normal(1.9, 0.06), 1.42, 2.6), colour)
    pen.fill(curve((-0.5, 1.62), (0, 2.2), (0.5, 1.62)), 0.9 * look.skin)


def draw_head(pen: Pen, look: Look) -> None:
    """Ears and face; spots, cheeks and wrinkles on it."""
    skin, w = look.skin, look.width
    for side in (-1, 1):
        pen.oval(side * w, 0.12, 0.15, 0.26, 0.9 * skin)
    pen.fill(outline(0, 0.05, w, 1.27, look.jaw), skin)
    for side in (-1, 1):
        pen.oval(side * 0.62, 0.28, 0.25, 0.2, (250, 110, 120), 0.6 * look.blush)
    draw_wrinkles(pen, look)


def draw_wrinkles(pen: Pen, look: Look) -> None:
    """Lines of forehead, eyes and mouth; deeper and darker with age."""
    if look.wrinkles < 0.1:
        return
    ink, width = look.skin * (1 - 0.42 * look.wrinkles), 0.02 + 0.035 * look.wrinkles
    for i in range(round(3 * look.wrinkles)):
        y = -0.5 - 0.13 * i
        pen.line(curve((-0.5, y), (0, y - 0.07), (0.5, y)), ink, width)
    for s in (-1, 1):
        pen.line(curve((s * 0.2, 0.36), (s * 0.42, 0.45), (s * 0.43, 0.72)), ink, width)
        pen.line(curve((s * 0.24, 0.1), (s * 0.42, 0.2), (s * 0.62, 0.08)), ink, width)
        for lift in (-0.12, 0.0, 0.1):
            pen.line([(s * 0.68, lift / 2 - 0.03), (s * 0.86, lift - 0.03)], ink, width * look.wrinkles)


def draw_features(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """Eyes, brows, nose, beard, mouth, glasses."""
    draw_eyes(pen, look, rng.normal(0, 0.025), float(np.clip(rng.normal(0.1, 0.015), 0.05, 0.14)))
    shade = 0.78 * look.skin
    pen.line(curve((0.03, 0.0), (0.1, 0.2), (look.nose, 0.36)), shade, 0.03)
    pen.line(curve((-look.nose, 0.36), (0, 0.47), (look.nose, 0.36)), shade, 0.045)
    if look.beard > 0.2:
        beard = np.concatenate([curve((-0.86, 0.5), (-0.6, 1.35), (0, 1.3)), curve((0, 1.3), (0.6, 1.35), (0.86, 0.5)),
                                curve((0.7, 0.5), (0, 0.42), (-0.7, 0.5))])
        pen.fill(beard, mix(look.hair, (40, 40, 50), 0.4), 0.35 * look.beard)
    smile = rng.normal(0.1, 0.06)
    upper, lower = curve((-0.3, 0.72), (0, 0.64), (0.3, 0.72)), curve((0.3, 0.72), (0, 0.86 + smile), (-0.3, 0.72))
    pen.fill(np.concatenate([upper, lower]), look.lips)
    pen.line(curve((-0.32, 0.72), (0, 0.72 + smile), (0.32, 0.72)), 0.55 * look.lips, 0.03)


def draw_eyes(pen: Pen, look: Look, gaze: float, opened: float) -> None:
    """Both eyes with lids, lashes and brows; glasses."""
    for s in (-1, 1):
        x = s * look.eyes
        pen.oval(x, 0, 0.19, opened, (250, 250, 248))
        pen.oval(x + gaze, 0, 0.095, min(0.095, opened), (52, 34, 28))
        pen.oval(x + gaze - 0.03, -0.03, 0.03, 0.03, (255, 255, 255))
        pen.line(curve((x - 0.2, 0.0), (x, -2 * opened), (x + 0.2, 0.0)), (35, 25, 25), 0.025 + 0.04 * look.lashes)
        brow = curve((x - s * 0.22, -0.27), (x, -0.4), (x + s * 0.26, -0.28))
        pen.line(brow, mix(look.hair, (40, 30, 30), 0.5), look.brows)
        if look.glasses:
            pen.line(outline(x, 0.02, 0.33, 0.25, 2.6)[np.arange(49) % 48], (50, 45, 60), 0.035)
    if look.glasses:
        pen.line([(-0.1, -0.03), (0.1, -0.03)], (50, 45, 60), 0.035)


def draw_hair(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """Hair before the head: a cap down to the hairline, locks at the sides, strands of grey."""
    w, part = look.width, 0.5 * look.fringe
    sides = max(look.length, -0.5) if look.length < 0.3 else min(look.length, 1.5)
    top, parting = (0, -1.55), (part, look.hairline - 0.12)
    cap = [curve((1.08 * w, -0.3), (1.25 * w, -1.62), top), curve(top, (-1.25 * w, -1.62), (-1.08 * w, -0.3)),
           curve((-0.93 * w, -0.3), (-0.75 * w, look.hairline), parting),
           curve(parting, (0.75 * w, look.hairline), (0.93 * w, -0.3))]
    pen.fill(np.concatenate(cap), look.hair)
    for s in (-1, 1):
        pen.fill([(s * 0.9 * w, -0.5), (s * 1.14 * w, -0.5), (s * 1.17 * w, sides), (s * 0.97 * w, sides)], look.hair)
    for x in rng.uniform(-0.9, 0.9, 14):
        light = (240, 240, 245) if rng.random() < look.grey else 1.25 * look.hair + 8
        strand = curve((part + 0.3 * (x - part), -1.48), (x, -1.35), (x, look.hairline - 0.12))
        pen.line(strand, mix(look.hair, light, 0.6), 0.02)


def draw_mask(pen: Pen, look: Look, mask: int, colour, rng: np.random.Generator) -> None:
    """A mask with its straps: over nose and mouth, or wrongly under the nose, at the chin, over eyes or forehead."""
    wrong = ((0.5, 1.3), (0.5, 1.3), (0.92, 1.5), (-0.32, 0.3), (-0.95, -0.3))  # top and bottom, y
    top, bottom = wrong[rng.integers(len(wrong))] if mask == 1 else (0.1, 1.28)
    top, bottom = np.array([top, bottom]) + rng.normal(0, 0.03, 2)
    w, rise = 0.93 * look.width, 0.1 if mask == 0 else 0.04
    shape = np.concatenate([curve((-w, top + 0.14), (0, top - 2 * rise), (w, top + 0.14)),
                            curve((w, top + 0.14), (0.95 * w, bottom), (0, bottom + 0.05)),
                            curve((0, bottom + 0.05), (-0.95 * w, bottom), (-w, top + 0.14))])
    for s in (-1, 1):
        pen.line([(s * w, top + 0.16), (s * 1.05 * look.width, 0.0)], (235, 235, 235), 0.03)
    pen.fill(shape, colour)
    decorate(pen, shape, mix(colour, 255 - np.array(colour), 0.22), int(rng.integers(4)), rng)


def decorate(pen: Pen, shape: np.ndarray, ink: np.ndarray, style: int, rng: np.random.Generator) -> None:
    """A rim, and pleats, dots, a seam down the middle, or nothing more."""
    (left, top), (right, bottom) = shape.min(0), shape.max(0)
    pen.line([*shape, shape[0]], ink, 0.025)
    if style == 0:
        for y in top + np.array([0.35, 0.55, 0.75]) * (bottom - top):
            pen.line(curve((0.8 * left, y - 0.03), (0, y + 0.04), (0.8 * right, y - 0.03)), ink, 0.025)
    if style == 1:
        low, high = (0.6 * left, 0.75 * top + 0.25 * bottom), (0.6 * right, bottom - 0.15)
        for x, y in rng.uniform(low, high, (14, 2)):
            pen.oval(x, y, 0.05, 0.05, ink)
    if style == 2:
        pen.line([(0, top + 0.1), (0, bottom)], ink, 0.03)


def through_a_camera(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Uneven light, white balance, contrast, blur and noise on uint8 (H, W, 3)."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    light = 1 + rng.normal(0, 0.09) * x + rng.normal(0, 0.07) * y
    gain = (rng.normal(1, 0.07) * rng.normal(1, 0.025, 3)).astype(np.float32)
    picture = canvas * light[..., None].astype(np.float32) * gain
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.8))
    noise = cv2.resize(rng.normal(0, 6, (HEIGHT // 2, WIDTH // 2, 3)).astype(np.float32), (WIDTH, HEIGHT))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
