"""Train a peer of this toolkit, fastai or AutoGluon MultiModal, on the folds of this toolkit, and save its predictions.

reads   CASE_FOLDER/case.json, train.csv, test.csv, the photos, a .safetensors file with timm's weights
writes  CASE_FOLDER/<peer>_seed<seed>/oof.csv, test.csv, minutes.json, and two tables for each fold

The peers have an environment of their own (6 GB):

    python3.11 -m venv .venv-peers
    .venv-peers/bin/pip install -r tools/dev/peers_requirements.txt
    .venv-peers/bin/python tools/dev/peers.py fastai CASE_FOLDER --seed 0

case.json has these keys:

    target      multiclass, binary, multilabel, ordinal, regression
    metric      the name of a metric of this toolkit; only AutoGluon uses it
    classes     the names of the classes, for ordinal in their order; not for regression
    model       the name of a timm model
    weights     its .safetensors file
    image_size  width and height in pixels
    epochs      the number of epochs
    photos      the folder of the photos, relative to CASE_FOLDER; default: CASE_FOLDER
    separator   the text between two labels of a photo; default: a space

train.csv has the columns image, label and fold (0 to K-1); test.csv has id and image. For each fold, a model is trained
on all rows of the other folds, and predicts the rows of the fold and the test photos. oof.csv has the column image and
a column for each class with its probability; for regression, the column value. test.csv has the column id and the mean
of the K models. minutes.json has the versions, and the minutes of processor time of training and prediction. If the
script is killed, run it again: it does not train complete folds again. If the case has changed, delete the folder of
the peer first.

Both peers train on the CPU from the same weights, and with the settings that they recommend:

- fastai: vision_learner with its own head, aug_transforms(), photos squashed to the size, batches of 64, fine_tune with
  its default learning rates: one epoch for the head alone, then `epochs` epochs for all weights. The fold that is
  predicted is fastai's validation set, but nothing is chosen by it. Ordinal targets are classes. The values of
  regression have a y_range, which is wider than the range of the training values by a tenth on each side. No TTA.
- AutoGluon: MultiModalPredictor with timm_image and its default settings, except the model, the image size and the
  number of epochs. By default it crops the centre square of each photo, and holds out 10 to 20 % of the training rows
  (not by group) to choose and average checkpoints. It chooses them by the metric of the case, if it can: not by mae,
  for which it takes rmse. Ordinal targets are classes. It has no multilabel targets, so it trains a binary model for
  each label, as its maintainers advise; this takes as many times longer as there are labels. It stops a training
  early if its score does not become better in five epochs, which with few photos are few steps.
- AutoGluon as autogluon_full: the same, but it trains for all epochs. This takes several times longer.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

METRICS = {  # the names of metrics in AutoGluon, where they differ; the metric of another name has the same name there
    "auc": "roc_auc",
    "macro_f1": "f1_macro",
    "micro_f1": "f1_micro",
    "weighted_f1": "f1_weighted",
}
Y_RANGE_MARGIN = 0.1  # fastai's book predicts ratings from 0 to 5 with y_range=(0, 5.5)
FASTAI_BATCH_SIZE = 64  # fastai's default


def main() -> None:
    args = arguments()
    prepare(args.threads)
    case = read_case(args.case_folder)
    train, test = read_tables(args.case_folder, case)
    folder = args.case_folder / f"{args.peer}_seed{args.seed}"
    folder.mkdir(exist_ok=True)
    folds = sorted(int(fold) for fold in train["fold"].unique())
    for fold in folds:
        if str(fold) not in minutes_of_folds(folder):
            train_fold(args.peer, case, train, test, fold, args.seed, folder)
    join_folds(folder, train, test, folds)
    print(f"{folder}: {len(folds)} folds, {sum(minutes_of_folds(folder).values()):.1f} minutes")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=list(PEERS))
    parser.add_argument("case_folder", type=Path, metavar="CASE_FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; default: 1")
    return parser.parse_args()


def prepare(threads: int) -> None:
    """Set the number of threads, hide GPUs, and forbid downloads. This must be done before torch is imported."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    torch.set_num_threads(threads)


def read_case(case_folder: Path) -> dict:
    """Return case.json with defaults and absolute paths. Add "columns", the columns of the predictions."""
    case = {"photos": ".", "separator": " ", **json.loads((case_folder / "case.json").read_text())}
    for key in ("photos", "weights"):
        case[key] = (case_folder / case[key]).resolve()
        if not case[key].exists():
            raise SystemExit(f"{case_folder / 'case.json'}: {key} is {case[key]}, which does not exist")
    case["columns"] = ["value"] if case["target"] == "regression" else [str(name) for name in case["classes"]]
    return case


def read_tables(case_folder: Path, case: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return train.csv and test.csv with absolute paths in a column "path"; labels of regression are numbers."""
    tables = []
    for name in ("train.csv", "test.csv"):
        table = pd.read_csv(case_folder / name, dtype=str, keep_default_na=False)
        table["path"] = [str(case["photos"] / image) for image in table["image"]]
        missing = [path for path in table["path"] if not os.path.exists(path)]
        if missing:  # AutoGluon would take a black photo for each of them
            raise SystemExit(f"{case_folder / name}: {len(missing)} photos do not exist; the first one is {missing[0]}")
        tables.append(table)
    train, test = tables
    train["fold"] = train["fold"].astype(int)
    if case["target"] == "regression":
        train["label"] = train["label"].astype(float)
    return train, test


def train_fold(peer: str, case: dict, train, test, fold: int, seed: int, folder: Path) -> None:
    """Train a peer on all folds but one, and write the tables fold<fold>_oof.csv and fold<fold>_test.csv, and the time.

    train, test: the tables of read_tables().
    """
    rows, held = train[train["fold"] != fold], train[train["fold"] == fold]
    start = time.process_time()
    for name, values in zip(("oof", "test"), PEERS[peer](case, rows, held, test, seed), strict=True):
        check_predictions(case, values)
        pd.DataFrame(values, columns=case["columns"]).to_csv(folder / f"fold{fold}_{name}.csv", index=False)
    minutes = {**minutes_of_folds(folder), str(fold): (time.process_time() - start) / 60}
    write_minutes(folder, minutes)
    print(f"{peer}, seed {seed}, fold {fold}: {minutes[str(fold)]:.1f} minutes", flush=True)


def check_predictions(case: dict, values: np.ndarray) -> None:
    """Stop if the predictions are not finite, or if the probabilities of classes do not sum to 1."""
    sums_to_one = case["target"] not in ("regression", "multilabel")
    if not np.isfinite(values).all() or (sums_to_one and not np.allclose(values.sum(axis=1), 1, atol=1e-3)):
        raise SystemExit("the peer's predictions are not finite, or its probabilities do not sum to 1")


def minutes_of_folds(folder: Path) -> dict[str, float]:
    """Return the minutes of each complete fold."""
    path = folder / "minutes.json"
    return json.loads(path.read_text())["folds"] if path.exists() else {}


def write_minutes(folder: Path, minutes: dict[str, float]) -> None:
    names = ("fastai", "autogluon.multimodal", "timm", "torch", "torchvision", "lightning")
    versions = {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}
    text = json.dumps({"minutes": sum(minutes.values()), "folds": minutes, "versions": versions}, indent=2)
    unfinished = folder / "minutes.json.tmp"
    unfinished.write_text(text + "\n")
    unfinished.replace(folder / "minutes.json")


def join_folds(folder: Path, train: pd.DataFrame, test: pd.DataFrame, folds: list[int]) -> None:
    """Write oof.csv in the order of train.csv, and test.csv with the mean of all folds."""
    tables = [
        pd.read_csv(folder / f"fold{fold}_oof.csv").set_index(train.index[train["fold"] == fold]) for fold in folds
    ]
    oof = pd.concat(tables).sort_index()
    oof.insert(0, "image", train["image"])
    oof.to_csv(folder / "oof.csv", index=False)
    mean = sum(pd.read_csv(folder / f"fold{fold}_test.csv") for fold in folds) / len(folds)
    mean.insert(0, "id", test["id"])
    mean.to_csv(folder / "test.csv", index=False)


def fastai_predictions(case: dict, rows, held, test, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Train fastai on some rows. Return its predictions of the held rows and of the test rows."""
    from fastai.vision.all import set_seed, vision_learner

    set_seed(seed, reproducible=True)
    loaders, y_range = fastai_data(case, rows, held)
    # vision_learner adds Normalize with the mean and the std of the timm model.
    overlay = {"file": str(case["weights"])}
    learner = vision_learner(loaders, case["model"], y_range=y_range, pretrained_cfg_overlay=overlay)
    check_pretrained(learner.model[0].model, case["weights"])
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(case["epochs"])
        oof, _ = learner.get_preds(ds_idx=1)
        predictions, _ = learner.get_preds(dl=loaders.test_dl(test))
    return oof.numpy(), predictions.numpy()


def fastai_data(case: dict, rows, held):
    """Return fastai's DataLoaders, with the held rows as validation set, and the y_range or None."""
    from fastai.vision import all as fastai

    y_range = delimiter = None
    match case["target"]:
        case "regression":
            block = fastai.RegressionBlock()
            lowest, highest = rows["label"].min(), rows["label"].max()
            margin = Y_RANGE_MARGIN * (highest - lowest)
            y_range = (lowest - margin, highest + margin)
        case "multilabel":
            block, delimiter = fastai.MultiCategoryBlock(vocab=case["columns"]), case["separator"]
        case _:
            block = fastai.CategoryBlock(vocab=case["columns"], sort=False)
    data = fastai.DataBlock(
        blocks=(fastai.ImageBlock, block),
        get_x=fastai.ColReader("path"),
        get_y=fastai.ColReader("label", label_delim=delimiter),
        splitter=fastai.ColSplitter("held"),
        item_tfms=fastai.Resize(case["image_size"], method=fastai.ResizeMethod.Squish),
        batch_tfms=fastai.aug_transforms(),
    )
    table = pd.concat([rows.assign(held=False), held.assign(held=True)], ignore_index=True)
    # A smaller last batch is dropped. If there are fewer rows than a batch has, no batch would be left.
    batch_size = min(FASTAI_BATCH_SIZE, len(rows))
    return data.dataloaders(table, bs=batch_size, num_workers=0), y_range


def check_pretrained(network, weights: Path) -> None:
    """Stop if a parameter of the network is not equal to that in the file of weights."""
    import torch
    from safetensors.torch import load_file

    pretrained = load_file(weights)
    for name, parameter in network.named_parameters():
        if name not in pretrained or not torch.equal(parameter.detach().cpu(), pretrained[name]):
            raise SystemExit(f"{name} is not equal to the weights in {weights}")


def autogluon_predictions(case: dict, rows, held, test, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Train AutoGluon on some rows. Return its predictions of the held rows and of the test rows."""
    predicted = pd.concat([held, test], ignore_index=True)[["path"]]
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        write_weights_folder(case, scratch / "weights")
        if case["target"] == "multilabel":
            values = autogluon_multilabel(case, rows, predicted, seed, scratch)
        elif case["target"] == "regression":
            predictor = autogluon_fit(case, rows["path"], rows["label"], "regression", seed, scratch / "model")
            values = predictor.predict(predicted).to_numpy()[:, np.newaxis]
        else:
            values = autogluon_classes(case, rows, predicted, seed, scratch)
    return values[: len(held)], values[len(held) :]


def autogluon_classes(case: dict, rows, predicted, seed: int, scratch: Path) -> np.ndarray:
    """Return a probability for each class. It is 0 for a class without training rows."""
    problem = "binary" if case["target"] == "binary" else "multiclass"
    numbers = rows["label"].map({name: number for number, name in enumerate(case["columns"])})  # keeps their order
    predictor = autogluon_fit(case, rows["path"], numbers, problem, seed, scratch / "model")
    return predictor.predict_proba(predicted).reindex(columns=range(len(case["columns"])), fill_value=0.0).to_numpy()


def autogluon_multilabel(case: dict, rows, predicted, seed: int, scratch: Path) -> np.ndarray:
    """Train a binary predictor for each label. Return its probabilities."""
    labels = rows["label"].str.split(case["separator"])
    values = np.empty((len(predicted), len(case["columns"])))
    for number, name in enumerate(case["columns"]):
        has_label = labels.map(lambda names, name=name: int(name in names))
        if has_label.nunique() == 1:  # AutoGluon refuses such a label
            values[:, number] = has_label.iloc[0]
            continue
        predictor = autogluon_fit(case, rows["path"], has_label, "binary", seed, scratch / f"model{number}")
        values[:, number] = predictor.predict_proba(predicted)[1]
    return values


def autogluon_fit(case: dict, paths, labels, problem: str, seed: int, folder: Path):
    """Return a MultiModalPredictor that was trained on photos with labels."""
    from autogluon.multimodal import MultiModalPredictor

    predictor = MultiModalPredictor(
        label="label",
        problem_type=problem,
        eval_metric=autogluon_metric(case, problem),
        path=str(folder),
        verbosity=1,
        enable_progress_bar=False,
    )
    settings = {
        "model.names": ["timm_image"],
        "model.timm_image.checkpoint_name": str(folder.parent / "weights"),
        "model.timm_image.image_size": case["image_size"],
        "optim.max_epochs": case["epochs"],
        "env.num_gpus": 0,
        "env.num_workers": 0,
        "env.num_workers_inference": 0,
        **case.get("settings", {}),
    }
    table = pd.DataFrame({"path": paths.to_numpy(), "label": labels.to_numpy()})
    predictor.fit(table, hyperparameters=settings, column_types={"path": "image_path"}, seed=seed)
    size = predictor._learner._model.image_size
    if size != case["image_size"]:  # AutoGluon does not change the size of some models
        raise SystemExit(f"AutoGluon trained {case['model']} with {size} pixels and not with {case['image_size']}")
    return predictor


def autogluon_metric(case: dict, problem: str) -> str | None:
    """Return AutoGluon's name of the metric, or None if it does not know it; then it takes its default."""
    from autogluon.core.metrics import METRICS as KNOWN

    name = METRICS.get(case["metric"], case["metric"])
    if case["target"] == "multilabel" and name.startswith("f1"):
        name = "f1"  # of one label
    return name if name in KNOWN[problem] else None


def write_weights_folder(case: dict, folder: Path) -> None:
    """Write the weights as a local checkpoint of AutoGluon: config.json and pytorch_model.bin without a head."""
    import timm
    import torch

    overlay = {"file": str(case["weights"])}
    network = timm.create_model(case["model"], pretrained=True, pretrained_cfg_overlay=overlay, num_classes=0)
    check_pretrained(network, case["weights"])
    keys = ("input_size", "test_input_size", "mean", "std")
    pretrained_cfg = {key: network.pretrained_cfg[key] for key in keys if network.pretrained_cfg.get(key)}
    config = {
        "architecture": case["model"],
        "num_features": network.num_features,
        "pretrained_cfg": pretrained_cfg,
    }
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    torch.save(network.state_dict(), folder / "pytorch_model.bin")


def autogluon_full_predictions(case: dict, rows, held, test, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return autogluon_predictions({**case, "settings": {"optim.patience": 1_000_000}}, rows, held, test, seed)


PEERS = {
    "fastai": fastai_predictions,
    "autogluon": autogluon_predictions,
    "autogluon_full": autogluon_full_predictions,
}

if __name__ == "__main__":
    main()
