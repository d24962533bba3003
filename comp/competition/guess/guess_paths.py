"""Labels that stand in no table but in the photos' paths: the folder, or the beginning of the file name."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import pandas as pd

from comp.competition.guess.guess_lines import Line, some, undecided
from comp.competition.guess.guess_tables import SampleTable
from comp.competition.guess.guess_target import METRIC, POSITIVE_WORDS

IN_NAME = re.compile(r"(?P<label>[^/]*?[A-Za-z])(?P<sign>[._-])\d+\.\w+")  # cat.0.jpg
COPIES = 0.8  # of the file names must stand in every folder to be copies of one photo


def path_lines(photos: Iterable[str], sample: SampleTable | None) -> list[Line]:
    """train_images, target, metric and group from the paths of the training photos; empty where those tell no label."""
    photos = sorted(path for path in photos if not any(part.lower().startswith("test") for part in path.split("/")))
    for look in (_in_folders, _in_names):
        found = look(photos)
        if found:
            template, labels, reason = found
            images = Line("train_images", template, reason)
            return [*_target(sorted(set(labels)), sample), images, *_copies(photos, labels, template)]
    return []


def _in_folders(photos: list[str]) -> tuple[str, list[str], str] | None:
    """A folder a class: the one place in the path, before the file name, where names differ."""
    parts = [path.split("/") for path in photos]
    depth = Counter(map(len, parts)).most_common(1)[0][0] if parts else 0
    parts = [part for part in parts if len(part) == depth]
    places = [k for k in range(depth - 1) if len({part[k] for part in parts}) > 1]
    if len(places) != 1 or len(parts) < 0.9 * len(photos):
        return None
    labels = [part[places[0]] for part in parts]
    if min(Counter(labels).values()) < 2:
        return None
    folders = [*parts[0][: places[0]], "{label}", *parts[0][places[0] + 1 : -1]]
    kinds = sorted(set(labels))
    return "/".join([*folders, "{file}"]), labels, f"{len(kinds)} folders, taken for classes: {some(kinds)}"


def _in_names(photos: list[str]) -> tuple[str, list[str], str] | None:
    """A word and a number, as cat.0.jpg, in one folder."""
    matches = [IN_NAME.fullmatch(path.rsplit("/", 1)[-1]) for path in photos]
    folders = {path.rpartition("/")[0] for path in photos}
    if not photos or len(folders) != 1 or not all(matches):
        return None
    labels = [match["label"] for match in matches]
    signs, kinds = {match["sign"] for match in matches}, sorted(set(labels))
    if len(signs) != 1 or len(kinds) < 2 or len(kinds) > len(photos) / 2:
        return None
    extensions = {path.rsplit(".", 1)[-1] for path in photos}
    end = extensions.pop() if len(extensions) == 1 else "*"
    folder = folders.pop()
    template = f"{folder}/" * bool(folder) + f"{{label}}{signs.pop()}{{number}}.{end}"
    return template, labels, f"the file names begin with {len(kinds)} words, taken for classes: {some(kinds)}"


def _target(kinds: list[str], sample: SampleTable | None) -> list[Line]:
    """Two classes and one number in the sample: a probability; one number and more classes: undecided which."""
    answers = sample.table[sample.answers[0]] if sample and len(sample.answers) == 1 else pd.Series([], dtype=str)
    numbers = len(answers) and pd.to_numeric(answers, errors="coerce").notna().all()
    probability = numbers and not set(answers) <= set(kinds)
    if not probability:
        metric = "log_loss" if sample and set(kinds) <= set(sample.answers) else "accuracy"
        return [Line("target", "multiclass", f"{len(kinds)} classes in the paths", check=sample is None),
                Line("metric", metric, METRIC, check=True)]  # fmt: skip
    lines = [Line("target", "binary", "the sample holds one number a photo", check=len(kinds) != 2),
             Line("metric", "auc", METRIC, check=True)]  # fmt: skip
    if len(kinds) != 2:
        return [*lines, undecided("positive", f"the classes whose probability is asked for, of {some(kinds)}")]
    known = [kind for kind in kinds if kind.lower() in POSITIVE_WORDS]
    positive = known[0] if len(known) == 1 else kinds[1]
    return [*lines, Line("positive", positive, f"whose probability is asked for, of {some(kinds)}", check=True)]


def _copies(photos: list[str], labels: list[str], template: str) -> list[Line]:
    """File names that stand in every folder are copies of one photo: they must stay in one fold."""
    folders = defaultdict(set)
    for path, label in zip(photos, labels, strict=False):
        folders[path.rsplit("/", 1)[-1]].add(label)
    shared = sum(len(where) == len(set(labels)) for where in folders.values())
    if not template.endswith("{file}") or shared < COPIES * len(folders):
        return []
    return [Line("group", "file", "the same file names stand in every folder: copies of one photo")]
