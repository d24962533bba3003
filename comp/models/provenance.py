"""What the weights of a fold were made with, and whether these files are still the same."""

from comp.data.rows import RunData
from comp.errors import InputError
from comp.io import files
from comp.models import weights_file
from comp.store.paths import Run


def made_with(run: Run, data: RunData, k: int) -> dict:
    """The hashes of recipe.json, folds.csv and pseudo-labels, and the fold: what the weights of fold k depend on."""
    made = {"recipe": files.digest(run.recipe), "folds": data.folds_digest, "fold": k}
    return made | ({"pseudo": data.pseudo.digest(k)} if data.pseudo else {})


def check_current(run: Run, data: RunData, k: int) -> None:
    """Raise InputError if fold k was trained with a recipe.json or folds.csv that differs from the current one."""
    remedy = f"rm -r {run.fold(k)}, then the same command"
    metadata = weights_file.weights_metadata(run.weights(k), remedy)
    different = [name for name, value in made_with(run, data, k).items() if metadata.get(name) != value]
    if different:
        raise InputError(
            f"{run.weights(k)} was trained with another {' and '.join(different)}",
            "the folds.csv and recipe.json that are there now",
            remedy,
        )
