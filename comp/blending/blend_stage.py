"""Fit the blend of some runs on their out-of-fold predictions, and write it with what it was made of."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from comp import console
from comp.blending import by_attribute, candidates, combine, crossfit, report
from comp.blending.crossfit import OutOfFold, Study
from comp.competition.competition import Competition
from comp.decisions import decision
from comp.errors import InputError
from comp.io import files
from comp.store import blend_record
from comp.store.blend_record import Asked
from comp.store.paths import BLEND, Run
from comp.store.predictions import save_predictions
from comp.store.run_predictions import load
from comp.store.scored_rows import ScoredRows, scored_rows

TRANSDUCTIVE = (
    "TRANSDUCTIVE=1: the answer for a test photo depends on the other test photos. Check that the competition allows "
    "it. The scores above are of the rule as it is fitted to training photos"
)


def blend(
    outputs: Path, folds, digest: str, competition: Competition, names: list[str], test_ids, asked: Asked, made_of: dict
) -> None:
    """Choose, fit, write and show the blend. made_of: what `blend_record.made_of` found before the files were read."""
    parts = asked.per == "attribute"
    options = _options(competition, asked, parts)
    loaded = [load(Run(outputs, name), folds, digest, competition, test_ids) for name in names]
    rows = scored_rows(folds, competition)
    data = _out_of_fold(rows, names, [rows.combine(oof) for oof, _ in loaded], parts)
    with console.progress("fitting", crossfit.fits(len(np.unique(rows.folds))), "fits") as advance:
        study = crossfit.study(data, options, advance)
    made = report.summary(names, data, study, digest)
    tests = _test_parts([test for _, test in loaded], data, parts)
    test, parameters = _of_test(data, study, tests[1], asked)
    if asked.transductive:
        made["parameters_of_test"] = report.rounded_values(decision.named(parameters, competition))
    _write(outputs, (rows.ids, study.oof), (tests[0], test), competition, made, made_of)
    report.show(names, data, study, made)
    if asked.transductive:
        console.warn(TRANSDUCTIVE)


def _options(competition: Competition, asked: Asked, parts: bool) -> list[candidates.Candidate]:
    """The candidates. InputError where weights for each attribute are asked for and classes have no attributes.

    Also where the rule that is asked for cannot be fitted to test photos, but should be.
    """
    if parts and not competition.attributes:
        raise InputError("PER=attribute, but the classes have no attributes", "PER=run", "make blend PER=run")
    if asked.transductive:
        asked = _expected(competition, asked)
    return candidates.candidates(competition, asked.method, asked.rule, parts)


def _expected(competition: Competition, asked: Asked) -> Asked:
    """The same arguments with the rule that can be fitted to test photos; InputError if there is none or another."""
    if decision.EXPECTED not in decision.rules(competition):
        found = f"TRANSDUCTIVE=1, but the metric {competition.metric.name} has no rule of an expected value"
        raise InputError(found, "a metric of answers", replace(asked, transductive=0).command)
    if asked.rule not in ("", decision.EXPECTED):
        run = replace(asked, rule=decision.EXPECTED).command
        raise InputError(f"TRANSDUCTIVE=1 and RULE={asked.rule}", f"RULE={decision.EXPECTED}", run)
    return replace(asked, rule=decision.EXPECTED)


def _out_of_fold(rows: ScoredRows, names: list[str], each: list[np.ndarray], parts: bool) -> OutOfFold:
    probs = np.stack(each)
    _check_distinct(names, probs)
    return OutOfFold(
        competition=rows.competition,
        probs=by_attribute.by_attribute(probs, rows.competition.attribute_values) if parts else probs,
        labels=rows.labels,
        folds=rows.folds,
        groups=rows.groups,
        runs=probs,
    )


def _check_distinct(names: list[str], probs: np.ndarray) -> None:
    """Raise InputError where two runs hold the same predictions: one would count twice under another name."""
    order, of = combine.distinct(probs)
    for place in range(len(order)):
        same = [name for name, where in zip(names, of, strict=True) if where == place]
        if len(same) > 1:
            kept = tuple(name for name in names if name not in same[1:])
            raise InputError(f"runs {' and '.join(same)} hold the same predictions", "each once", Asked(kept).command)


def _test_parts(tests, data: OutOfFold, parts: bool) -> tuple[np.ndarray, np.ndarray]:
    """Test ids, and probabilities (M, T, C) as those that the weights are of."""
    probs = np.stack([test.at(tests[0].ids) for test in tests])
    return tests[0].ids, by_attribute.by_attribute(probs, data.competition.attribute_values) if parts else probs


def _of_test(data: OutOfFold, study: Study, probs: np.ndarray, asked: Asked) -> tuple[np.ndarray, np.ndarray]:
    """The blend's test probabilities (T, C) of probs (M, T, C), and the parameters of the rule that decides them."""
    competition, method, parameters = data.competition, study.chosen.method, study.parameters
    mixed = combine.blended(method, probs, study.weights, competition)
    if asked.transductive:
        oof = combine.blended(method, data.probs, study.weights, competition)
        parameters = decision.fit(study.chosen.rule, oof, data.labels, data.groups, competition, on=mixed)
    return decision.adjusted(mixed, parameters, competition), parameters


def _write(outputs: Path, oof, test, competition: Competition, made: dict, made_of: dict) -> None:
    """The blend's files. Its OOF probabilities are the cross-fitted ones: each row's blend never saw its fold.

    oof, test: ids and probabilities.
    """
    folder = Run(outputs, BLEND).folder
    meta = {name: made[name] for name in ("run", "folds", "method", "rule", "runs", "weights")}
    for name, (ids, probs) in (("oof.npz", oof), ("test.npz", test)):
        save_predictions(folder / name, ids, probs, competition, meta)
    record = {"files": blend_record.file_digests(outputs), "made_of": made_of}
    files.write_json(folder / "weights.json", made | record)  # last: it holds the hashes of the other two
    console.say(f"wrote {folder}/weights.json, oof.npz, test.npz")
