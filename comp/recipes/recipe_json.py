"""recipe.json: all settings of a run, its kind, and the command that makes it again. A run name belongs to one recipe.

The first part asks for the recipe of a new run, the second writes and reads recipe.json, the third says in words what
differs between the recipes of several runs.
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
from comp.store.runs import NETWORKS, TRAINED, Run, own_runs


@dataclass(frozen=True)
class AskedRecipe:
    """The recipe that a command asks for, and the command itself, without FOLD and what changes only the speed."""

    recipe: Recipe
    command: str


def asked_recipe(competition: Competition, model: str, name: str, text: str, init: str, seed: int) -> AskedRecipe:
    """The recipe of MODEL under SET=text, INIT and SEED, resolved for the competition.

    name: RUN; an overridden recipe must have a name of its own. Raises InputError for settings that do not fit.
    """
    named = catalog.get_recipe(model, competition.defaults)
    with_init = f"{text} init={shlex.quote(init)}" if init else text
    recipe = override_settings(named, f"seed={seed} {with_init}")
    changed = differences(named, recipe)
    if changed and name in ("", model):
        raise InputError(
            f"MODEL={model} is overridden ({'; '.join(changed)}) and has no name of its own",
            "RUN=<name>: a run name belongs to one recipe",
            "the same command with RUN=<name>",
        )
    words = ["make train", f"MODEL={model}", f"RUN={name or model}"]
    words += [f"SET={shlex.quote(text)}"] if text else []
    words += [f"INIT={init}"] if init else []
    words += [f"SEED={seed}"] if seed else []
    return AskedRecipe(resolved_recipe(recipe, competition), " ".join(words))


# ---- writing and reading it

RUN_ONLY = ("workers", "cache")  # settings that change the speed but not the result
ADDS = ("all_data",)  # settings that add something to a run and leave its folds as they are
EXPECTED = "the recipe of a trained run"


def to_json(recipe: Recipe) -> dict:
    """Plain values for recipe.json."""
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def from_json(values: dict, path: Path | str) -> Recipe:
    """The inverse of `to_json`. Raises InputError if a setting is missing, unknown or of another type."""
    types = setting_types(Recipe)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    wrong = [*sorted(set(values) ^ set(types)), *(key for key in types if not _is_of_type(values.get(key), types[key]))]
    if wrong:
        raise InputError(
            f"{path}: settings {', '.join(dict.fromkeys(wrong))} are missing, unknown or of another type",
            "the settings of this version",
            "use the version that wrote it, or another RUN",
        )
    return validated_recipe(Recipe(**values))


def _is_of_type(value, kind: type) -> bool:
    """Whether a value of recipe.json can be a setting of this type; a whole number can be a float."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def differences(a: Recipe, b: Recipe, ignored: tuple[str, ...] = (*RUN_ONLY, *ADDS)) -> list[str]:
    """ "key: value in a, not value in b" for each different setting that changes what the folds become."""
    return [
        f"{key}: {getattr(a, key)!r}, not {getattr(b, key)!r}"
        for key in setting_types(Recipe, without=ignored)
        if getattr(a, key) != getattr(b, key)
    ]


def claim_run(run: Run, recipe: Recipe, competition: Competition, command: str, pretrained: dict | None = None) -> None:
    """Write recipe.json, or check that the existing one holds this recipe. A run name belongs to one recipe.

    command: what makes the run again; pretrained: the source of the run's first weights (place, digest, …) as plain
    values. recipe.json keeps both. The recipe may differ from the existing one in RUN_ONLY and ADDS, which do not
    change the folds.
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
            f"the recipe in {run.recipe}: a run name belongs to one recipe",
            f"the same command with RUN=<another name>, or rm -r {quoted(run.folder)}",
        )


def _read(run: Run) -> dict:
    """The content of recipe.json. It belongs to the weights, so the advice for a damaged one is to remove both."""
    again = (f"rm -r {quoted(run.folder)} && " if run.recipe.is_file() else "") + run.command
    return files.read_json(run.recipe, EXPECTED, again)


def pretrained_of(run: Run) -> dict | None:
    """The source of a run's first weights, as `claim_run` got it."""
    return _read(run).get("pretrained")


def check_pretrained(run: Run, pretrained: dict) -> None:
    """Raise InputError if the pretrained weights differ from those that the run started with."""
    began = pretrained_of(run) or pretrained
    if began["digest"] != pretrained["digest"]:
        raise InputError(
            f"run {run.name} began with other pretrained weights: {began['place']} ({began['digest']}), "
            f"not {pretrained['place']} ({pretrained['digest']})",
            "the same weights for every fold of a run",
            f"the same command with RUN=<another name>, or with the first weights; or rm -r {quoted(run.folder)}",
        )


def load_recipe(run: Run, competition: Competition) -> Recipe:
    """The recipe that a run was trained with. Raises InputError if it is damaged or for other classes."""
    content = _read(run)
    if run.kind not in NETWORKS:
        raise InputError(
            f"run {run.name} was not trained: it was made by {run.command}",
            EXPECTED,
            f"{run.command} makes its predictions again; to train: the same command with RUN=<another name>",
        )
    if not isinstance(content.get("recipe"), dict) or content.get("classes") != list(competition.classes):
        problem = f"{run.recipe} holds no recipe for this competition's classes"
        raise InputError(problem, EXPECTED, f"rm -r {quoted(run.folder)} && {run.command}")
    return from_json(content["recipe"], run.recipe)


def at_other_speed(recipe: Recipe, text: str, run: Run) -> Recipe:
    """The recipe of a trained run with the RUN_ONLY settings of SET=text.

    Raises InputError for a setting that would change the result.
    """
    changed_recipe = override_settings(recipe, text)
    changed = differences(recipe, changed_recipe, RUN_ONLY)
    if changed:
        raise InputError(
            f"SET={text!r} changes what run {run.name} was trained with ({'; '.join(changed)})",
            f"at most {' and '.join(RUN_ONLY)}, which change the speed alone",
            "the same command without it, or make train with another RUN",
        )
    return changed_recipe


# ---- differences in words

FIRST_SETTINGS = ("model", "image_size", "epochs")  # named first, as people speak of runs
LEFT_OUT = ("name", *RUN_ONLY)


@dataclass(frozen=True)
class RunSettings:
    """What the trained runs of outputs/ have in common, and how each differs.

    recipes: run to the plain values of its recipe; a run whose recipe.json cannot be read is left out.
    words: run to its differences from `usual`. usual: the settings that hold for most runs, in words; it names the
    model if all runs have the same one.
    """

    recipes: dict[str, dict]
    words: dict[str, str]
    usual: str


def read_run_settings(outputs: Path) -> RunSettings:
    """The settings of all runs that were made here."""
    recipes = {run.name: recipe for run in own_runs(outputs) if (recipe := _recipe_of_run(run))}
    names = differing_settings(recipes)
    common = usual_values(recipes, names)
    words = {name: differences_in_words(recipe, names, common) for name, recipe in recipes.items()}
    same = {} if "model" in names else {"model": next(iter(recipes.values()))["model"]} if recipes else {}
    return RunSettings(recipes, words, differences_in_words({**same, **common}, [*same, *common]))


def _recipe_of_run(run: Run) -> dict | None:
    """The plain values of a run's recipe; None if they cannot be read.

    A run of a classifier has only some of the settings of Recipe; the others count as their defaults.
    """
    try:
        recipe = files.read_json(run.recipe, "", "").get("recipe")
    except InputError:
        return None
    return {**to_json(Recipe()), **recipe} if isinstance(recipe, dict) else None


def differing_settings(recipes: Mapping[str, dict]) -> list[str]:
    """The settings that differ among the recipes: those of FIRST_SETTINGS, then the others in the order of Recipe.

    recipes: run name to the plain values of its recipe.json. Settings of a classifier, which Recipe does not have, come
    last. Settings that change the speed alone are left out.
    """
    fields = list(setting_types(Recipe))
    others = sorted({name for recipe in recipes.values() for name in recipe} - set(fields))
    order = [*FIRST_SETTINGS, *(name for name in (*fields, *others) if name not in FIRST_SETTINGS)]
    return [name for name in order if name not in LEFT_OUT and _differs(name, list(recipes.values()))]


def usual_values(recipes: Mapping[str, dict], names: Sequence[str]) -> dict:
    """The most frequent value of each of these settings, except the model; of equally frequent ones the first."""
    usual = {}
    for name in names:
        values = [recipe[name] for recipe in recipes.values() if name in recipe]
        if name != "model":
            usual[name] = max(values, key=lambda value: [str(other) for other in values].count(str(value)))
    return usual


def differences_in_words(recipe: dict, names: Sequence[str], but: Mapping = MappingProxyType({})) -> str:
    """These settings of one recipe: "resnet34, image size 128, pretrained off", without those equal to `but`."""
    shown = [name for name in names if name in recipe and not (name in but and str(recipe[name]) == str(but[name]))]
    return ", ".join(_setting_in_words(name, recipe[name]) for name in shown)


def _setting_in_words(name: str, value) -> str:
    """The name and value of a setting; the value alone for the model."""
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
