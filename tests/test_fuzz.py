"""The fuzz: a seed gives one competition, and the judge finds each kind of wrong file."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools/dev"))
from fuzzing.competition import Drawn, Photo, Table, draw
from fuzzing.judge import judge_folds, judge_submission, wrong_guesses

CLASSES = ["cat", "dog", "fox"]
PROBS = np.array([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]])
FORMS = {  # answer: target, columns to fill, the right fields of the two rows, fields of the second row that are wrong
    "label": ("multiclass", ["y"], (["dog"], ["cat"]), (["dog"], ["Cat"], ["0"], [""])),
    "probability": ("binary", ["y"], (["0.5"], ["0.1"]), (["0.7"], ["0.2"], ["0.1002"])),
    "probabilities": ("multiclass", CLASSES, (["0.2", "0.5", "0.3"], ["0.7", "0.1", "0.2"]), (["0.1", "0.7", "0.2"],)),
    "labels": ("multilabel", ["y"], (["dog"], ["cat"]), (["cat dog"], ["fox"], [""], ["cat,"])),
    "ranking": ("multiclass", ["y"], (["dog fox cat"], ["cat fox dog"]), (["cat dog fox"], ["cat fox"], ["fox"])),
    "number": ("ordinal", ["y"], (["2.1"], ["1.5"]), (["0.5"], ["1.501"], ["2"])),
}


def competition(answer: str) -> Drawn:
    target, columns, _, _ = FORMS[answer]
    classes = ["1", "2", "3"] if target == "ordinal" else CLASSES
    photos = [Photo(f"{i}.png", (classes[i % 3],), f"g{i // 2}", f"{i}.png") for i in range(6)]
    sample = Table(["id", *columns], [[name, *["0"] * len(columns)] for name in ("a", "b")])
    return Drawn(
        seed=0,
        target=target,
        answer=answer,
        classes=classes,
        separator=" ",
        photos=photos,
        test={"a": ["a.png"], "b": ["b.png"]},
        columns={name: name if len(columns) > 1 else "" for name in columns},
        sample=sample,
        id="id",
        keys={"metric": "accuracy", "target": target, "label": "y"},
    )


@pytest.mark.parametrize("answer", FORMS)
def test_the_judge_accepts_the_right_submission_and_no_other(tmp_path, answer):
    drawn, (_, columns, (first, second), wrong) = competition(answer), FORMS[answer]
    np.savez(tmp_path / "test.npz", ids=["b", "a"], classes=drawn.classes, probs=PROBS[::-1])
    header, right = ["id", *columns], [["a", *first], ["b", *second]]

    def problems(*rows) -> list[str]:
        (tmp_path / "submission.csv").write_bytes(Table(rows[0], list(rows[1:])).bytes())
        return judge_submission(drawn, tmp_path, tmp_path / "test.npz")

    assert problems(header, *right) == []
    for fields in wrong:
        assert problems(header, right[0], ["b", *fields]), fields
    for rows in ([right[1], right[0]], [right[0]], [right[0], right[1], right[1]], [right[0], ["B", *second]]):
        assert problems(header, *rows), rows
    assert problems([*header[:-1], "z"], *right)


def test_the_judge_finds_wrong_labels_and_photos_and_groups_in_folds(tmp_path):
    drawn = competition("label")
    drawn.grouped = True
    (tmp_path / "competition.json").write_text(json.dumps({"competition": {"classes": CLASSES}}))
    right = [[photo.path, photo.group, str(i % 3), str(i // 2 % 2)] for i, photo in enumerate(drawn.photos)]

    def problems(rows) -> list[str]:
        (tmp_path / "folds.csv").write_bytes(Table(["image", "group", "label", "fold"], rows).bytes())
        return judge_folds(drawn, tmp_path)

    assert problems(right) == []
    assert problems(right[1:])
    for column, value in ((0, "other.png"), (1, "g1"), (2, "1"), (3, "1")):
        assert problems([[*right[0][:column], value, *right[0][column + 1 :]], *right[1:]]), column


def test_the_judge_finds_guesses_that_contradict_the_drawing():
    drawn = competition("labels")
    assert wrong_guesses(drawn, {"target": "multilabel", "label": "y"}) == []
    for key, value in {"target": "multiclass", "label": "id", "separator": ",", "group": "id"}.items():
        assert wrong_guesses(drawn, {"target": "multilabel", "label": "y", key: value}) == [key]


def test_a_seed_gives_the_same_competition_and_seeds_differ():
    first, again = ([draw(seed) for seed in range(20)] for _ in range(2))
    assert first == again
    assert len({json.dumps(drawn.keys) for drawn in first}) > 10
    assert any(drawn.refusable for drawn in first)
    assert any(not drawn.refusable for drawn in first)
