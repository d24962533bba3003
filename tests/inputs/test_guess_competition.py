"""`make init` on 27 layouts: a guessed file reads the same tables as the layout's own, or says what it could not know.

pytest -s shows the table.
"""

import pandas as pd
import pytest
from layouts.table import ROWS
from small_inputs import animals, text

from comp.errors import InputError
from comp.inputs import guess_competition, loading, mask_gender_age

WANTED = 20  # layouts whose guessed file works without an edit, the metric aside
LINES_OF = {  # what a difference shows in, to the keys of the file that it may come from
    "target": {"target", "label"},
    "classes": {"classes", "label", "positive", "target"},
    "training photos": {"train", "train_images", "label"},
    "labels": {"label", "target", "positive"},
    "groups": {"group"},
    "test photos": {"test", "test_images", "id"},
    "sample": {"sample", "id", "label"},
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Layout to (verdict, the differences, the guess)."""
    verdicts = {row: verdict(row, tmp_path_factory.mktemp(str(row))) for row in ROWS}
    print()
    for row, (word, what, _) in verdicts.items():
        print(f"{row!s:40} {word:28} {what}")
    print(
        f"{sum(word.startswith('works') for word, _, _ in verdicts.values())} of {len(verdicts)} work without an edit"
    )
    return verdicts


def verdict(row, folder):
    """The verdict on a guessed file, with the differences from the layout's own file, and the guess.

    "works": no difference; "says what is missing": each difference is in a line that the file marks; "wrong": a
    difference is in another line.
    """
    row.draw(folder)
    if mask_gender_age.is_here(folder):
        return "works: no file needed", "", None
    guess = guess_competition.guess(folder)
    own, guessed = folder / "own.toml", folder / "guessed.toml"
    own.write_text(row.toml, encoding="utf-8")
    guessed.write_text(guess.text, encoding="utf-8")
    try:
        what = differences(as_read(folder, own), as_read(folder, guessed))
    except InputError as error:
        undecided = ", ".join(line.key for line in guess.lines if line.undecided)
        return ("says what is missing", f"to decide: {undecided}", guess) if undecided else ("wrong", str(error), guess)
    marked = {line.key for line in guess.lines if line.undecided or (line.check and line.key != "metric")}
    silent = [name for name in what if not marked & LINES_OF[name]]
    if silent:
        return "wrong", ", ".join(silent), guess
    return ("says what is missing", ", ".join(what), guess) if what else ("works", "", guess)


def as_read(folder, file) -> dict:
    """What the rest of the toolkit sees of a competition, the metric and its answer form aside."""
    tables = loading.open_tables(folder, file)
    competition, train = tables.competition, tables.training_rows.sort_values("image", ignore_index=True)
    test = tables.test_rows.sort_values(["id", "image"], ignore_index=True)
    sample = competition.sample
    return {
        "target": competition.target,
        "classes": competition.classes,
        "training photos": train["image"].tolist(),
        "labels": train["label"].astype(str).tolist(),
        "groups": pd.factorize(train["group"])[0].tolist(),
        "test photos": test[["id", "image"]].to_numpy().tolist(),
        "sample": (sample.file, sample.id, sample.columns),
    }


def differences(own: dict, guessed: dict) -> list[str]:
    return [name for name in own if own[name] != guessed[name]]


def test_most_guessed_files_work_without_an_edit_and_none_is_wrong_without_a_word(verdicts):
    assert not [(str(row), what) for row, (word, what, _) in verdicts.items() if word == "wrong"]
    assert sum(word.startswith("works") for word, _, _ in verdicts.values()) >= WANTED


def test_the_metric_is_always_marked_and_each_line_has_a_reason(verdicts):
    for row, (_, _, guess) in verdicts.items():
        if row.number == 0:
            continue
        assert len(guess.lines) <= 15
        assert all(line.reason for line in guess.lines)
        assert [line.check for line in guess.lines if line.key == "metric"] == [True]


def test_what_is_taken_away_is_said(tmp_path):
    """Without its sample, or without its training photos, a file says so and claims nothing in its place."""
    for row in ROWS[1::6]:
        folder = tmp_path / str(row)
        row.draw(folder)
        (sample,) = folder.glob("*sample*.csv")
        sample.unlink()
        assert "sample" in {line.key for line in guess_competition.guess(folder).lines if line.undecided}


def test_a_table_whose_photos_are_elsewhere_is_named_and_its_template_left_open(tmp_path):
    row = ROWS[2]
    row.draw(tmp_path)
    (tmp_path / "train_images").rename(tmp_path.parent / f"{tmp_path.name}_elsewhere")
    lines = {line.key: line for line in guess_competition.guess(tmp_path).lines}
    assert lines["train"].value == "train.csv"
    assert lines["train_images"].undecided
    assert lines["label"].value == "diagnosis"


def works(folder, train, sample):
    """Guess the file of a folder with photos a, b, c and the given tables. Return its lines and the training rows."""
    animals(folder)
    text(folder, "train.csv", train)
    text(folder, "sample_submission.csv", sample)
    guess = guess_competition.guess(folder)
    text(folder, "competition.toml", guess.text)
    return {line.key: line for line in guess.lines}, loading.open_tables(folder).training_rows


def test_columns_and_classes_of_any_name_give_a_file_that_works(tmp_path):
    name, kind = 'the "kind"\n[of] #animal = {0}\\', 'a "big"\ncat #1'
    header, cell = (text.replace('"', '""') for text in (name, kind))
    train = f'id,"Age\n(years)","{header}"\na,1,"{cell}"\nb,2,dog\nc,3,dog\n'
    lines, rows = works(tmp_path, train, f'id,"{header}"\n1,0.5\n2,0.5\n')
    assert lines["label"].value == name
    assert lines["positive"].value in (kind, "dog")
    assert sorted(rows["label"]) in ([0, 0, 1], [0, 1, 1])


LONG = {  # rows of the training table, an answer: the key and value that are asked about, and the labels
    "labels": ("a,cat\na,dog\nb,cat\nc,dog\n", "cat dog", ("target", "multilabel"), ["0 1", "0", "1"]),
    "two words": ("a,red ant\na,cow\nb,cow\nc,cow\n", "cow", ("target", "multilabel"), ["0 1", "0", "0"]),
    "ratings": ("a,1.5\na,2.5\nb,1\nc,1\n", "2.5", ("merge", "mean"), [2, 1, 1]),
}


@pytest.mark.parametrize("kind", LONG)
def test_several_rows_of_a_photo_are_put_together_and_asked_about(tmp_path, kind):
    rows, answer, (key, value), labels = LONG[kind]
    lines, train = works(tmp_path, "id,label\n" + rows, f"id,label\n1,{answer}\n2,{answer}\n")
    assert lines[key].value == value
    assert lines[key].check
    assert train["label"].tolist() == labels


def test_a_table_of_training_samples_is_no_sample_submission(tmp_path):
    animals(tmp_path)
    (tmp_path / "train.csv").rename(tmp_path / "train_samples.csv")
    lines = {line.key: line.value for line in guess_competition.guess(tmp_path).lines}
    assert (lines["train"], lines["sample"]) == ("train_samples.csv", "sample_submission.csv")
