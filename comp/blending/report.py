"""What is said of a blend: the content of weights.json, and the tables on the terminal."""

import numpy as np

from comp import console
from comp.blending import diversity
from comp.competition import home, metrics
from comp.store.paths import BLEND

SHOWN = 8  # runs up to which each pair is shown


def summary(names, data, study, digest, sources) -> dict:
    """What weights.json holds, and the blend's npz files in their meta: plain values, the same for the same input."""
    lost = diversity.losses_without(
        study.chosen.method, data.metric, data.probs, data.labels, study.weights, study.offsets
    )
    of = weights_of(names, data)
    pairs, alike = diversity.disagreement(data.runs), diversity.correlation(data.runs)
    return {
        "run": BLEND,
        "folds": digest,
        "metric": data.metric,
        "method": study.chosen.method,
        "rule": study.chosen.rule,
        "runs": names,
        "sources": sources,
        "weights": rounded(study.weights),
        "weights_of": of,
        "offsets": dict(zip(home.CLASSES, rounded(study.offsets), strict=True)),
        "in_sample": round(study.in_sample, 6),
        "cross_fitted": round(study.honest, 6),
        "optimism": round(study.in_sample - study.honest, 6),
        "interval_95": rounded(study.interval),
        "beats": {name: round(chance, 4) for name, chance in study.beats.items()},
        "candidates": {str(candidate): round(float(score), 6) for candidate, score in study.table},
        "loss_without": dict(zip(of, rounded(lost), strict=True)),
        "disagreement": [rounded(row) for row in pairs],
        "correlation": [rounded(row) for row in alike],
    }


def weights_of(names: list[str], data) -> list[str]:
    """What each weight is of: a run, or a run's part of one attribute."""
    if len(data.probs) == len(names):
        return names
    return [f"{name}: {attribute}" for name in names for attribute in data.attributes]


def rounded(values) -> list[float]:
    return [round(float(value), 6) for value in values]


def show(names, data, study, report) -> None:
    pairs, each = np.array(report["disagreement"]), len(data.probs) // len(names)
    if each > 1:
        table = zip(report["weights_of"], report["weights"], report["loss_without"].values(), strict=True)
        rows = [[of, weight, f"{lost:+.4f}"] for of, weight, lost in table]
        console.table("weights by attribute", ["run: attribute", "weight", "adds"], rows)
    rows = []
    for i, name in enumerate(names):
        scores = metrics.scores(data.labels, data.runs[i])
        nearest = min((j for j in range(len(names)) if j != i), key=lambda j: pairs[i, j], default=None)
        like = "-" if nearest is None else f"{names[nearest]} ({pairs[i, nearest]:.1%} differ)"
        own = slice(i * each, (i + 1) * each)  # of a run by attribute: the sum of its parts
        weight, lost = sum(report["weights"][own]), sum(list(report["loss_without"].values())[own])
        rows.append([name, weight, scores["macro_f1"], scores["accuracy"], f"{lost:+.4f}", like])
    console.table("out of fold", ["run", "weight", "macro F1", "accuracy", "adds", "most like it"], rows)
    if 2 < len(names) <= SHOWN:
        cells = [[f"{p:.1%} {c:.2f}" for p, c in zip(*row, strict=True)]
                 for row in zip(pairs, report["correlation"], strict=True)]  # fmt: skip
        rows = [[name, *row] for name, row in zip(names, cells, strict=True)]
        console.table("rows answered differently, correlation of probabilities", ["run", *names], rows)
    show_choice(study, report)
    show_next(names, data, study)


def show_choice(study, report) -> None:
    table = sorted(study.table, key=lambda row: -row[1])[:6]
    if study.chosen not in [candidate for candidate, _ in table]:
        table.append(next(row for row in study.table if row[0] == study.chosen))
    simplest, safer = "the simplest within a standard error of the best", "choosing among all of them scored less"
    mark = {study.chosen: "chosen"}
    rows = [[str(candidate), score, mark.get(candidate, "")] for candidate, score in table]
    title = "ways to blend, fitted on K-1 folds, scored on the rest"
    console.table(title, ["method + rule", report["metric"], ""], rows)
    console.say(f"chosen: {safer if study.fell_back else simplest}")
    low, high = report["interval_95"]
    console.say(f"{report['metric']} in sample {study.in_sample:.4f}, honest {study.honest:.4f} "
                f"(95 % {low:.4f} to {high:.4f}), optimism {report['optimism']:+.4f}")  # fmt: skip
    console.say("honest: method, rule and weights chosen on K-1 folds, scored on the fold left out; 95 % over persons")
    console.say(", ".join(f"better than the {name} with probability {chance:.2f}"
                          for name, chance in study.beats.items()))  # fmt: skip


def show_next(names, data, study) -> None:
    """Where the blend is weak, and so what to train next."""
    console.say("to gain most, train next for")
    for weak in diversity.weakest_classes(study.oof, data.labels, data.runs):
        label, other = (home.CLASSES[weak[key]] for key in ("label", "taken_for"))
        console.say(f"  {label}: recall {weak['recall']:.2f} of {weak['rows']} photos, mostly taken for {other}; "
                    f"best alone: {names[weak['best_run']]} ({weak['best_recall']:.2f})")  # fmt: skip
