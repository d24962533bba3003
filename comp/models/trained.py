"""Whether the weights of a fold were made with what lies there now."""

from comp.data.rows import Data
from comp.errors import InputError
from comp.io import files
from comp.models import models
from comp.store.paths import Run


def identity(run: Run, data: Data, k: int) -> dict:
    """What the weights of a fold are made with."""
    return {"recipe": files.digest(run.recipe), "folds": data.folds_digest, "fold": k}


def check_trained(run: Run, data: Data, k: int) -> None:
    """Raise InputError where a fold's weights were made with another recipe.json or folds.csv than lie there now."""
    remedy = f"rm -r {run.fold(k)}, then the same command"
    metadata = models.weights_metadata(run.weights(k), remedy)
    different = [name for name, value in identity(run, data, k).items() if metadata.get(name) != value]
    if different:
        raise InputError(
            f"{run.weights(k)} was trained with another {' and '.join(different)}",
            "the folds.csv and recipe.json that are there now",
            remedy,
        )
