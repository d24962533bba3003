"""Judge what the stages wrote for a drawn competition, with code that shares nothing with comp/.

Each function returns a list of problems, or a text, which are empty if everything is right.
"""

import csv
import io
import json
from pathlib import Path

import numpy as np
from fuzzing.drawn import Drawn, same


def wrong_guesses(drawn: Drawn, guess: dict) -> list[str]:
    """Return the keys of a guessed competition.toml that contradict what was drawn."""
    own, wrong = drawn.keys, []
    others = {"ordinal": {"multiclass"}, "binary": {"multiclass"}, "multiclass": {"binary"}}.get(drawn.target, set())
    others = others if drawn.answer in ("label", "probabilities") else set()
    if "target" in guess and guess["target"] not in {drawn.target, *others}:
        wrong.append("target")
    if "label" in guess and guess["label"] != own.get("label"):
        wrong.append("label")
    if guess.get("target") == "multilabel" and "label" in guess and not isinstance(guess["label"], list):
        given, drawn_one = guess.get("separator", " "), own.get("separator", " ")
        if (given.strip() or " ") != (drawn_one.strip() or " ") and "target" not in wrong:
            wrong.append("separator")
    if drawn.answer == "probability" and guess.get("positive", own.get("positive")) != own.get("positive"):
        wrong.append("positive")
    if "group" in guess and guess["group"] not in (own.get("group"), own.get("id") if "combine" in own else None):
        wrong.append("group")
    return wrong


def rows_of(data: bytes, encoding: str = "utf-8", separator: str = ",") -> list[list[str]]:
    text = data.decode(encoding).removeprefix("\ufeff")
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]


def judge_folds(drawn: Drawn, outputs: Path) -> list[str]:
    """Return what is wrong in folds.csv: photos, labels, groups."""
    header, *rows = rows_of((outputs / "folds.csv").read_bytes())
    found = {row[header.index("image")]: dict(zip(header, row, strict=True)) for row in rows}
    classes = json.loads((outputs / "competition.json").read_text(encoding="utf-8"))["competition"]["classes"]
    expected = {photo.path: photo for photo in drawn.photos}
    if found.keys() != expected.keys():
        left_out, more = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
        return [f"other photos than drawn: {len(left_out)} missing {left_out[:3]}, {len(more)} too many {more[:3]}"]
    problems = []
    for path, photo in expected.items():
        text = found[path]["label"]
        if drawn.target == "regression":
            right = np.isclose(float(text), number_of(drawn, photo.labels[0]), rtol=1e-6, atol=0)
            written = text
        else:
            written = [classes[int(number)] for number in text.split()]
            right = sorted(map(same, written)) == sorted(map(same, photo.labels))
            right |= sorted(same(name).strip() for name in written) == sorted(same(x).strip() for x in photo.labels)
        if not right:
            problems.append(f"a label: {path} has {written!r}, drawn as {photo.labels!r}")
    problems += _judge_groups(drawn, found)
    return problems[:1]


def number_of(drawn: Drawn, text: str) -> float:
    """Return a drawn label of a regression as a number: its comma stands between thousands or before decimals."""
    return float(text.replace(",", "" if "number: thousands" in drawn.odd else "."))


def _judge_groups(drawn: Drawn, found: dict[str, dict]) -> list[str]:
    folds, texts = {}, {}
    for photo in drawn.photos:
        row = found[photo.path]
        if photo.group and folds.setdefault(photo.group, row["fold"]) != row["fold"]:
            return [f"a group in two folds: {photo.group!r}"]
        if same(texts.setdefault(row["group"], photo.group)) != same(photo.group):
            return [f"two groups made one: {photo.group!r} and {texts[row['group']]!r} are {row['group']!r}"]
    return []


def judge_submission(drawn: Drawn, outputs: Path, *predictions: Path) -> list[str]:
    """Return what is wrong in submission.csv: rows, columns, or an answer that is not that of the mean predictions."""
    sample = drawn.sample
    header, *rows = rows_of((outputs / "submission.csv").read_bytes(), sample.encoding, sample.separator)
    wanted, *blank = rows_of(sample.bytes(), sample.encoding, sample.separator)
    if header != wanted:
        return [f"columns: {header}, expected {wanted}"]
    kept = [i for i, name in enumerate(header) if name not in drawn.columns]
    if [[row[i] for i in kept] for row in rows] != [[row[i] for i in kept] for row in blank]:
        return [f"rows: {rows[:3]}, expected {blank[:3]}"]
    means = {}
    for path in predictions:
        with np.load(path) as arrays:
            classes = arrays["classes"].tolist()
            for name, row in zip(arrays["ids"].tolist(), arrays["probs"].astype(float), strict=True):
                means[name] = means.get(name, 0) + row / len(predictions)
    place, problems = header.index(drawn.id), []
    for row in rows:
        fields = {name: row[header.index(name)] for name in drawn.columns}
        if row[place] not in means:
            return [f"ids: {row[place]!r} is not in the predictions of {sorted(means)[:5]}"]
        problem = judge_answer(drawn, classes, means[row[place]], fields)
        problems += [f"{drawn.answer} answer: {row[place]!r} has {fields}, but {problem}"] if problem else []
    return problems[:1]


def judge_answer(drawn: Drawn, classes: list[str], probs: np.ndarray, fields: dict[str, str]) -> str:
    """Return what is wrong in the answer of one row, or "". probs (C,): the predictions for it, a value per class."""
    by_class = {same(name): p for name, p in zip(classes, probs.tolist(), strict=True)}
    if drawn.target != "regression" and by_class.keys() != {same(name) for name in drawn.classes}:
        if {name.strip() for name in by_class} != {same(name).strip() for name in drawn.classes}:
            return f"the classes are {classes}, drawn as {drawn.classes}"
        by_class = {same(name): by_class.get(same(name), by_class.get(same(name).strip())) for name in drawn.classes}
    text = next(iter(fields.values()))
    if drawn.answer == "probabilities":
        off = [name for name, field in fields.items() if abs(float(field) - by_class[same(drawn.columns[name])]) > 1e-5]
        return f"the probabilities are {by_class}" if off else ""
    if drawn.answer == "probability":
        positive = by_class[same(drawn.classes[1])]
        return "" if abs(float(text) - positive) < 1e-5 else f"the probability of {drawn.classes[1]!r} is {positive}"
    if drawn.answer == "number":
        if drawn.target == "regression":
            known = [number_of(drawn, photo.labels[0]) for photo in drawn.photos]
            values = [probs[0], np.clip(probs[0], min(known), max(known))]  # competition.toml may have limits
        else:
            values = [sum(float(name) * p for name, p in by_class.items())]
        right = any(abs(float(text) - value) <= 1e-4 * abs(value) for value in values)
        return "" if right else f"the predicted number is {values[0]}"
    return _judge_names(drawn, by_class, text)


def _judge_names(drawn: Drawn, by_class: dict[str, float], text: str) -> str:
    spellings = {*drawn.classes, *(name for photo in drawn.photos for name in photo.labels)}
    spellings |= {name.strip() for name in spellings}
    separator = {"labels": drawn.separator, "ranking": " "}.get(drawn.answer)
    names = [name for name in text.split(separator) if name] if separator else [text]
    strange = [name for name in names if name not in spellings]
    if strange:
        return f"{strange[0]!r} is not a class of the training table"
    chosen = np.array([by_class.get(same(name), -1.0) for name in names])
    ordered = sorted(by_class.values(), reverse=True)
    if drawn.answer == "ranking":
        right = _equal(chosen, ordered[: min(3, len(ordered))])
    elif drawn.answer == "labels":
        count = sum(p >= 0.5 for p in ordered) or int(all(photo.labels for photo in drawn.photos))
        right = _equal(np.sort(chosen)[::-1], ordered[:count])
    elif drawn.keys["metric"] == "quadratic_kappa":
        mean = sum(i * by_class[same(name)] for i, name in enumerate(drawn.classes))
        right = abs(drawn.classes.index(names[0]) - mean) <= 0.5 + 1e-6
    else:
        right = chosen[0] >= ordered[0] - 1e-6
    return "" if right else f"the probabilities are {by_class}"


def _equal(found: np.ndarray, expected: list[float]) -> bool:
    return len(found) == len(expected) and np.allclose(found, expected, atol=1e-6)
