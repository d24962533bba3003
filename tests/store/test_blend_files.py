"""What a blend is made of, as plain values. Whether the stages go by it is tested in tests/test_make.py."""

import json
from dataclasses import replace

import pytest
from known_project import known_project
from small_competitions import small

from comp import files
from comp.metrics import named_metrics, user_metrics
from comp.store import blend_files
from comp.store.blend_files import Asked


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        (Asked(), "make blend"),
        (Asked(("a",)), "make blend RUNS=a"),
        (Asked(("a", "b"), "equal", "argmax"), 'make blend RUNS="a b" METHOD=equal RULE=argmax'),
        (Asked(method="search"), "make blend METHOD=search"),
        (Asked(("a", "kim mate")), 'make blend RUNS="a, kim mate"'),
    ],
)
def test_the_command_asks_for_what_was_asked_for(asked, command):
    assert asked.command == command


def test_what_a_blend_is_made_of_is_plain_and_the_same_twice(tmp_path):
    project = known_project(tmp_path, small())
    first, second = (blend_files.blend_record(project, ["a"], 3, Asked(("a",))) for _ in range(2))
    assert first == second == json.loads(json.dumps(first))
    assert blend_files.difference(first, second) == ""


def test_each_part_of_the_competition_counts():
    changed = [
        small(),
        small(metric=named_metrics.get("accuracy")),
        small(classes=("a", "b", "d")),
        small("ordinal"),
        replace(small(), combine="mean"),
    ]
    assert len({blend_files.competition_digest(competition) for competition in changed}) == len(changed)


def test_a_metric_of_the_users_own_counts_with_the_code_that_it_is_written_in():
    own = small("binary", metric=user_metrics.METRICS[0])
    assert files.digest(user_metrics.__file__) in blend_files.metric_digest(own)
    assert blend_files.metric_digest(small()) == "macro_f1"


def test_a_sample_that_is_not_on_this_machine_is_no_change():
    before = dict.fromkeys(("folds", "competition", "metric", "choice"), "")
    before |= {"sample_ids": "s", "runs": {}, "asked": {}}
    assert blend_files.difference(before, before | {"sample_ids": ""}) == ""
    assert "sample" in blend_files.difference(before, before | {"sample_ids": "t"})


def test_of_the_sample_only_the_ids_count(tmp_path):
    project, digests = known_project(tmp_path, small(), inputs=tmp_path), []
    for text in ("id,answer\nx,0\ny,0\n", '"id","answer","note"\nx,0.10,NA\ny,,\n', "id,answer\nx,0\nz,0\n"):
        (tmp_path / "sample.csv").write_text(text)
        digests.append(blend_files.blend_record(project, [], 3, Asked())["sample_ids"])
    assert digests[0] == digests[1] != digests[2]
