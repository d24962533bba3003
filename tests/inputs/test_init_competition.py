"""The script of `make init`: it writes one file, never over another, and says what it could not know."""

import shutil

import pytest
from conftest import tool
from layouts.table import ROWS


@pytest.fixture
def cactus(tmp_path):
    ROWS[1].draw(tmp_path / "in")
    return tmp_path


def init(folder, *more):
    return tool("init_competition", "--inputs", folder / "in", *more)


def test_a_file_is_written_that_works_and_what_is_likely_is_said(cactus):
    done = init(cactus)
    assert done.returncode == 0, done.stderr
    text = (cactus / "in/competition.toml").read_text()
    assert 'metric = "auc"  # CHECK: ' in text
    assert "train.csv: 32 rows" in done.stdout
    assert "the file works: 32 training photos, 10 test photos" in done.stdout
    assert "warning: metric = auc" in done.stderr


def test_a_file_that_is_there_stays_as_it_is(cactus):
    (cactus / "in/competition.toml").write_text("mine")
    done = init(cactus)
    assert done.returncode == 2
    assert "never overwritten" in done.stderr
    assert "COMPETITION=" in done.stderr
    assert (cactus / "in/competition.toml").read_text() == "mine"


def test_the_file_may_lie_elsewhere(cactus):
    before = sorted((cactus / "in").rglob("*"))
    done = init(cactus, "--competition", cactus / "birds.toml")
    assert done.returncode == 0, done.stderr
    assert (cactus / "birds.toml").is_file()
    assert sorted((cactus / "in").rglob("*")) == before


def test_a_folder_that_cannot_be_written_to_is_told_with_another_place(cactus):
    done = init(cactus, "--competition", "/proc/competition.toml")
    assert done.returncode == 2
    assert "make init COMPETITION=" in done.stderr


def test_the_home_competition_needs_no_file(tmp_path):
    ROWS[0].draw(tmp_path / "in")
    done = init(tmp_path)
    assert done.returncode == 0
    assert "no competition.toml is needed" in done.stdout
    assert not list(tmp_path.rglob("*.toml"))


def test_what_is_undecided_is_said_and_the_file_is_not_claimed_to_work(cactus):
    shutil.move(cactus / "in/train", cactus / "elsewhere")
    done = init(cactus)
    assert done.returncode == 0, done.stderr
    assert "# train_images = …  # TO DECIDE" in (cactus / "in/competition.toml").read_text()
    assert "does not work yet" in done.stderr
    assert "the file works" not in done.stdout
