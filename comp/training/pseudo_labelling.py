"""Train a run again with pseudo-labels (`make pseudo`): trained models label the test photos for further training.

In each round, a new run is trained on the training photos and on the pseudo-labelled test photos (Lee 2013). The
pseudo-labels are the mean of the predictions of several runs. They do not use the weights of the blend, because these
were fitted on the labels of all folds.

The training of fold k gets pseudo-labels only from models of fold k, which have not seen the labels of the held-out
rows of fold k. So the out-of-fold score of the new run is still a score on unseen labels. For the same reason, a stack
may not make pseudo-labels: it learns from predictions of other folds' models, which have seen these labels.

Letters in the shapes: T test ids, C classes.
"""

import dataclasses

import numpy as np
import torch

from comp import console
from comp.blending import compare
from comp.competition.competition import ONE_LABEL, Competition
from comp.console import score_text
from comp.data.run_data import RunData
from comp.errors import InputError, quoted
from comp.hardware import device, processes
from comp.project import Project
from comp.recipes import recipe_json
from comp.recipes.recipe_settings import validated_recipe
from comp.store.out_of_fold import load_test
from comp.store.pseudo_labels import PseudoLabels
from comp.store.runs import FEATURES, NETWORKS, TRAINED, Run, check_run_name
from comp.training import train_stage

MAY_LABEL = (TRAINED, FEATURES)  # the kinds of runs whose model for fold k has seen no label of fold k


@dataclasses.dataclass(frozen=True)
class Rounds:
    """The options of `make pseudo`.

    rounds: the largest number of rounds. share: the share of pseudo-labelled photos among the photos of an epoch.
    power: the exponent by which the pseudo-labels are sharpened; 1 leaves them unchanged. most_per_class: how many
    pseudo-labelled photos of each class are used, beginning with the most certain; 0 means all.
    """

    rounds: int = 2
    share: float = 0.3
    power: float = 2.0
    most_per_class: int = 0

    def command(self, name: str, number: int) -> str:
        """Return the command that repeats the first `number` rounds for the run `name`."""
        words = ["make pseudo", f"RUN={name}", f"ROUNDS={number}"]
        for field in dataclasses.fields(self)[1:]:
            if getattr(self, field.name) != field.default:
                words.append(f"{field.name.upper()}={getattr(self, field.name)}")
        return " ".join(words)


def run_rounds(project: Project, name: str, options: Rounds, where: str = "auto") -> None:
    """Train the run `name` again with pseudo-labels, in several rounds, until the out-of-fold score no longer improves.

    options: the options of `make pseudo`, such as the largest number of rounds. where: the name of a device, such as
    "cuda:1", or "auto".
    """
    base = base_run(project, name, options)
    labellers = labelling_runs(project)
    where = processes.start(device.choose_device(where))
    for number in range(1, options.rounds + 1):
        labels = PseudoLabels(project, f"{name}_pseudo{number}")
        label(project, labels, labellers, options)
        train(project, base, labels, options, options.command(name, number), where)
        gain = next(iter(compare.compared_metrics(compare.load_compared(project, [base.name], [labels.name])).values()))
        console.say(
            f"round {number}: the out-of-fold score of {base.name} is {score_text(gain.first)}, and the "
            f"out-of-fold score of {labels.name} is {score_text(gain.second)}; "
            f"{labels.name} is better with probability {gain.better:.2f}"
        )
        if gain.better <= 0.5:
            folder = project.run(labels.name).folder
            console.say(
                f"stopped, because this round did not improve the score. To leave {labels.name} out of the blend: "
                f"rm -r {quoted(folder)}"
            )
            return
        labellers = [labels.name if labeller == base.name else labeller for labeller in labellers]
        base = project.run(labels.name)
    console.say(
        f"{options.rounds} round{'s' * (options.rounds > 1)} done. To add the new runs to the blend: make blend"
    )


def base_run(project: Project, name: str, options: Rounds) -> Run:
    """Return the run `name`, which is to be trained again with pseudo-labels.

    options: the options of `make pseudo`. Raises InputError if an option is not valid, if the run was not trained by
    `make train`, or if some of its folds have no predictions.
    """
    if options.rounds < 1 or not options.power > 0:
        raise InputError(
            f"ROUNDS={options.rounds} or POWER={options.power} is too small",
            "at least 1 round, and a power above 0",
            "make pseudo RUN=<run> ROUNDS=2",
        )
    trained = [run.name for run in project.runs if run.kind in NETWORKS]
    if name not in trained:
        example = f"make pseudo RUN={trained[0]}" if trained else "make train MODEL=<a model>"
        expected = f"RUN=<a trained run>; trained runs: {', '.join(trained) or 'none yet'}"
        raise InputError(f"there is no trained run {name!r}", expected, example)
    run = project.run(name)
    if missing := run.missing_folds(project.fold_count):
        found = f"run {name} has no predictions of fold {missing[0]}"
        raise InputError(found, "predictions of all folds of this run", run.repair_command(missing[0]))
    check_run_name(f"{name}_pseudo1")
    return run


def labelling_runs(project: Project) -> list[str]:
    """Return the names of those runs in the blend that may make pseudo-labels, and print which runs may not.

    Stacks, runs with pseudo-labels, and predictions from outside of this toolkit may not, because their models may have
    seen labels of held-out rows. Raises InputError if there is no blend, or if none of its runs may make pseudo-labels.
    """
    weights = project.blend.weights
    if not weights:
        raise InputError("there is no blend", "a blend, because its runs make the pseudo-labels", "make blend")
    names = [name for name in weights["runs"] if project.run(name).kind in MAY_LABEL]
    left = [f"{name} ({project.run(name).kind})" for name in weights["runs"] if name not in names]
    if left:
        console.say(
            f"not used for pseudo-labels: {', '.join(left)}; their models may have seen labels of held-out rows"
        )
    if not names:
        raise InputError(
            f"none of the blend's runs may make pseudo-labels: {', '.join(left)}",
            "a blend with at least one run that was trained here",
            "make train MODEL=<a model> && make blend",
        )
    return names


def label(project: Project, labels: PseudoLabels, labellers: list[str], options: Rounds) -> None:
    """Write the pseudo-labels of a round, one file for each fold. If all files exist already, only check them.

    labels: the place of these files in outputs/pseudo. labellers: the names of the runs that make the pseudo-labels.
    options: the options of `make pseudo`.
    """
    numbers = range(project.fold_count)
    if all(labels.file(k).is_file() for k in numbers):
        for k in numbers:
            labels.load(k)
        return
    how, competition = {"power": options.power, "most_per_class": options.most_per_class}, project.competition
    for k in numbers:
        ids, probs = labels_for_fold(project, k, labellers)
        probs = sharpened(probs, options.power, competition)
        kept = most_confident(probs, options.most_per_class, competition)
        labels.save(k, ids[kept], probs[kept], {"runs": labellers, **how})
    console.say(f"wrote {labels.folder}: test photos labelled by {', '.join(labellers)}")


def labels_for_fold(project: Project, k: int, labellers: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return T test ids and their pseudo-labels (T, C) for the training of fold k, where C is the number of classes.

    The pseudo-labels are the mean of the predictions that the runs in `labellers` have made with their models of fold
    k. They are not sharpened yet.
    """
    tests = [load_test(project, project.run(name), k) for name in labellers]
    ids = tests[0].ids
    return ids, np.mean([test.at(ids) for test in tests], axis=0, dtype=np.float64).astype(np.float32)


def train(
    project: Project, base: Run, labels: PseudoLabels, options: Rounds, command: str, where: torch.device
) -> None:
    """Train and predict all folds of a new run. It has the recipe of the run `base`, and pseudo-labels in addition.

    labels: the pseudo-labels; the new run has the same name. options: the options of `make pseudo`. command: the
    command that makes the new run again; it is saved in recipe.json. where: the device on which the run is trained.
    """
    recipe = recipe_json.load_recipe(base, project.competition)
    recipe = dataclasses.replace(recipe, pseudo=labels.name, pseudo_share=options.share, all_data=False)
    run, data = project.run(labels.name), RunData(project, validated_recipe(recipe))
    recipe_json.claim_run(run, data.recipe, project.competition, command, recipe_json.pretrained_of(base))
    train_stage.train_folds(data, run, list(range(project.fold_count)), where)


def sharpened(probs: np.ndarray, power: float, competition: Competition) -> np.ndarray:
    """Raise predicted probabilities to a power and normalise them, so that high probabilities become higher.

    probs: predictions, with a row for each photo and a column for each class or label. The probabilities of classes are
    normalised so that each row sums to 1. For a multilabel target, each probability p and its complement 1 - p are
    raised and normalised so that they sum to 1. If the target is a number, the predictions are returned unchanged.
    """
    if competition.target == "regression":
        return probs
    raised = probs.astype(np.float64) ** power
    others = (1 - probs.astype(np.float64)) ** power
    total = raised.sum(1, keepdims=True) if competition.target in ONE_LABEL else raised + others
    return (raised / total).astype(np.float32)


def most_confident(probs: np.ndarray, most: int, competition: Competition) -> np.ndarray:
    """Return the positions of the rows with the most certain predictions, in ascending order.

    For each predicted class, these are the `most` rows with the highest probability. All positions are returned if
    `most` is 0, or if the target is multilabel or a number. probs: the predictions, with a column for each class.
    """
    if not most or competition.target not in ONE_LABEL:
        return np.arange(len(probs))
    answers, sure = probs.argmax(1), probs.max(1)
    by_class = [np.flatnonzero(answers == c) for c in np.unique(answers)]
    return np.sort(np.concatenate([rows[np.argsort(-sure[rows], kind="stable")[:most]] for rows in by_class]))
