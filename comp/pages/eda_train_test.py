"""The section of the audit on what separates training photos from test photos."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from comp.data import adversarial_check, train_test_differences
from comp.data.audit_tables import AuditTables
from comp.data.photo_facts import PhotoFacts
from comp.data.suggest_groups import suggest_groups
from comp.pages.eda_photos import sides
from comp.pages.sections import Section
from comp.pages.tables import Table

MOST_THUMBNAILS = 3_000  # of each side
FEWEST = 5  # readable photos of a side
MEANING = ("AUC says how well a column, or a quick model, tells test photos from training photos: 0.5 is not at all, 1 "
           "is always. Above about 0.6 the out-of-fold score may not be the leaderboard's. Ids often separate them, "
           "where test photos were numbered later.")  # fmt: skip


def section(audit: AuditTables, facts: Mapping[str, PhotoFacts]) -> Section:
    """Columns of the tables, then what the photos are like, then models on all of it and on thumbnails."""
    made = Section("train-test", "Train against test")
    photos = sides(audit, facts)
    made.notes += _suggested(audit)
    found = [("table", one) for one in _of_tables(audit)]
    if len(photos) == 2 and min(map(len, photos.values())) >= FEWEST:
        found += [("photo", one) for one in train_test_differences.differences(photos["train"], photos["test"])]
        made.tables.append(_models(audit, facts, photos))
    else:
        made.notes.append(f"There are fewer than {FEWEST} readable photos of train or of test to compare.")
    if found:
        made.notes.insert(0, MEANING)
        made.tables.append(_table(found))
    return made


def _of_tables(audit: AuditTables) -> list:
    train, test = audit.given
    return train_test_differences.differences(train, test) if len(train) and len(test) else []


def _suggested(audit: AuditTables) -> list[str]:
    """Columns by which the test set was probably split, unless the groups hold their values already."""
    train, test = audit.given
    groups = set(audit.train["group"])
    return [
        f"{one.column} has {one.train_values} values in train, {one.test_values} in test and none in both: the test "
        f'set was probably split by it, and the folds should be: group = "{one.column}" in competition.toml.'
        for one in suggest_groups(train, test)
        if not set(train[one.column].astype(str)) <= groups
    ]


def _table(found: list) -> Table:
    rows = [[one.column, kind, round(one.auc, 3), one.train, one.test,
             None if one.unseen is None else round(100 * one.unseen)] for kind, one in found]  # fmt: skip
    columns = ["column", "of the", "AUC", "in train", "in test", "% of test not in train"]
    return Table(columns, rows, "by column: the median of numbers, or the most frequent value")


def _models(audit: AuditTables, facts: Mapping[str, PhotoFacts], photos: dict[str, pd.DataFrame]) -> Table:
    train = audit.train[[not facts[image].problem for image in audit.train["image"]]]
    groups = train["group"].tolist()
    rows = [["gradient boosting on size, format, brightness and contrast of the photos",
             train_test_differences.together(photos["train"], photos["test"], groups)]]  # fmt: skip
    looks = [facts[image] for image in train["image"]]
    test = [facts[image] for image in audit.test["image"] if not facts[image].problem]
    kept, kept_test = _drawn(len(looks)), _drawn(len(test))
    if len({groups[i] for i in kept}) >= FEWEST:
        auc = adversarial_check.adversarial_auc([looks[i] for i in kept], [test[i] for i in kept_test],
                                                [groups[i] for i in kept])  # fmt: skip
        rows.append(["logistic regression on thumbnails of 16 x 17 pixels", auc])
    title = f"quick models, cross-validated over groups (at most {MOST_THUMBNAILS:,} photos of each)"
    return Table(["model", "AUC"], [[name, None if auc is None else round(auc, 3)] for name, auc in rows], title)


def _drawn(count: int) -> np.ndarray:
    return np.sort(np.random.default_rng(0).permutation(count)[:MOST_THUMBNAILS])
