"""The frozen form of a competition, and the hash of what shapes its training rows."""

import dataclasses
import json

import pytest

from comp.competition import home, metrics
from comp.competition.competition import Attribute, Competition, Range, Sample
from comp.competition.competition_digest import digest
from comp.competition.competition_json import from_json, to_json

SAMPLE = Sample("s.csv", "id", "label", ("a",))
KINDS = [
    home.competition(),
    Competition("multiclass", ("a", "b"), metrics.get("map@5"), sample=SAMPLE, source={"label": ["a", "b"]}),
    Competition("binary", ("a", "b"), metrics.get("auc"), (metrics.get("log_loss"),), combine="max"),
    Competition("multilabel", ("ä", "b"), metrics.get("micro_f_beta@0.5"), at_least_one=False),
    Competition("ordinal", ("0", "1"), metrics.get("quadratic_kappa"), defaults="crop=3"),
    Competition("regression", ("value",), metrics.get("rmse"), limits=(1.0, 9.5)),
    Competition("multiclass", ("a", "b"), metrics.get("accuracy"), attributes={"x": Attribute(("a", "b"), (0, 1))},
                ranges=(Range("x", "years", (30.0,)),)),
]  # fmt: skip


@pytest.mark.parametrize("competition", KINDS, ids=lambda one: one.target)
def test_every_kind_survives_json_and_has_a_digest(competition):
    again = from_json(json.loads(json.dumps(to_json(competition))))
    assert again == competition
    assert digest(again) == digest(competition)


def test_what_shapes_the_labels_changes_the_digest_and_nothing_else_does():
    base = KINDS[1]
    same = [dict(metric=metrics.get("accuracy")), dict(sample=None), dict(defaults="x"), dict(also=(base.metric,)),
            dict(source={"label": ["a", "b"], "metric": "x", "sample": "s"})]  # fmt: skip
    other = [dict(classes=("b", "a")), dict(target="ordinal"), dict(combine="mean"), dict(at_least_one=False),
             dict(source={"label": "x"}), dict(source={"label": ["a", "b"], "group": "g"}), dict(limits=(0.0, 2.0)),
             dict(attributes={"x": Attribute(("a", "b"), (0, 1))}), dict(ranges=(Range("x", "y", (3.0,)),))]  # fmt: skip
    for change in same:
        assert digest(dataclasses.replace(base, **change)) == digest(base)
    digests = {digest(dataclasses.replace(base, **change)) for change in other}
    assert len(digests | {digest(base)}) == len(other) + 1
