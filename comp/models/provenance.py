"""What the weights of a fold were made with, and whether these files are still the same."""

from pathlib import Path

from comp.data.rows import RunData
from comp.errors import InputError
from comp.io import files
from comp.models import weights_file
from comp.store import repair_commands, weights_sources
from comp.store.fold_table import fold_count
from comp.store.paths import ALL_DATA, Run
from comp.store.weights_sources import KEY


def made_with(run: Run, data: RunData, k: int | str) -> dict:
    """The hashes of recipe.json, folds.csv and pseudo-labels, and the fold: what the weights of fold k depend on.

    Also those of the weights that the fold begins with (INIT), and of the weights that they began with. For ALL_DATA
    also those of the folds, whose best epochs say how long it trains.
    """
    folds = [run.weights(fold) for fold in range(fold_count(data.folds))] if k == ALL_DATA else []
    sources = began_with(run, k) | weights_sources.digests(run.outputs, folds)
    return _made_with(run, data, k) | ({KEY: sources} if sources else {})


def began_with(run: Run, k: int | str) -> dict[str, str]:
    """Path relative to outputs to hash, of the weights of the chain of INIT, the nearest first."""
    if not repair_commands.init(run):
        return {}
    path = Run(run.outputs, repair_commands.init(run)).weights(k)
    earlier = weights_file.weights_metadata(path, f"rm {path}, then the same command").get(KEY, {})
    return weights_sources.digests(run.outputs, [path]) | earlier


def _made_with(run: Run, data: RunData, k: int | str) -> dict:
    made = {"recipe": files.digest(run.recipe), "folds": data.folds_digest, "fold": k}
    return made | ({"pseudo": data.pseudo.digest(k)} if data.pseudo else {})


def trained_with(run: Run, data: RunData, k: int | str) -> dict:
    """As `made_with`, of weights that are there: what they began with may be gone."""
    kept = weights_file.weights_metadata(run.weights(k), repair_commands.again(run, k)).get(KEY)
    return _made_with(run, data, k) | ({KEY: kept} if kept else {})


def check_current(run: Run, data: RunData, k: int | str) -> None:
    """Raise InputError if fold k was trained with a recipe.json, folds.csv or weights that differ from the current."""
    remedy = f"rm -r {run.fold(k)}, then the same command"
    metadata = weights_file.weights_metadata(run.weights(k), remedy)
    different = differences(metadata, run.outputs, _made_with(run, data, k))
    if different:
        raise InputError(
            f"{run.weights(k)} was trained with another {' and '.join(different)}",
            "the folds.csv, recipe.json and earlier weights that are there now",
            remedy,
        )


def differences(metadata: dict, outputs: Path, now: dict) -> list[str]:
    """What is another one in the metadata of weights than `now`: recipe, folds, …, or the paths of weights before."""
    different = [name for name, value in now.items() if metadata.get(name) != value]
    return different + weights_sources.changed(outputs, metadata)
