"""Measure the default recipe on seven small competitions of real photos: one for each kind of target.

reads   DATA/faces18, DATA/mask3 (see SOURCES), scikit-learn's digits, and a file with pretrained weights
writes  WORK/<case>/: a competition, its outputs, case.json, train.csv and test.csv for peers.py; WORK/results.csv

    python tools/dev/suite.py run --data DATA --weights tf_efficientnet_lite0.safetensors --work WORK --name before
    python tools/dev/suite.py run --data DATA --weights WEIGHTS --work WORK --name embed --stage embed
    python tools/dev/suite.py score --work WORK --name fastai      # predictions that peers.py has written
    python tools/dev/suite.py table --work WORK
    python tools/dev/suite.py compare --work WORK --name ours --other fastai

A case is one of these competitions with all, a third or a tenth of its training groups. Each case is divided into three
folds by groups. Its run is trained with the default recipe, at 64 px. It is scored with the competition's metric out of
fold, and on held-back photos. For all, the simplest decision is taken, such as the most probable class. Minutes are
minutes of processor time. A case that has a row in results.csv is not measured again.
"""

import argparse
import csv
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

TOOLS = Path(__file__).parent.parent
sys.path.insert(0, str(TOOLS.parent))

from drawing import digits  # noqa: E402  is in tools/dev/

from comp.blending import bootstrap  # noqa: E402
from comp.blending.compare import Part, differences  # noqa: E402
from comp.competition import scoring  # noqa: E402
from comp.competition.scored_rows import ScoredRows  # noqa: E402
from comp.prediction.facts import facts_of  # noqa: E402
from comp.project import Project  # noqa: E402
from comp.recipes import catalog  # noqa: E402
from comp.recipes.automatic import resolved_recipe  # noqa: E402
from comp.store.external_predictions import read_external_file  # noqa: E402
from comp.store.predictions import Predictions  # noqa: E402
from comp.submission.true_answers import read_truth  # noqa: E402

KINDS = {"number": "years", "grades": "grade", "two_classes": "female", "labels": "traits"}  # files in faces18/kinds
SOURCES = ("number", "grades", "two_classes", "labels", "classes18", "classes3", "digits")
FRACTIONS = {"all": 1.0, "third": 1 / 3, "tenth": 0.1}
MODEL, SIZE, FOLDS = "tf_efficientnet_lite0", 64, 3
GROUPS = ("person", "photo")  # columns with the groups of the held-back photos
INTERVAL = (0.025, 0.975)  # quantiles of the scores of a bootstrap over groups
HELD_BACK = 0.22  # share of the groups of classes3 that are held back
FIELDS = ("name", "case", "seed", "metric", "oof", "low", "high", "held_back", "minutes", "epochs")
TOML = """\
target = "multiclass"
metric = "macro_f1"
train = "train.csv"
train_images = "images/{image}"
test_images = "images/{image}"
label = "class"
group = "photo"
sample = "sample_submission.csv"
"""

# ---- the competitions


def make_inputs(kind: str, share: float, data: Path, weights: Path, inputs: Path) -> None:
    """Write the folder of a competition with a share of its training groups. The photos are links.

    kind: a name in SOURCES. data: the folder with faces18 and mask3. weights: the file with pretrained weights.
    """
    if kind == "digits":
        digits.draw(inputs, 0)
        toml = inputs / "competition.toml"
        toml.write_text(re.sub("(?m)^defaults.*\n", "", toml.read_text()))  # nobody has told the toolkit about mirrors
        _keep_groups(inputs / "train.csv", inputs / "train.csv", "id", share)
    elif kind == "classes3":
        _three_classes(data / "mask3", inputs, share)
    else:
        _faces(kind, data / "faces18", inputs, share)
    (inputs / "weights").mkdir()
    (inputs / "weights" / f"{MODEL}.safetensors").symlink_to(weights.resolve())


def _faces(kind: str, source: Path, inputs: Path, share: float) -> None:
    inputs.mkdir(parents=True)
    (inputs / "eval").symlink_to((source / "eval").resolve())
    (inputs / "train").mkdir()
    (inputs / "train" / "images").symlink_to((source / "train/images").resolve())
    if kind == "classes18":
        _keep_groups(source / "train/train.csv", inputs / "train/train.csv", "id", share)
        answers, people = (pd.read_csv(source / file, dtype=str) for file in ("answers.csv", "kinds/answers.csv"))
        people.index = people["image"].str.rpartition("/")[2]
        answers.assign(person=people["person"].reindex(answers["ImageID"]).to_numpy()).to_csv(
            inputs / "answers.csv", index=False
        )
        return
    name, kinds = KINDS[kind], inputs / "kinds"
    kinds.mkdir()
    _keep_groups(source / "kinds/train.csv", kinds / "train.csv", "person", share)
    for file in (f"{name}_sample_submission.csv", "answers.csv"):
        (kinds / file).symlink_to((source / "kinds" / file).resolve())
    (inputs / "competition.toml").write_text((source / f"kinds/{name}.toml").read_text())
    (inputs / "answers.csv").symlink_to((source / "kinds/answers.csv").resolve())


def _three_classes(source: Path, inputs: Path, share: float) -> None:
    inputs.mkdir(parents=True)
    table = pd.read_csv(source / "train.csv", dtype=str)
    (inputs / "images").symlink_to((source / "images").resolve())
    held_back = table["photo"].isin(_drawn(table["photo"], HELD_BACK, seed=1))
    table[~held_back].to_csv(inputs / "train.csv", index=False)
    table[held_back].to_csv(inputs / "answers.csv", index=False)
    asked = table[held_back][["image", "class"]].assign(**{"class": "with_mask"})
    asked.to_csv(inputs / "sample_submission.csv", index=False)
    (inputs / "competition.toml").write_text(TOML)
    _keep_groups(inputs / "train.csv", inputs / "train.csv", "photo", share)


def _keep_groups(source: Path, target: Path, column: str, share: float) -> None:
    table = pd.read_csv(source, dtype=str)
    table[table[column].isin(_drawn(table[column], share))].to_csv(target, index=False)


def _drawn(groups: pd.Series, share: float, seed: int = 0) -> np.ndarray:
    """Return a random share of the different values in `groups`. A smaller share is a part of a larger one."""
    names = np.unique(groups)
    return np.random.default_rng(seed).permutation(names)[: max(1, round(share * len(names)))]


def prepare(kind: str, size: str, given: argparse.Namespace) -> Path:
    """Make the folder of a case with its folds, unless it exists. Return the folder."""
    case = given.work / f"{kind}-{size}"
    if not (case / "case.json").is_file():
        if not (case / "inputs").exists():
            make_inputs(kind, FRACTIONS[size], given.data, given.weights, case / "inputs")
        script("make_folds", case, given.threads, f"FOLDS={FOLDS}", f"SEED={given.folds_seed}")
        _write_for_peers(case)
    return case


def _write_for_peers(case: Path) -> None:
    project = project_of(case)
    competition, folds, test = project.competition, project.folds, project.test_rows
    folder = (case / "inputs").resolve()
    train = folds[["image", "label", "group", "fold"]]
    if competition.target != "regression":
        names = [[competition.classes[int(c)] for c in str(text).split()] for text in folds["label"].fillna("")]
        train = train.assign(label=[competition.separator.join(row) for row in names])
    train.to_csv(case / "train.csv", index=False)
    test[["id", "image"]].to_csv(case / "test.csv", index=False)
    content = {
        "name": case.name,
        "photos": str(folder),
        "target": competition.target,
        "metric": competition.metric.name,
        "classes": list(competition.classes),
        "separator": competition.separator,
        "model": MODEL,
        "weights": str((folder / "weights" / f"{MODEL}.safetensors").resolve()),
        "image_size": SIZE,
        "epochs": automatic_epochs(project),
    }
    (case / "case.json").write_text(json.dumps(content, indent=1) + "\n")


def automatic_epochs(project: Project) -> int:
    """Return the number of epochs of the default recipe, which the peers get, too."""
    recipe = catalog.get_recipe(MODEL, project.competition.defaults)
    return resolved_recipe(recipe, project.competition, facts_of(project, recipe)).epochs


def project_of(case: Path) -> Project:
    return Project(case / "inputs", case / "outputs")


# ---- training and scoring


def script(name: str, case: Path, threads: int, *options: str) -> None:
    """Run a script of tools/ for a case. Its output is appended to log.txt. Exits with an error if the script fails."""
    places = [f"INPUTS={case / 'inputs'}", f"OUTPUTS={case / 'outputs'}"]
    environment = os.environ | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    with (case / "log.txt").open("a") as log:
        command = [sys.executable, str(TOOLS / f"{name}.py"), *places, *options]
        if subprocess.run(command, check=False, stdout=log, stderr=log, env=environment).returncode:
            sys.exit(f"error: {name} failed for {case}; see {case / 'log.txt'}")


def train(case: Path, name: str, seed: int, given: argparse.Namespace) -> dict:
    """Make a run of a case with its default settings, by training or by `embed`. Return its row of results.csv."""
    run, before = f"{name}_seed{seed}", _minutes_of_scripts()
    changes = f"image_size={SIZE} {given.set}".strip()
    seeds = [f"SEED={seed}"] if given.stage == "train_fold" else []  # frozen features are the same for all seeds
    script(given.stage, case, given.threads, f"MODEL={MODEL}", f"RUN={run}", f"SET={changes}", *seeds)
    minutes = _minutes_of_scripts() - before
    project = project_of(case)
    row = row_of(project, name, seed, *predictions_of(project, name, seed), minutes)
    if given.stage == "train_fold":
        row["epochs"] = json.loads(project.run(run).recipe.read_text())["recipe"]["epochs"]
    return row


def _minutes_of_scripts() -> float:
    """Return the minutes of processor time that all scripts so far have taken. Other programs hardly change them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) / 60


def peer(case: Path, name: str, seed: int) -> dict | None:
    """Return the row of results.csv for a peer's predictions in the case's folder, or None if there are none."""
    folder = case / f"{name}_seed{seed}"
    if not (folder / "test.csv").is_file():  # it is written last
        return None
    project = project_of(case)
    minutes = json.loads((folder / "minutes.json").read_text())["minutes"]
    row = row_of(project, name, seed, *predictions_of(project, name, seed), minutes)
    return row | {"epochs": json.loads((case / "case.json").read_text())["epochs"]}


def predictions_of(project: Project, name: str, seed: int) -> tuple[np.ndarray, Predictions]:
    """Return the out-of-fold predictions (N, C) and the test predictions of our run, or of a peer."""
    folder = project.inputs.parent / f"{name}_seed{seed}"
    if not folder.is_dir():
        return project.predictions(folder.name)
    oof, test = (read_external_file(folder / f"{part}.csv", project.competition) for part in ("oof", "test"))
    return oof.at(project.folds["image"]), test


def row_of(project: Project, name: str, seed: int, oof: np.ndarray, test: Predictions, minutes: float) -> dict:
    """Score predictions out of fold, with a 95 % interval from a bootstrap over groups, and on the held-back photos."""
    metric, rows, others = project.competition.metric, project.scored_rows, held_back_rows(project)
    low, high = sorted(metric.shown(np.nanquantile(drawn_scores(rows, oof), INTERVAL)))
    return {
        "name": name,
        "case": project.inputs.parent.name,
        "seed": seed,
        "metric": metric.name,
        "oof": round(metric.shown(scoring.score(project.competition, rows.labels, oof)), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "held_back": round(metric.shown(scoring.score(project.competition, others.labels, test.at(others.ids))), 4),
        "minutes": round(minutes, 2),
    }


def held_back_rows(project: Project) -> ScoredRows:
    """Return the held-back photos, which have no fold. Without a known group, each photo is a group."""
    file = project.inputs / "answers.csv"
    ids, labels = read_truth(file, project.competition)
    table = pd.read_csv(file, dtype=str)
    column = next((name for name in GROUPS if name in table), None)
    groups = table[column].to_numpy() if column else ids
    return ScoredRows(project.competition, ids, labels, np.full(len(ids), -1), groups)


def drawn_scores(rows: ScoredRows, probs: np.ndarray) -> np.ndarray:
    """Return the scores (R,) of predictions in R rounds of a bootstrap over groups; higher is better."""
    competition = rows.competition
    names, group = np.unique(rows.groups, return_inverse=True)
    answers = scoring.predictions(competition, competition.metric, probs)
    sums = bootstrap.sums_of_predictions(competition, rows.labels, group, len(names), [answers])
    return bootstrap.bootstrap_scores(sums, len(names))[0]


# ---- the table


def results(work: Path) -> pd.DataFrame:
    file = work / "results.csv"
    return pd.read_csv(file) if file.is_file() else pd.DataFrame(columns=FIELDS)


def add(work: Path, row: dict) -> None:
    """Append a row to results.csv and print it."""
    new = not (work / "results.csv").exists()
    with (work / "results.csv").open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if new:
            writer.writeheader()
        writer.writerow(row)
    print(*(f"{key}={value}" for key, value in row.items()), flush=True)


def show(work: Path) -> None:
    """Print a Markdown table with a row for each case, and the mean over seeds of each name in results.csv."""
    table = results(work)
    names = list(dict.fromkeys(table["name"]))
    print("| case | metric |" + "".join(f" {name} |" for name in names))
    print("|---|---|" + "---|" * len(names))
    for case, rows in table.groupby("case", sort=False):
        cells = [_cell(rows[rows["name"] == name]) for name in names]
        print(f"| {case} | {rows['metric'].iloc[0]} |" + "".join(f" {cell} |" for cell in cells))


def _cell(rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    mean = rows[["oof", "low", "high", "held_back", "minutes"]].mean()
    return f"{mean.oof:.3f} ({mean.low:.3f} to {mean.high:.3f}), {mean.held_back:.3f}; {mean.minutes:.1f} min"


def compare(given: argparse.Namespace) -> None:
    """Print for each case by how much --name is better than --other, out of fold and held back, with 95 % intervals.

    A difference is the mean over the seeds that both have. It is above 0 if --name is better. The intervals are those
    of `make compare`: with several seeds, they also cover the luck of a seed.
    """
    done = results(given.work)
    print(f"| case | metric | {given.name} better than {given.other}, out of fold | held back | seeds |")
    print("|---|---|---|---|---|")
    for case in dict.fromkeys(f"{kind}-{size}" for kind, size, _ in wanted(given)):
        names = done[done["case"] == case].groupby("seed")["name"].agg(set)
        seeds = [seed for seed in given.seeds if {given.name, given.other} <= names.get(seed, set())]
        if seeds:
            print(_line_of_differences(project_of(given.work / case), given.name, given.other, seeds))


def _line_of_differences(project: Project, name: str, other: str, seeds: list[int]) -> str:
    ours, theirs = ([predictions_of(project, each, seed) for seed in seeds] for each in (name, other))
    others = held_back_rows(project)
    cells = [
        _difference(project.scored_rows, *([oof for oof, _ in several] for several in (ours, theirs))),
        _difference(others, *([test.at(others.ids) for _, test in several] for several in (ours, theirs))),
    ]
    return f"| {project.inputs.parent.name} | {project.competition.metric.name} | {' | '.join(cells)} | {len(seeds)} |"


def _difference(rows: ScoredRows, ours: list[np.ndarray], theirs: list[np.ndarray]) -> str:
    """Return by how much our predictions are better, with its interval, as a text. The lists have one for each seed."""
    competition, metric = rows.competition, rows.competition.metric
    first, second = ([scoring.predictions(competition, metric, each) for each in several] for several in (theirs, ours))
    group = np.unique(rows.groups, return_inverse=True)[1]
    difference = differences({"all": Part(competition, rows.labels, first, second)}, group)["all"]
    low, high = sorted(map(metric.shown, difference.interval))
    return f"{metric.shown(difference.value):+.3f} ({low:+.3f} to {high:+.3f})"


# ---- the command line


def main() -> None:
    given = arguments()
    if given.do == "table":
        show(given.work)
    elif given.do == "compare":
        compare(given)
    else:
        measure(given)


def measure(given: argparse.Namespace) -> None:
    """Add a row to results.csv for each case and seed that has none yet."""
    for kind, size, seed in wanted(given):
        case = f"{kind}-{size}"
        done = results(given.work)
        if ((done["name"] == given.name) & (done["case"] == case) & (done["seed"] == seed)).any():
            continue
        folder = prepare(kind, size, given)
        row = train(folder, given.name, seed, given) if given.do == "run" else peer(folder, given.name, seed)
        if row:
            add(given.work, row)


def wanted(given: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    for seed in given.seeds:
        for size in given.sizes:
            for kind in given.kinds:
                yield kind, size, seed


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("run", "score", "table", "compare"))
    parser.add_argument("--data", type=Path, help="folder with faces18 and mask3")
    parser.add_argument("--weights", type=Path, help=f"file with timm's ImageNet weights of {MODEL}")
    parser.add_argument("--work", type=Path, required=True, help="folder for the cases and results.csv")
    parser.add_argument("--name", default="ours", help="name of these runs in results.csv")
    parser.add_argument("--other", default="fastai", help="with which name `compare` compares")
    parser.add_argument("--stage", choices=("train_fold", "embed"), default="train_fold", help="what makes the runs")
    parser.add_argument("--kinds", nargs="+", choices=SOURCES, default=SOURCES)
    parser.add_argument("--sizes", nargs="+", choices=FRACTIONS, default=list(FRACTIONS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--folds-seed", type=int, default=0)
    parser.add_argument("--set", default="", help="further settings of the run, such as epochs=6")
    parser.add_argument("--threads", type=int, default=0, help="OMP_NUM_THREADS of the training; 0: all cores")
    return parser.parse_args()


if __name__ == "__main__":
    main()
