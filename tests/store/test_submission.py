import numpy as np
import pandas as pd
import pytest

from comp.errors import InputError
from comp.store import submission

SAMPLE = pd.DataFrame({"ImageID": ["c.jpg", "a.jpg", "b.jpg"], "ans": 0})


def fill(ids, answers):
    return submission.fill(SAMPLE, "ImageID", "ans", ids, np.asarray(answers))


def test_answers_are_joined_by_id_in_the_samples_order():
    table = fill(["a.jpg", "b.jpg", "c.jpg"], [1, 2, 3])
    assert table["ImageID"].tolist() == SAMPLE["ImageID"].tolist()
    assert table["ans"].tolist() == [3, 1, 2]
    submission.check(table, SAMPLE, "ImageID", "ans", 18)


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        (["a.jpg", "b.jpg"], "missing"),
        (["a.jpg", "b.jpg", "c.jpg", "d.jpg"], "extra"),
        (["a.jpg", "b.jpg", "c.jpg", "a.jpg"], "repeated"),
    ],
)
def test_missing_extra_and_repeated_ids_are_refused(ids, kind):
    with pytest.raises(InputError, match=f"1 {kind} id"):
        fill(ids, range(len(ids)))


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.assign(ans=18),
        lambda t: t.assign(ans=0.5),
        lambda t: t.assign(ans="x"),
        lambda t: t[::-1],
        lambda t: t[["ans", "ImageID"]],
        lambda t: t.assign(more=1),
    ],
)
def test_the_check_refuses_what_would_be_rejected(change):
    with pytest.raises(InputError):
        submission.check(change(SAMPLE), SAMPLE, "ImageID", "ans", 18)
