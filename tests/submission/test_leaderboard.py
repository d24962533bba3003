"""Leaderboard scores: kept with the submission, read as typed, set against CV, and what to select of them."""

import math

import numpy as np
import pytest
from known_project import known_project
from small_competitions import small

from comp import files
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.submission import leaderboard, submission_file

COMPETITION = small(metric=named_metrics.get("accuracy"))
LOSS = small(metric=named_metrics.get("log_loss"))


def keep(outputs, answers, score=None, metric="accuracy", **record) -> str:
    """A submission of one answer per letter. Returns its hash."""
    data = "".join(["id,answer\n", *(f"{i},{answer}\n" for i, answer in enumerate(answers))])
    made_by = {"run": "a", "metric": metric, "cross_fitted": score, **record}
    return submission_file.keep_submission(outputs, data.encode(), made_by).stem


def test_a_score_stays_with_its_submission_and_is_replaced_when_noted_again(tmp_path):
    first, second = keep(tmp_path, "000", 0.5), keep(tmp_path, "111", 0.6)
    assert leaderboard.read_scores(tmp_path) == {}
    assert leaderboard.note_score(tmp_path, first, 0.4, None) == {}
    assert leaderboard.note_score(tmp_path, first, None, 0.3)["public"] == 0.4
    rows = {row.digest: row for row in leaderboard.submitted(known_project(tmp_path, COMPETITION))}
    assert (rows[first].public, rows[first].private, rows[first].cross_validated) == (0.4, 0.3, 0.5)
    assert (rows[second].public, rows[second].private, rows[second].cross_validated) == (None, None, 0.6)
    assert leaderboard.note_score(tmp_path, first, 0.7, None)["public"] == 0.4
    assert leaderboard.read_scores(tmp_path)[first]["public"] == 0.7


def test_a_cross_validated_score_of_another_metric_is_left_out(tmp_path):
    keep(tmp_path, "000", 0.5, metric="macro_f1")
    assert leaderboard.submitted(known_project(tmp_path, COMPETITION))[0].cross_validated is None


def test_a_submission_is_named_by_its_hash_or_by_a_copy_of_it(tmp_path):
    digests = [keep(tmp_path, answers) for answers in ("000", "111", "222")]
    copy = tmp_path / "it's a copy.csv"
    copy.write_bytes((tmp_path / "submissions" / f"{digests[1]}.csv").read_bytes())
    for name in (digests[1], digests[1][:7].upper(), f"submissions/{digests[1]}.csv", str(copy)):
        assert leaderboard.digest_of(tmp_path, name) == digests[1]
    for name in ("zz", "", " "):
        with pytest.raises(InputError):
            leaderboard.digest_of(tmp_path, name)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"run": "r34"}, "run r34"),
        ({"run": "blend", "runs": ["a", "b"], "method": "equal", "rule": "prior"}, "blend of 2: equal + prior"),
        ({"run": "vote", "files": ["a.csv", "b.csv", "c.csv"]}, "vote of 3 files"),
    ],
)
def test_the_source_of_a_submission_in_words(record, text):
    assert leaderboard.described_submission(record) == text


@pytest.mark.parametrize(
    ("metric", "low", "high"),
    [
        ("accuracy", 0, 1),
        ("rmse", 0, math.inf),
        ("map@5", 0, 1),
        ("quadratic_kappa", -1, 1),
        ("weighted_auc", -math.inf, math.inf),
    ],
)
def test_the_range_of_a_metric(metric, low, high):
    assert named_metrics.get(metric).limits == (low, high)


MISTYPED = [
    ("73.77", "SCORE=0.7377"),
    ("73,77 %", "SCORE=0.7377"),
    ("0,5", "SCORE=0.5"),
    ("nan", "SCORE=<"),
    ("inf", "SCORE=<"),
    ("-0.5", "SCORE=<"),
    ("high", "SCORE=<"),
]


@pytest.mark.parametrize(("text", "advice"), MISTYPED)
def test_an_impossible_score_is_refused_with_what_was_probably_meant(text, advice):
    with pytest.raises(InputError, match=advice) as found:
        leaderboard.parsed_score("SCORE", text, named_metrics.get("accuracy"))
    assert "from 0 to 1" in found.value.expected


def test_a_possible_score_is_read():
    assert leaderboard.parsed_score("SCORE", " 0.7377", named_metrics.get("accuracy")) == 0.7377
    assert leaderboard.parsed_score("SCORE", "73.77", named_metrics.get("rmse")) == 73.77
    assert leaderboard.parsed_score("SCORE", "", named_metrics.get("accuracy")) is None


# CV and leaderboard --------------------------------------------------------------------------------------------------


def planted(correlation: float, count: int, seed: int = 0) -> list[tuple[float, float]]:
    """Pairs whose sample correlation is exactly as given; the second is 0.1 lower on average."""
    rng = np.random.default_rng(seed)
    first, other = (np.linalg.qr(rng.normal(size=(count, 3)) - [0, 0, 0])[0][:, i] for i in (0, 1))
    basis = np.linalg.qr(np.stack([np.ones(count), first, other], 1))[0]
    x, y = basis[:, 1], correlation * basis[:, 1] + math.sqrt(1 - correlation**2) * basis[:, 2]
    return list(zip((0.5 + 0.1 * x).tolist(), (0.4 + 0.1 * y).tolist(), strict=True))


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.6, 1.0])
def test_a_planted_correlation_is_found(correlation):
    found = leaderboard.agreement(planted(correlation, 40))
    assert found.pearson == pytest.approx(correlation, abs=1e-9)
    assert found.interval[0] - 1e-6 <= correlation <= found.interval[1] + 1e-6
    assert found.gap == pytest.approx(-0.1)
    assert found.count == 40


def test_ranks_do_not_see_how_far_scores_are_apart():
    found = leaderboard.agreement([(0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 50.0)])
    assert found.spearman == pytest.approx(1)
    assert found.pearson < 0.9


def test_too_few_and_equal_scores_have_no_correlation():
    assert leaderboard.agreement([(0.1, 0.2), (0.2, 0.3)]) is None
    found = leaderboard.agreement([(0.1, 0.2), (0.1, 0.3), (0.1, 0.4)])
    assert (found.pearson, found.spearman, found.interval) == (None, None, None)


# What to select ------------------------------------------------------------------------------------------------------


def selected(outputs, competition):
    project = known_project(outputs, competition)
    chosen, problem = leaderboard.final_choices(project, leaderboard.submitted(project))
    return {choice.kind: choice.row.digest for choice in chosen}, problem


def test_the_safe_one_has_the_best_cv_and_the_bold_one_the_best_leaderboard_among_other_answers(tmp_path):
    safe = keep(tmp_path, "0" * 100, 0.8)
    nearly = keep(tmp_path, "0" * 99 + "1", 0.7)
    bold = keep(tmp_path, "0" * 90 + "1" * 10, 0.6)
    other = keep(tmp_path, "1" * 100, 0.7)
    assert selected(tmp_path, COMPETITION) == (
        {"safe": safe},
        "no bold submission is selected, because no other submission has a leaderboard score",
    )
    leaderboard.note_score(tmp_path, nearly, 0.9, None)
    assert "nearly the same answers as the safe submission" in selected(tmp_path, COMPETITION)[1]
    for digest, score in ((safe, 0.95), (bold, 0.85), (other, 0.8)):
        leaderboard.note_score(tmp_path, digest, score, None)
    assert selected(tmp_path, COMPETITION) == ({"safe": safe, "bold": bold}, "")


def test_a_loss_is_better_if_it_is_lower(tmp_path):
    safe, other, bold = (keep(tmp_path, str(i) * 9, score, "log_loss") for i, score in enumerate((0.2, 0.3, 0.4)))
    leaderboard.note_score(tmp_path, other, 0.5, None)
    leaderboard.note_score(tmp_path, bold, 0.4, None)
    assert selected(tmp_path, LOSS) == ({"safe": safe, "bold": bold}, "")


def test_submissions_of_other_rows_count_as_different(tmp_path):
    safe, bold = keep(tmp_path, "000", 0.8), keep(tmp_path, "0000", 0.7)
    leaderboard.note_score(tmp_path, bold, 0.5, None)
    assert selected(tmp_path, COMPETITION)[0] == {"safe": safe, "bold": bold}


def test_without_a_cross_validated_score_nothing_is_selected(tmp_path):
    keep(tmp_path, "000", None)
    assert selected(tmp_path, COMPETITION) == ({}, "no submission has a cross-validated score")


def test_the_folder_of_submissions_may_hold_the_scores(tmp_path):
    digest = keep(tmp_path, "000")
    leaderboard.note_score(tmp_path, digest, 0.5, None)
    assert [record["file"] for record in submission_file.kept_submissions(tmp_path)] == [f"{digest}.csv"]
    assert submission_file.is_kept(tmp_path, digest)
    assert files.read_json(tmp_path / "submissions/leaderboard.json", "", "")["scores"][digest]["public"] == 0.5
