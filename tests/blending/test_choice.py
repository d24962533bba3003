from dataclasses import replace

import numpy as np
import pytest
from test_crossfit import competition, data

from comp.blending import blend_stage, bootstrap, candidates, choice
from comp.blending.candidates import Candidate, candidates_for
from comp.blending.choice import study
from comp.competition import scoring

PLAIN = {"rule": "argmax"}


def scored(given, answers, methods=()):
    """Answers of several candidates (P, N), fold by fold."""
    groups = int(given.groups.max()) + 1
    by_fold = []
    for k in np.unique(given.folds):
        inside = given.folds == k
        parts = given.labels[inside], given.groups[inside], groups, [one[inside] for one in answers]
        by_fold.append(bootstrap.sums_of_predictions(given.competition, *parts))
    return by_fold, np.arange(groups), [Candidate(name, "argmax") for name in methods or "abc"]


def noisy(labels, share, seed):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(labels)) < share, rng.integers(0, 4, len(labels)), labels)


def test_a_candidate_that_is_clearly_better_gets_everything():
    given = data()
    answers = [noisy(given.labels, share, seed) for seed, share in enumerate((0.6, 0.1, 0.6))]
    assert choice.candidate_shares(*scored(given, answers)).tolist() == [0, 1, 0]


def test_candidates_that_differ_by_less_than_their_noise_share():
    given = data()
    shares = choice.candidate_shares(*scored(given, [noisy(given.labels, 0.5, seed) for seed in range(3)]))
    assert shares.sum() == pytest.approx(1)
    assert shares.max() < 0.9
    assert (shares > 0).sum() > 1


def test_of_equal_candidates_the_first_one_counts():
    given = data()
    assert choice.candidate_shares(*scored(given, [noisy(given.labels, 0.5, 0)] * 3)).tolist() == [1, 0, 0]


@pytest.mark.parametrize(("wrong", "single"), [(0.5, 0), (0.2, 1)])
def test_the_best_run_counts_only_if_it_clearly_beats_the_equal_mean(wrong, single):
    """Answers of the equal mean, of the best single run, and of a third candidate; some of them are wrong."""
    given = data()
    answers = [noisy(given.labels, share, 0) for share in (0.5, wrong, 0.8)]
    assert choice.candidate_shares(*scored(given, answers, ["equal", "best", "greedy"])).tolist() == [
        1 - single,
        single,
        0,
    ]


def test_a_run_that_is_much_better_than_the_rest_has_nearly_all_the_weight():
    weak, strong = data(models=4, skill=1.0), data(models=1, skill=6.0)
    probs = np.concatenate([weak.probs, strong.probs])
    made = study(replace(weak, probs=probs), candidates_for(competition(), **PLAIN))
    assert made.weights[-1] > 0.8
    alone = scoring.score(competition(), strong.labels, strong.probs[0])
    assert made.cross_validated == pytest.approx(alone, abs=0.02)


def test_runs_that_differ_by_noise_alone_get_nearly_equal_weights():
    given = data(models=4, rows=800)
    made = study(given, candidates_for(competition(), **PLAIN))
    np.testing.assert_allclose(made.weights, 0.25, atol=0.12)


def test_shuffled_rows_and_groups_with_other_names_give_the_same_blend():
    given = data()
    order = np.random.default_rng(0).permutation(len(given.labels))
    parts = {name: getattr(given, name)[order] for name in ("labels", "folds", "groups")}
    turned = replace(given, probs=given.probs[:, order], **parts)
    plain = candidates_for(competition(), method="log_loss")
    first, second = (study(each, plain) for each in (given, turned))
    assert first.shares == second.shares
    np.testing.assert_allclose(first.weights, second.weights, atol=1e-5)
    np.testing.assert_allclose(first.oof[order], second.oof, atol=1e-5)


def test_the_mean_of_candidates_has_the_mean_of_their_weights_and_parameters():
    one, two = (np.array([1.0, 0]), np.array([0.0, 2])), (np.array([0.5, 0.5]), np.array([1.0, 0]))
    fitted = {Candidate("best", "prior"): one, Candidate("equal", "classes"): two}
    made = candidates.mix_candidates(fitted, np.array([0.25, 0.75]))
    assert made.candidate == Candidate("mixed", "mixed")
    assert made.weights.tolist() == [0.625, 0.375]
    assert made.parameters.tolist() == [0.75, 0.5]


def test_only_means_of_one_kind_are_put_together():
    names = [("equal", "prior"), ("geometric", "prior"), ("geometric_search", "prior"), ("rank", "prior")]
    fitted = {Candidate(*name): (np.eye(4)[i], np.full(2, i)) for i, name in enumerate(names)}
    made = candidates.mix_candidates(fitted, np.array([0.4, 0.3, 0.2, 0.1]))
    assert made.candidate == Candidate("geometric_mixed", "prior")
    np.testing.assert_allclose(made.weights, [0, 0.6, 0.4, 0])
    np.testing.assert_allclose(list(made.shares.values()), [0.6, 0.4])


def test_parameters_of_other_shapes_are_not_put_together():
    fitted = {Candidate("equal", "a"): (np.ones(1), np.zeros(2)), Candidate("equal", "b"): (np.ones(1), np.ones(5))}
    assert candidates.mix_candidates(fitted, np.array([0.6, 0.4])).candidate == Candidate("equal", "a")


def test_the_report_names_the_shares(capsys):
    given = data()
    made = study(given, candidates_for(competition(), method="equal"))
    summary = blend_stage.blend_summary(["x", "y", "z"], given, made, "digest")
    assert sum(summary["shares"].values()) == pytest.approx(1, abs=1e-4)
    blend_stage.show_blend(["x", "y", "z"], given, made, summary)
    assert ("the mean of" in capsys.readouterr().out) == (len(made.shares) > 1)


def test_a_run_is_as_likely_as_not_to_beat_itself_and_noise_makes_less_certain():
    scores = np.array([0.6, 0.5, 0.5])
    drawn = scores[:, None] + np.random.default_rng(0).normal(0, 0.05, (3, 1000))
    found = choice.chance_to_beat(scores, drawn)
    assert 0.5 < found["best single run"] < found["equal mean"] < 1
    assert set(choice.chance_to_beat(np.full(3, 0.5), np.full((3, 10), 0.5)).values()) == {0.5}
