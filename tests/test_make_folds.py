import json
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import draw_competition, tool
from PIL import Image

from comp.data import write_folds
from comp.data.photo_check import PhotoSummary, small_copies
from comp.inputs import mask_gender_age


def make_folds(folder, *more):
    done = tool("make_folds", "--inputs", folder / "inputs", "--outputs", folder / "out", *more)
    assert "Traceback" not in done.stderr
    return done


def written(folder):
    return pd.read_csv(folder / "out/folds.csv"), json.loads((folder / "out/folds.json").read_text())


def normal(inputs, person):
    folder = sorted(path for path in (inputs / "train/images").iterdir())[person]
    return folder / "normal.jpg"


def test_the_same_bytes_under_two_groups_join_them_though_the_picture_is_plain(inputs):
    Image.new("RGB", (30, 40), "grey").save(normal(inputs, 0))
    for person in (9, 17):
        shutil.copy(normal(inputs, 0), normal(inputs, person))
    done = make_folds(inputs.parent, "--folds", 3)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the same photo, byte for byte") == 2
    table, meta = written(inputs.parent)
    names = [normal(inputs, person).parent.name for person in (0, 9, 17)]
    assert set(table["group"][table["image"].str.contains("|".join(names))]) == {names[0]}
    assert meta["merged"] == [[names[0], names[1]], [names[0], names[2]]]


def test_as_many_folds_as_groups(tmp_path):
    draw_competition(tmp_path / "inputs", [("male", 20), ("female", 40)] * 2, test=3)
    assert make_folds(tmp_path, "--folds", 4).returncode == 0
    assert written(tmp_path)[0].groupby("fold")["group"].nunique().tolist() == [1] * 4
    refused = make_folds(tmp_path, "--folds", 5)
    assert refused.returncode == 2
    assert "FOLDS=5 does not fit the training photos, which have 4 group(s)" in refused.stderr
    assert written(tmp_path)[0]["fold"].max() == 3  # what was there stays


def test_a_search_is_written_down_and_its_folds_can_be_made_again(inputs):
    assert make_folds(inputs.parent, "--folds", 3, "--search", 15).returncode == 0
    first, meta = written(inputs.parent)
    assert meta["search"] == 15
    assert make_folds(inputs.parent, "--folds", 3, "--search", 15).returncode == 0
    assert written(inputs.parent)[0].equals(first)
    assert make_folds(inputs.parent, "--folds", 3).returncode == 0
    assert "search" not in written(inputs.parent)[1]


@pytest.mark.parametrize("kind", ["pointer", "broken exif and 16 bits"])
def test_photos_of_other_kinds_are_read_or_named(inputs, kind):
    if kind == "pointer":
        normal(inputs, 2).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n")
        done = make_folds(inputs.parent, "--folds", 3)
        assert done.returncode == 2
        assert f"{normal(inputs, 2).relative_to(inputs)}: a Git LFS pointer" in done.stderr
        assert "git lfs pull" in done.stderr
        return
    image = Image.open(normal(inputs, 2))
    image.save(normal(inputs, 2), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    normal(inputs, 3).unlink()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 65536, (40, 30), np.uint16)).save(normal(inputs, 3).with_suffix(".png"))
    done = make_folds(inputs.parent, "--folds", 3)
    assert done.returncode == 0, done.stderr
    assert len(written(inputs.parent)[0]) == len(mask_gender_age.read_train(inputs))


def test_nearly_black_photos_are_named(inputs):
    Image.fromarray(np.full((40, 30, 3), 5, np.uint8)).save(normal(inputs, 1))
    assert "1 photo(s) are nearly black" in make_folds(inputs.parent, "--folds", 3).stderr


@pytest.mark.parametrize("tests", range(4))  # a code competition shows a few test photos, or none
def test_too_few_test_photos_are_not_compared_with_the_training_photos(capsys, tests):
    images = [f"{i}.png" for i in range(20 + tests)]
    photos = dict.fromkeys(images, PhotoSummary("", *small_copies(np.zeros((1, 1, 3), np.uint8))))
    table = pd.DataFrame({"image": images[:20], "group": images[:20]})
    write_folds.tell_apart(table, pd.DataFrame({"image": images[20:]}), photos)
    assert f"at least 5 test photos (found: {tests})" in "".join(capsys.readouterr())
