from dataclasses import replace

import numpy as np
import pytest
from drawn_models import competition, data, other

from comp.blending import blend_stage, bootstrap, candidates, choice
from comp.blending.candidates import Candidate, candidates_for
from comp.blending.choice import study
from comp.blending.methods import method_for
from comp.competition import scoring
from comp.decisions.decision import rule_for
from comp.errors import InputError
from comp.metrics.metric import Metric


def candidate(method, rule="argmax", of=None):
    of = of or competition()
    return Candidate(method_for(method, of), rule_for(rule, of))


# ---- shares

PLAIN = {"rule": "argmax"}


def scored(given, answers, methods=()):
    """Answers of several candidates (P, N), fold by fold."""
    groups = int(given.groups.max()) + 1
    by_fold = []
    for k in np.unique(given.folds):
        inside = given.folds == k
        parts = given.labels[inside], given.groups[inside], groups, [each[inside] for each in answers]
        by_fold.append(bootstrap.sums_of_predictions(given.competition, *parts))
    return by_fold, np.arange(groups), [candidate(name) for name in methods or ("greedy", "search", "log_loss")]


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
    weak, strong = data(models=3, skill=1.0), data(models=1, skill=6.0)
    probs = np.concatenate([weak.probs, strong.probs])
    blend = study(replace(weak, probs=probs), candidates_for(competition(), **PLAIN))
    assert blend.weights[-1] > 0.8
    alone = scoring.score(competition(), strong.labels, strong.probs[0])
    assert blend.cross_validated == pytest.approx(alone, abs=0.02)


def test_runs_that_differ_by_noise_alone_get_nearly_equal_weights():
    given = data(models=3, rows=600)
    blend = study(given, candidates_for(competition(), **PLAIN))
    np.testing.assert_allclose(blend.weights, 1 / 3, atol=0.12)


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
    first, second = (np.array([1.0, 0]), np.array([0.0, 2])), (np.array([0.5, 0.5]), np.array([1.0, 0]))
    labels = competition("micro_f1", "multilabel", 2)
    fitted = {candidate("best", "half", labels): first, candidate("equal", "expected", labels): second}
    mixed = candidates.mix_candidates(fitted, np.array([0.25, 0.75]))
    assert (mixed.candidate.method.name, mixed.candidate.rule.name) == ("mixed", "mixed")
    assert str(mixed.candidate) == "mixed + mixed"
    assert mixed.weights.tolist() == [0.625, 0.375]
    assert mixed.parameters.tolist() == [0.75, 0.5]
    assert mixed.blended(np.full((2, 5, 2), 0.5, np.float32), labels).shape == (5, 2)


def test_only_means_of_one_kind_are_put_together():
    names = ("equal", "geometric", "geometric_search", "greedy")
    fitted = {candidate(name): (np.eye(4)[i], np.full(2, i)) for i, name in enumerate(names)}
    mixed = candidates.mix_candidates(fitted, np.array([0.3, 0.4, 0.2, 0.1]))
    assert mixed.candidate.method.name == "geometric_mixed"
    assert str(mixed.candidate.rule.name) == "argmax"
    np.testing.assert_allclose(mixed.weights, [0, 2 / 3, 1 / 3, 0])
    np.testing.assert_allclose(list(mixed.shares.values()), [2 / 3, 1 / 3])


def test_parameters_of_other_forms_are_not_put_together():
    plain, fitted = candidate("equal"), candidate("equal", "expected")
    mixed = candidates.mix_candidates(
        {plain: (np.ones(1), np.zeros(4)), fitted: (np.ones(1), np.ones((6, 4)))}, [0.6, 0.4]
    )
    assert mixed.candidate == plain


def test_the_report_names_the_shares(capsys):
    given = data()
    blend = study(given, candidates_for(competition(), method="equal"))
    summary = blend_stage.blend_summary(["x", "y", "z"], given, blend, "digest")
    assert sum(summary["shares"].values()) == pytest.approx(1, abs=1e-4)
    blend_stage.show_blend(["x", "y", "z"], given, blend, summary)
    assert ("the mean of" in capsys.readouterr().out) == (len(blend.shares) > 1)


def test_a_run_is_as_likely_as_not_to_beat_itself_and_noise_makes_less_certain():
    scores = np.array([0.6, 0.5, 0.5])
    drawn = scores[:, None] + np.random.default_rng(0).normal(0, 0.05, (3, 1000))
    chances = choice.chance_to_beat(scores, drawn)
    assert 0.5 < chances["best single run"] < chances["equal mean"] < 1
    assert set(choice.chance_to_beat(np.full(3, 0.5), np.full((3, 10), 0.5)).values()) == {0.5}


# ---- the study


@pytest.fixture(scope="module")
def chosen():
    return study(data(folds=4), candidates_for(competition()))


def test_blending_good_models_beats_the_best_of_them(chosen):
    assert {candidate.method.name for candidate in chosen.shares} != {"best"}
    assert chosen.beats["best single run"] > 0.7
    assert chosen.interval[0] < chosen.cross_validated < chosen.interval[1]
    assert chosen.weights.sum() == pytest.approx(1)


def test_the_cross_validated_probabilities_score_the_cross_validated_score(chosen):
    assert scoring.score(competition(), data().labels, chosen.oof) == pytest.approx(chosen.cross_validated)


def test_a_row_cannot_change_what_predicts_its_fold():
    before, changed = data(), data()
    inside = changed.folds == 2
    changed.labels[inside] = (changed.labels[inside] + 1) % 4
    search = candidates_for(competition(), method="search")
    first, second = study(before, search), study(changed, search)
    np.testing.assert_array_equal(first.oof[inside], second.oof[inside])
    assert not np.array_equal(first.oof, second.oof)


def test_pure_noise_does_not_beat_its_best_model_by_more_than_chance():
    gains = []
    for seed in range(3):
        noise = data(models=3, rows=400, seed=seed, skill=0.0, folds=2)
        blend = study(noise, candidates_for(competition()))
        single = max(scoring.score(competition(), noise.labels, run) for run in noise.probs)
        gains.append(blend.cross_validated - single)
    assert np.mean(gains) < 0.02  # the standard error of a score of 400 rows at chance


OTHERS = [
    ("multiclass", "log_loss"),
    ("multiclass", "auc"),
    ("multiclass", "map@2"),
    ("binary", "auc"),
    ("binary", "probabilistic_f1"),
    ("multilabel", "micro_f1"),
    ("multilabel", "auc"),
    ("multilabel", "samples_f_beta@2"),
    ("ordinal", "quadratic_kappa"),
    ("ordinal", "macro_f1"),
    ("regression", "rmse"),
]


@pytest.mark.parametrize(("target", "metric"), OTHERS)
def test_every_target_chooses_scores_and_reports(target, metric, capsys):
    given = (
        data(rows=96, metric=metric, folds=2) if target == "multiclass" else other(target, metric, rows=144, folds=2)
    )
    blend = study(given, candidates_for(given.competition))
    assert blend.interval[0] <= blend.cross_validated <= blend.interval[1]
    value = given.competition.metric.shown(blend.cross_validated)
    predicted = scoring.predictions(given.competition, given.competition.metric, blend.oof)
    assert value == pytest.approx(given.competition.metric.function(given.labels, predicted))
    names = ["x", "y", "z"]
    summary = blend_stage.blend_summary(names, given, blend, "digest")
    assert summary["cross_fitted"] == pytest.approx(value, abs=1e-6)
    assert summary["interval_95"] == sorted(summary["interval_95"])
    blend_stage.show_blend(names, given, blend, summary)
    shown = capsys.readouterr().out
    assert metric in shown
    assert ("lower is better" in shown) == (not given.competition.metric.higher_is_better)


def test_a_users_metric_chooses_methods_and_rules():
    """Right answers less twice the mistakes for class d, given as a function alone: no search is offered."""

    def function(labels, answers):
        return np.mean(labels == answers) - 2 * np.mean((answers == 3) & (labels != 3))

    mine = Metric("mine", function, "answers", ("multiclass",))
    given = replace(data(rows=160), competition=replace(competition(), metric=mine))
    options = candidates_for(given.competition)
    assert {option.rule.name for option in options} == {"argmax"}
    assert not {"search", "geometric_search"} & {option.method.name for option in options}
    blend = study(given, options)
    assert blend.cross_validated == pytest.approx(function(given.labels, blend.oof.argmax(1)))
    given = other("binary", "weighted_auc")
    assert study(given, candidates_for(given.competition, method="rank")).cross_validated > 0.6
    one_class = replace(competition(), metric=mine)
    with pytest.raises(InputError, match="METHOD=search"):
        candidates_for(one_class, method="search")
    with pytest.raises(InputError, match="RULE=expected"):
        candidates_for(one_class, rule="expected")


def test_it_is_deterministic_and_indifferent_to_the_order_of_models():
    whole, order = data(rows=200), [2, 0, 1]
    turned = replace(whole, probs=whole.probs[order])
    first, second = (study(each, candidates_for(competition())) for each in (whole, turned))
    assert (first.chosen, first.cross_validated) == (second.chosen, pytest.approx(second.cross_validated))
    np.testing.assert_allclose(first.weights[order], second.weights)


def test_two_folds_are_enough():
    assert 0 < study(data(folds=2), candidates_for(competition())).cross_validated <= 1


def test_progress_counts_every_fit():
    done = []
    study(data(rows=80), candidates_for(competition(), method="equal", rule="argmax"), done.append)
    assert len(done) == candidates.number_of_fits(3) == 7


def test_worker_processes_give_the_same_blend(monkeypatch):
    options = [candidate("equal"), candidate("greedy", "expected")]
    alone = study(data(rows=120), options)
    monkeypatch.setattr(candidates, "SMALL_PROBLEM", 0)
    shared = study(data(rows=120), options)
    assert (alone.chosen, alone.shares) == (shared.chosen, shared.shares)
    np.testing.assert_array_equal(alone.oof, shared.oof)
