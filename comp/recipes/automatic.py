"""Choose a value for each setting that is "auto". All rules are in this module, and each rule has a reason.

    recipe = resolved_recipe(recipe, competition, facts)      # no "auto" is left
    choices = chosen_settings(recipe, competition, facts)     # the values with their reasons, which a run prints

Some rules need only the target and the metric of the competition. The others need facts about its rows and photos. If
the facts are not known, they choose a usual value. A recipe without "auto" is not changed. To overrule a rule, give the
setting a value with SET. docs/records.md has the measurements behind the numbers.
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from comp.competition.competition import ONE_LABEL, Competition
from comp.competition.recipe_text import named_numbers, range_of_column
from comp.errors import InputError
from comp.recipes import catalog
from comp.recipes.recipe_settings import (
    DEFAULT_LOSSES,
    HEADS,
    HELP,
    LAST,
    Recipe,
    can_smooth,
    family_of_head,
    heads_for,
    weights_classes_alike,
)
from comp.settings import AUTO, check_choice


@dataclass(frozen=True)
class Facts:
    """What is known about the rows and the photos of a competition.

    rows: the number of training rows of a fold. photo_side: the median of the photos' shorter sides, in pixels.
    own_size: the image size at which the weights of the model were trained. deviations: for each column of numbers of
    which the classes are ranges, the standard deviation over the training rows. mirrored: a text that says how much
    worse mirrored photos are predicted; "" if they are not predicted worse, or if this was not measured.
    """

    rows: int
    photo_side: int
    own_size: int
    deviations: dict[str, float] = field(default_factory=dict)
    mirrored: str = ""


@dataclass(frozen=True)
class Choice:
    """The value that a rule has chosen for a setting, and the reason in words."""

    setting: str
    value: object
    reason: str


Rule = Callable[[Recipe, Competition, Facts | None], tuple[object, str]]

# ---- rules that need only the competition


def _head(recipe: Recipe, competition: Competition, _) -> tuple[str, str]:
    """Predict grades as numbers if the metric measures how far they are apart, and classes by their attributes."""
    if competition.metric.decides(competition.target) == "grade":
        return "regression", f"{competition.metric.name} measures how far grades are apart, as a number does"
    if len(competition.attributes) > 1:
        *names, last = competition.attributes
        values = f"a value of {', '.join(names)} or {last}"
        return "attributes", f"the target is {competition.target}, and {values} has more photos than a class"
    return next(iter(HEADS[competition.target])), f"the target is {competition.target}"


def _loss(recipe: Recipe, competition: Competition, _) -> tuple[str, str]:
    family = family_of_head(recipe.head, competition.target)
    if family == "number":
        return competition.metric.number_loss, f"it suits the metric {competition.metric.name}"
    return DEFAULT_LOSSES[family], f"the usual loss of head={recipe.head}"


def _sampler(recipe: Recipe, competition: Competition, _) -> tuple[str, str]:
    """Balance the classes if the metric gives all classes the same weight.

    All other metrics need the true shares of the classes.
    """
    name = competition.metric.name
    if competition.target == "regression":
        return "shuffle", "numbers are no classes that could be balanced"
    if weights_classes_alike(competition):
        return "balanced", f"{name} gives rare and frequent classes the same weight"
    return "shuffle", f"{name} needs the true shares of the classes"


def _best_by(recipe: Recipe, competition: Competition, _) -> tuple[str, str]:
    """Keep the last epoch, unless the training may stop early.

    With few held-out rows, the epoch with the best score is best partly by luck. So its out-of-fold score is too good,
    and its score on other photos is often below that of the last epoch.
    """
    if recipe.schedule == "cosine" and not recipe.patience:
        return LAST, "a cosine schedule ends with its best weights, and no luck of the choice is in the score"
    return competition.metric.name, "the metric of the competition, because this schedule has no best end"


def _smoothing(recipe: Recipe, competition: Competition, _) -> tuple[float, str]:
    if not can_smooth(recipe.head, competition.target):
        return 0.0, f"head={recipe.head} learns numbers, and only classes and labels are smoothed"
    if competition.metric.needs == "probabilities":
        return (
            0.0,
            f"{competition.metric.name} is computed from probabilities, which smoothing would pull to the middle",
        )
    return SMOOTHING, "similar classes are hard to tell apart, so a model should not be certain"


SMOOTHING = 0.1

# ---- rules that need facts about rows and photos

EPOCHS, EPOCHS_ROWS, EPOCHS_POWER = 12, 15_000, 0.25  # so many epochs for so many rows; more for fewer rows
FEWEST_STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 200, 3, 100
WARMUP, MOST_WARMUP_STEPS = 0.1, 500  # as a share of the training; in steps
EMA_SHARE, EMA_STEPS = 0.1, (10, 1000)  # the EMA covers this share of the training; its limits in steps
LR, TRANSFORMER_LR, LR_BATCH = 1e-3, 3e-4, 32  # the learning rates for a batch of this size
SIZE, SIZE_STEP, FEWEST_PIXELS, ENLARGED = 224, 32, 64, 2  # image size without facts; small photos are enlarged so much
SOFT = 0.15  # soft labels are spread by this share of the standard deviation


def _image_size(recipe: Recipe, competition: Competition, facts: Facts | None) -> tuple[int, str]:
    """Take the size at which the weights were trained, or a smaller one if the photos are small.

    Transformers keep the size of their weights, because many of them work at few sizes.
    """
    if not facts:
        return SIZE, "a usual size"
    enlarged = max(FEWEST_PIXELS, math.ceil(ENLARGED * facts.photo_side / SIZE_STEP) * SIZE_STEP)
    if catalog.is_transformer(recipe.model) or enlarged >= facts.own_size:
        return facts.own_size, f"the size at which the weights of {recipe.model} were trained"
    return (
        enlarged,
        f"the shorter sides of the photos have {facts.photo_side} px (median), so more would show nothing new",
    )


def _augment(recipe: Recipe, competition: Competition, facts: Facts | None) -> tuple[str, str]:
    if facts and facts.mirrored:
        return "moves", f"no mirrored photos, because {facts.mirrored}"
    return "upright", "mirrors photos, moves them a little, and makes them lighter or darker"


def _tta(recipe: Recipe, competition: Competition, facts: Facts | None) -> tuple[str, str]:
    if facts and facts.mirrored:
        return "none", f"no mirrored photos, because {facts.mirrored}"
    return "hflip", "the mean of a photo and its mirror image"


def _soften(recipe: Recipe, competition: Competition, facts: Facts | None) -> tuple[str, str]:
    columns = [r.column for r in competition.ranges if facts and facts.deviations.get(r.column, 0) > 0]
    if not columns or competition.target not in ONE_LABEL or recipe.edges:
        return "", "no classes are ranges of a number"
    text = ";".join(f"{column}:{SOFT * facts.deviations[column]:.2g}" for column in columns)
    return text, f"classes are ranges of {' and '.join(columns)}, and a value near an edge is nearly in the next class"


def _lr(recipe: Recipe, competition: Competition, facts: Facts | None) -> tuple[float, str]:
    kind = "transformers" if catalog.is_transformer(recipe.model) else "convolutional models"
    return usual_lr(recipe), f"for {kind} and steps of {recipe.batch_size * recipe.accumulate} photos"


def usual_lr(recipe: Recipe) -> float:
    """Return the usual learning rate of the recipe's model.

    It is smaller for transformers, because attention soon loses what it learned in pretraining. It changes with the
    square root of the number of photos in a step, as is right for Adam (Malladi et al. 2022).
    """
    base = TRANSFORMER_LR if catalog.is_transformer(recipe.model) else LR
    return float(f"{base * math.sqrt(recipe.batch_size * recipe.accumulate / LR_BATCH):.2g}")


def _epochs(recipe: Recipe, competition: Competition, facts: Facts | None) -> tuple[int, str]:
    if not facts:
        return EPOCHS, "a usual length"
    wanted = round(EPOCHS * (EPOCHS_ROWS / max(facts.rows, 1)) ** EPOCHS_POWER)
    batches = math.ceil(max(facts.rows, 1) / recipe.batch_size)
    for_steps = math.ceil(FEWEST_STEPS * recipe.accumulate / batches)
    epochs = min(max(wanted, for_steps, FEWEST_EPOCHS), MOST_EPOCHS)
    return epochs, f"{facts.rows:,} training rows in a fold, which make {_in_words(_steps(recipe, facts, epochs))}"


def _steps(recipe: Recipe, facts: Facts, epochs: float) -> int:
    """Return how many steps the optimizer takes in a training of so many epochs."""
    return max(1, round(epochs * math.ceil(facts.rows / recipe.batch_size) / recipe.accumulate))


def _in_words(steps: int) -> str:
    return f"{steps:,} step{'' if steps == 1 else 's'}"


def _warmup(recipe: Recipe, competition: Competition, facts: Facts | None) -> tuple[float, str]:
    steps = _steps(recipe, facts, recipe.epochs) if facts else 0
    share = min(WARMUP, MOST_WARMUP_STEPS / steps) if steps else WARMUP
    epochs = float(f"{share * recipe.epochs:.2g}")
    return epochs, f"the first {100 * share:.2g} % of the training" + (
        f", {_in_words(round(share * steps))}" if steps else ""
    )


def _ema_decay(recipe: Recipe, competition: Competition, facts: Facts | None) -> tuple[float, str]:
    if not facts:
        return 0.99, "an average over about 100 steps"
    low, high = EMA_STEPS
    window = min(max(round(EMA_SHARE * _steps(recipe, facts, recipe.epochs)), low), high)
    return round(1 - 1 / window, 5), f"an average over about {_in_words(window)}"


# ---- all rules, in the order in which they are applied: a rule may use the settings of the rules before it

RULES: dict[str, Rule] = {
    "head": _head,
    "loss": _loss,
    "sampler": _sampler,
    "best_by": _best_by,
    "smoothing": _smoothing,
    "soften": _soften,
    "image_size": _image_size,
    "augment": _augment,
    "tta": _tta,
    "lr": _lr,
    "epochs": _epochs,
    "warmup_epochs": _warmup,
    "ema_decay": _ema_decay,
}


def chosen_settings(recipe: Recipe, competition: Competition, facts: Facts | None = None) -> list[Choice]:
    """Return a Choice for each setting of the recipe that is "auto"."""
    choices = []
    for name, rule in RULES.items():
        if getattr(recipe, name) != AUTO:
            continue
        value, reason = rule(recipe, competition, facts)
        recipe = dataclasses.replace(recipe, **{name: value})
        choices.append(Choice(name, value, reason))
    return choices


def resolved_recipe(recipe: Recipe, competition: Competition, facts: Facts | None = None) -> Recipe:
    """Return the recipe with each "auto" replaced by a value that fits the competition, as recipe.json stores it.

    facts: what is known about rows and photos, or None. Raises InputError for settings that do not fit the target or
    the metrics of the competition.
    """
    check_choice("head", recipe.head, ("auto", *heads_for(competition)), HELP)
    choices = {choice.setting: choice.value for choice in chosen_settings(recipe, competition, facts)}
    resolved = dataclasses.replace(recipe, **choices)
    if resolved.best_by == "metric":
        resolved = dataclasses.replace(resolved, best_by=competition.metric.name)
    _check_names(resolved, competition)
    _check_patience(resolved)
    _check_sampler(resolved, competition)
    _check_soft_labels(resolved, competition)
    return resolved


# ---- checks


def _check_names(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError if best_by is not a metric of the competition, or halfmix_within is not an attribute of it.

    best_by may also be "last" or "val_loss", and halfmix_within may be empty.
    """
    metrics = [metric.name for metric in (competition.metric, *competition.also)]
    check_choice("best_by", recipe.best_by, (LAST, "metric", "val_loss", *metrics), HELP)
    check_choice("halfmix_within", recipe.halfmix_within, ("", *competition.attributes), HELP)


def _check_patience(recipe: Recipe) -> None:
    """Raise InputError if the recipe waits for a better epoch, but takes the last epoch for the best one."""
    if recipe.patience and recipe.best_by == LAST:
        raise InputError(
            f"patience={recipe.patience} is not possible with best_by={LAST}, since then no epoch is worse than before",
            "patience=0, or in best_by the metric or the loss that must become better",
            "the same command with SET=best_by=metric",
        )


def _check_sampler(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError if the sampler is "balanced", but the rows do not have exactly one class each."""
    if recipe.sampler == "balanced" and competition.target not in ONE_LABEL:
        expected = "sampler=shuffle, since rows can be balanced only if each row has one class"
        advice = "the same command with SET=sampler=shuffle"
        raise InputError(f"sampler=balanced is not possible for a {competition.target} target", expected, advice)


def _check_soft_labels(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError if the setting soften names a column whose ranges are not the classes."""
    if recipe.soften and competition.target not in ONE_LABEL:
        expected = "a target with one label for each row, whose classes are ranges of a number"
        advice = "the same command without soften in SET"
        raise InputError(f"soften={recipe.soften} is not possible for a {competition.target} target", expected, advice)
    columns = named_numbers("soften", recipe.soften)
    for column in columns:
        range_of_column(column, competition)
    if recipe.head == "bins" and competition.target in ONE_LABEL:
        _check_class_bins(recipe, competition, len(columns))


def _check_class_bins(recipe: Recipe, competition: Competition, softened: int) -> None:
    """Raise InputError if the recipe has head=bins but this head cannot be used for a target of classes.

    The head then needs exactly one column in the setting soften, at least one number in the setting bin_edges, and no
    pseudo-labels. softened: how many columns the setting soften names.
    """
    if recipe.pseudo:
        expected = "another head, since pseudo-labels are probabilities of classes and not of bins"
        run = "the same command with SET=head=classes"
        raise InputError(f"pseudo={recipe.pseudo} is not possible with head=bins", expected, run)
    if softened != 1 or not recipe.bin_edges:
        example = competition.ranges[0].column
        raise InputError(
            f"head=bins is not possible with soften={recipe.soften!r} and bin_edges={recipe.bin_edges!r}",
            "exactly one column in soften, and in bin_edges the numbers at which the bins of this column start",
            f'the same command with SET="head=bins soften={example}:3 bin_edges=20,25,30", in the units of {example}',
        )
