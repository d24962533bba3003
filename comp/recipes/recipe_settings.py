"""All settings of a run with their defaults, meanings and limits, and the values that follow from a competition.

    recipe = override_settings(recipe, "epochs=3 image_size=128")    # the text of SET="..."
    recipe = resolved_recipe(recipe, competition)                    # no "auto" is left

`validated_recipe` checks a recipe by itself. `resolved_recipe` replaces each "auto" by a value for the competition, and
checks that the recipe fits the competition's target. comp/settings.py declares, reads and checks settings of any kind.
"""

import dataclasses
from dataclasses import dataclass

from comp.competition.competition import ONE_LABEL, Competition
from comp.competition.recipe_text import named_numbers, range_of_column
from comp.errors import InputError
from comp.settings import check_choice, checked_settings, parsed_settings, setting, setting_types

HELP = "correct the setting; for a list of all settings, .venv/bin/python tools/train_fold.py --help"
MIXES = ("mixup", "cutmix", "halfmix")  # each setting is the share of batches that are mixed in this way
HEADS = {  # for each target, the heads that fit it and the family of their outputs; the first head replaces "auto"
    "multiclass": {"classes": "classes", "attributes": "classes", "bins": "classes"},
    "binary": {"classes": "classes", "attributes": "classes", "bins": "classes"},
    "multilabel": {"classes": "labels"},
    "ordinal": {"classes": "classes", "regression": "number", "cumulative": "labels"},
    "regression": {"regression": "number", "bins": "classes"},
}
DEFAULT_LOSSES = {
    "classes": "cross_entropy",
    "labels": "bce",
    "number": "mse",
}  # by family of the head


@dataclass(frozen=True)
class Recipe:
    """All settings of a run. The defaults are those for timm models without a recipe (see default_recipe.py).

    "auto", and "metric" in best_by, stand for a value that follows from the competition's target and metric.
    """

    name: str = setting("", "name of the recipe, set by the catalog", "model")
    model: str = setting("", "timm model, if needed with the tag of its weights", "model")
    pretrained: bool = setting(True, "start from the hub's weights, or inputs/weights/<model>.safetensors", "model")
    head: str = setting(
        "auto",
        "auto, classes, attributes, regression, cumulative, or bins: see comp/models/heads.py",
        "model",
        choices=("auto", "classes", "attributes", "regression", "cumulative", "bins"),
    )
    bins: int = setting(20, "head=bins of a number: number of points on the range of the target", "model", least=2)
    bin_edges: str = setting("", "head=bins of classes that are ranges: where the bins start: 20,25,30,35", "model")
    drop_rate: float = setting(0.0, "dropout before the head", "model", least=0, most=1)
    drop_path_rate: float = setting(0.0, "stochastic depth", "model", least=0, most=1)
    init: str = setting("", "a run: each fold starts with the weights of the same fold of this run (INIT=)", "model")
    freeze_epochs: int = setting(0, "first epochs, which train a part of the model only; -1: all", "model", least=-1)
    freeze_stages: int = setting(
        0,
        "first stages that those epochs freeze, with the stem; 0: all but the head; -2: all but the last 2 and head",
        "model",
    )
    checkpointing: bool = setting(
        False, "gradient checkpointing: keep the outputs of few layers, which needs less memory", "model"
    )

    image_size: int = setting(224, "side of the square input of the model, pixels", "image", least=8)
    crop: int = setting(0, "side of the centre crop before the resize, pixels; 0: whole photo", "image", least=0)
    fit: str = setting(
        "squash",
        "how a photo becomes a square: squash, crop (centre), or pad",
        "image",
        choices=("squash", "crop", "pad"),
    )
    mean: tuple = setting((), "mean of red, green, blue, in 0 … 1; empty: as the weights were trained", "image")
    std: tuple = setting((), "standard deviation of red, green, blue, like mean", "image")
    augment: str = setting("upright", "training augmentation, a name in comp/data/augment.py", "image")

    loss: str = setting("auto", "auto, a loss (cross_entropy, focal, bce, mse, …), or a sum: '0.4 f1 + focal'", "loss")
    smoothing: float = setting(0.1, "label smoothing, for losses of classes and labels", "loss", least=0, most=1)
    class_weights: str = setting(
        "none", "none, or balanced (N / (C n_c); labels: negatives / positives)", "loss", choices=("none", "balanced")
    )
    gamma: float = setting(2.0, "exponent of the loss `focal`", "loss", least=0)
    mixup: float = setting(0.0, "share of batches mixed by mixup", "loss", least=0, most=1)
    cutmix: float = setting(0.0, "share of batches mixed by cutmix", "loss", least=0, most=1)
    halfmix: float = setting(0.0, "share of batches that swap left or right halves of photos", "loss", least=0, most=1)
    halfmix_within: str = setting("", "halfmix joins photos of one value of this attribute; empty: any photos", "loss")
    mix_alpha: float = setting(1.0, "alpha: mixup and cutmix draw lambda from Beta(alpha, alpha)", "loss", least=1e-3)

    optimizer: str = setting("adamw", "timm optimizer: sgd, adam, adamw, …", "optimizer")
    lr: float = setting(1e-3, "learning rate", "optimizer", least=0)
    weight_decay: float = setting(0.05, "weight decay", "optimizer", least=0)
    momentum: float = setting(0.9, "momentum of sgd", "optimizer")
    layer_decay: float = setting(1.0, "lr factor from a layer to the one below; 1: off", "optimizer", least=0, most=1)
    clip_grad: float = setting(1.0, "largest gradient norm; 0 for no clipping", "optimizer", least=0)
    accumulate: int = setting(1, "batches per optimizer step", "optimizer", least=1)
    schedule: str = setting(
        "cosine", "cosine (to 0 over `epochs`), step, or constant", "optimizer", choices=("cosine", "step", "constant")
    )
    warmup_epochs: float = setting(1.0, "epochs in which the lr rises from 0", "optimizer", least=0)
    step_epochs: int = setting(20, "schedule=step: epochs between drops", "optimizer", least=1)
    step_factor: float = setting(0.5, "schedule=step: factor of a drop", "optimizer")
    ema_decay: float = setting(
        0.99, "decay of averaged weights, which are then scored; 0: off", "optimizer", least=0, most=1
    )

    average_best: int = setting(1, "best epochs whose weights are averaged, if that is better", "length", least=1)
    best_by: str = setting("metric", "selects the best epoch: metric, val_loss, or a metric by name", "length")

    epochs: int = setting(12, "passes over the training rows", "length", least=1)
    patience: int = setting(0, "stop after this many epochs without a better score; 0: never", "length", least=0)
    all_data: bool = setting(False, "after all folds, train on all rows too, for their mean best epoch", "length")
    batch_size: int = setting(32, "images per batch", "length", least=1)

    sampler: str = setting(
        "auto",
        "auto, shuffle, balanced (by class), one_of_each (per group and class)",
        "rows",
        choices=("auto", "shuffle", "balanced", "one_of_each"),
    )
    edges: str = setting("", "training rows only: other edges for an attribute with ranges, as in size:30,58", "rows")
    soften: str = setting("", "training rows only: labels spread to near ranges of a number, as in height:3", "rows")
    auxiliary: str = setting("", "further targets in training, columns and their weights: height:0.3;kind:0.5", "rows")
    drop: str = setting("", "training rows only: drop rows by the values of a column: height:57-59,20", "rows")
    pseudo: str = setting("", "training rows only: pseudo-labels of that name, made by make pseudo", "rows")
    pseudo_share: float = setting(0.3, "share of pseudo-labelled rows in an epoch", "rows", least=0, most=0.9)

    tta: str = setting("hflip", "views of a photo whose predictions are averaged", "run")
    amp: str = setting("auto", "auto, bf16, fp16, or off", "run", choices=("auto", "bf16", "fp16", "off"))
    channels_last: str = setting("auto", "auto (by model family), on, or off", "run", choices=("auto", "on", "off"))
    compile: bool = setting(False, "torch.compile", "run")
    cache: bool = setting(True, "keep decoded photos in outputs/cache, to decode each photo only once", "run")
    workers: int = setting(-1, "loader processes; -1: chosen for the machine", "run", least=-1)
    seed: int = setting(0, "seed of weights, order, mixing and augmentation", "run")


def override_settings(recipe: Recipe, text: str) -> Recipe:
    """The recipe after the settings in a text such as "epochs=3 image_size=128" are changed.

    Raises InputError for an unknown setting, with a list of the known settings, and for a value of another type or a
    value that is not allowed.
    """
    changes = parsed_settings(text, setting_types(Recipe, without=("name",)), HELP)
    return validated_recipe(dataclasses.replace(recipe, **changes))


def validated_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe unchanged. Raises InputError for a value that is not allowed in any competition."""
    checked_settings(recipe, HELP)
    mixed = sum(getattr(recipe, name) for name in MIXES)
    if mixed > 1 + 1e-9:
        raise InputError(f"{' + '.join(MIXES)} = {mixed:g}", "at most 1", HELP)
    if not {len(recipe.mean), len(recipe.std)} <= {0, 3} or not min(recipe.std, default=1) > 0:
        expected = "three numbers for mean and three for std, each std above 0, or no numbers"
        raise InputError(f"mean={recipe.mean} std={recipe.std}", expected, HELP)
    return recipe


# ---- what follows from the competition


def resolved_recipe(recipe: Recipe, competition: Competition) -> Recipe:
    """The recipe with each "auto" replaced for the competition, as recipe.json holds it.

    Raises InputError for settings that do not fit the competition's target or metrics.
    """
    head = next(iter(HEADS[competition.target])) if recipe.head == "auto" else recipe.head
    check_choice("head", head, heads_for(competition), HELP)
    resolved = dataclasses.replace(
        recipe,
        head=head,
        loss=_default_loss(head, competition) if recipe.loss == "auto" else recipe.loss,
        sampler=_default_sampler(competition) if recipe.sampler == "auto" else recipe.sampler,
        best_by=competition.metric.name if recipe.best_by == "metric" else recipe.best_by,
    )
    _check_names(resolved, competition)
    _check_balance(resolved, competition)
    _check_soft_labels(resolved, competition)
    return resolved


def heads_for(competition: Competition) -> tuple[str, ...]:
    """The heads that fit the target of the competition. Some need attributes or classes that are ranges of a number."""
    binned = competition.target == "regression" or bool(competition.ranges)
    possible = {"attributes": bool(competition.attributes), "bins": binned}
    return tuple(head for head in HEADS[competition.target] if possible.get(head, True))


def family_of_head(head: str, target: str) -> str:
    """The family of a head's outputs: "classes" (one softmax), "labels" (one sigmoid per label) or "number"."""
    return HEADS[target][head]


def weights_classes_alike(competition: Competition) -> bool:
    """Return whether each row has one class and the metric gives rare and frequent classes the same weight."""
    return competition.metric.classes_alike and competition.target in ONE_LABEL


def _default_loss(head: str, competition: Competition) -> str:
    family = family_of_head(head, competition.target)
    return competition.metric.number_loss if family == "number" else DEFAULT_LOSSES[family]


def _default_sampler(competition: Competition) -> str:
    """The sampler for "auto". Metrics of probabilities need the true shares of the classes, so they get "shuffle"."""
    return "balanced" if weights_classes_alike(competition) else "shuffle"


def _check_names(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError unless the competition has the metric in best_by and the attribute in halfmix_within."""
    metrics = [metric.name for metric in (competition.metric, *competition.also)]
    check_choice("best_by", recipe.best_by, ("metric", "val_loss", *metrics), HELP)
    check_choice("halfmix_within", recipe.halfmix_within, ("", *competition.attributes), HELP)


def _check_balance(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError if sampler or class_weights is "balanced" although rows or outputs have no single class."""
    if recipe.sampler == "balanced" and competition.target not in ONE_LABEL:
        expected = "sampler=shuffle, since rows can be balanced only if each row has one class"
        advice = "the same command with SET=sampler=shuffle"
        raise InputError(f"sampler=balanced for a {competition.target} target", expected, advice)
    if recipe.class_weights == "balanced" and family_of_head(recipe.head, competition.target) == "number":
        raise InputError(
            f"class_weights=balanced with head={recipe.head}",
            "class_weights=none, since a number has no classes",
            "the same command with SET=class_weights=none",
        )


def _check_soft_labels(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError unless the classes are ranges of the numbers that soften names."""
    if recipe.soften and competition.target not in ONE_LABEL:
        expected = "a target of one label, whose classes are ranges of a number"
        advice = "the same command without soften in SET"
        raise InputError(f"soften={recipe.soften} for a {competition.target} target", expected, advice)
    columns = named_numbers("soften", recipe.soften)
    for column in columns:
        range_of_column(column, competition)
    if recipe.head == "bins" and competition.target in ONE_LABEL:
        _check_class_bins(recipe, competition, len(columns))


def _check_class_bins(recipe: Recipe, competition: Competition, softened: int) -> None:
    """Raise InputError unless soften names one column, whose ranges are the bins, and bin_edges is given."""
    if recipe.pseudo:
        expected = "another head, since pseudo-labels are for classes and not for bins"
        raise InputError(f"pseudo={recipe.pseudo} with head=bins", expected, "the same command with SET=head=classes")
    if softened != 1 or not recipe.bin_edges:
        example = competition.ranges[0].column
        raise InputError(
            f"head=bins with soften={recipe.soften!r} and bin_edges={recipe.bin_edges!r}",
            "in soften the one column of the bins, and in bin_edges the numbers at which the bins start",
            f'the same command with SET="head=bins soften={example}:3 bin_edges=20,25,30", in the units of {example}',
        )
