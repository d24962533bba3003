"""Whether predictions were made with the current folds.csv, recipe, weights and predictions of other runs.

Runs with different folds must not be blended.
"""

from comp.errors import InputError
from comp.io.files import digest
from comp.store import runs
from comp.store.paths import Run
from comp.store.predictions import Predictions
from comp.store.repair_commands import command, model, repair


def check_same_folds(made: Predictions, run: Run, k: int, folds_digest: str) -> None:
    """Raise InputError unless the hashes in `meta` are those of the current files."""
    if made.meta.get("folds") != folds_digest:
        raise InputError(
            f"{made.meta['file']} was made with folds.csv {made.meta.get('folds')}",
            f"the current folds.csv, {folds_digest}: with different folds a blend would leak",
            command(run) or f"rm -r {run.fold(k)} and make train MODEL={model(run)} RUN={run.name} FOLD={k}",
        )
    for name, path in (("recipe", run.recipe), ("weights", run.weights(k))):
        # a copied run may have predictions without weights
        if path.is_file() and made.meta.get(name) != digest(path):
            raise InputError(
                f"{made.meta['file']} was made by {name} {made.meta.get(name)}",
                f"{digest(path)}, {path}",
                repair(run, k),
            )
    _check_sources(made, run, k)


def _check_sources(made: Predictions, run: Run, k: int) -> None:
    """A stack is made of other runs' predictions (meta "sources": name to hash): where one changed, it is stale."""
    for name, before in (made.meta.get("sources") or {}).items():
        source = Run(run.outputs, name)
        if name in runs.names(run.outputs) and runs.source_digest(source) != before:
            raise InputError(
                f"{made.meta['file']} was made of other predictions of run {name}",
                f"its current ones, {runs.source_digest(source)}",
                repair(run, k),
            )
