"""Pseudo-labels (`make pseudo`): trained models label the test photos, which become training rows of the next round.

The method is by Lee (2013). This module decides which models may make the pseudo-labels for which fold. Pseudo-labels
for the training of fold k are made by the fold-k models of several runs. A run may take part only if its fold-k model
has seen no label of fold k, not even through other runs; trained runs and classifiers on features may take part. A
stack never takes part, because it learns from predictions of models that were trained on labels of fold k. So the
out-of-fold score of the next round remains a score on unseen labels. The pseudo-labels are the equal mean of the runs'
predictions, because the fitted weights of the blend depend on the labels of fold k.

Letters: T test ids, C classes.
"""

import dataclasses

import numpy as np
import torch

from comp import console
from comp.blending import compare
from comp.competition.competition import ONE_LABEL, Competition
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

MAY_LABEL = (TRAINED, FEATURES)  # the kinds of runs whose fold-k model has seen no label of fold k


@dataclasses.dataclass(frozen=True)
class Rounds:
    """The arguments of `make pseudo`.

    rounds: the largest number of rounds. share: the share of pseudo-labelled photos among the photos of an epoch.
    power: the exponent that sharpens the pseudo-labels; 1 leaves them unchanged. most_per_class: how many of the surest
    photos of each class are used; 0 means all photos.
    """

    rounds: int = 2
    share: float = 0.3
    power: float = 2.0
    most_per_class: int = 0

    def command(self, name: str, number: int) -> str:
        """Return the command that makes the first `number` rounds of the run `name` again."""
        words = ["make pseudo", f"RUN={name}", f"ROUNDS={number}"]
        for field in dataclasses.fields(self)[1:]:
            if getattr(self, field.name) != field.default:
                words.append(f"{field.name.upper()}={getattr(self, field.name)}")
        return " ".join(words)


def run_rounds(project: Project, name: str, asked: Rounds, where: str = "auto") -> None:
    """Train the run `name` again with pseudo-labels, round after round, until the OOF score no longer improves.

    where: the name of a device.
    """
    base = base_run(project, name, asked)
    labellers = labelling_runs(project)
    where = processes.start(device.choose_device(where))
    for number in range(1, asked.rounds + 1):
        labels = PseudoLabels(project, f"{name}_pseudo{number}")
        label(project, labels, labellers, asked)
        train(project, base, labels, asked, asked.command(name, number), where)
        gain = next(iter(compare.compared_metrics(compare.load_compared(project, [base.name], [labels.name])).values()))
        console.say(
            f"round {number}: {base.name} {gain.first:.4f}, {labels.name} {gain.second:.4f} out of fold, "
            f"better with probability {gain.better:.2f}"
        )
        if gain.better <= 0.5:
            folder = project.run(labels.name).folder
            console.say(f"no gain: stopped. To leave {labels.name} out of the blend: rm -r {quoted(folder)}")
            return
        labellers = [labels.name if labeller == base.name else labeller for labeller in labellers]
        base = project.run(labels.name)
    console.say(f"{asked.rounds} round{'s' * (asked.rounds > 1)} done; make blend adds the new runs to the blend")


def base_run(project: Project, name: str, asked: Rounds) -> Run:
    """Return the run to train again.

    Raises InputError unless the run was trained here, all its folds are predicted, and the arguments `asked` and the
    name of the first round's run are valid.
    """
    if asked.rounds < 1 or not asked.power > 0:
        raise InputError(
            f"--rounds={asked.rounds} --power={asked.power}",
            "at least 1 round, and a power above 0",
            "make pseudo RUN=<run> ROUNDS=2",
        )
    trained = [run.name for run in project.runs if run.kind in NETWORKS]
    if name not in trained:
        example = f"make pseudo RUN={trained[0]}" if trained else "make train MODEL=<a model>"
        raise InputError(f"no trained run {name!r}", f"one of: {', '.join(trained) or 'none yet'}", example)
    run = project.run(name)
    if missing := run.missing_folds(project.fold_count):
        found = f"run {name} has no predictions of fold {missing[0]}"
        raise InputError(found, "predictions of all folds", run.repair_command(missing[0]))
    check_run_name(f"{name}_pseudo1")
    return run


def labelling_runs(project: Project) -> list[str]:
    """Return the names of the blend's runs that may make pseudo-labels.

    Stacks and the runs of earlier rounds may not. External predictions may not either, because nobody knows which
    labels their models have seen. The blend may be stale, because each round adds a run that the blend lacks.
    Raises InputError if there is no blend, or if none of its runs may make pseudo-labels.
    """
    weights = project.blend.weights
    if not weights:
        raise InputError("no blend in outputs/blend", "a blend, whose runs make the pseudo-labels", "make blend")
    names = [name for name in weights["runs"] if project.run(name).kind in MAY_LABEL]
    left = [f"{name} ({project.run(name).kind})" for name in weights["runs"] if name not in names]
    if left:
        console.say(
            f"not used for pseudo-labels: {', '.join(left)}; the models of such runs may have seen labels of the fold"
        )
    if not names:
        raise InputError(
            f"none of the blend's runs may make pseudo-labels: {', '.join(left)}",
            "a run trained here",
            "make train MODEL=<a model> && make blend",
        )
    return names


def label(project: Project, labels: PseudoLabels, labellers: list[str], asked: Rounds) -> None:
    """Write the pseudo-labels of a round for each fold. If all files of the round exist, check them and change nothing.

    labellers: the names of the runs that make the pseudo-labels.
    """
    numbers = range(project.fold_count)
    if all(labels.file(k).is_file() for k in numbers):
        for k in numbers:
            labels.load(k)
        return
    how, competition = {"power": asked.power, "most_per_class": asked.most_per_class}, project.competition
    for k in numbers:
        ids, probs = labels_for_fold(project, k, labellers)
        probs = sharpened(probs, asked.power, competition)
        kept = most_confident(probs, asked.most_per_class, competition)
        labels.save(k, ids[kept], probs[kept], {"runs": labellers, **how})
    console.say(f"wrote {labels.folder}: test photos labelled by {', '.join(labellers)}")


def labels_for_fold(project: Project, k: int, labellers: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the test ids (T,) and the mean (T, C) of the predictions by the fold-k models of the runs `labellers`."""
    tests = [load_test(project, project.run(name), k) for name in labellers]
    ids = tests[0].ids
    return ids, np.mean([test.at(ids) for test in tests], axis=0, dtype=np.float64).astype(np.float32)


def train(project: Project, base: Run, labels: PseudoLabels, asked: Rounds, command: str, where: torch.device) -> None:
    """Train and predict all folds of the round's run, with the recipe of the run `base` and the pseudo-labels.

    command: the command for recipe.json that makes the run again.
    """
    recipe = recipe_json.load_recipe(base, project.competition)
    recipe = dataclasses.replace(recipe, pseudo=labels.name, pseudo_share=asked.share, all_data=False)
    run, data = project.run(labels.name), RunData(project, validated_recipe(recipe))
    recipe_json.claim_run(run, data.recipe, project.competition, command, recipe_json.pretrained_of(base))
    train_stage.train_folds(data, run, list(range(project.fold_count)), where)


def sharpened(probs: np.ndarray, power: float, competition: Competition) -> np.ndarray:
    """Return the predictions (T, C) raised to the power and normalised, so that the sure predictions become surer.

    Probabilities of classes are normalised to the sum 1 per row; a probability of a multilabel target and its
    complement are normalised to the sum 1. Numbers of a regression are returned unchanged.
    """
    if competition.target == "regression":
        return probs
    raised = probs.astype(np.float64) ** power
    others = (1 - probs.astype(np.float64)) ** power
    total = raised.sum(1, keepdims=True) if competition.target in ONE_LABEL else raised + others
    return (raised / total).astype(np.float32)


def most_confident(probs: np.ndarray, most: int, competition: Competition) -> np.ndarray:
    """Return the positions of the `most` surest rows of each predicted class, in ascending order.

    If `most` is 0, or if the target does not have one label per row, return the positions of all rows.
    """
    if not most or competition.target not in ONE_LABEL:
        return np.arange(len(probs))
    answers, sure = probs.argmax(1), probs.max(1)
    by_class = [np.flatnonzero(answers == c) for c in np.unique(answers)]
    return np.sort(np.concatenate([rows[np.argsort(-sure[rows], kind="stable")[:most]] for rows in by_class]))
