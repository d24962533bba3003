"""Guess the labels of a competition without a training table, from the paths of its photos.

The labels are the names of folders, as in train/cat/1.jpg, or the beginnings of the file names, as in train/cat.1.jpg.
Folders such as train and valid only say how the photos were split, so their names are no labels.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from comp.competition.competition_toml import GuessedLine, some_of, undecided_line
from comp.inputs import path_templates
from comp.inputs.cell_values import to_numbers
from comp.inputs.guess_columns import METRIC, checked_names, positive_line
from comp.inputs.guess_tables import SampleTable

IN_NAME = re.compile(r"(?P<label>[^/]*?[A-Za-z])(?P<sign>[._-])\d+\.\w+")  # cat.0.jpg
COPIES = 0.8  # if at least this share of the file names is in every class folder, equal names mean copies of a photo

# ---- folders that say how the photos were split

SPLITS = {  # word in the name of a folder: the part of the data that the folder holds
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev", "eval", "evaluation"), "valid"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
CONTENT = (
    r"s|sets?|data|datasets?|images?|imgs?|photos?|pics?|pictures?|files?|folders?|stg|stage|part|seg|public|private"
)
SPLIT = re.compile(rf"({'|'.join(sorted(SPLITS, key=len, reverse=True))})({CONTENT})?")
OTHER = re.compile(CONTENT)


def split_of(folder: str) -> str:
    """Return which part of the data a folder holds, by its name: "train", "valid", "test", or "" for any other name.

    All words of the name must speak of the split or of files, as in test_images and TrainingSet, but not test_tube.
    """
    matches = [(word, SPLIT.fullmatch(word)) for word in _words(folder)]
    found = [match[1] for _, match in matches if match]
    rest = all(match or OTHER.fullmatch(word) for word, match in matches)
    return SPLITS[found[0]] if len(found) == 1 and rest else ""


def _words(folder: str) -> list[str]:
    """Return the words of a folder name in lower case, such as train and images for trainImages2."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+", folder)]


def _are_splits(folders: set[str]) -> bool:
    """Return whether folders side by side only split the photos, as train and valid, or birds_train and birds_val."""
    rests = {tuple(word for word in _words(folder) if not SPLIT.fullmatch(word)) for folder in folders}
    with_word = all(any(map(SPLIT.fullmatch, _words(folder))) for folder in folders)
    return len(folders) > 1 and (all(map(split_of, folders)) or (with_word and len(rests) == 1))


def _part(path: str) -> str:
    """Return the part of the data to which a photo belongs: "train", "valid", "test" or "" if its path does not say it.

    The first folder that says it decides, because a class may have such a name too. In a folder that does not say it, a
    file name such as test_1.jpg shows a test photo.
    """
    *folders, name = path.split("/")
    part = next(filter(None, map(split_of, folders)), "")
    return part or ("test" if re.match(r"test(?![a-z])", name, re.IGNORECASE) else "")


# ---- labels


def path_lines(photos: Iterable[str], sample: SampleTable | None, unread: Iterable[str] = ()) -> list[GuessedLine]:
    """Guess the labels from the paths of the photos, if there is no training table. Return lines for competition.toml.

    The lines are for the keys target, metric, train_images and, if needed, positive and group. If the paths contain no
    labels, the only line asks the user to decide.
    photos: paths relative to the inputs folder; photos in a folder such as test or test_images are ignored, and other
    photos too if there is a folder such as train; sample: the sample submission, or None if there is none; unread: the
    tables that cannot be read, for the question.
    """
    part_of = {path: _part(path) for path in sorted(photos)}
    for parts in (("train", "valid"), ("train",), ("", "train", "valid")):
        chosen = [path for path, part in part_of.items() if part in parts]
        labelled = ("train" in part_of.values() or "" in parts) and (_in_folders(chosen) or _in_names(chosen))
        if labelled:
            template, label_of, reason = labelled
            more = some_of(sorted({path.split("/")[0] for path in _also_matched(template, part_of, label_of)}))
            reason += f"; it also takes the photos in {more}" if more else ""
            images = GuessedLine("train_images", template, reason, check=bool(more))
            kinds = sorted(set(label_of.values()))
            return [*checked_names(_target(kinds, sample), kinds), images, *_copies(label_of, template)]
    return [_no_labels(list(part_of), list(unread))]


def _also_matched(template: str, photos: Iterable[str], label_of: dict[str, str]) -> list[str]:
    """Return the photos that a template such as {split}/{label}/{file} matches although they got no label."""
    expression = re.compile(path_templates.pattern(template))
    return [path for path in photos if path not in label_of and expression.fullmatch(path)]


def _no_labels(photos: list[str], unread: list[str]) -> GuessedLine:
    folders = sorted({path.rpartition("/")[0] for path in photos} - {""})
    where = f"the photos are in {some_of(folders)}" if folders else "the photos are in no folder"
    what = f"no table names training photos; {where}. Name a table, or write train_images with {{label}} for the part "
    what += "of the path that is the label, such as train/{label}/{file}"
    what += f"; these tables cannot be read (see above): {some_of(unread, 4)}" if unread else ""
    return undecided_line("train", what)


def _in_folders(photos: list[str]) -> tuple[str, dict[str, str], str] | None:
    """Take folder names as labels, such as cat for train/cat/1.jpg, if the photo paths differ in exactly one folder.

    They may also differ in a folder such as train or valid. Return the template of the paths, such as
    train/{label}/{file} or {split}/{label}/{file}, a dictionary from the path of each photo to its label, and the
    reason for the guess. Return None if the paths differ in several folders or in none, or if a label has only one
    photo. Up to 10 % of the photos may be in more or fewer nested folders than the others. They get no label.
    photos: sorted paths.
    """
    parts = {path: path.split("/") for path in photos}
    depth = Counter(map(len, parts.values())).most_common(1)[0][0] if parts else 0
    parts = {path: part for path, part in parts.items() if len(part) == depth}
    folders, places = _places(list(parts.values()))
    if len(places) != 1 or len(parts) < 0.9 * len(photos):
        return None
    label_of = {path: part[places[0]] for path, part in parts.items()}
    if min(Counter(label_of.values()).values()) < 2:
        return None
    folders[places[0]] = "{label}"
    kinds = sorted(set(label_of.values()))
    return "/".join([*folders, "{file}"]), label_of, f"{len(kinds)} folders, taken for classes: {some_of(kinds)}"


def _places(paths: list[list[str]]) -> tuple[list[str], list[int]]:
    """Return the folders that all paths have in common, and the positions of the folders in which the paths differ.

    Folders such as train and valid are no such difference. They become {split} in the first result.
    paths: the parts of each path; all paths have equally many.
    """
    folders = list(paths[0][:-1]) if paths else []
    places = [k for k in range(len(folders)) if len({path[k] for path in paths}) > 1]
    splits = [k for k in places if _are_splits({path[k] for path in paths})][:1]
    for k in splits:
        folders[k] = "{split}"
    return folders, [k for k in places if k not in splits]


def _in_names(photos: list[str]) -> tuple[str, dict[str, str], str] | None:
    """Take the beginning of each file name as the label of the photo, such as cat for cat.0.jpg.

    Return the template of the paths, such as train/{label}.{number}.jpg, a dictionary from the path of each photo to
    its label, and the reason for the guess. Return None if the photos are in several folders other than train and
    valid, if a file name does not consist of a label and a number, or if the labels are all equal or hardly repeat.
    """
    matches = [IN_NAME.fullmatch(path.rsplit("/", 1)[-1]) for path in photos]
    parts = [path.split("/") for path in photos]
    if not photos or len(set(map(len, parts))) != 1 or not all(matches):
        return None
    folders, places = _places(parts)
    labels = [match["label"] for match in matches]
    signs, kinds = {match["sign"] for match in matches}, sorted(set(labels))
    if places or len(signs) != 1 or len(kinds) < 2 or len(kinds) > len(photos) / 2:
        return None
    extensions = {path.rsplit(".", 1)[-1] for path in photos}
    end = extensions.pop() if len(extensions) == 1 else "*"
    return (
        "/".join([*folders, f"{{label}}{signs.pop()}{{number}}.{end}"]),
        dict(zip(photos, labels, strict=True)),
        f"the file names begin with {len(kinds)} words, taken for classes: {some_of(kinds)}",
    )


def _target(kinds: list[str], sample: SampleTable | None) -> list[GuessedLine]:
    """Guess the target from the classes in the photo paths. Return lines for competition.toml.

    The lines are for the keys target, metric and, if the target is binary, positive. The target is binary if only one
    column of the sample submission has numbers in all rows, and these are not class names, because such numbers are
    taken for probabilities. Otherwise it is multiclass. If a binary target has more than two class names, the line for
    positive asks the user to decide.
    kinds: the names of the classes in the paths, sorted; sample: the sample submission, or None if there is none.
    """
    columns = [sample.table[name] for name in sample.answers] if sample else []
    of_numbers = [column for column in columns if len(column) and to_numbers(column).notna().all()]
    probability = len(of_numbers) == 1 and not set(of_numbers[0]) <= set(kinds)
    by_class = bool(sample) and set(kinds) <= set(sample.answers)
    unclear = len(columns) != 1 and not by_class
    if not probability:
        return [
            GuessedLine("target", "multiclass", f"{len(kinds)} classes in the paths", check=unclear),
            GuessedLine("metric", "log_loss" if by_class else "accuracy", METRIC, check=True),
        ]
    lines = [
        GuessedLine(
            "target", "binary", "the sample submission holds one number per photo", check=unclear or len(kinds) != 2
        ),
        GuessedLine("metric", "auc", METRIC, check=True),
    ]
    if len(kinds) != 2:
        what = f"the classes whose probability is wanted, one or more of {some_of(kinds)}"
        return [*lines, undecided_line("positive", what)]
    return [*lines, positive_line(kinds)]


def _copies(label_of: dict[str, str], template: str) -> list[GuessedLine]:
    """Return the line for the key `group` in a list if all class folders have the same file names, and otherwise [].

    Files with the same name, such as cat/1.jpg and dog/1.jpg, are then taken for copies of one photo, which must stay
    in one fold. It is enough if 80 % of the file names (COPIES) are in every class folder.
    label_of: the label of each photo, by its path; template: the template of the photo paths, such as
    train/{label}/{file}. If it does not end in {file}, the list is empty.
    """
    folders = defaultdict(set)
    for path, label in label_of.items():
        folders[path.rsplit("/", 1)[-1]].add(label)
    count = len(set(label_of.values()))
    shared = sum(len(where) == count for where in folders.values())
    if not template.endswith("{file}") or shared < COPIES * len(folders):
        return []
    reason = "every class folder has the same file names, so files with equal names may be copies of one photo"
    return [GuessedLine("group", "file", reason)]
