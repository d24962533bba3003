"""All settings of a run with their defaults, meanings and limits.

    recipe = override_settings(recipe, "epochs=3 image_size=128")    # the text of SET="..."

`validated_recipe` checks a recipe without a competition. automatic.py replaces each "auto" by a value that fits the
competition. comp/settings.py has the functions that declare, read and check settings.
"""

import dataclasses
from dataclasses import dataclass

from comp.competition.competition import ONE_LABEL, Competition
from comp.errors import InputError
from comp.settings import (
    AUTO,
    automatic_settings,
    checked_settings,
    how_to_list,
    parsed_settings,
    setting,
    setting_types,
)

HELP = how_to_list("train_fold")
LAST = "last"  # the value of best_by that keeps the last epoch
MIXES = ("mixup", "cutmix", "halfmix")  # each setting is the share of batches that are mixed in this way
HEADS = {  # for each target, the heads that fit, and the family of each head; the first is the usual one
    "multiclass": {"classes": "classes", "attributes": "classes", "bins": "classes"},
    "binary": {"classes": "classes", "attributes": "classes", "bins": "classes"},
    "multilabel": {"classes": "labels"},
    "ordinal": {"classes": "classes", "regression": "number", "cumulative": "labels"},
    "regression": {"regression": "number", "bins": "classes"},
}
DEFAULT_LOSSES = {  # for each family of a head, the loss that replaces "auto"
    "classes": "cross_entropy",
    "labels": "bce",
    "number": "mse",
}


@dataclass(frozen=True)
class Recipe:
    """All settings of a run. The defaults are for timm models without a named recipe (see default_recipe.py).

    The value "auto" of any setting stands for a value that depends on the competition and its photos. The rules are in
    automatic.py.
    """

    name: str = setting("", "name of the recipe, which catalog.py sets", "model")
    model: str = setting("", "name of the timm model, with the tag of its weights if needed", "model")
    pretrained: bool = setting(
        True, "start from pretrained weights: inputs/weights/<model>.safetensors if it exists, else the hub's", "model"
    )
    head: str = setting(
        "auto",
        "auto, classes, attributes, regression, cumulative, or bins; comp/models/heads.py explains them",
        "model",
        choices=("auto", "classes", "attributes", "regression", "cumulative", "bins"),
    )
    bins: int = setting(20, "for head=bins and regression: number of points on the target's range", "model", least=2)
    bin_edges: str = setting(
        "", "for head=bins and classes that are ranges: the numbers where bins start, such as 20,25,30,35", "model"
    )
    drop_rate: float = setting(0.0, "dropout rate before the head", "model", least=0, most=1)
    drop_path_rate: float = setting(0.0, "rate of stochastic depth", "model", least=0, most=1)
    init: str = setting(
        "", "name of a run; each fold starts from the weights of this run for the same fold (INIT=)", "model"
    )
    freeze_epochs: int = setting(
        0, "number of first epochs in which a part of the model is frozen; -1: all epochs", "model", least=-1
    )
    freeze_stages: int = setting(
        0,
        "frozen in freeze_epochs: 0: all but the head; 2: the first 2 stages; -2: all but the last 2 stages and head",
        "model",
    )
    checkpointing: bool = setting(False, "gradient checkpointing: less memory, but more time", "model")

    image_size: int = setting(AUTO, "side of the square input of the model, in pixels", "image", kind=int, least=8)
    crop: int = setting(0, "side of the centre crop before the resize, in pixels; 0: no crop", "image", least=0)
    fit: str = setting(
        "squash",
        "how a photo becomes a square: squash (resize both sides), crop (keep the centre), or pad (add borders)",
        "image",
        choices=("squash", "crop", "pad"),
    )
    mean: tuple = setting((), "means of red, green, blue, from 0 to 1; empty: those of the pretrained weights", "image")
    std: tuple = setting((), "standard deviations of red, green and blue, in the form of mean", "image")
    augment: str = setting(AUTO, "augmentation of training photos, a name in comp/data/augment.py", "image", kind=str)

    loss: str = setting(
        "auto", "auto, a loss (cross_entropy, focal, bce, mse, …), or a sum such as '0.4 f1 + 0.6 focal'", "loss"
    )
    smoothing: float = setting(AUTO, "label smoothing, not for losses of numbers", "loss", kind=float, least=0, most=1)
    class_weights: str = setting(
        "none",
        "none, or balanced: N / (C n_c) for class c, or negatives / positives for each of several labels",
        "loss",
        choices=("none", "balanced"),
    )
    gamma: float = setting(2.0, "exponent of the loss `focal`", "loss", least=0)
    mixup: float = setting(0.0, "share of batches that are mixed by mixup", "loss", least=0, most=1)
    cutmix: float = setting(0.0, "share of batches that are mixed by CutMix", "loss", least=0, most=1)
    halfmix: float = setting(
        0.0, "share of batches whose photos swap their left or right halves", "loss", least=0, most=1
    )
    halfmix_within: str = setting(
        "", "attribute in which two photos must agree to be mixed by halfmix; empty: any two photos", "loss"
    )
    mix_alpha: float = setting(
        1.0, "alpha of Beta(alpha, alpha), from which mixup and CutMix draw lambda", "loss", least=1e-3
    )

    optimizer: str = setting("adamw", "an optimizer of timm: sgd, adam, adamw, …", "optimizer")
    lr: float = setting(AUTO, "learning rate", "optimizer", kind=float, least=0)
    weight_decay: float = setting(0.05, "weight decay", "optimizer", least=0)
    momentum: float = setting(0.9, "momentum of sgd", "optimizer")
    layer_decay: float = setting(
        1.0, "factor from the lr of a layer to the lr of the layer below; 1: the same lr", "optimizer", least=0, most=1
    )
    clip_grad: float = setting(1.0, "largest norm of the gradient; 0: no clipping", "optimizer", least=0)
    accumulate: int = setting(1, "number of batches for one step of the optimizer", "optimizer", least=1)
    schedule: str = setting(
        "cosine",
        "how the lr changes after the warm-up: cosine (falls to 0), step (drops now and then), or constant",
        "optimizer",
        choices=("cosine", "step", "constant"),
    )
    warmup_epochs: float = setting(AUTO, "epochs in which the lr rises from 0", "optimizer", kind=float, least=0)
    step_epochs: int = setting(20, "for schedule=step: number of epochs between drops", "optimizer", least=1)
    step_factor: float = setting(0.5, "for schedule=step: factor of each drop", "optimizer")
    ema_decay: float = setting(
        AUTO,
        "decay of the averaged weights (EMA), which are then scored and saved; 0: no EMA",
        "optimizer",
        kind=float,
        least=0,
        most=1,
    )

    average_best: int = setting(
        1,
        "number of best epochs whose weights are averaged, if the average scores better; best_by=last: of last epochs",
        "length",
        least=1,
    )
    best_by: str = setting(
        AUTO, "the epoch to keep: last, or the best by: metric, val_loss, or the name of a metric", "length", kind=str
    )

    epochs: int = setting(AUTO, "passes over the training rows", "length", kind=int, least=1)
    patience: int = setting(0, "stop after this many epochs without a better score; 0: never", "length", least=0)
    all_data: bool = setting(
        False, "after all folds, also train on all rows, for as many epochs as the mean best epoch", "length"
    )
    batch_size: int = setting(32, "number of photos in a batch", "length", least=1)

    sampler: str = setting(
        "auto",
        "auto, shuffle, balanced (each class equally often), or one_of_each (one row of each class in each group)",
        "rows",
        choices=("auto", "shuffle", "balanced", "one_of_each"),
    )
    edges: str = setting(
        "", "training rows only: other edges of an attribute that is a range, such as size:30,58", "rows"
    )
    soften: str = setting(
        AUTO,
        "training rows only: spread labels to neighbouring ranges of a column, such as height:3; empty: no",
        "rows",
        kind=str,
    )
    auxiliary: str = setting(
        "", "columns to learn in addition, with their weights in the loss, such as height:0.3;kind:0.5", "rows"
    )
    drop: str = setting("", "training rows only: drop rows by values of a column: height:57-59,20", "rows")
    pseudo: str = setting("", "training rows only: name of pseudo-labels from `make pseudo` to add", "rows")
    pseudo_share: float = setting(0.3, "share of pseudo-labelled rows in an epoch", "rows", least=0, most=0.9)

    tta: str = setting(AUTO, "views of a photo for averaging, a name in comp/prediction/tta.py", "run", kind=str)
    amp: str = setting(
        "auto", "mixed precision: auto, bf16, fp16, or off", "run", choices=("auto", "bf16", "fp16", "off")
    )
    channels_last: str = setting(
        "auto", "memory format channels_last: auto (by model family), on, or off", "run", choices=("auto", "on", "off")
    )
    compile: bool = setting(False, "compile the model with torch.compile", "run")
    cache: bool = setting(True, "keep decoded photos in outputs/cache, so that each is decoded only once", "run")
    workers: int = setting(-1, "number of loader processes; -1: chosen for the machine", "run", least=-1)
    seed: int = setting(
        0, "seed of initial weights, order of rows, mixing and augmentation", "run", least=0, most=2**32 - 1
    )


def override_settings(recipe: Recipe, text: str) -> Recipe:
    """Return the recipe with the changes in `text`, such as "epochs=3 image_size=128".

    Raises InputError for a value that has the wrong type or is not allowed, and for an unknown setting, with a list of
    the known settings.
    """
    changes = parsed_settings(text, setting_types(Recipe, without=("name",)), HELP, automatic_settings(Recipe))
    return validated_recipe(dataclasses.replace(recipe, **changes))


def validated_recipe(recipe: Recipe) -> Recipe:
    """Check a recipe and return it unchanged. Raises InputError for a value that is not allowed in any competition."""
    checked_settings(recipe, HELP)
    mixed = sum(getattr(recipe, name) for name in MIXES)
    if mixed > 1 + 1e-9:
        raise InputError(f"{' + '.join(MIXES)} = {mixed:g} is too large", "a sum of at most 1", HELP)
    if not {len(recipe.mean), len(recipe.std)} <= {0, 3} or not min(recipe.std, default=1) > 0:
        expected = "three numbers for mean and three for std, each std above 0, or no numbers"
        raise InputError(f"the settings mean={recipe.mean} and std={recipe.std} are not allowed", expected, HELP)
    return recipe


# ---- what fits a competition


def heads_for(competition: Competition) -> tuple[str, ...]:
    """Return the names of the heads that can be used in a competition, the usual head first.

    The head "attributes" needs classes with attributes. The head "bins" needs a regression target or classes that are
    ranges of a number.
    """
    binned = competition.target == "regression" or bool(competition.ranges)
    possible = {"attributes": bool(competition.attributes), "bins": binned}
    return tuple(head for head in HEADS[competition.target] if possible.get(head, True))


def family_of_head(head: str, target: str) -> str:
    """Return the kind of outputs that a head has: "classes" (one softmax), "labels" (sigmoids) or "number"."""
    return HEADS[target][head]


def can_smooth(head: str, target: str) -> bool:
    """Return whether label smoothing makes sense: for classes and labels, but not for numbers, which it would move."""
    return target != "regression" and family_of_head(head, target) != "number"


def weights_classes_alike(competition: Competition) -> bool:
    """Return whether each row has one class and the metric gives rare and frequent classes the same weight."""
    return competition.metric.classes_alike and competition.target in ONE_LABEL
