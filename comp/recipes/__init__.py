"""What a run is trained with: a frozen Recipe, one file for each named one, and overrides that refuse unknown names.

    recipe = get("resnet34")                                # or any timm model by its own name
    recipe = override(recipe, "epochs=3 image_size=128")    # SET="..." of the Makefile
"""

import dataclasses
import importlib
import json
import pkgutil
from dataclasses import dataclass, field

from comp.errors import InputError


def _setting(default, group: str, text: str):
    return field(default=default, metadata={"group": group, "help": text})


@dataclass(frozen=True)
class Recipe:
    """Every setting of a run. The defaults are those of a timm model that has no recipe of its own (see default.py)."""

    name: str = _setting("", "model", "name of the recipe; set by `get`")
    model: str = _setting("", "model", "timm model, with its weights' tag if it matters")
    pretrained: bool = _setting(True, "model", "start from the hub's weights, or inputs/weights/<model>.safetensors")
    head: str = _setting("classes", "model", "classes: one logit a class; attributes: one head an attribute, summed")
    drop_rate: float = _setting(0.0, "model", "dropout before the head")
    drop_path_rate: float = _setting(0.0, "model", "stochastic depth")
    freeze_epochs: int = _setting(0, "model", "first epochs in which a part of the model does not learn")
    freeze_stages: int = _setting(0, "model", "that part: so many first stages, stem included; 0: all but the head")

    image_size: int = _setting(224, "image", "side of the square that the model sees, pixels")
    crop: int = _setting(350, "image", "side of the centre crop before the resize, pixels; 0 for the whole photo")
    mean: tuple = _setting((0.548, 0.504, 0.479), "image", "of red, green, blue, in 0 … 1; empty: the weights' own")
    std: tuple = _setting((0.237, 0.247, 0.246), "image", "as mean")
    augment: str = _setting("none", "image", "named training augmentation of comp/augment.py")

    loss: str = _setting("cross_entropy", "loss", "cross_entropy, focal, f1, or a sum: '0.4 f1 + 0.6 focal(age)'")
    smoothing: float = _setting(0.0, "loss", "label smoothing, of every loss")
    class_weights: str = _setting("none", "loss", "none, or balanced (N / (C n_c)), of every loss")
    gamma: float = _setting(2.0, "loss", "focusing of the loss `focal`")
    mixup: float = _setting(0.0, "loss", "share of batches mixed by mixup")
    cutmix: float = _setting(0.0, "loss", "share of batches mixed by cutmix")
    halfmix: float = _setting(0.0, "loss", "share of batches that swap the left or right half of the face")
    halfmix_within: str = _setting("", "loss", "attribute that both halves share, such as age; empty for any image")
    mix_alpha: float = _setting(1.0, "loss", "lambda ~ Beta(alpha, alpha) of mixup and cutmix")

    optimizer: str = _setting("adamw", "optimizer", "timm optimizer: sgd, adam, adamw, …")
    lr: float = _setting(3e-4, "optimizer", "learning rate")
    weight_decay: float = _setting(0.05, "optimizer", "weight decay")
    momentum: float = _setting(0.9, "optimizer", "momentum of sgd")
    layer_decay: float = _setting(1.0, "optimizer", "lr factor from a layer to the one below; 1 for none")
    clip_grad: float = _setting(0.0, "optimizer", "largest gradient norm; 0 for no clipping")
    accumulate: int = _setting(1, "optimizer", "batches whose gradients make one step")
    schedule: str = _setting("cosine", "optimizer", "cosine (to 0 over `epochs`), step, or constant")
    warmup_epochs: float = _setting(0.0, "optimizer", "epochs in which the lr rises from 0")
    step_epochs: int = _setting(20, "optimizer", "schedule=step: epochs between drops")
    step_factor: float = _setting(0.5, "optimizer", "schedule=step: factor of a drop")
    ema_decay: float = _setting(0.0, "optimizer", "decay of the averaged weights that are scored and kept; 0 for none")

    average_best: int = _setting(1, "length", "keep the mean weights of so many best epochs if they score better")
    best_by: str = _setting("macro_f1", "length", "score that chooses the best epoch: macro_f1, accuracy, val_loss")

    epochs: int = _setting(20, "length", "passes over the training rows")
    patience: int = _setting(0, "length", "stop after so many epochs without a better score; 0 for never")
    batch_size: int = _setting(64, "length", "images a step")

    sampler: str = _setting("shuffle", "rows", "shuffle; balanced: by class; one_of_each: one photo a person and class")
    age_old_from: int = _setting(60, "rows", "training rows only: age from which the oldest class is taught")
    drop_ages: str = _setting("", "rows", "training rows only: ages left out, such as 57-59")

    tta: str = _setting("hflip", "run", "views averaged by predict_fold")
    amp: str = _setting("auto", "run", "auto, bf16, fp16, or off")
    channels_last: str = _setting("auto", "run", "auto (by model family), on, or off")
    compile: bool = _setting(False, "run", "torch.compile")
    cache: bool = _setting(True, "run", "keep decoded photos in outputs/cache; same pixels without")
    workers: int = _setting(-1, "run", "loader processes; -1 to choose by the machine")
    seed: int = _setting(0, "run", "seed of weights, order, mixing and augmentation")


RUN_ONLY = ("workers", "cache")  # change how fast, never what: two runs that differ in them are one recipe


def names() -> list[str]:
    """The named recipes, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "default")


def get(name: str) -> Recipe:
    """The recipe of that name, or the default one for a timm model of that name (checked by comp.models)."""
    if name in names():
        return dataclasses.replace(importlib.import_module(f"{__name__}.{name}").RECIPE, name=name)
    default = importlib.import_module(f"{__name__}.default")
    return dataclasses.replace(default.TRANSFORMER if is_transformer(name) else default.RECIPE, name=name, model=name)


def is_transformer(model: str) -> bool:
    """Whether a timm model is one of patches and attention, by its name."""
    return any(part in model for part in ("vit", "deit", "swin", "beit", "eva", "cait", "xcit", "mixer"))


def override(recipe: Recipe, text: str) -> Recipe:
    """Apply "key=value key=value". Values with spaces are quoted: SET="loss='0.4 f1 + 0.6 focal'".

    Raises InputError for an unknown setting (listing the known ones) or a value of another type.
    """
    import shlex

    try:
        pairs = [part.partition("=") for part in shlex.split(text)]
    except ValueError as error:
        raise InputError(f"SET={text!r}: {error}", 'pairs such as "epochs=3 image_size=128"') from None
    types = {f.name: type(f.default) for f in dataclasses.fields(Recipe) if f.name != "name"}
    changes = {}
    for key, equals, value in pairs:
        if key not in types or not equals:
            raise InputError(f"unknown setting {key!r} in SET={text!r}", f"one of {', '.join(sorted(types))}")
        changes[key] = _parse(key, value, types[key])
    return validated(dataclasses.replace(recipe, **changes))


def _parse(key: str, value: str, kind: type):
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        if kind is tuple:
            return tuple(float(part) for part in value.split(",")) if value else ()
        return kind(value)
    except (KeyError, ValueError):
        shown = {"bool": "true or false", "int": "a whole number", "float": "a number", "tuple": "a,b,c"}
        raise InputError(f"{key}={value}", f"{key} is {shown.get(kind.__name__, kind.__name__)}") from None


_CHOICES = {
    "head": ("classes", "attributes"),
    "schedule": ("cosine", "step", "constant"),
    "sampler": ("shuffle", "balanced", "one_of_each"),
    "class_weights": ("none", "balanced"),
    "best_by": ("macro_f1", "accuracy", "val_loss"),
    "amp": ("auto", "bf16", "fp16", "off"),
    "channels_last": ("auto", "on", "off"),
}
_AT_LEAST = dict(image_size=8, crop=0, epochs=1, patience=0, batch_size=1, accumulate=1, lr=0, workers=-1)
_AT_LEAST |= dict(mix_alpha=1e-3, gamma=0, weight_decay=0, clip_grad=0, freeze_epochs=0, freeze_stages=0)
_AT_LEAST |= dict(warmup_epochs=0, step_epochs=1, average_best=1)
_SHARES = ("mixup", "cutmix", "halfmix", "smoothing", "drop_rate", "drop_path_rate", "ema_decay", "layer_decay")


def validated(recipe: Recipe) -> Recipe:
    """The recipe itself, or InputError for a value outside its range."""
    for key, choices in _CHOICES.items():
        check_choice(key, getattr(recipe, key), choices)
    for key, least in _AT_LEAST.items():
        if not getattr(recipe, key) >= least:
            raise InputError(f"{key}={getattr(recipe, key)}", f"at least {least}")
    for key in _SHARES:
        if not 0 <= getattr(recipe, key) <= 1:
            raise InputError(f"{key}={getattr(recipe, key)}", "0 to 1")
    if recipe.mixup + recipe.cutmix + recipe.halfmix > 1 + 1e-9:
        raise InputError(f"mixup + cutmix + halfmix = {recipe.mixup + recipe.cutmix + recipe.halfmix:g}", "at most 1")
    if not {len(recipe.mean), len(recipe.std)} <= {0, 3} or not min(recipe.std, default=1) > 0:
        raise InputError(f"mean={recipe.mean} std={recipe.std}", "three numbers each, std above 0, or nothing")
    return recipe


def check_choice(key: str, value: str, choices) -> None:
    """Raise InputError unless value is one of the choices."""
    if value not in choices:
        raise InputError(f"{key}={value}", f"one of {', '.join(choice or 'nothing' for choice in choices)}")


def to_json(recipe: Recipe) -> dict:
    """Plain values, as recipe.json holds them."""
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def from_json(values: dict, path) -> Recipe:
    """The Recipe that `to_json` gave; InputError where a setting is missing, unknown or of another type."""
    known = {f.name: type(f.default) for f in dataclasses.fields(Recipe)}
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    wrong = sorted(set(known) ^ set(values))
    for key, kind in known.items():
        allowed = (int, float) if kind is float else kind
        if key in values and (not isinstance(values[key], allowed) or (kind is int and isinstance(values[key], bool))):
            wrong.append(key)
    if wrong:
        raise InputError(f"{path}: settings {', '.join(wrong)} are missing, unknown or mistyped", "this version's")
    return validated(Recipe(**values))


def differences(a: Recipe, b: Recipe) -> list[str]:
    """"key: a's value, b's value" for each setting that differs and changes the result."""
    return [
        f"{f.name}: {getattr(a, f.name)!r}, not {getattr(b, f.name)!r}"
        for f in dataclasses.fields(Recipe)
        if f.name not in RUN_ONLY and getattr(a, f.name) != getattr(b, f.name)
    ]
