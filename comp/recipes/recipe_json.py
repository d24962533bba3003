"""Write and read recipe.json, which holds all settings of a run, its kind, and the command that makes the run again.

The first part of this module makes the recipe that a command asks for, the second part writes and reads recipe.json,
and the third part says in words how the recipes of several runs differ. A run name belongs to one recipe.
"""

import dataclasses
import json
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

from comp import files
from comp.competition.competition import Competition
from comp.errors import InputError, quoted
from comp.recipes import catalog
from comp.recipes.recipe_settings import Recipe, override_settings, resolved_recipe, validated_recipe
from comp.settings import setting_types
from comp.store.runs import NETWORKS, TRAINED, Run, make_command, own_runs


@dataclass(frozen=True)
class AskedRecipe:
    """The recipe that a command asks for, and the command without FOLD and options that change only the speed."""

    recipe: Recipe
    command: str


def asked_recipe(competition: Competition, model: str, name: str, text: str, init: str, seed: int) -> AskedRecipe:
    """Make the recipe of a `make train` with MODEL=model SET=text INIT=init SEED=seed, resolved for the competition.

    name: the value of RUN, "" without RUN; a recipe with overridden settings needs a run name of its own. Raises
    InputError if this name is missing, or for settings that do not fit the competition.
    """
    named = catalog.get_recipe(model, competition.defaults)
    with_init = f"{text} init={shlex.quote(init)}" if init else text
    recipe = override_settings(named, f"seed={seed} {with_init}")
    changed = differences(named, recipe)
    if changed and name in ("", model):
        raise InputError(
            f"MODEL={model} is overridden ({'; '.join(changed)}) and has no name of its own",
            "a RUN=<name> of its own, since a run name belongs to one recipe",
            "the same command with RUN=<name>",
        )
    command = make_command("train", MODEL=model, RUN=name or model, SET=text, INIT=init, SEED=seed)
    return AskedRecipe(resolved_recipe(recipe, competition), command)


# ---- writing and reading it

RUN_ONLY = ("workers", "cache")  # settings that change the speed but not the result
ADDS = ("all_data",)  # settings that add something to a run and leave its folds as they are
EXPECTED = "the recipe of a trained run"


def to_json(recipe: Recipe) -> dict:
    """The settings of a recipe as plain values, for recipe.json."""
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def from_json(values: dict, path: Path | str) -> Recipe:
    """The recipe with the plain values that `to_json` returned.

    path: the file of the values, for the error. Raises InputError if a setting is missing, unknown or of another type.
    """
    types = setting_types(Recipe)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    wrong = [*sorted(set(values) ^ set(types)), *(key for key in types if not _is_of_type(values.get(key), types[key]))]
    if wrong:
        raise InputError(
            f"{path}: settings {', '.join(dict.fromkeys(wrong))} are missing, unknown or of another type",
            "the settings of this version",
            "the same command with RUN=<another name>, or with the version of the toolkit that wrote the file",
        )
    return validated_recipe(Recipe(**values))


def _is_of_type(value, kind: type) -> bool:
    """Return whether a value of recipe.json can be a setting of this type. A whole number can also be a float."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def differences(a: Recipe, b: Recipe, ignored: tuple[str, ...] = (*RUN_ONLY, *ADDS)) -> list[str]:
    """A line "key: value in a, not value in b" for each setting that differs, except the settings in `ignored`."""
    return [
        f"{key}: {getattr(a, key)!r}, not {getattr(b, key)!r}"
        for key in setting_types(Recipe, without=ignored)
        if getattr(a, key) != getattr(b, key)
    ]


def claim_run(run: Run, recipe: Recipe, competition: Competition, command: str, pretrained: dict | None = None) -> None:
    """Write recipe.json, or check that an existing recipe.json holds this recipe: a run name belongs to one recipe.

    command: the command that makes the run again; pretrained: the source of the run's first weights (place, digest, …)
    as plain values. recipe.json keeps both. The settings RUN_ONLY and ADDS may differ from those in an existing
    recipe.json, because they do not change the folds.
    """
    if run.recipe.is_file():
        check_recipe(run, recipe, competition)
        return
    versions = {name: version(name) for name in ("torch", "numpy", "pandas")}
    versions["python"] = platform.python_version()
    known = {"target": competition.target, "classes": competition.classes}
    content = {"format": 1, "kind": TRAINED, "recipe": to_json(recipe), "command": command, **known}
    content |= {"versions": versions} | ({"pretrained": pretrained} if pretrained else {})
    files.write_json(run.recipe, content)


def check_recipe(run: Run, recipe: Recipe, competition: Competition) -> None:
    """Raise InputError if an existing run has another recipe."""
    changed = differences(load_recipe(run, competition), recipe)
    if changed:
        raise InputError(
            f"run {run.name} was trained with another recipe ({'; '.join(changed)})",
            f"the recipe in {run.recipe}, since a run name belongs to one recipe",
            f"the same command with RUN=<another name>, or rm -r {quoted(run.folder)}",
        )


def _read(run: Run) -> dict:
    """The content of recipe.json. Weights without recipe.json are useless, so a damaged file costs the whole run."""
    again = (f"rm -r {quoted(run.folder)} && " if run.recipe.is_file() else "") + run.command
    return files.read_json(run.recipe, EXPECTED, again)


def pretrained_of(run: Run) -> dict | None:
    """The source of a run's first weights, as it was given to `claim_run`."""
    return _read(run).get("pretrained")


def check_pretrained(run: Run, pretrained: dict) -> None:
    """Raise InputError if the pretrained weights differ from those that the run started with."""
    began = pretrained_of(run) or pretrained
    if began["digest"] != pretrained["digest"]:
        raise InputError(
            f"run {run.name} began with other pretrained weights: {began['place']} ({began['digest']}), "
            f"not {pretrained['place']} ({pretrained['digest']})",
            "the same weights for every fold of a run",
            f"the same command with RUN=<another name>, or with the first weights, or rm -r {quoted(run.folder)}",
        )


def load_recipe(run: Run, competition: Competition) -> Recipe:
    """The recipe that a run was trained with. Raises InputError if recipe.json is damaged or has other classes."""
    content = _read(run)
    if run.kind not in NETWORKS:
        raise InputError(
            f"run {run.name} was not trained: {run.command} made it",
            EXPECTED,
            f"{run.command}, for its predictions; or, to train, the same command with RUN=<another name>",
        )
    if not isinstance(content.get("recipe"), dict) or content.get("classes") != list(competition.classes):
        problem = f"{run.recipe} holds no recipe for the classes of this competition"
        raise InputError(problem, EXPECTED, f"rm -r {quoted(run.folder)} && {run.command}")
    return from_json(content["recipe"], run.recipe)


def at_other_speed(recipe: Recipe, text: str, run: Run) -> Recipe:
    """The recipe of a trained run after SET=text, which may change only the settings RUN_ONLY.

    Raises InputError for a setting that would change the result.
    """
    changed_recipe = override_settings(recipe, text)
    changed = differences(recipe, changed_recipe, RUN_ONLY)
    if changed:
        raise InputError(
            f"SET={text!r} changes the recipe of the trained run {run.name} ({'; '.join(changed)})",
            f"at most {' and '.join(RUN_ONLY)} in SET, which change only the speed",
            "the same command without these settings, or make train with RUN=<another name>",
        )
    return changed_recipe


# ---- differences in words

FIRST_SETTINGS = ("model", "image_size", "epochs")  # named first, as people do when they speak of runs
LEFT_OUT = ("name", *RUN_ONLY)


@dataclass(frozen=True)
class RunSettings:
    """The settings that the trained runs of outputs/ have in common, and the settings in which each run differs.

    recipes: the plain values of each run's recipe; a run whose recipe.json cannot be read is left out. words: the
    settings of each run that differ from `usual`, in words. Both are by run name. usual: the settings that most runs
    have, in words, with the model if all runs have the same model.
    """

    recipes: dict[str, dict]
    words: dict[str, str]
    usual: str


def read_run_settings(outputs: Path) -> RunSettings:
    """Read the settings of all runs that were made in `outputs`."""
    recipes = {run.name: recipe for run in own_runs(outputs) if (recipe := _recipe_of_run(run))}
    names = differing_settings(recipes)
    common = usual_values(recipes, names)
    words = {name: differences_in_words(recipe, names, common) for name, recipe in recipes.items()}
    same = {} if "model" in names else {"model": next(iter(recipes.values()))["model"]} if recipes else {}
    return RunSettings(recipes, words, differences_in_words({**same, **common}, [*same, *common]))


def _recipe_of_run(run: Run) -> dict | None:
    """The plain values of a run's recipe; None if recipe.json cannot be read.

    A run of a classifier has only some of the settings of Recipe. The other settings get their defaults.
    """
    try:
        recipe = files.read_json(run.recipe, "", "").get("recipe")
    except InputError:
        return None
    return {**to_json(Recipe()), **recipe} if isinstance(recipe, dict) else None


def differing_settings(recipes: Mapping[str, dict]) -> list[str]:
    """The names of the settings that differ among the recipes: FIRST_SETTINGS, then others in the order of Recipe.

    recipes: the plain values of each recipe.json, by run name. Settings of a classifier that Recipe does not have come
    last. Settings that change only the speed are left out.
    """
    fields = list(setting_types(Recipe))
    others = sorted({name for recipe in recipes.values() for name in recipe} - set(fields))
    order = [*FIRST_SETTINGS, *(name for name in (*fields, *others) if name not in FIRST_SETTINGS)]
    return [name for name in order if name not in LEFT_OUT and _differs(name, list(recipes.values()))]


def usual_values(recipes: Mapping[str, dict], names: Sequence[str]) -> dict:
    """Return the most frequent value of each setting in `names`. The setting `model` is left out.

    If several values are equally frequent, the first of them is returned.
    """
    usual = {}
    for name in names:
        values = [recipe[name] for recipe in recipes.values() if name in recipe]
        if name != "model":
            usual[name] = max(values, key=lambda value: [str(other) for other in values].count(str(value)))
    return usual


def differences_in_words(recipe: dict, names: Sequence[str], but: Mapping = MappingProxyType({})) -> str:
    """Say the settings `names` of a recipe in words, without settings whose value is in `but`: "resnet34, epochs 3"."""
    shown = [name for name in names if name in recipe and not (name in but and str(recipe[name]) == str(but[name]))]
    return ", ".join(_setting_in_words(name, recipe[name]) for name in shown)


def _setting_in_words(name: str, value) -> str:
    """The name and the value of a setting; only the value if the setting is the model."""
    return str(value) if name == "model" else f"{name.replace('_', ' ')} {_value_in_words(value)}"


def _differs(name: str, recipes: list[dict]) -> bool:
    return len({str(recipe.get(name)) for recipe in recipes}) > 1


def _value_in_words(value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return "(" + ", ".join(map(_value_in_words, value)) + ")"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "none"
