"""Pseudo-labels (`make pseudo`): test photos labelled by trained models, as further training rows of another round.

After Lee (2013). Which models may label for which fold is decided here. The test photos that fold k's model will train
on are labelled by fold k's models of the labelling runs, and only by runs whose models of fold k have seen no label of
fold k, not even through other runs: trained runs and classifiers on features. A stack has seen such labels, because it
learns from test predictions that are a mean over all folds' models; where its models label is therefore nowhere. So the
out-of-fold score of the next round stays what it claims to be. The equal mean of the runs labels, since fitted weights
would bring labels of fold k in.

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

MAY_LABEL = (TRAINED, FEATURES)  # kinds of runs whose models of fold k have seen no label of fold k


@dataclasses.dataclass(frozen=True)
class Rounds:
    """The arguments of `make pseudo`. rounds: at most; share: of pseudo-labelled photos in an epoch.

    power: labels are sharpened by it, 1 leaves them as they are; most_per_class: only so many of the surest photos of
    each class, 0 for all.
    """

    rounds: int = 2
    share: float = 0.3
    power: float = 2.0
    most_per_class: int = 0

    def command(self, name: str, number: int) -> str:
        """The command that makes the rounds up to `number` of the run `name` again."""
        words = ["make pseudo", f"RUN={name}", f"ROUNDS={number}"]
        for field in dataclasses.fields(self)[1:]:
            if getattr(self, field.name) != field.default:
                words.append(f"{field.name.upper()}={getattr(self, field.name)}")
        return " ".join(words)


def run_rounds(project: Project, name: str, asked: Rounds, where: str = "auto") -> None:
    """Train the run `name` again with pseudo-labels, round after round, until a round does not gain out of fold."""
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
    console.say(f"{asked.rounds} round{'s' * (asked.rounds > 1)} done; make blend takes the new runs in")


def base_run(project: Project, name: str, asked: Rounds) -> Run:
    """The run to train again. Raises InputError unless it was trained here, on all folds."""
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
    """The names of the blend's runs that may label. Raises InputError without a blend, and if none of them may.

    The runs of earlier rounds do not label, nor do stacks. It is not known which labels external predictions have seen.
    The blend may be stale: while the rounds go on, it lacks their runs.
    """
    weights = project.blend.weights
    if not weights:
        raise InputError("no blend, whose runs label the test photos", "outputs/blend", "make blend")
    names = [name for name in weights["runs"] if project.run(name).kind in MAY_LABEL]
    left = [f"{name} ({project.run(name).kind})" for name in weights["runs"] if name not in names]
    if left:
        console.say(f"not labelling: {', '.join(left)}; only runs that have seen no label of a fold label for it")
    if not names:
        raise InputError(
            f"none of the blend's runs may label: {', '.join(left)}",
            "a run trained here",
            "make train MODEL=<a model>, then make blend",
        )
    return names


def label(project: Project, labels: PseudoLabels, labellers: list[str], asked: Rounds) -> None:
    """Write the labels of a round. Those of a round that has begun stay as they are."""
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
    """Test ids (T,) and the mean (T, C) of the predictions of fold k's models; no model of another fold takes part."""
    tests = [load_test(project, project.run(name), k) for name in labellers]
    ids = tests[0].ids
    return ids, np.mean([test.at(ids) for test in tests], axis=0, dtype=np.float64).astype(np.float32)


def train(project: Project, base: Run, labels: PseudoLabels, asked: Rounds, command: str, where: torch.device) -> None:
    """Train and predict all folds of the round's run: the recipe of the base, with the pseudo-labels."""
    recipe = recipe_json.load_recipe(base, project.competition)
    recipe = dataclasses.replace(recipe, pseudo=labels.name, pseudo_share=asked.share, all_data=False)
    run, data = project.run(labels.name), RunData(project, validated_recipe(recipe))
    recipe_json.claim_run(run, data.recipe, project.competition, command, recipe_json.pretrained_of(base))
    train_stage.train_folds(data, run, list(range(project.fold_count)), where)


def sharpened(probs: np.ndarray, power: float, competition: Competition) -> np.ndarray:
    """probs (T, C) to the power, scaled to sum 1; of several labels each beside its opposite; numbers as they are."""
    if competition.target == "regression":
        return probs
    raised = probs.astype(np.float64) ** power
    others = (1 - probs.astype(np.float64)) ** power
    total = raised.sum(1, keepdims=True) if competition.target in ONE_LABEL else raised + others
    return (raised / total).astype(np.float32)


def most_confident(probs: np.ndarray, most: int, competition: Competition) -> np.ndarray:
    """Positions of the `most` surest rows of each predicted class, in their order; all rows if 0, or not one label."""
    if not most or competition.target not in ONE_LABEL:
        return np.arange(len(probs))
    answers, sure = probs.argmax(1), probs.max(1)
    by_class = [np.flatnonzero(answers == c) for c in np.unique(answers)]
    return np.sort(np.concatenate([rows[np.argsort(-sure[rows], kind="stable")[:most]] for rows in by_class]))
