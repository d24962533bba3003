import numpy as np
import pytest

from comp.blending import bootstrap, crossfit
from comp.blending.crossfit import Candidate, Data, candidates, study
from comp.competition import metrics

ATTRIBUTES = {"row": np.array([0, 0, 1, 1]), "column": np.array([0, 1, 0, 1])}


def data(models=3, rows=400, seed=0, skill=2.5, metric="macro_f1", folds=4):
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, rows, p=[0.4, 0.3, 0.2, 0.1])
    shared = rng.normal(size=(rows, 4))
    scores = np.exp(skill * np.eye(4)[labels] + shared + rng.normal(size=(models, rows, 4)))
    groups = np.arange(rows) // 4
    return Data((scores / scores.sum(2, keepdims=True)).astype(np.float32), labels, groups % folds, groups, metric,
                ATTRIBUTES)  # fmt: skip


@pytest.fixture(scope="module")
def made():
    return study(data(), candidates("macro_f1", 4))


def test_blending_good_models_beats_the_best_of_them(made):
    assert made.chosen.method != "best"
    assert made.beats["best single run"] > 0.9
    assert made.interval[0] < made.honest < made.interval[1]
    assert made.weights.sum() == pytest.approx(1)


def test_the_honest_probabilities_score_the_honest_score(made):
    assert metrics.score("macro_f1", data().labels, made.oof) == pytest.approx(made.honest)


def test_a_row_cannot_change_what_answers_for_its_fold():
    before, changed = data(), data()
    inside = changed.folds == 2
    changed.labels[inside] = (changed.labels[inside] + 1) % 4
    pool = candidates("macro_f1", 4, method="search")
    first, second = study(before, pool), study(changed, pool)
    np.testing.assert_array_equal(first.oof[inside], second.oof[inside])
    assert not np.array_equal(first.oof, second.oof)


def test_pure_noise_does_not_beat_its_best_model_by_more_than_chance():
    gains = []
    for seed in range(3):
        noise = data(models=5, seed=seed, skill=0.0)
        made = study(noise, candidates("macro_f1", 4))
        single = max(metrics.score("macro_f1", noise.labels, one) for one in noise.probs)
        gains.append(made.honest - single)
    assert np.mean(gains) < 0.02  # the standard error of a score of 400 rows at chance


def test_a_choice_that_scores_below_the_plain_ways_is_not_made():
    noise = data(models=6, skill=0.0)
    made = study(noise, candidates("macro_f1", 4))
    table = dict(made.table)
    assert made.honest >= max(table[Candidate("best", "argmax")], table[Candidate("equal", "argmax")]) - 1e-9


def test_the_simplest_within_a_standard_error_is_chosen():
    same = data()
    pool = [Candidate("equal", "argmax"), Candidate("search", "argmax")]
    answers = {k: [same.labels[same.folds == k]] * 2 for k in range(4)}
    assert crossfit.choose(same, pool, answers) == pool[0]
    wrong = {k: [(right[0] + 1) % 4, right[1]] for k, right in answers.items()}
    assert crossfit.choose(same, pool, wrong) == pool[1]


@pytest.mark.parametrize("metric", ["log_loss", "auc"])
def test_metrics_of_probabilities_choose_and_score_too(metric):
    made = study(data(rows=160, metric=metric), candidates(metric, 4))
    assert made.chosen.rule == "argmax"
    assert np.isfinite(made.honest)


def test_it_is_deterministic_and_indifferent_to_the_order_of_models():
    whole, order = data(), [2, 0, 1]
    turned = Data(whole.probs[order], whole.labels, whole.folds, whole.groups, whole.metric, whole.attributes)
    first, second = (study(each, candidates("macro_f1", 4)) for each in (whole, turned))
    assert (first.chosen, first.honest) == (second.chosen, pytest.approx(second.honest))
    np.testing.assert_allclose(first.weights[order], second.weights)


def test_two_folds_are_enough():
    assert 0 < study(data(folds=2), candidates("macro_f1", 4)).honest <= 1


def test_the_bootstrap_keeps_persons_together():
    """Rows of one person repeated change no interval; as persons of their own they would narrow it."""
    labels, group = np.arange(60) % 3, np.arange(60)
    answers = np.where(np.random.default_rng(0).random(60) < 0.6, labels, (labels + 1) % 3)
    once = bootstrap.scores("macro_f1", labels, group, [answers], classes=3)[0].std()
    seven = [np.repeat(part, 7) for part in (labels, group, answers)]
    together = bootstrap.scores("macro_f1", seven[0], seven[1], [seven[2]], classes=3)[0].std()
    apart = bootstrap.scores("macro_f1", seven[0], np.arange(420), [seven[2]], classes=3)[0].std()
    assert together == pytest.approx(once)
    assert apart < 0.6 * together
