"""What make_sub prints, for answers of every form."""

import numpy as np
import pytest
from small_competitions import FORMS, random_probs, small

from comp.submission import answer_report, answers, submission_file

GROUPS = np.arange(300) // 3


@pytest.mark.parametrize(("target", "answer"), FORMS)
def test_every_form_is_shown_and_only_a_shift_is_warned_of(capfd, target, answer):
    competition = small(target, answer)
    oof, test = random_probs(competition, 300), random_probs(competition, 90, seed=1)
    answer_report.show_answers(competition, oof, GROUPS, test)
    assert capfd.readouterr().err == ""
    shifted = np.zeros_like(test)
    shifted[:, -1] = 1
    answer_report.show_answers(competition, oof, GROUPS, shifted)
    assert "more than chance" in capfd.readouterr().err


def test_of_many_classes_those_that_differ_most_are_shown(capfd):
    competition = small(classes=tuple(f"class{c}" for c in range(100)))
    test = np.zeros((90, 100), np.float32)
    test[:, 77] = 1
    answer_report.show_answers(competition, random_probs(competition, 300), GROUPS, test)
    said = capfd.readouterr()
    assert "the 10 of 100 that differ most" in said.out
    assert "class77 is 100.0% of the test answers" in said.err


@pytest.mark.parametrize(("target", "answer"), FORMS)
def test_agreement_with_earlier_submissions_and_those_that_cannot_be_compared(tmp_path, capfd, target, answer):
    competition = small(target, answer)
    made = answers.from_probabilities(competition, random_probs(competition, 5))
    submission_file.keep_submission(tmp_path, b"id,answer\nother,0\n", {"run": "a"})
    answer_report.show_earlier(tmp_path, competition, list("vwxyz"), made)
    assert "not comparable" in capfd.readouterr().out
