"""make compare and make lb as a user calls them, on a home with drawn runs."""

import shutil

import pytest
from drawn_runs import draw_guest, draw_run, drawn_home, run
from test_make import make_in

from comp import files
from comp.project import Project
from comp.store.paths import submission_csv
from comp.submission import leaderboard

NAME = 'it\'s (a) "mate" $HOME'


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The runs a, b and c, external predictions with a difficult name, and a blend of a and b."""
    home = drawn_home(tmp_path_factory.mktemp("compare"))
    draw_run(home, "c", 5)
    draw_guest(home, NAME, 2)
    for stage, *more in (("blend", "--runs", "a b", "--method", "equal", "--rule", "argmax"), ("make_sub",)):
        code, said = run(home, stage, *more)
        assert code == 0, said
    return home


@pytest.fixture
def home(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "home", copy_function=shutil.copy2)


def compare(home, a, b):
    code, printed = run(home, "compare", "--a", a, "--b", b)
    assert code == 0, printed
    assert all(len(line) <= 80 for line in printed.splitlines() if not line.startswith("warning"))
    return printed


def lb(home, *more):
    code, printed = run(home, "leaderboard", *more)
    assert code == 0, printed
    return printed


def test_metrics_attributes_and_folds_are_compared(drawn):
    printed = compare(drawn, "a", "b")
    assert "140 rows of 20 groups" in printed
    for name in ("macro_f1 ", "accuracy ", "macro_f1, mask ", "macro_f1, age "):
        assert f"\n  {name}" in printed
    assert "of 3 folds" in printed
    assert "leaves out the spread over seeds: A and B have one run each" in printed


def test_a_blend_is_better_than_its_run(drawn):
    assert "B is better with probability 1.00, and in 3 of 3 folds" in compare(drawn, "a", "blend")


def test_several_runs_of_each_side_are_shown(drawn):
    printed = compare(drawn, "a c", "b")
    for line in ("A: a, c\n", "\n  A: c  ", "\n  B: b  ", "standard deviation of A", "seeds (2 runs of A, 1 of B)"):
        assert line in printed


def test_the_folds_that_both_have_are_compared_and_the_others_are_named(home):
    whole = compare(home, "a", "c")
    (home / "out/c/fold1/oof.npz").unlink()
    (home / "out/c/fold0/test.npz").unlink()  # a comparison needs no test predictions
    printed = compare(home, "a", "c")
    assert "left out: fold 1, " in printed
    folds = {line for line in whole.splitlines() if line.startswith(("  0 ", "  2 "))}
    assert folds == {line for line in printed.splitlines() if line.startswith(("  0 ", "  2 "))}
    for letter in "ac":
        shutil.rmtree(home / "out" / letter / "fold1", ignore_errors=True)
    assert compare(home, "a", "c").split("left out")[1] == printed.split("left out")[1]  # fold 1 had no influence


def test_a_stale_blend_is_compared_with_a_warning(home):
    draw_run(home, "b", 30)
    assert "warning: the blend is stale" in compare(home, "a", "blend")


def test_difficult_names_go_through_make(home):
    code, printed = make_in(home, "compare", f"A={NAME} c", "B=a b")
    assert code == 0, printed
    assert f"A: {NAME}, c\n" in printed
    shutil.copy(home / "out/submission.csv", home / f"{NAME}.csv")
    code, printed = make_in(home, "lb", "SCORE=0.25", f"FILE={home}/{NAME}.csv")
    assert code == 0, printed
    assert [scores["public"] for scores in leaderboard.read_scores(home / "out").values()] == [0.25]


def test_a_score_belongs_to_the_submission_of_the_moment_and_stays_with_it(home):
    first = files.digest(submission_csv(home / "out"))
    assert first in lb(home, "--score", "0.25")
    assert run(home, "make_sub", "--run", "c")[0] == 0
    second = files.digest(submission_csv(home / "out"))
    lb(home, "--score", "0.5", "--private", "0.45")
    assert "replaced" in lb(home, "--score", "0.3", "--file", first[:6])
    assert "replaced" not in lb(home, "--score", "0.3", "--file", first[:6])  # the same again changes nothing
    noted = leaderboard.read_scores(home / "out")
    assert {digest: (scores["public"], scores["private"]) for digest, scores in noted.items()} == {
        first: (0.3, None),
        second: (0.5, 0.45),
    }
    printed = lb(home)
    assert first[:8] in printed
    assert "run c" in printed
    assert "blend of 2: equal + argmax" in printed


def test_the_table_has_the_cv_of_blends_and_runs_and_says_what_to_select(home):
    for name in "abc":
        assert run(home, "make_sub", "--run", name)[0] == 0
    rows = leaderboard.submitted(Project(home / "in", home / "out"))
    assert all(row.cross_validated is not None for row in rows)
    scores = run(home, "scores")[1]
    of_a = next(line for line in scores.splitlines() if line.startswith("  a "))
    assert f"{next(row for row in rows if row.what == 'run a').cross_validated:.4f}" in of_a
    for row in rows:
        lb(home, "--file", row.digest, "--score", row.cross_validated - 0.1)
    printed = lb(home)
    assert "Pearson 1.00" in printed
    assert "Spearman 1.00\n4 submissions are too few" in printed
    assert "LB minus CV: -0.1000 on average, standard deviation 0.0000" in printed
    best = max(rows, key=lambda row: row.cross_validated)
    assert f"safe: {best.digest[:8]}" in printed
    assert "bold: " in printed
    assert all(len(line) <= 80 for line in printed.splitlines())
