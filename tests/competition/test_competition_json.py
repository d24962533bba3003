import json

import pytest

from comp.competition import home
from comp.competition.competition import Attribute, Competition, Range, Sample
from comp.competition.competition_json import digest, from_json, to_json
from comp.metrics import metrics

SAMPLE = Sample("s.csv", "id", "labels", ("x", "y"))
KINDS = [
    home.competition(),
    Competition("multiclass", ("a", "b"), metrics.get("map@5"), sample=SAMPLE, source={"label": ["a", "b"]}),
    Competition("binary", ("a", "b"), metrics.get("auc"), (metrics.get("log_loss"),), combine="max"),
    Competition("multilabel", ("ä", "b"), metrics.get("micro_f_beta@0.5"), at_least_one=False),
    Competition("ordinal", ("0", "1"), metrics.get("quadratic_kappa"), defaults="crop=3"),
    Competition("regression", ("value",), metrics.get("rmse"), limits=(1.0, 9.5), source={"columns": ["sex"]}),
    Competition("multiclass", ("a", "b"), metrics.get("accuracy"), attributes={"x": Attribute(("a", "b"), (0, 1))},
                ranges=(Range("x", "years", (30.0,)),)),
]  # fmt: skip


@pytest.mark.parametrize("competition", KINDS, ids=lambda one: one.target)
def test_every_kind_of_competition_survives_json(competition):
    assert from_json(json.loads(json.dumps(to_json(competition)))) == competition


def test_comments_and_order_do_not_change_the_digest_and_settings_do():
    text = 'target = "binary"\nid = "x"'
    assert digest(text) == digest('# mine\nid = "x"  # the id\n\ntarget = "binary"\n')
    assert digest(text) != digest(text.replace("x", "y"))
    assert digest("= no TOML") == digest("= no TOML")
