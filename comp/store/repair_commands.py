"""The command that makes the predictions of a run again."""

from comp.errors import InputError
from comp.io import files
from comp.store.paths import Run


def model(run: Run) -> str:
    """The model in the recipe of a run; the name of the run if it has no recipe."""
    return str(_recipe(run).get("name") or run.name)


def init(run: Run) -> str:
    """The run whose weights a run began with (INIT); empty for none."""
    return str(_recipe(run).get("init", ""))


def wants_all_data(run: Run) -> bool:
    """Whether the recipe of a run also trains on all rows (all_data)."""
    return _recipe(run).get("all_data") is True


def _recipe(run: Run) -> dict:
    """The settings in recipe.json; none where there is no such file, or one of another form."""
    found = _content(run).get("recipe")
    return found if isinstance(found, dict) else {}


def _content(run: Run) -> dict:
    try:
        return files.read_json(run.recipe, "", "")
    except InputError:
        return {}


def command(run: Run) -> str:
    """The command that makes a run which is not trained (see derived_runs.py); empty for a trained run."""
    return str(_content(run).get("command", ""))


def train(run: Run, k: int | str | None = None) -> str:
    """The command that trains fold k, the training on all rows (ALL_DATA), or all folds."""
    words = ["make train", f"MODEL={model(run)}", f"RUN={run.name}"]
    words += [] if k is None else [f"FOLD={k}"]
    return " ".join(words + ([f"INIT={init(run)}"] if init(run) else []))


def repair(run: Run, k: int | str | None = None) -> str:
    """The command that makes the predictions of fold k, of the training on all rows, or of all folds, again."""
    if command(run):
        return command(run)
    numbers = run.folder.glob("fold*/model.safetensors") if k is None else [run.weights(k)]
    if not any(path.is_file() for path in numbers):
        return train(run, k)
    return f"make predict MODEL={model(run)} RUN={run.name}" + ("" if k is None else f" FOLD={k}")


def again(run: Run, k: int | str) -> str:
    """The commands that make fold k, or the training on all rows, anew."""
    return command(run) or f"rm -r {run.fold(k)} and {train(run, k)}"
