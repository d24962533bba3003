"""The command that makes the predictions of a run again."""

from comp.errors import InputError
from comp.io import files
from comp.store.paths import Run


def model(run: Run) -> str:
    """The model in the recipe of a run; the name of the run if it has no recipe."""
    try:
        return _content(run)["recipe"]["name"]
    except (KeyError, TypeError):
        return run.name


def command(run: Run) -> str:
    """The command that makes a run which is not trained (see derived_runs.py); empty for a trained run."""
    return str(_content(run).get("command", ""))


def _content(run: Run) -> dict:
    try:
        return files.read_json(run.recipe, "", "")
    except InputError:
        return {}


def repair(run: Run, k: int | None = None) -> str:
    """The command that makes the predictions of fold k, or of all folds, again."""
    if command(run):
        return command(run)
    numbers = run.folder.glob("fold*/model.safetensors") if k is None else [run.weights(k)]
    stage = "predict" if any(path.is_file() for path in numbers) else "train"
    return f"make {stage} MODEL={model(run)} RUN={run.name}" + ("" if k is None else f" FOLD={k}")
