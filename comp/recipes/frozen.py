"""recipe.json: all settings of a run. A run name belongs to one recipe."""

import dataclasses
import json
import platform
from importlib.metadata import version

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import files
from comp.recipes.recipe import Recipe
from comp.recipes.settings import override, validated
from comp.store.paths import Run

RUN_ONLY = ("workers", "cache")  # settings that change the speed but not the result


def to_json(recipe: Recipe) -> dict:
    """Plain values for recipe.json."""
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def from_json(values: dict, path) -> Recipe:
    """The inverse of `to_json`. Raises InputError if a setting is unknown or of another type.

    A setting that an earlier version did not have takes its default, which is to do as that version did.
    """
    known = {f.name: type(f.default) for f in dataclasses.fields(Recipe)}
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    wrong = sorted(set(values) - set(known))
    for key, kind in known.items():
        allowed = (int, float) if kind is float else kind
        if key in values and (not isinstance(values[key], allowed) or (kind is int and isinstance(values[key], bool))):
            wrong.append(key)
    if wrong:
        raise InputError(f"{path}: settings {', '.join(wrong)} are unknown or of another type",
                         "the settings of this version", "use the version that wrote it, or another RUN")  # fmt: skip
    return validated(Recipe(**values))


def differences(a: Recipe, b: Recipe) -> list[str]:
    """"key: value in a, not value in b" for each different setting that changes the result."""
    return [
        f"{f.name}: {getattr(a, f.name)!r}, not {getattr(b, f.name)!r}"
        for f in dataclasses.fields(Recipe)
        if f.name not in RUN_ONLY and getattr(a, f.name) != getattr(b, f.name)
    ]


def claim(run: Run, recipe: Recipe, competition: Competition, pretrained: dict | None = None) -> Recipe:
    """Write recipe.json, or check that the existing one holds this recipe. A run name belongs to one recipe.

    pretrained: the source of the run's first weights (place, digest, …), plain values; recipe.json keeps them.
    Returns the given recipe. It may differ from the one on disk in settings that do not change the result (RUN_ONLY).
    """
    if not run.recipe.is_file():
        versions = {name: version(name) for name in ("torch", "numpy", "pandas")}
        versions["python"] = platform.python_version()
        known = {"target": competition.target, "classes": competition.classes}
        content = {"format": 1, "recipe": to_json(recipe), **known, "versions": versions}
        content |= {"pretrained": pretrained} if pretrained else {}
        files.write_json(run.recipe, content)
        return recipe
    changed = differences(load_recipe(run, competition), recipe)
    if changed:
        raise InputError(
            f"run {run.name} was trained with another recipe ({'; '.join(changed)})",
            f"the recipe in {run.recipe}: a run name belongs to one recipe",
            f"the same command with RUN=<another name>, or rm -r {run.folder}",
        )
    return recipe


def check_pretrained(run: Run, pretrained: dict) -> None:
    """Raise InputError if the pretrained weights differ from those that the run started with."""
    content = files.read_json(run.recipe, "the recipe of a trained run", f"make train MODEL={run.name}")
    began = content.get("pretrained") or pretrained
    if began["digest"] != pretrained["digest"]:
        raise InputError(
            f"run {run.name} began with other pretrained weights: {began['place']} ({began['digest']}), "
            f"not {pretrained['place']} ({pretrained['digest']})",
            "the same weights for every fold of a run",
            f"the same command with RUN=<another name>, or with the first weights; or rm -r {run.folder}",
        )


def pretrained_of(run: Run) -> dict | None:
    """The source of a run's first weights, as `claim` was given it."""
    return files.read_json(run.recipe, "the recipe of a trained run", f"make train MODEL={run.name}").get("pretrained")


def load_recipe(run: Run, competition: Competition) -> Recipe:
    """The recipe that a run was trained with. Raises InputError if it is damaged or for other classes."""
    expected, remedy = "the recipe of a trained run", f"make train MODEL={run.name}"
    content = files.read_json(run.recipe, expected, remedy)
    if content.get("command"):
        raise InputError(f"run {run.name} was not trained: it was made by {content['command']}", expected,
                         f"{content['command']} makes its predictions again; to train: the same command with "
                         "RUN=<another name>")  # fmt: skip
    if not isinstance(content.get("recipe"), dict) or content.get("classes") != list(competition.classes):
        raise InputError(f"{run.recipe} holds no recipe for this competition's classes", expected, remedy)
    return from_json(content["recipe"], run.recipe)


def at_other_speed(recipe: Recipe, text: str, run: Run) -> Recipe:
    """The recipe of a trained run under a SET of RUN_ONLY settings; InputError for one that would change the result."""
    made = override(recipe, text)
    changed = differences(recipe, made)
    if changed:
        raise InputError(
            f"SET={text!r} changes what run {run.name} was trained with ({'; '.join(changed)})",
            f"at most {' and '.join(RUN_ONLY)}, which change the speed alone",
            "the same command without it, or make train with another RUN",
        )
    return made
