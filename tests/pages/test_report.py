"""The report of drawn runs: every kind of target, whatever is missing, and any name as text."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from conftest import tool
from drawn_reports import FOLDS, KINDS, drawn
from drawn_runs import drawn_home, run

from comp.competition import scoring
from comp.pages.report import class_scores, confusion, mistakes_gallery, report_data, score_tables
from comp.pages.report.calibration_plots import reliability
from comp.pages.report.categories import NONE
from comp.project import Project
from comp.store.runs import Run

NASTY = ("</script><script>alert(1)</script>", "<!-- \u2028 한글", "\"q\" 'a' & <img src=x onerror=alert(1)>")


def report(home) -> tuple[str, str]:
    """The page, and what the stage printed."""
    code, printed = run(home, "report")
    assert code == 0, printed
    return (home / "out/report.html").read_text(), printed


def data_of(home) -> report_data.ReportData:
    return report_data.load_report_data(Project(home / "in", home / "out"))


def gallery(page: str) -> dict:
    return json.loads(re.search(r'id="gallery-data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.mark.parametrize("target", KINDS)
def test_every_kind_of_target_has_a_page(tmp_path, target):
    page, printed = report(drawn(tmp_path, target))
    assert "Traceback" not in printed
    if target == "multiclass":
        assert report(tmp_path)[0] == page  # the same bytes twice
    rows = gallery(page)
    assert len(rows["images"]) == len(rows["truth"]) == len(rows["sources"][0]["answers"]) == 60
    assert len(rows["photos"]) == 60
    assert ('id="confusion"' in page) == (target != "multilabel")
    assert ('id="calibration"' in page) == ('id="classes"' in page) == (target != "regression")


@pytest.mark.parametrize("target", KINDS)
def test_the_counts_are_those_of_the_answers(tmp_path, target):
    data = data_of(drawn(tmp_path, target))
    rows, main = mistakes_gallery.gallery_rows(data), data.main
    wrong = mistakes_gallery.is_wrong(data, main)
    assert rows["wrong"] == wrong.astype(int).tolist()
    if target == "multilabel":
        scores = class_scores.class_scores(data, main)
        answers = scoring.answers(data.competition, main.probs)
        assert scores.right.tolist() == (answers & (data.rows.labels > 0)).sum(0).tolist()
        assert [len(row) for row in rows["truth"]] == data.rows.labels.sum(1).tolist()
    else:
        counts = confusion.confusions(data, main)[0].counts
        assert counts.sum() == 60
        assert counts.sum() - np.trace(counts) == wrong.sum()
    assert sorted(rows["order"]) == list(range(60))


def test_mistakes_come_first_the_most_confident_ones_before_others(tmp_path):
    rows = mistakes_gallery.gallery_rows(data_of(drawn(tmp_path)))
    wrong = [rows["wrong"][i] for i in rows["order"]]
    assert wrong == sorted(wrong, reverse=True)
    sure = [rows["sources"][0]["confidence"][i] for i in rows["order"]]
    count = sum(wrong)
    assert 1 < count < 60
    assert sure[:count] == sorted(sure[:count], reverse=True)
    assert sure[count:] == sorted(sure[count:])


def test_the_blend_is_shown_with_the_score_and_interval_of_its_record(tmp_path):
    home = drawn_home(tmp_path)
    assert run(home, "blend", "--method", "equal", "--rule", "argmax")[0] == 0
    page, printed = report(home)
    assert "warning" not in printed
    weights = json.loads((home / "out/blend/weights.json").read_text())
    low, high = weights["interval_95"]
    assert f"<b>{weights['cross_fitted']:.4f}</b>" in page
    assert f"<b>{low:.4f} to {high:.4f}</b>" in page
    assert [source["name"] for source in gallery(page)["sources"]] == ["blend", "b", "a"]  # b scores better
    data = data_of(home)
    assert score_tables.metric_values(data, data.blend)["macro_f1"] == pytest.approx(weights["cross_fitted"], abs=1e-6)
    assert score_tables.interval(data, data.blend) == pytest.approx((low, high), abs=1e-6)
    matrices = confusion.confusions(data, data.blend)
    assert [matrix.categories.title for matrix in matrices] == ["class", *data.competition.attributes]
    shares = score_tables.by_attribute(data, data.blend)
    for matrix in matrices[1:]:
        assert np.trace(matrix.counts) / matrix.counts.sum() == pytest.approx(shares[matrix.categories.title])


# What is missing -----------------------------------------------------------------------------------------------------


def test_no_runs_yet(tmp_path):
    home = drawn(tmp_path)
    for name in "ab":
        (home / "out" / name / "recipe.json").unlink()
    page, printed = report(home)
    assert "There are no runs yet" in page
    assert "make train MODEL=" in printed
    assert 'id="gallery"' not in page


def test_one_run_and_a_missing_fold(tmp_path):
    home = drawn(tmp_path)
    (home / "out/b/recipe.json").unlink()
    Run(home / "out", "a").oof(1).unlink()
    page, printed = report(home)
    assert "a: fold 1 is not predicted yet; run: make train MODEL=resnet18 RUN=a FOLD=1" in printed
    rows = gallery(page)
    assert sorted(rows["order"]) == [i for i, fold in enumerate(rows["folds"]) if fold != 1]
    assert {rows["sources"][0]["answers"][i] for i, fold in enumerate(rows["folds"]) if fold == 1} == {NONE}
    assert score_tables.by_fold(data_of(home), data_of(home).main)[1] is None


def test_nothing_is_predicted_yet(tmp_path):
    home = drawn(tmp_path)
    for name in "ab":
        for k in range(FOLDS):
            Run(home / "out", name).oof(k).unlink()
    page, _ = report(home)
    assert "folds 0, 1, 2 are not predicted yet" in page
    assert "No run has predictions yet" in page
    assert page.count("<svg") == 4  # those of the learning curves
    assert "make blend" not in page  # it would fail


def test_stale_and_damaged_files_are_named_and_the_rest_is_shown(tmp_path):
    home = drawn(tmp_path)
    Run(home / "out", "a").oof(0).write_bytes(b"no npz")
    Run(home / "out", "b").history(2).write_text("epoch\n<b>")
    page, printed = report(home)
    assert "a: " in printed
    assert "is not readable" in printed
    assert "history.csv" in printed
    assert "cannot be read" in printed.split("history.csv")[1]
    assert "<b>\n" not in page
    assert [source.name for source in data_of(home).runs] == ["b", "a"]  # complete runs first


def test_photos_that_vanished_or_are_damaged_are_named_in_their_place(tmp_path):
    home = drawn(tmp_path)
    images = sorted((home / "in/train").iterdir())
    images[0].unlink()
    images[1].write_bytes(b"junk")
    rows = mistakes_gallery.gallery_rows(data_of(home))
    assert len(rows["photos"]) == 58
    assert "no such file" in rows["problems"]["0"]
    assert rows["problems"]["1"].startswith("cannot be shown")


def test_without_folds_it_says_what_to_run(tmp_path):
    done = tool("report", "--inputs", tmp_path, "--outputs", tmp_path / "out")
    assert done.returncode == 2
    assert "make folds" in done.stderr


# Names, and many of them ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["multiclass", "multilabel"])
def test_names_with_markup_are_text(tmp_path, target):
    page, _ = report(drawn(tmp_path, target, classes=NASTY, file=" <i>&'é", group=NASTY[1]))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "<i>" not in page
    rows = gallery(page)
    assert rows["classes"] == list(NASTY)
    assert rows["images"][0] == "train/00000 <i>&'é.png"
    assert len(rows["photos"]) == 60


def test_hundreds_of_classes_are_listed_as_pairs(tmp_path):
    classes = tuple(f"c{i}" for i in range(300))
    page, _ = report(drawn(tmp_path, rows=1500, classes=classes, photos=5))
    data = data_of(tmp_path)
    matrix = confusion.confusions(data, data.main)[0]
    pairs = matrix.pairs()
    assert not matrix.is_small
    assert len(pairs) == confusion.MOST_PAIRS
    assert all(truth != answer and count == matrix.counts[truth, answer] for truth, answer, count in pairs)
    assert page.count('data-kind="class"') == len(pairs)
    assert len(page) < 2_000_000


# Numbers --------------------------------------------------------------------------------------------------------------


def test_a_group_disagrees_where_its_rows_have_one_truth_and_several_answers():
    group, truth = np.repeat([0, 1, 2], 4), np.repeat([0, 1, 1], 4)
    truth[11] = 0
    values = np.array([5, 5, 5, 6, 1, 1, 1, 1, 2, 3, 2, 3])
    expected = [*[False] * 3, True, *[False] * 8]  # the last group has two truths
    assert mistakes_gallery.unlike_their_group(group, truth, values).tolist() == expected


def test_groups_that_disagree_are_those_with_mixed_answers(tmp_path):
    data = data_of(drawn(tmp_path))
    answers = scoring.answers(data.competition, data.main.probs)
    table = pd.DataFrame({"group": data.rows.groups, "answer": answers}).groupby("group")["answer"]
    unlike = (table.size() - table.agg(lambda column: column.value_counts().iloc[0])).to_dict()
    groups = mistakes_gallery.disagreeing_groups(data, data.main)
    assert {name: count for name, _, _, count in groups} == {name: count for name, count in unlike.items() if count}


def test_calibration_error_is_the_gap_between_confidence_and_share():
    rng = np.random.default_rng(0)
    confidence = rng.random(200_000)
    assert reliability(confidence, rng.random(200_000) < confidence).error < 0.01
    assert reliability(np.full(100, 0.95), np.arange(100) < 50).error == pytest.approx(0.45)
    assert reliability(np.array([1.0, 0.0]), np.array([True, False])).error == 0
