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
from comp.errors import InputError
from comp.recipes import catalog
from comp.recipes.recipe_settings import Recipe, override_settings, resolved_recipe, validated_recipe
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
        raise InputError(
            f"{path}: settings {', '.join(wrong)} are unknown or of another type",
            "the settings of this version",
            "use the version that wrote it, or another RUN",
        )
    return validated_recipe(Recipe(**values))


def differences(a: Recipe, b: Recipe, ignored: tuple[str, ...] = (*RUN_ONLY, *ADDS)) -> list[str]:
    """ "key: value in a, not value in b" for each different setting that changes what the folds become."""
    return [
        f"{f.name}: {getattr(a, f.name)!r}, not {getattr(b, f.name)!r}"
        for f in dataclasses.fields(Recipe)
        if f.name not in ignored and getattr(a, f.name) != getattr(b, f.name)
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
            f"the same command with RUN=<another name>, or rm -r {run.folder}",
        )


def check_pretrained(run: Run, pretrained: dict) -> None:
    """Raise InputError if the pretrained weights differ from those that the run started with."""
    content = files.read_json(run.recipe, "the recipe of a trained run", run.command)
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
    return files.read_json(run.recipe, "the recipe of a trained run", run.command).get("pretrained")


def load_recipe(run: Run, competition: Competition) -> Recipe:
    """The recipe that a run was trained with. Raises InputError if it is damaged or for other classes."""
    expected = "the recipe of a trained run"
    content = files.read_json(run.recipe, expected, run.command)
    if run.kind not in NETWORKS:
        raise InputError(
            f"run {run.name} was not trained: it was made by {run.command}",
            expected,
            f"{run.command} makes its predictions again; to train: the same command with RUN=<another name>",
        )
    if not isinstance(content.get("recipe"), dict) or content.get("classes") != list(competition.classes):
        raise InputError(f"{run.recipe} holds no recipe for this competition's classes", expected, run.command)
    return from_json(content["recipe"], run.recipe)


def at_other_speed(recipe: Recipe, text: str, run: Run) -> Recipe:
    """The recipe of a trained run under a SET of RUN_ONLY settings; InputError for one that would change the result."""
    made = override_settings(recipe, text)
    changed = differences(recipe, made, RUN_ONLY)
    if changed:
        raise InputError(
            f"SET={text!r} changes what run {run.name} was trained with ({'; '.join(changed)})",
            f"at most {' and '.join(RUN_ONLY)}, which change the speed alone",
            "the same command without it, or make train with another RUN",
        )
    return made


# ---- differences in words

FIRST_SETTINGS = ("model", "image_size", "epochs")  # named first, as people speak of runs
LEFT_OUT = ("name", *RUN_ONLY)


def differing_settings(recipes: Mapping[str, dict]) -> list[str]:
    """The settings that differ among the recipes, those of FIRST first, then in the order of Recipe.

    recipes: run name to the plain values of its recipe.json. A setting that one recipe does not have, since another
    version wrote it, differs. Settings that change the speed alone are left out.
    """
    fields = [field.name for field in dataclasses.fields(Recipe)]
    others = sorted({name for recipe in recipes.values() for name in recipe} - set(fields))
    order = [*FIRST_SETTINGS, *(name for name in (*fields, *others) if name not in FIRST_SETTINGS)]
    return [name for name in order if name not in LEFT_OUT and _differs(name, list(recipes.values()))]


def usual_values(recipes: Mapping[str, dict], names: Sequence[str]) -> dict:
    """The most frequent value of each of these settings, except the model; of equally frequent ones the first."""
    made = {}
    for name in names:
        values = [recipe[name] for recipe in recipes.values() if name in recipe]
        if name != "model":
            made[name] = max(values, key=lambda value: [str(other) for other in values].count(str(value)))
    return made


def differences_in_words(recipe: dict, names: Sequence[str], but: Mapping = MappingProxyType({})) -> str:
    """These settings of one recipe: "resnet34, image size 128, pretrained off", without those equal to `but`."""
    told = [name for name in names if name in recipe and not (name in but and str(recipe[name]) == str(but[name]))]
    return ", ".join(_one(name, recipe[name]) for name in told)


def _one(name: str, value) -> str:
    """A model needs no word before it."""
    return str(value) if name == "model" else f"{name.replace('_', ' ')} {_value(value)}"


def _differs(name: str, recipes: list[dict]) -> bool:
    return len({str(recipe.get(name)) for recipe in recipes}) > 1


def _value(value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return "(" + ", ".join(map(_value, value)) + ")"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "none"


@dataclass(frozen=True)
class RunSettings:
    """recipes: trained run to the plain values of its recipe; runs whose recipe.json cannot be read are left out.

    words: run to what differs from `usual`, which holds for most runs; both in words. usual names the model where it
    is the same for all.
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
    """The settings, with the defaults of Recipe; None if recipe.json cannot be read."""
    try:
        recipe = files.read_json(run.recipe, "", "").get("recipe")
    except InputError:
        return None
    return {**to_json(Recipe()), **recipe} if isinstance(recipe, dict) else None
