"""Write and read recipe.json, which holds all settings of a run, its kind, and the command that makes the run again.

The first section makes the recipe for the arguments of a command, the second writes and reads recipe.json, and the
third says in words how the recipes of several runs differ. All folds of a run have the same recipe.
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
from comp.recipes.recipe_settings import Recipe, override_settings, resolved_recipe, validated_recipe
from comp.settings import setting_types
from comp.store.runs import NETWORKS, TRAINED, Run, make_command, own_runs


@dataclass(frozen=True)
class AskedRecipe:
    """The recipe for the arguments of a `make train` command, and the text of this command.

    The text leaves out FOLD and the options that change only the speed.
    """

    recipe: Recipe
    command: str


def asked_recipe(competition: Competition, model: str, name: str, text: str, init: str, seed: int) -> AskedRecipe:
    """Return the recipe that `make train MODEL=model RUN=name SET=text INIT=init SEED=seed` asks for.

    competition: the competition, which decides the value of each "auto"; name: the value of RUN, or "" if RUN is not
    given. Raises InputError if the command changes settings of the recipe `model` but gives no new name as RUN, and for
    settings that do not fit the competition.
    """
    named = catalog.get_recipe(model, competition.defaults)
    with_init = f"{text} init={quoted(init)}" if init else text
    recipe = override_settings(named, f"seed={seed} {with_init}")
    changed = differences(named, recipe)
    if changed and name in ("", model):
        raise InputError(
            f"settings of MODEL={model} are changed ({'; '.join(changed)}), but the run has no new name",
            "RUN=<a new name>, because all folds of a run must have the same recipe",
            "the same command with RUN=<name>",
        )
    command = make_command("train", MODEL=model, RUN=name or model, SET=text, INIT=init, SEED=seed)
    return AskedRecipe(resolved_recipe(recipe, competition), command)


# ---- write and read recipe.json

RUN_ONLY = ("workers", "cache")  # settings that change the speed but not the result
ADDS = ("all_data",)  # settings that add something to a run, but do not change its folds
EXPECTED = "the recipe of a trained run"


def to_json(recipe: Recipe) -> dict:
    """Return the settings of a recipe as a dictionary of plain values, for recipe.json."""
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def from_json(values: dict, path: Path | str) -> Recipe:
    """Return the Recipe for `values`, the dictionary that `to_json` returned.

    path: the file that the values were read from, for the error. Raises InputError if a setting is missing or unknown,
    or has a value of the wrong type or a value that is not allowed.
    """
    types = setting_types(Recipe)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    wrong = [*sorted(set(values) ^ set(types)), *(key for key in types if not _is_of_type(values.get(key), types[key]))]
    if wrong:
        raise InputError(
            f"{path}: the settings {', '.join(dict.fromkeys(wrong))} are missing, unknown or of a wrong type",
            "the settings of this version of the toolkit",
            "the same command with RUN=<another name>, or with the version of the toolkit that wrote the file",
        )
    return validated_recipe(Recipe(**values))


def _is_of_type(value, kind: type) -> bool:
    """Return whether `value`, from recipe.json, fits a setting of the type `kind`. A whole number also fits a float."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def differences(a: Recipe, b: Recipe, ignored: tuple[str, ...] = (*RUN_ONLY, *ADDS)) -> list[str]:
    """Return a list of texts such as "epochs: 12, not 3", one for each setting that differs between two recipes.

    The first value in a text is the value in `a`, the second is the value in `b`. ignored: the names of settings that
    are not compared.
    """
    return [
        f"{key}: {getattr(a, key)!r}, not {getattr(b, key)!r}"
        for key in setting_types(Recipe, without=ignored)
        if getattr(a, key) != getattr(b, key)
    ]


def claim_run(run: Run, recipe: Recipe, competition: Competition, command: str, pretrained: dict | None = None) -> None:
    """Write recipe.json for a new run, or check that the recipe.json of an existing run holds this recipe.

    command: the command that makes the run again; pretrained: the pretrained weights that the run starts from (place,
    digest, …), as plain values, or None. Both are written to recipe.json. Raises InputError if an existing run has
    another recipe. The settings RUN_ONLY and ADDS may differ, because they do not change the folds.
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
    """Raise InputError if an existing run was trained with another recipe.

    The settings RUN_ONLY and ADDS may differ.
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

    The advice of the error makes the whole run again, because its weights cannot be used without recipe.json.
    """
    again = (f"rm -r {quoted(run.folder)} && " if run.recipe.is_file() else "") + run.command
    return files.read_json(run.recipe, EXPECTED, again)


def pretrained_of(run: Run) -> dict | None:
    """Return the pretrained weights that a run started from, as plain values (place, digest, …), or None."""
    return _read(run).get("pretrained")


def check_pretrained(run: Run, pretrained: dict) -> None:
    """Raise InputError if `pretrained` are not the pretrained weights that the run started from."""
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
    """Return the recipe that a run was trained with.

    Raises InputError if the run was not trained, or if its recipe.json is missing, damaged or for other classes.
    """
    content = _read(run)
    if run.kind not in NETWORKS:
        raise InputError(
            f"run {run.name} was not trained, but was made by: {run.command}",
            EXPECTED,
            f"for its predictions: {run.command}; or, to train a network, the same command with RUN=<another name>",
        )
    if not isinstance(content.get("recipe"), dict) or content.get("classes") != list(competition.classes):
        problem = f"{run.recipe} holds no recipe for the classes of this competition"
        raise InputError(problem, EXPECTED, f"rm -r {quoted(run.folder)} && {run.command}")
    return from_json(content["recipe"], run.recipe)


def at_other_speed(recipe: Recipe, text: str, run: Run) -> Recipe:
    """Return the recipe of a trained run with the changes in `text`, which is the value of SET.

    Only the settings RUN_ONLY may be changed, such as the number of loader processes. Raises InputError for a setting
    that would change the result.
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
    """The settings that most runs of an outputs folder have, and the settings in which each run differs.

    recipes: for each run, by name, the plain values of its recipe; a run whose recipe.json cannot be read is left out.
    words: for each run, by name, a text with the settings that differ from `usual`, such as "epochs 3". usual: a text
    with the values that most runs have, and with the model if all runs have the same model.
    """

    recipes: dict[str, dict]
    words: dict[str, str]
    usual: str


def read_run_settings(outputs: Path) -> RunSettings:
    """Read the recipes of all runs in `outputs`, without external predictions, and compare their settings."""
    recipes = {run.name: recipe for run in own_runs(outputs) if (recipe := _recipe_of_run(run))}
    names = differing_settings(recipes)
    common = usual_values(recipes, names)
    words = {name: differences_in_words(recipe, names, common) for name, recipe in recipes.items()}
    same = {} if "model" in names else {"model": next(iter(recipes.values()))["model"]} if recipes else {}
    return RunSettings(recipes, words, differences_in_words({**same, **common}, [*same, *common]))


def _recipe_of_run(run: Run) -> dict | None:
    """Return the plain values of a run's recipe, or None if recipe.json cannot be read.

    Settings that are missing, as in the runs of classifiers, get their defaults.
    """
    try:
        recipe = files.read_json(run.recipe, "", "").get("recipe")
    except InputError:
        return None
    return {**to_json(Recipe()), **recipe} if isinstance(recipe, dict) else None


def differing_settings(recipes: Mapping[str, dict]) -> list[str]:
    """Return the names of the settings that differ among the recipes.

    FIRST_SETTINGS come first, then the other settings in the order of Recipe, and last the settings that only
    classifiers have. Settings that change only the speed are left out. recipes: the plain values of each recipe.json,
    by run name.
    """
    fields = list(setting_types(Recipe))
    others = sorted({name for recipe in recipes.values() for name in recipe} - set(fields))
    order = [*FIRST_SETTINGS, *(name for name in (*fields, *others) if name not in FIRST_SETTINGS)]
    return [name for name in order if name not in LEFT_OUT and _differs(name, list(recipes.values()))]


def usual_values(recipes: Mapping[str, dict], names: Sequence[str]) -> dict:
    """Return the most frequent value of each setting in `names`, by name. The setting `model` is left out.

    If several values are equally frequent, the first of them is taken. recipes: the plain values of each recipe.json,
    by run name.
    """
    usual = {}
    for name in names:
        values = [recipe[name] for recipe in recipes.values() if name in recipe]
        if name != "model":
            usual[name] = max(values, key=lambda value: [str(other) for other in values].count(str(value)))
    return usual


def differences_in_words(recipe: dict, names: Sequence[str], but: Mapping = MappingProxyType({})) -> str:
    """Return the settings `names` of a recipe in words, such as "resnet34, epochs 3".

    recipe: the plain values of a recipe.json; but: values by setting name; a setting that has its value in `but` is
    left out.
    """
    shown = [name for name in names if name in recipe and not (name in but and str(recipe[name]) == str(but[name]))]
    return ", ".join(_setting_in_words(name, recipe[name]) for name in shown)


def _setting_in_words(name: str, value) -> str:
    """Return the name and the value of a setting in words, or only the value if the setting is the model."""
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
