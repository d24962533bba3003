"""Return the paths of the files in outputs/, through which the stages exchange their results.

| file                                  | content                                                          | module                           |
|---------------------------------------|------------------------------------------------------------------|----------------------------------|
| competition.json                      | the Competition that `make folds` used                           | store/frozen_competition         |
| folds.csv, folds.json                 | one row per training photo; the hash and settings of folds.csv   | store/fold_table                 |
| <run>/recipe.json                     | the kind and all settings of a run                               | recipes/recipe_json, tabular/derived_runs |
| <run>/fold<k>/model.safetensors       | the weights of the best epoch, and their record                  | models/weights_file              |
| <run>/fold<k>/history.csv             | one row per epoch                                                | store/history                    |
| <run>/fold<k>/resume.pt               | the state from which a stopped training continues                | training/loop                    |
| <run>/fold<k>/diverged.json           | the error of a training whose numbers were not finite            | store/history                    |
| <run>/fold<k>/oof.npz, test.npz       | ids (N,) str, probs (N, C) float32, classes (C,) str, meta: JSON | store/predictions                |
| <run>/all_data/                       | the files of a training on all rows, which has no oof.npz        | training/train_stage             |
| <name>/oof.*, test.*                  | external predictions: .npz, .csv or .csv.gz                      | store/external_predictions       |
| blend/weights.json, oof.npz, test.npz | the fitted blend and its record; its predictions                 | store/blend_files                |
| pseudo/<name>/fold<k>.npz             | soft labels of test photos for fold k, with the keys of oof.npz  | store/pseudo_labels              |
| submission.csv, submission.json       | the file to upload; its hash and its record                      | submission/submission_file       |
| submissions/<hash>.csv, .json         | every submission so far, and how it was made                     | submission/submission_file       |
| submissions/leaderboard.json          | the leaderboard scores of each submission, by its hash           | submission/leaderboard           |
| looks/<run>-<hash>.json, .png         | Grad-CAM pictures of `make look`, for look.html and report.html  | store/grad_cam_files             |
| eda, board, report, look .html        | the pages                                                        | pages/                           |
| export/<tool>/                        | files of `make export` for other tools; they are never read      | export/                          |
| cache/                                | decoded photos and features; they are made again when needed     | data/photo_cache, prediction/frozen_features |
| locks/, bench/                        | locks of folds that are being trained; the files of `make bench` | files, tools/dev                 |

A record says from what a file was made (see store/made_of.py). Rows of different files are matched by id, never by
position. Every file is written under a temporary name and then renamed, so a file that exists is complete. Files from
other people are not trusted: npz files are read without unpickling, weights are safetensors, and resume.pt and PyTorch
checkpoints are opened with `weights_only=True`, so that no code in these files is run.
"""  # noqa: E501  a table

from pathlib import Path

BLEND = "blend"
ALL_DATA = "all_data"  # stands in place of a fold's number for the training on all rows


def folds_file(outputs: Path) -> Path:
    return outputs / "folds.csv"


def competition_file(outputs: Path) -> Path:
    return outputs / "competition.json"


def cache_folder(outputs: Path) -> Path:
    return outputs / "cache"


def blend_file(outputs: Path, name: str = "weights.json") -> Path:
    """Return the path of a file of the blend. name: weights.json, oof.npz or test.npz."""
    return outputs / BLEND / name


def pseudo_folder(outputs: Path, name: str) -> Path:
    return outputs / "pseudo" / name


def submission_csv(outputs: Path) -> Path:
    return outputs / "submission.csv"


def submissions_folder(outputs: Path) -> Path:
    return outputs / "submissions"


def leaderboard_file(outputs: Path) -> Path:
    return submissions_folder(outputs) / "leaderboard.json"


def page_file(outputs: Path, name: str) -> Path:
    """Return the path of a page. name: eda, board, report or look."""
    return outputs / f"{name}.html"


def looks_folder(outputs: Path) -> Path:
    return outputs / "looks"


def export_folder(outputs: Path) -> Path:
    return outputs / "export"
