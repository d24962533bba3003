import pytest
from conftest import draw_competition
from small_competitions import small

from comp import files
from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.store import frozen_competition

SETTINGS = 'target = "multilabel"\n'


@pytest.fixture
def toml(tmp_path):
    (tmp_path / "inputs").mkdir()
    file = tmp_path / "inputs/competition.toml"
    file.write_text(SETTINGS)
    return file


def test_what_is_frozen_is_loaded(tmp_path, toml):
    for competition, file in ((mask_gender_age.competition(), None), (small("multilabel", "labels"), toml)):
        frozen_competition.save(tmp_path / "outputs", competition, file)
        assert frozen_competition.load(tmp_path / "outputs") == competition


def test_a_comment_changes_nothing_and_a_setting_is_refused(tmp_path, toml):
    frozen_competition.save(tmp_path, small("multilabel", "labels"), toml)
    toml.write_text("# looked at again\n" + SETTINGS)
    frozen_competition.load(tmp_path, toml.parent)
    toml.write_text(SETTINGS.replace("multilabel", "binary"))
    with pytest.raises(InputError, match=r"has other settings[\s\S]*make folds"):
        frozen_competition.load(tmp_path, toml.parent)
    other = toml.rename(tmp_path / "birds.toml")
    frozen_competition.load(tmp_path, toml.parent)  # there is none to compare with
    with pytest.raises(InputError, match=r"birds.toml has other settings"):
        frozen_competition.load(tmp_path, toml.parent, other)
    with pytest.raises(InputError, match="COMPETITION="):
        frozen_competition.load(tmp_path, toml.parent, tmp_path / "no.toml")


def test_nothing_frozen_is_refused(tmp_path):
    draw_competition(tmp_path / "inputs", test=1)
    for inputs in (tmp_path, tmp_path / "inputs"):
        with pytest.raises(InputError, match="make folds"):
            frozen_competition.load(tmp_path, inputs)


def test_a_damaged_file_is_refused(tmp_path):
    frozen_competition.save(tmp_path, small())
    path = tmp_path / "competition.json"
    value = files.read_json(path, "", "")
    del value["competition"]["target"]
    files.write_json(path, value)
    with pytest.raises(InputError, match="is damaged"):
        frozen_competition.load(tmp_path)
    path.write_text(path.read_text().replace("macro_f1", "accuracy"))
    with pytest.raises(InputError, match="damaged or edited"):
        frozen_competition.load(tmp_path)
