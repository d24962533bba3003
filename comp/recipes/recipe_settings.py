"""All settings of a run, with default, meaning and allowed values.

Parse settings from the command line, and check all values.

    recipe = override(recipe, "epochs=3 image_size=128")    # SET="..." of the Makefile

Settings that depend on the competition: the values for "auto" and "metric", and checks against the target.
"""

import dataclasses
from dataclasses import dataclass, field

from comp.competition.competition import ONE_LABEL, Competition
from comp.competition.recipe_text import named_numbers, range_of_column
from comp.errors import InputError


def _setting(default, group: str, text: str, choices=(), least: float | None = None, most: float | None = None):
    """A field; choices, least and most are what `settings.validated` checks."""
    metadata = {"group": group, "help": text, "choices": choices, "least": least, "most": most}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Recipe:
    """All settings of a run. The defaults are for timm models without their own recipe (see default.py).

    The value "auto" means: chosen by the target and metric of the competition (see resolved.py).
    """

    name: str = _setting("", "model", "name of the recipe; set by `get`")
    model: str = _setting("", "model", "timm model, if needed with the tag of its weights")
    pretrained: bool = _setting(True, "model", "start from the hub's weights, or inputs/weights/<model>.safetensors")
    head: str = _setting(
        "auto",
        "model",
        "auto, classes, attributes, regression, cumulative, or bins: see heads.py",
        choices=("auto", "classes", "attributes", "regression", "cumulative", "bins"),
    )
    bins: int = _setting(20, "model", "head=bins of a number: number of points in the range of the target", least=2)
    bin_edges: str = _setting("", "model", "head=bins of classes that are ranges: where the bins start: 20,25,30,35")
    drop_rate: float = _setting(0.0, "model", "dropout before the head", least=0, most=1)
    drop_path_rate: float = _setting(0.0, "model", "stochastic depth", least=0, most=1)
    init: str = _setting("", "model", "run whose fold k fold k starts from, instead of pretrained weights (INIT=)")
    freeze_epochs: int = _setting(0, "model", "how many first epochs train only a part of the model; -1: all", least=-1)
    freeze_stages: int = _setting(
        0,
        "model",
        "first stages, stem included, that are frozen then; 0: all but the head; "
        "-2: all but the last 2 stages and the head",
    )
    checkpointing: bool = _setting(False, "model", "keep few layers' outputs for the backward pass: less memory")

    image_size: int = _setting(224, "image", "side of the square input of the model, pixels", least=8)
    crop: int = _setting(0, "image", "side of the centre crop before the resize, pixels; 0: whole photo", least=0)
    fit: str = _setting(
        "squash",
        "image",
        "how a photo becomes a square: squash, crop (centre), or pad",
        choices=("squash", "crop", "pad"),
    )
    mean: tuple = _setting((), "image", "mean of red, green, blue, in 0 … 1; empty: as the weights were trained")
    std: tuple = _setting((), "image", "standard deviation of red, green, blue, like mean")
    augment: str = _setting("upright", "image", "training augmentation, a name in comp/data/augment.py")

    loss: str = _setting("auto", "loss", "auto, a loss (cross_entropy, focal, bce, mse, …), or a sum: '0.4 f1 + focal'")
    smoothing: float = _setting(0.1, "loss", "label smoothing, for losses of classes and labels", least=0, most=1)
    class_weights: str = _setting(
        "none", "loss", "none, or balanced (N / (C n_c); labels: negatives / positives)", choices=("none", "balanced")
    )
    gamma: float = _setting(2.0, "loss", "focusing of the loss `focal`", least=0)
    mixup: float = _setting(0.0, "loss", "share of batches mixed by mixup", least=0, most=1)
    cutmix: float = _setting(0.0, "loss", "share of batches mixed by cutmix", least=0, most=1)
    halfmix: float = _setting(0.0, "loss", "share of batches that swap left or right halves of photos", least=0, most=1)
    halfmix_within: str = _setting("", "loss", "attribute that both photos must share; empty for none")
    mix_alpha: float = _setting(1.0, "loss", "lambda ~ Beta(alpha, alpha) of mixup and cutmix", least=1e-3)

    optimizer: str = _setting("adamw", "optimizer", "timm optimizer: sgd, adam, adamw, …")
    lr: float = _setting(1e-3, "optimizer", "learning rate", least=0)
    weight_decay: float = _setting(0.05, "optimizer", "weight decay", least=0)
    momentum: float = _setting(0.9, "optimizer", "momentum of sgd")
    layer_decay: float = _setting(1.0, "optimizer", "lr factor from a layer to the one below; 1: off", least=0, most=1)
    clip_grad: float = _setting(1.0, "optimizer", "largest gradient norm; 0 for no clipping", least=0)
    accumulate: int = _setting(1, "optimizer", "batches per optimizer step", least=1)
    schedule: str = _setting(
        "cosine", "optimizer", "cosine (to 0 over `epochs`), step, or constant", choices=("cosine", "step", "constant")
    )
    warmup_epochs: float = _setting(1.0, "optimizer", "epochs in which the lr rises from 0", least=0)
    step_epochs: int = _setting(20, "optimizer", "schedule=step: epochs between drops", least=1)
    step_factor: float = _setting(0.5, "optimizer", "schedule=step: factor of a drop")
    ema_decay: float = _setting(
        0.99, "optimizer", "decay of averaged weights, which are then scored; 0: off", least=0, most=1
    )

    average_best: int = _setting(1, "length", "number of best epochs to average, if that is better", least=1)
    best_by: str = _setting("metric", "length", "selects the best epoch: metric, val_loss, or a metric by name")

    epochs: int = _setting(12, "length", "passes over the training rows", least=1)
    patience: int = _setting(0, "length", "stop after this many epochs without a better score; 0: never", least=0)
    all_data: bool = _setting(False, "length", "after all folds, train on all rows too: the mean of their best epochs")
    batch_size: int = _setting(32, "length", "images per batch", least=1)

    sampler: str = _setting(
        "auto",
        "rows",
        "auto, shuffle, balanced (by class), one_of_each (per group and class)",
        choices=("auto", "shuffle", "balanced", "one_of_each"),
    )
    edges: str = _setting("", "rows", "training rows only: other edges for an attribute with ranges, as in size:30,58")
    soften: str = _setting("", "rows", "training rows only: labels spread by the number behind the classes: height:3")
    auxiliary: str = _setting("", "rows", "further targets in training, columns and their weights: height:0.3;kind:0.5")
    drop: str = _setting("", "rows", "training rows only: drop rows by the values of a column: height:57-59,20")
    pseudo: str = _setting("", "rows", "training rows only: pseudo-labels of that name, made by make pseudo")
    pseudo_share: float = _setting(0.3, "rows", "share of pseudo-labelled rows in an epoch", least=0, most=0.9)

    tta: str = _setting("hflip", "run", "views averaged by predict_fold")
    amp: str = _setting("auto", "run", "auto, bf16, fp16, or off", choices=("auto", "bf16", "fp16", "off"))
    channels_last: str = _setting("auto", "run", "auto (by model family), on, or off", choices=("auto", "on", "off"))
    compile: bool = _setting(False, "run", "torch.compile")
    cache: bool = _setting(True, "run", "keep decoded photos in outputs/cache; the pixels are the same without")
    workers: int = _setting(-1, "run", "loader processes; -1: chosen for the machine", least=-1)
    seed: int = _setting(0, "run", "seed of weights, order, mixing and augmentation")


HELP = "correct that setting; .venv/bin/python tools/train_fold.py --help describes all of them"


def override_settings(recipe: Recipe, text: str) -> Recipe:
    """Apply "key=value key=value". Values with spaces are quoted: SET="loss='0.4 f1 + 0.6 focal'".

    Raises InputError for an unknown setting (it lists the known ones) or a value of another type.
    """
    types = {f.name: type(f.default) for f in dataclasses.fields(Recipe) if f.name != "name"}
    return validated_recipe(dataclasses.replace(recipe, **parsed_settings(text, types)))


def parsed_settings(text: str, types: dict[str, type], run: str = HELP) -> dict:
    """The values of "key=value key=value" by key. types: the known settings; run: the advice in an InputError."""
    import shlex

    try:
        pairs = [part.partition("=") for part in shlex.split(text)]
    except ValueError as error:
        raise InputError(f"SET={text!r}: {error}", 'pairs such as "epochs=3 image_size=128"', run) from None
    changes = {}
    for key, equals, value in pairs:
        if key not in types or not equals:
            raise InputError(f"unknown setting {key!r} in SET={text!r}", f"one of {', '.join(sorted(types))}", run)
        changes[key] = _parse(key, value, types[key], run)
    return changes


def _parse(key: str, value: str, kind: type, run: str):
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        if kind is tuple:
            return tuple(float(part) for part in value.split(",")) if value else ()
        return kind(value)
    except (KeyError, ValueError):
        shown = {"bool": "true or false", "int": "a whole number", "float": "a number", "tuple": "a,b,c"}
        raise InputError(f"{key}={value}", f"{key} is {shown.get(kind.__name__, kind.__name__)}", run) from None


def validated_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe. Raises InputError for a value that is not allowed."""
    for setting in dataclasses.fields(Recipe):
        _check_range(setting, getattr(recipe, setting.name))
    if recipe.mixup + recipe.cutmix + recipe.halfmix > 1 + 1e-9:
        share = recipe.mixup + recipe.cutmix + recipe.halfmix
        raise InputError(f"mixup + cutmix + halfmix = {share:g}", "at most 1", HELP)
    if not {len(recipe.mean), len(recipe.std)} <= {0, 3} or not min(recipe.std, default=1) > 0:
        raise InputError(f"mean={recipe.mean} std={recipe.std}", "three numbers each, std above 0, or nothing", HELP)
    return recipe


def _check_range(setting: dataclasses.Field, value) -> None:
    choices, least, most = (setting.metadata[key] for key in ("choices", "least", "most"))
    if choices:
        check_choice(setting.name, value, choices)
    above = least is None or value >= least  # NaN fails this check
    if not (above and (most is None or value <= most)):
        expected = f"at least {least}" if most is None else f"{least} to {most}"
        raise InputError(f"{setting.name}={value}", expected, HELP)


def check_choice(key: str, value: str, choices) -> None:
    """Raise InputError unless value is one of the choices."""
    if value not in choices:
        raise InputError(f"{key}={value}", f"one of {', '.join(choice or 'nothing' for choice in choices)}", HELP)


HEADS = {  # target: its heads; the first one replaces "auto"
    "multiclass": ("classes", "attributes", "bins"),
    "binary": ("classes", "attributes", "bins"),
    "multilabel": ("classes",),
    "ordinal": ("classes", "regression", "cumulative"),
    "regression": ("regression", "bins"),
}
CLASSES_ALIKE = ("macro_f1", "macro_f_beta", "balanced_accuracy")  # metrics that give rare classes the same weight


def resolved_recipe(recipe: Recipe, competition: Competition) -> Recipe:
    """The recipe with each "auto" replaced for the competition. recipe.json holds this recipe.

    Raises InputError for a head, sampler, best_by or halfmix_within that does not fit the competition.
    """
    head = HEADS[competition.target][0] if recipe.head == "auto" else recipe.head
    check_choice("head", head, heads_for(competition))
    changes = {
        "head": head,
        "loss": _loss(head, competition) if recipe.loss == "auto" else recipe.loss,
        "sampler": _sampler(competition) if recipe.sampler == "auto" else recipe.sampler,
        "best_by": competition.metric.name if recipe.best_by == "metric" else recipe.best_by,
    }
    made = dataclasses.replace(recipe, **changes)
    _check(made, competition)
    return made


def heads_for(competition: Competition) -> tuple[str, ...]:
    """The heads that fit the competition's target."""
    binned = competition.target == "regression" or bool(competition.ranges)
    needs = {"attributes": bool(competition.attributes), "bins": binned}
    return tuple(head for head in HEADS[competition.target] if needs.get(head, True))


def family_of_head(head: str, target: str) -> str:
    """The kind of outputs of a head: "classes" (one softmax), "labels" (one sigmoid per label), or a "number"."""
    if head == "regression":
        return "number"
    return "labels" if head == "cumulative" or target == "multilabel" else "classes"


def _loss(head: str, competition: Competition) -> str:
    if family_of_head(head, competition.target) == "number":
        return "mae" if competition.metric.name == "mae" else "mse"
    return {"classes": "cross_entropy", "labels": "bce"}[family_of_head(head, competition.target)]


def _sampler(competition: Competition) -> str:
    """Balanced only for metrics of CLASSES_ALIKE: metrics of probabilities need the true frequencies of the classes."""
    alike = competition.metric.name.partition("@")[0] in CLASSES_ALIKE
    return "balanced" if alike and competition.target in ONE_LABEL else "shuffle"


def _check(recipe: Recipe, competition: Competition) -> None:
    _check_soften(recipe, competition)
    shown = [metric.name for metric in (competition.metric, *competition.also)]
    check_choice("best_by", recipe.best_by, ("metric", "val_loss", *shown))
    check_choice("halfmix_within", recipe.halfmix_within, ("", *competition.attributes))
    if recipe.sampler == "balanced" and competition.target not in ONE_LABEL:
        expected = "sampler=shuffle: rows can be balanced only if each has one class"
        raise InputError(f"sampler=balanced for a {competition.target} target", expected, "SET=sampler=shuffle")
    if recipe.class_weights == "balanced" and family_of_head(recipe.head, competition.target) == "number":
        raise InputError(
            f"class_weights=balanced with head={recipe.head}",
            "class_weights=none: no classes to weight",
            "SET=class_weights=none",
        )


def _check_soften(recipe: Recipe, competition: Competition) -> None:
    if recipe.soften and competition.target not in ONE_LABEL:
        expected = "a target of one label, whose classes are ranges of a number"
        raise InputError(f"soften={recipe.soften} for a {competition.target} target", expected, "SET=soften=''")
    columns = named_numbers("soften", recipe.soften)
    for column in columns:
        range_of_column(column, competition)
    if recipe.head == "bins" and recipe.pseudo and competition.target in ONE_LABEL:
        expected = "another head: pseudo-labels are of classes, not of bins"
        raise InputError(f"pseudo={recipe.pseudo} with head=bins", expected, "the same command with SET=head=classes")
    if recipe.head == "bins" and competition.target in ONE_LABEL and (len(columns) != 1 or not recipe.bin_edges):
        [example, *_] = [one.column for one in competition.ranges]
        raise InputError(
            f"head=bins with soften={recipe.soften!r} and bin_edges={recipe.bin_edges!r}",
            "one column in soften, whose bins they are, and where the bins start",
            f'the same command with SET="head=bins soften={example}:3 bin_edges=20,25,30", in the units of {example}',
        )
