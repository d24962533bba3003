"""recipe.json of runs that are not trained: classifiers on embeddings, and stacks of other runs.

It has the settings as plain values and the command that makes the run. Everything that reads predictions treats these
runs like trained ones; where their files have to be made again, the advice is that command.
"""

import json
import platform
from importlib.metadata import version

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import files
from comp.store.paths import Run


def check(run: Run, settings: dict, competition: Competition) -> None:
    """Raise InputError if the run exists with other settings, was trained, or is of other classes.

    settings: plain values, "name" among them.
    """
    if not run.recipe.is_file():
        return
    other = f"the same command with RUN=<another name>, or rm -r {run.folder}"
    content = files.read_json(run.recipe, "the recipe of a run", other)
    there = content.get("recipe")
    if not content.get("command") or not isinstance(there, dict):
        raise InputError(f"run {run.name} was trained", "another name: a run name belongs to one recipe", other)
    if content.get("classes") != list(competition.classes):
        raise InputError(f"{run.recipe} is not of this competition's classes", "a run of this competition", other)
    changed = _changed(there, _plain(settings))
    if changed:
        raise InputError(
            f"run {run.name} was made with another recipe ({'; '.join(changed)})",
            f"the recipe in {run.recipe}: a run name belongs to one recipe",
            other,
        )


def _changed(there: dict, wanted: dict) -> list[str]:
    """ "key: value there, not wanted value" for each different setting."""
    keys = dict.fromkeys((*there, *wanted))
    return [f"{k}: {there.get(k)!r}, not {wanted.get(k)!r}" for k in keys if there.get(k) != wanted.get(k)]


def claim(run: Run, settings: dict, command: str, competition: Competition, packages: tuple[str, ...], **more) -> None:
    """Write recipe.json, or check the existing one. command: makes the run again; packages: whose versions it keeps.

    more: other plain values to keep, such as what the pretrained weights were.
    """
    check(run, settings, competition)
    if run.recipe.is_file():
        return
    versions = {name: version(name) for name in packages} | {"python": platform.python_version()}
    known = {"target": competition.target, "classes": list(competition.classes), "versions": versions}
    files.write_json(run.recipe, {"format": 1, "recipe": _plain(settings), "command": command, **known, **more})


def _plain(settings: dict) -> dict:
    return json.loads(json.dumps(settings))
