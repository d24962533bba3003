import json

import pytest

from comp.competition.competition import Attribute, Competition, Range, Sample, from_json, settings_digest, to_json
from comp.inputs import mask_gender_age
from comp.metrics import named_metrics

SAMPLE = Sample("s.csv", "id", "labels", ("x", "y"))
KINDS = [
    mask_gender_age.competition(),
    Competition("multiclass", ("a", "b"), named_metrics.get("map@5"), sample=SAMPLE, source={"label": ["a", "b"]}),
    Competition("binary", ("a", "b"), named_metrics.get("auc"), (named_metrics.get("log_loss"),), combine="max"),
    Competition("multilabel", ("ä", "b"), named_metrics.get("micro_f_beta@0.5"), at_least_one=False),
    Competition("ordinal", ("0", "1"), named_metrics.get("quadratic_kappa"), defaults="crop=3"),
    Competition("regression", ("value",), named_metrics.get("rmse"), limits=(1.0, 9.5), source={"columns": ["sex"]}),
    Competition(
        "multiclass",
        ("a", "b"),
        named_metrics.get("accuracy"),
        attributes={"x": Attribute(("a", "b"), (0, 1))},
        ranges=(Range("x", "years", (30.0,)),),
    ),
]


@pytest.mark.parametrize("competition", KINDS, ids=lambda competition: competition.target)
def test_every_kind_of_competition_survives_json(competition):
    assert from_json(json.loads(json.dumps(to_json(competition)))) == competition


def test_comments_and_order_do_not_change_the_digest_and_settings_do():
    text = 'target = "binary"\nid = "x"'
    assert settings_digest(text) == settings_digest('# mine\nid = "x"  # the id\n\ntarget = "binary"\n')
    assert settings_digest(text) != settings_digest(text.replace("x", "y"))
    assert settings_digest("= no TOML") == settings_digest("= no TOML")
