"""The files of the blend: weights.json, oof.npz and test.npz, checked to belong together."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import files
from comp.store.paths import BLEND, Run
from comp.store.predictions import Predictions, load_predictions
from comp.store.run_predictions import check_ids
from comp.store.scored_rows import ScoredRows

RUN = "make blend"
SAME = ("runs", "method", "rule", "weights", "folds")


def load_blend(
    outputs: Path, rows: ScoredRows, folds_digest: str, competition: Competition, test_ids: Iterable[str] | None = None
) -> tuple[np.ndarray, Predictions, dict]:
    """Cross-fitted OOF probabilities (S, C) of the scored rows, the test predictions, and weights.json.

    Raises InputError if a file is missing, belongs to another blend or folds.csv, or has other test ids.
    """
    folder = Run(outputs, BLEND).folder
    weights = files.read_json(folder / "weights.json", "the blend's weights", RUN)
    oof, test = (load_predictions(folder / name, competition, RUN) for name in ("oof.npz", "test.npz"))
    check_same_blend(weights, (oof, test), folds_digest)
    check_ids(test, test.ids if test_ids is None else test_ids)
    return oof.at(rows.ids), test, weights


def check_same_blend(weights: dict, made: Iterable[Predictions], folds_digest: str) -> None:
    """Raise InputError unless weights.json and the predictions are of one blend and of the current folds.csv."""
    for part in made:
        for name in SAME:
            found, expected = part.meta.get(name), weights.get(name)
            if found != expected:
                raise InputError(f"{part.meta['file']} has {name} {found}", f"{expected}", RUN)
    if weights.get("folds") != folds_digest:
        raise InputError(f"the blend was made with folds.csv {weights.get('folds')}", folds_digest, RUN)
