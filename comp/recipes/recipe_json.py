"""Write and read recipe.json, which holds all settings of a run, its kind, and the command that makes the run again.

The first section makes the recipe that a `make train` command asks for, the second writes and reads recipe.json, and
the third says in words how the recipes of several runs differ. All folds of a run have the same recipe.
"""

import dataclasses
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

from comp import files
from comp.competition.competition import Competition
from comp.errors import InputError, quoted
from comp.recipes import catalog
from comp.recipes.automatic import resolved_recipe
from comp.recipes.recipe_settings import Recipe, override_settings, validated_recipe
from comp.settings import AUTO, automatic_settings, setting_types
from comp.store.runs import NETWORKS, TRAINED, Run, make_command, own_runs


@dataclass(frozen=True)
class AskedRecipe:
    """The recipe that a `make train` command asks for, and the text of this command.

    Settings of the recipe may be "auto". The text leaves out FOLD and all options that do not change the recipe, such
    as DEVICE.
    """

    recipe: Recipe
    command: str


def asked_recipe(competition: Competition, model: str, name: str, text: str, init: str, seed: int) -> AskedRecipe:
    """Return the recipe that `make train MODEL=model RUN=name SET=text INIT=init SEED=seed` asks for.

    name, text and init are "" if the command does not have these variables. Raises InputError if the command changes
    settings of the recipe `model` but gives no new name as RUN, and for settings that do not fit the competition.
    """
    named = catalog.get_recipe(model, competition.defaults)
    with_init = f"{text} init={quoted(init)}" if init else text
    recipe = override_settings(named, f"seed={seed} {with_init}")
    changed = differences(named, recipe)
    if changed and name in ("", model):
        raise InputError(
            f"settings of MODEL={model} are changed ({'; '.join(changed)}), but the run has no new name",
            "RUN=<new name>, because all folds of a run must have the same recipe",
            "the same command with RUN=<new name>",
        )
    command = make_command("train", MODEL=model, RUN=name or model, SET=text, INIT=init, SEED=seed)
    resolved_recipe(recipe, competition)  # checks that the settings fit
    return AskedRecipe(recipe, command)


# ---- write and read recipe.json

RUN_ONLY = ("workers", "cache")  # settings that change the speed but not the result
ADDS = ("all_data",)  # settings that add something to a run, but do not change its folds
EXPECTED = "the recipe of a trained run"


def to_json(recipe: Recipe) -> dict:
    """Return the settings of a recipe as a dictionary of values that JSON can store."""
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def from_json(values: dict, path: Path | str) -> Recipe:
    """Return the Recipe for `values`, a dictionary that `to_json` returned.

    path: the file from which the values were read, for the error. Raises InputError if a setting is missing or unknown,
    has a value of the wrong type, or has a value that is not allowed.
    """
    types, open_settings = setting_types(Recipe), automatic_settings(Recipe)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    concrete = {key: kind for key, kind in types.items() if not (values.get(key) == AUTO and key in open_settings)}
    wrong = sorted(set(values) ^ set(types))
    wrong += [key for key, kind in concrete.items() if not _is_of_type(values.get(key), kind)]
    if wrong:
        raise InputError(
            f"{path}: the settings {', '.join(dict.fromkeys(wrong))} are missing, unknown or of a wrong type",
            "a recipe with exactly the settings of this version of the toolkit",
            "the same command with RUN=<another name>, or with the version of the toolkit that wrote the file",
        )
    return validated_recipe(Recipe(**values))


def _is_of_type(value, kind: type) -> bool:
    """Return whether a value from recipe.json fits a setting of the type `kind`. A whole number also fits a float."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def differences(a: Recipe, b: Recipe, ignored: tuple[str, ...] = (*RUN_ONLY, *ADDS)) -> list[str]:
    """Return a list with a text such as "epochs: 12, not 3" for each setting that differs between the recipes a and b.

    The first value in a text is that of `a`, and the second is that of `b`. ignored: the names of settings that are not
    compared; if it is not given, these are all_data and the settings that change only the speed.
    """
    return [
        f"{key}: {getattr(a, key)!r}, not {getattr(b, key)!r}"
        for key in setting_types(Recipe, without=ignored)
        if getattr(a, key) != getattr(b, key)
    ]


def claim_run(run: Run, recipe: Recipe, competition: Competition, command: str, pretrained: dict | None = None) -> None:
    """Write recipe.json for a new run, or check that an existing run has this recipe.

    command: the command that makes the run again; pretrained: a dictionary that describes the pretrained weights from
    which the run starts (place, digest and more), or None if there are none. Both are written to recipe.json. Raises
    InputError if an existing run has another recipe. The settings all_data, workers and cache may differ, because they
    do not change the folds.
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
    """Raise InputError if the existing run `run` was trained with another recipe than `recipe`.

    The settings all_data, workers and cache may differ, because they do not change the folds.
    """
    changed = differences(load_recipe(run, competition), recipe)
    if changed:
        raise InputError(
            f"run {run.name} was trained with another recipe ({'; '.join(changed)})",
            f"the recipe in {run.recipe}, because all folds of a run must have the same recipe",
            f"the same command with RUN=<another name>, or first delete the run: rm -r {quoted(run.folder)}",
        )


def _read(run: Run) -> dict:
    """Return the content of a run's recipe.json. Raises InputError if the file is missing or damaged.

    The error tells the user to make the whole run again, because its weights cannot be used without recipe.json.
    """
    again = (f"rm -r {quoted(run.folder)} && " if run.recipe.is_file() else "") + run.command
    return files.read_json(run.recipe, EXPECTED, again)


def pretrained_of(run: Run) -> dict | None:
    """Return a dictionary that describes the pretrained weights from which a run started (place, digest and more).

    Returns None if recipe.json names no pretrained weights.
    """
    return _read(run).get("pretrained")


def check_pretrained(run: Run, pretrained: dict) -> None:
    """Raise InputError if a run started from other pretrained weights than `pretrained`.

    pretrained: a dictionary that describes the weights, as in `claim_run`.
    """
    began = pretrained_of(run) or pretrained
    if began["digest"] != pretrained["digest"]:
        raise InputError(
            f"run {run.name} began with other pretrained weights: {began['place']} ({began['digest']}), "
            f"not {pretrained['place']} ({pretrained['digest']})",
            "the same weights for every fold of a run",
            "the same command with RUN=<another name>, or with the pretrained weights that the run began with, "
            f"or first delete the run: rm -r {quoted(run.folder)}",
        )


def load_recipe(run: Run, competition: Competition) -> Recipe:
    """Return the recipe with which a run was trained.

    Raises InputError if the run has no trained network, or if its recipe.json is missing or damaged, or
    was written for other classes than those of `competition`.
    """
    content = _read(run)
    if run.kind not in NETWORKS:
        raise InputError(
            f"run {run.name} was not trained, but was made by: {run.command}",
            EXPECTED,
            f"{run.command}, to predict again; or your command with RUN=<another name>, to train a network",
        )
    if not isinstance(content.get("recipe"), dict) or content.get("classes") != list(competition.classes):
        problem = f"{run.recipe} holds no recipe for the classes of this competition"
        raise InputError(problem, EXPECTED, f"rm -r {quoted(run.folder)} && {run.command}")
    return from_json(content["recipe"], run.recipe)


def at_other_speed(recipe: Recipe, text: str, run: Run) -> Recipe:
    """Return the recipe of a trained run with other values for the settings that change only the speed.

    recipe: the recipe of the run; text: the value of SET, which may change the settings workers and cache. Raises
    InputError if the text changes any other setting.
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

FIRST_SETTINGS = ("model", "image_size", "epochs")  # the most important settings, which come first
LEFT_OUT = ("name", *RUN_ONLY)


@dataclass(frozen=True)
class RunSettings:
    """The settings that most runs of an outputs folder have, and the settings in which each run differs from them.

    recipes: the settings of each run as a dictionary, by the name of the run; a run whose recipe.json cannot be read is
    left out. words: for each run, by name, a text with the settings that differ from the usual ones, such as "epochs
    3". usual: a text with the values that most runs have, and with the model if all runs have the same model.
    """

    recipes: dict[str, dict]
    words: dict[str, str]
    usual: str


def read_run_settings(outputs: Path) -> RunSettings:
    """Read the recipes of all runs in the folder `outputs`, and compare their settings.

    Predictions that were made outside of this toolkit have no recipe and are left out.
    """
    recipes = {run.name: recipe for run in own_runs(outputs) if (recipe := _recipe_of_run(run))}
    names = differing_settings(recipes)
    common = usual_values(recipes, names)
    words = {name: differences_in_words(recipe, names, common) for name, recipe in recipes.items()}
    same = {} if "model" in names else {"model": next(iter(recipes.values()))["model"]} if recipes else {}
    return RunSettings(recipes, words, differences_in_words({**same, **common}, [*same, *common]))


def _recipe_of_run(run: Run) -> dict | None:
    """Return the settings of a run as a dictionary, or None if its recipe.json cannot be read.

    Settings that the file lacks, as for runs of classifiers, get their defaults.
    """
    try:
        recipe = files.read_json(run.recipe, "", "").get("recipe")
    except InputError:
        return None
    return {**to_json(Recipe()), **recipe} if isinstance(recipe, dict) else None


def differing_settings(recipes: Mapping[str, dict]) -> list[str]:
    """Return the names of the settings that differ among recipes.

    recipes: the settings of each run as a dictionary, by the name of the run. The most important settings
    (FIRST_SETTINGS) come first, then the other settings of networks, then those that only classifiers have. Settings
    that change only the speed are left out.
    """
    fields = list(setting_types(Recipe))
    others = sorted({name for recipe in recipes.values() for name in recipe} - set(fields))
    order = [*FIRST_SETTINGS, *(name for name in (*fields, *others) if name not in FIRST_SETTINGS)]
    return [name for name in order if name not in LEFT_OUT and _differs(name, list(recipes.values()))]


def usual_values(recipes: Mapping[str, dict], names: Sequence[str]) -> dict:
    """Return a dictionary with the most frequent value of each setting in `names`, except `model`.

    recipes: the settings of each run as a dictionary, by the name of the run. If several values are equally frequent,
    the first of them is taken.
    """
    usual = {}
    for name in names:
        values = [recipe[name] for recipe in recipes.values() if name in recipe]
        if name != "model":
            usual[name] = max(values, key=lambda value: [str(other) for other in values].count(str(value)))
    return usual


def differences_in_words(recipe: dict, names: Sequence[str], but: Mapping = MappingProxyType({})) -> str:
    """Return the settings `names` of a recipe in words, such as "resnet34, epochs 3".

    recipe: the settings of a run as a dictionary; but: a dictionary of values by setting name. A setting is left out if
    its value is the same in `but`.
    """
    shown = [name for name in names if name in recipe and not (name in but and str(recipe[name]) == str(but[name]))]
    return ", ".join(_setting_in_words(name, recipe[name]) for name in shown)


def _setting_in_words(name: str, value) -> str:
    """Return the name and the value of a setting in words. For the setting `model`, return only the value."""
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
