import json

import pytest

from comp.competition import home, metrics
from comp.competition.competition import Competition, Sample
from comp.competition.competition_json import digest, from_json, to_json

SMALL = Competition("multilabel", ("ä", "b"), metrics.get("auc"), (metrics.get("log_loss"),), at_least_one=False,
                    combine="max", limits=(1.0, 9.0), sample=Sample("s.csv", "id", "labels", ("x", "y")),
                    source={"target": "multilabel", "columns": ["sex"]})  # fmt: skip


@pytest.mark.parametrize("competition", [home.competition(), SMALL, Competition("ordinal", ("0", "1"), SMALL.metric)])
def test_a_competition_survives_json(competition):
    assert from_json(json.loads(json.dumps(to_json(competition)))) == competition


def test_comments_and_order_do_not_change_the_digest_and_settings_do():
    text = 'target = "binary"\nid = "x"'
    assert digest(text) == digest('# mine\nid = "x"  # the id\n\ntarget = "binary"\n')
    assert digest(text) != digest(text.replace("x", "y"))
    assert digest("= no TOML") == digest("= no TOML")
