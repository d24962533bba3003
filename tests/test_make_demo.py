"""The demo: the layout of its drawn competition, its classes, equal bytes from one seed, and folds side by side."""

import hashlib
import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools/dev"))
import demo as demo_script
import make_demo
from drawing import faces

SETTINGS = {"version": make_demo.VERSIONS["faces"], "people": 12, "test_people": 6, "seed": 3}


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    dest = tmp_path_factory.mktemp("drawn") / "demo"
    make_demo.draw_competition(dest, SETTINGS)
    return dest


def bytes_below(folder: Path) -> dict[str, str]:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_layout_is_complete(demo):
    train, info = pd.read_csv(demo / "train/train.csv", dtype=str), pd.read_csv(demo / "eval/info.csv")
    assert list(train) == ["id", "gender", "race", "age", "path"]
    assert len(train) == 12
    assert train["path"].is_unique
    assert not train["id"].is_unique
    for path in train["path"]:
        files = [file for file in (demo / "train/images" / path).iterdir() if not file.name.startswith(".")]
        assert sorted(file.stem for file in files) == sorted(faces.SHOTS)
    assert sorted(info["ImageID"]) == sorted(file.name for file in (demo / "eval/images").iterdir())
    assert (info["ans"] == 0).all()


def test_same_seed_same_bytes(demo, tmp_path):
    make_demo.draw_competition(tmp_path / "again", SETTINGS)
    assert bytes_below(tmp_path / "again") == bytes_below(demo)


def test_classes_agree_with_paths(demo):
    train = pd.read_csv(demo / "train/train.csv", dtype=str)
    for person in train.itertuples():
        assert person.path == f"{person.id}_{person.gender}_Asian_{person.age}"
    groups = {(p.gender, (int(p.age) >= 30) + (int(p.age) >= 60)) for p in train.itertuples()}
    assert len(groups) == 6
    assert pd.to_numeric(train["age"]).between(18, 60).all()
    answers = pd.read_csv(demo / "answers.csv")
    assert set(answers["ans"]) == set(range(18))
    shots = answers["ans"].floordiv(6).value_counts()
    assert [shots[mask] for mask in range(3)] == [5 * 6, 6, 6]


def test_people_of_test_are_not_in_train(demo):
    pictures = bytes_below(demo)
    train = {digest for name, digest in pictures.items() if name.startswith("train/images")}
    test = [digest for name, digest in pictures.items() if name.startswith("eval/images")]
    assert len(test) == len(set(test)) == 6 * 7
    assert not train & set(test)
    jobs = faces.train_jobs(demo.parent / "scratch", pd.read_csv(demo / "train/train.csv", dtype=str), 3)
    assert all(seed[-1] < faces.TEST_PEOPLE_FROM for *_, seed in jobs)


def test_only_its_own_folder_is_replaced(demo, tmp_path):
    assert make_demo.is_drawn(demo, SETTINGS)
    assert not make_demo.is_drawn(demo, {**SETTINGS, "seed": 4})
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(SystemExit, match="is not a demo"):
        make_demo.is_drawn(tmp_path, SETTINGS)


def test_the_digits_are_all_there_half_to_train_on(tmp_path):
    make_demo.draw_competition(tmp_path / "digits", {"comp": "digits", "version": 1, "seed": 0})
    train, test = (pd.read_csv(tmp_path / "digits" / name, dtype=str) for name in ("train.csv", "answers.csv"))
    assert len(train) + len(test) == 1797
    assert not set(train["id"]) & set(test["id"])
    for name, table in (("train", train), ("test", test)):
        assert sorted(file.stem for file in (tmp_path / "digits" / name).iterdir()) == sorted(table["id"])


@pytest.mark.parametrize(("end", "code"), [("sys.exit(4)", 4), ("os.kill(os.getpid(), 9)", -9)])
def test_folds_are_trained_side_by_side_and_printed_in_order(tmp_path, monkeypatch, capfd, end, code):
    """Each fold waits for the start of all others, so they would wait forever one after the other."""
    monkeypatch.setattr(demo_script, "TOOLS", tmp_path)
    (tmp_path / "train_fold.py").write_text(
        "import os, pathlib, sys, time\n"
        "pathlib.Path(__file__).with_name(sys.argv[-1]).touch()\n"
        "while len(list(pathlib.Path(__file__).parent.glob('FOLD=*'))) < 3: time.sleep(0.01)\n"
        "print(*sys.argv[1:], 'with', os.environ['OMP_NUM_THREADS'], flush=True)\n"
        f"if sys.argv[-1] == 'FOLD=1': {end}\n"
    )
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pytest.raises(SystemExit) as stopped:
        demo_script.train_folds(3, "RUN=a", "SET=b c")
    assert stopped.value.code == code
    lines = [f'make train RUN=a SET="b c" FOLD={k}\nRUN=a SET=b c FOLD={k} with 2' for k in range(3)]
    assert capfd.readouterr().out.strip().split("\n\n") == lines
