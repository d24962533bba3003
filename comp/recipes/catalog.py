"""Find a recipe by its name. Also find the current name and the family of a timm model.

    recipe = get_recipe("resnet34")        # a file in named/, or any timm model with the default recipe

timm takes two seconds to import, so only the functions that need it import it.
"""

import dataclasses
import difflib
import importlib
import pkgutil
import re

from comp.errors import InputError
from comp.recipes import default_recipe, named, recipe_settings
from comp.recipes.recipe_settings import Recipe
from comp.settings import help_text, settings_of


def recipe_names() -> list[str]:
    """Return the names of the recipes in named/, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(named.__path__))


def get_recipe(name: str, defaults: str = "") -> Recipe:
    """Return the recipe called `name` or, if there is none, the default recipe for the timm model called `name`.

    defaults: the settings that the competition gives to models without a named recipe, such as "crop=350". It is not
    checked whether timm has the model; `check_model_name` does this.
    """
    if name in recipe_names():
        return dataclasses.replace(importlib.import_module(f"{named.__name__}.{name}").RECIPE, name=name)
    general = default_recipe.TRANSFORMER if is_transformer(name) else default_recipe.RECIPE
    return recipe_settings.override_settings(dataclasses.replace(general, name=name, model=name), defaults)


# ---- names of timm models

WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".pth.tar")  # ends of file names, not tags


def current_model_name(name: str) -> str:
    """Return the current name of a timm model, with its tag, if `name` is an old name. Else return `name` unchanged.

    For example, vit_base_patch16_224_in21k is now called vit_base_patch16_224.augreg_in21k. The tag after the dot names
    the pretrained weights.
    """
    from timm.models import get_deprecated_models

    return get_deprecated_models().get(name) or name


def check_model_name(name: str, recipes: list[str]) -> None:
    """Raise InputError unless timm has a model called `name`. The error names similar models or the tags of the model.

    name: the name of the model, such as resnet18.a1_in1k. The tag after the dot names the pretrained weights and may be
    missing. recipes: the names of all recipes, which the error lists.
    """
    import timm

    base, dot, tag = current_model_name(name).partition(".")
    if not timm.is_model(base):
        raise _unknown(name, base, recipes)
    tags = [known.partition(".")[2] for known in timm.models.get_arch_pretrained_cfgs(base)]
    if dot and tag not in tags:
        raise _unknown_tag(name, base, tag, [known for known in tags if known])


def _unknown(name: str, base: str, recipes: list[str]) -> InputError:
    import timm

    near = difflib.get_close_matches(base, timm.list_models() + recipes, n=5, cutoff=0.5)
    return InputError(
        f"unknown MODEL={name}" + (f"; nearest: {', '.join(near)}" if near else ""),
        f"the name of a recipe ({', '.join(recipes)}) or of a timm model",
        "python -c 'import timm; print(*timm.list_models())'",
    )


def _unknown_tag(name: str, base: str, tag: str, tags: list[str]) -> InputError:
    expected = f"one of {', '.join(f'{base}.{known}' for known in tags)}" if tags else f"{base}, which has no tags"
    better = base
    if f".{tag}".endswith(WEIGHT_SUFFIXES):
        expected = f"{base}, with the weights in the file weights/{base}.{tag} of the inputs folder; or {expected}"
    elif nearest := difflib.get_close_matches(tag, tags, n=1, cutoff=0.5):
        better = f"{base}.{nearest[0]}"
    found = f"unknown MODEL={name}: timm has no weights {tag!r} for {base}"
    return InputError(found, expected, f"the same command with MODEL={better}")


# ---- kinds of timm models

# Modules of timm whose models use attention (or token mixing) over patches, and layer norms. Models with mostly
# convolutions and batch norms are not listed, even if their name has "vit": mobilevit, levit, efficientvit, fastvit.
_TRANSFORMERS = frozenset(
    (
        "beit",
        "cait",
        "coat",
        "convit",
        "crossvit",
        "davit",
        "deepseek_vit",
        "deit",
        "eva",
        "gcvit",
        "gemma4_vit",
        "hiera",
        "hieradet_sam2",
        "maxxvit",
        "mlp_mixer",
        "mvitv2",
        "naflexvit",
        "nest",
        "pit",
        "pvt_v2",
        "qwen3_vit",
        "swin_transformer",
        "swin_transformer_v2",
        "swin_transformer_v2_cr",
        "tiny_vit",
        "tnt",
        "twins",
        "vision_transformer",
        "vision_transformer_hybrid",
        "vision_transformer_relpos",
        "vision_transformer_sam",
        "vitamin",
        "volo",
        "xcit",
    )
)


def is_transformer(model: str) -> bool:
    """Return whether a timm model is a transformer, which depends on the module of timm that defines the model.

    model: the name of the model, with or without the tag of its weights. For an unknown name, the function returns
    False.
    """
    import timm

    base = current_model_name(model).partition(".")[0]
    return timm.is_model(base) and timm.model_entrypoint(base).__module__.rpartition(".")[2] in _TRANSFORMERS


_PREFIXES = r"(?:tf|legacy|gluon|dm|ssl|swsl|ig|test)_"  # prefixes that say who trained or ported the model
_FAMILY = rf"(?:{_PREFIXES})?([a-z]+?(?:v\d+)?)(?=[\d_.\-]|$)"


def family_of_model(model: str) -> str:
    """Return the family of a timm model, which is a part of its name, such as efficientnet for tf_efficientnet_lite0.

    A version is a part of the family, as in efficientnetv2. If no family is found, the name is returned unchanged.
    """
    match = re.match(_FAMILY, model.lower())
    return match.group(1) if match else model


def settings_help() -> str:
    """Return a text for --help that lists all settings with their defaults and meanings, and all named recipes."""
    title = "settings of SET, with their values for a timm model without a named recipe:"
    fields = settings_of(Recipe, without=("name", "model"))
    return f"{help_text(title, fields, 34, grouped=True)}\n\nrecipes: {', '.join(recipe_names())}"
