"""Every kind of bad file of a competition.toml's competition: one clear error, and nothing is written."""

import os

import pytest
from drawn_runs import run
from PIL import Image
from small_inputs import TOML, animals, photos, text


def drawn(home, **keys):
    """Three training and two test photos with their tables, and a competition.toml."""
    (home / "out").mkdir()
    animals(home / "in")
    for shade, name in enumerate("abc"):  # the same bytes would be one group
        Image.new("L", (8, 8), 50 + shade).save(home / f"in/train/{name}.jpg")
    write_toml(home, **keys)
    return home


def write_toml(home, **keys):
    text(home / "in", "competition.toml", "".join(f"{key} = {value!r}\n" for key, value in (TOML | keys).items()))


def table(content, name="train.csv", encoding="utf-8"):
    return lambda home: text(home / "in", name, content, encoding)


def toml(content):
    return lambda home: (home / "in/competition.toml").write_bytes(content)


def add(line):
    return lambda home: toml((home / "in/competition.toml").read_bytes() + line.encode())(home)


def replaced(change):
    """train/a.jpg, replaced by something else."""

    def damage(home):
        photo = home / "in/train/a.jpg"
        photo.unlink()
        change(photo)

    return damage


def several_photos(answers):
    """Two photos of each id, which get one answer."""

    def damage(home):
        text(home / "in", "train.csv", "id,image,label\n" + answers)
        write_toml(home, id="id", combine="mean", train_images="train/{image}.jpg", test_images="test/{id}.jpg")

    return damage


def with_label(column):
    return lambda home: write_toml(home, label=column)


def numbers(content):
    """Labels that are numbers."""
    return lambda home: (table(content)(home), write_toml(home, target="regression", metric="rmse"))


def one_hot(content):
    """A column for each label."""

    def change(home):
        table(content)(home)
        table("id,cat,dog\n1,0.5,0.5\n2,0.5,0.5\n", "sample_submission.csv")(home)
        write_toml(home, target="multilabel", metric="auc", label=["cat", "dog"])

    return change


BAD_FILES = {  # kind: what is done, and words of the error
    # competition.toml
    "no TOML": (toml(b"target = multiclass\n"), ("is not TOML",)),
    "toml in UTF-16": (toml('target = "x"\n'.encode("utf-16")), ("is not TOML", "UTF-8")),
    "empty toml": (toml(b""), ("target",)),
    "unknown key": (add('lable = "x"\n'), ("lable", "did you mean label?")),
    "key of another type": (add("group = 3\n"), ("group = 3",)),
    "unknown target": (lambda home: write_toml(home, target="classes"), ("classes", "multiclass")),
    "unknown metric": (lambda home: write_toml(home, metric="acuracy"), ("acuracy", "accuracy")),
    "label that is no column": (with_label("breed"), ("breed", "id, label")),
    "group that is no column": (lambda home: write_toml(home, group="patient"), ("patient",)),
    "table that is not there": (lambda home: write_toml(home, train="labels.csv"), ("labels.csv", "train.csv")),
    "photos that are not there": (lambda home: write_toml(home, train_images="images/{id}.png"), ("images/a.png",)),
    "template with a field too many": (lambda home: write_toml(home, train_images="train/{id.jpg"), ("{id.jpg",)),
    # tables
    "empty table": (table(""), ("is empty",)),
    "table without rows": (table("id,label\n"), ("has no rows",)),
    "column twice": (table("id,label,label\na,cat,dog\n"), ("column label twice",)),
    "NUL bytes": (table("id,label\na,cat\nb,\0\0dog\nc,cat\n"), ("NUL bytes", "line 3")),
    "Excel file called CSV": (
        lambda home: (home / "in/train.csv").write_bytes(b"PK\x03\x04 [Content_Types].xml"),
        ("is an Excel file", "save the sheet as CSV"),
    ),
    "quote that is not closed": (table('id,label\na,"cat\nb,dog\nc,cat\n'), ("not a readable table",)),
    "row with more fields": (table("id,label\na,cat\nb,dog,x\nc,cat\n"), ("line 3: 3 fields",)),
    "row without a label": (table('id,label\na,"c\nat"\n\nb,\nc,cat\n'), ("line 5",)),
    "row without its photo": (table("id,label\na,cat\nb,dog\nq,cat\n"), ("line 4", "train/q.jpg")),
    "photo with two labels": (table("id,label\na,cat\na,dog\nb,cat\n"), ("line 2", "multilabel", 'merge = "vote"')),
    "photo with two ratings": (numbers("id,label\na,1\na,2\nb,1\n"), ("line 2", 'merge = "mean"')),
    "comma that may mean two things": (numbers('id,label\na,"1,234"\nb,2\nc,3\n'), ("line 2", 'decimal = "."')),
    "neither 0 nor 1": (one_hot("id,cat,dog\na,1,0\nb,,1\nc,0,1\n"), ("line 3", "'' in cat", "positive = ")),
    "photos of one id with other labels": (
        several_photos("1,a,cat\n1,b,dog\n2,c,cat\n"),
        ("1 id(s) have photos that differ in the column label of", "train.csv:\n  1\n"),
    ),
    "one class": (table("id,label\na,cat\nb,cat\nc,cat\n"), ("only the value cat",)),
    "sample without ids": (table("\nlabel\n", "sample_submission.csv"), ("sample_submission.csv",)),
    "sample id with two questions": (
        table("id,part,label\n1,a,cat\n2,a,cat\n1,b,cat\n", "sample_submission.csv"),
        ("repeated ids", "1: a", "1: b"),
    ),
    "sample id without photo": (table("id,label\n1,cat\n7,cat\n", "sample_submission.csv"), ("line 3", "test/7")),
    "no sample": (lambda home: (home / "in/sample_submission.csv").unlink(), ("no sample submission",)),
    # photos
    "folder called like a photo": (replaced(lambda photo: photo.mkdir()), ("train/a.jpg",)),
    "pipe": (replaced(os.mkfifo), ("train/a.jpg: a pipe",)),
    "broken link": (replaced(lambda photo: photo.symlink_to("nowhere")), ("train/a.jpg: a broken symbolic link",)),
    "link to itself": (replaced(lambda photo: photo.symlink_to(photo.name)), ("train/a.jpg",)),
    "LFS pointer": (
        replaced(lambda photo: photo.write_text("version https://git-lfs.github.com/spec/v1\n")),
        ("train/a.jpg: a Git LFS pointer", "git lfs pull"),
    ),
    "JPEG of 12 bits": (
        lambda home: (home / "in/train/a.jpg").write_bytes(b"\xff\xd8\xff\xc1\0\x0b\x0c\0\x08\0\x08\x01\x01\x11\0"),
        ("train/a.jpg: a JPEG of 12 bits", "imagecodecs"),
    ),
    "names that are not UTF-8": (
        lambda home: (
            (home / "in/train/a.jpg").rename(os.fsdecode(os.fsencode(home / "in/train/") + b"/\xe9.jpg")),
            write_toml(home, train_images="train/{id}.jpg"),
        ),
        ("are not UTF-8", "train/\\xe9.jpg", "convmv"),
    ),
    "web page": (replaced(lambda photo: photo.write_text("<html>")), ("train/a.jpg: a web page",)),
    "two photos of one name": (
        lambda home: (photos(home / "in", "train/a.png"), write_toml(home, train_images="train/{id}.*")),
        ("fit two photos",),
    ),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_one_clear_error_and_nothing_is_written(tmp_path, kind):
    damage, words = BAD_FILES[kind]
    damage(drawn(tmp_path))
    code, printed = run(tmp_path, "make_folds", "--folds", 3)
    assert code == 2, printed
    assert [line[:7] for line in printed.splitlines()].count("error: ") == 1
    assert "Traceback" not in printed
    for word in words:
        assert word in printed
    assert list((tmp_path / "out").iterdir()) == []


TRAIN = "id,label\na,cat\nb,dog\nc,cat\n"
GOOD_TABLES = {
    "UTF-16": TRAIN.encode("utf-16"),
    "UTF-16 without its mark": TRAIN.encode("utf-16-le"),
    "semicolons": TRAIN.replace(",", ";").encode(),
    "tabs": TRAIN.replace(",", "\t").encode(),
    "CR": TRAIN.replace("\n", "\r").encode(),
    "blanks around names": TRAIN.replace("id,label", " id , label ").encode(),
    "empty fields at the ends": TRAIN.replace("\n", ",,\n").encode(),
    "rows of commas": (TRAIN + ",\n,\n").encode(),
    "blank lines": TRAIN.replace("\n", "\n\n").encode(),
    "quotes": b'"id","label"\n"a","cat"\n"b","dog"\n"c","cat"',
}


@pytest.mark.parametrize("kind", GOOD_TABLES)
def test_a_table_of_another_kind_gives_the_same_folds(tmp_path, kind):
    drawn(tmp_path)
    assert run(tmp_path, "make_folds", "--folds", 3)[0] == 0
    expected = (tmp_path / "out/folds.csv").read_bytes()
    (tmp_path / "out/folds.csv").unlink()
    (tmp_path / "in/train.csv").write_bytes(GOOD_TABLES[kind])
    code, printed = run(tmp_path, "make_folds", "--folds", 3)
    assert code == 0, printed
    assert (tmp_path / "out/folds.csv").read_bytes() == expected
