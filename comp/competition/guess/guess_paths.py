"""Guess labels from the paths of the photos: from the folder, or from the beginning of the file name."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import pandas as pd

from comp.competition.guess.guess_lines import Line, some, undecided
from comp.competition.guess.guess_tables import SampleTable
from comp.competition.guess.guess_target import METRIC, POSITIVE_WORDS

IN_NAME = re.compile(r"(?P<label>[^/]*?[A-Za-z])(?P<sign>[._-])\d+\.\w+")  # cat.0.jpg
COPIES = 0.8  # share of file names that must be in every folder to be taken for copies of one photo


def path_lines(photos: Iterable[str], sample: SampleTable | None) -> list[Line]:
    """The lines of train_images, target, metric and group; empty if the paths contain no labels."""
    photos = sorted(path for path in photos if not any(part.lower().startswith("test") for part in path.split("/")))
    for search in (_in_folders, _in_names):
        found = search(photos)
        if found:
            template, labels, reason = found
            images = Line("train_images", template, reason)
            return [*_target(sorted(set(labels)), sample), images, *_copies(photos, labels, template)]
    return []


def _in_folders(photos: list[str]) -> tuple[str, list[str], str] | None:
    """One folder per class: exactly one level of folders in the paths has different names."""
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
    """All photos are in one folder, and each name is a word and a number, such as cat.0.jpg."""
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
    """One number per photo in the sample is a probability; with more than two classes, of which is undecided."""
    answers = sample.table[sample.answers[0]] if sample and len(sample.answers) == 1 else pd.Series([], dtype=str)
    numbers = len(answers) and pd.to_numeric(answers, errors="coerce").notna().all()
    probability = numbers and not set(answers) <= set(kinds)
    if not probability:
        metric = "log_loss" if sample and set(kinds) <= set(sample.answers) else "accuracy"
        return [Line("target", "multiclass", f"{len(kinds)} classes in the paths", check=sample is None),
                Line("metric", metric, METRIC, check=True)]  # fmt: skip
    lines = [Line("target", "binary", "the sample holds one number per photo", check=len(kinds) != 2),
             Line("metric", "auc", METRIC, check=True)]  # fmt: skip
    if len(kinds) != 2:
        return [*lines, undecided("positive", f"the probability of which classes, among {some(kinds)}")]
    known = [kind for kind in kinds if kind.lower() in POSITIVE_WORDS]
    positive = known[0] if len(known) == 1 else kinds[1]
    return [*lines, Line("positive", positive, f"the probability of this class, among {some(kinds)}", check=True)]


def _copies(photos: list[str], labels: list[str], template: str) -> list[Line]:
    """The line of `group` if the same file names are in every folder: copies of one photo must stay in one fold."""
    folders = defaultdict(set)
    for path, label in zip(photos, labels, strict=False):
        folders[path.rsplit("/", 1)[-1]].add(label)
    shared = sum(len(where) == len(set(labels)) for where in folders.values())
    if not template.endswith("{file}") or shared < COPIES * len(folders):
        return []
    return [Line("group", "file", "every folder has the same file names: copies of one photo")]
