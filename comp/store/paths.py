"""Return the paths of the files in outputs/, through which the `make` commands exchange their results.

| file                                  | content                                                           | module                           |
|---------------------------------------|-------------------------------------------------------------------|----------------------------------|
| competition.json                      | the settings and classes of the competition, from `make folds`    | store/frozen_competition         |
| folds.csv, folds.json                 | one row per training photo; the hash and settings of folds.csv    | store/fold_table                 |
| <run>/recipe.json                     | the kind and all settings of a run                                | recipes/recipe_json, tabular/derived_runs |
| <run>/fold<k>/model.safetensors       | the weights of the best epoch, and what they were made from       | models/weights_file              |
| <run>/fold<k>/history.csv             | the losses and scores of the training, one row per epoch          | store/history                    |
| <run>/fold<k>/resume.pt               | a checkpoint from which a stopped training continues              | training/loop                    |
| <run>/fold<k>/diverged.json           | the error of a training whose numbers became infinite or NaN      | store/history                    |
| <run>/fold<k>/oof.npz, test.npz       | predictions: the arrays ids, probs, classes, and meta (JSON text) | store/predictions                |
| <run>/all_data/                       | the files of a training on all rows, which has no oof.npz         | training/train_stage             |
| <name>/oof.*, test.*                  | external predictions: .npz, .csv or .csv.gz                       | store/external_predictions       |
| blend/weights.json, oof.npz, test.npz | the fitted blend and what it was made from; its predictions       | store/blend_files                |
| pseudo/<name>/fold<k>.npz             | pseudo-labels for fold k: predictions for test photos             | store/pseudo_labels              |
| submission.csv, submission.json       | the file to upload; its hash, and what it was made from           | submission/submission_file       |
| submissions/<hash>.csv, .json         | every submission so far, and how it was made                      | submission/submission_file       |
| submissions/leaderboard.json          | the leaderboard scores of each submission, by its hash            | submission/leaderboard           |
| looks/<run>-<hash>.json, .png         | Grad-CAM pictures of `make look`, for look.html and report.html   | store/grad_cam_files             |
| eda.html, board.html, report.html, look.html | pages with tables and pictures                             | pages/                           |
| export/<tool>/                        | files of `make export` for other tools; nothing here reads them   | export/                          |
| cache/                                | decoded photos and features; they are made again when needed      | data/photo_cache, prediction/frozen_features |
| locks/, bench/                        | locks of folds that are being trained; the files of `make bench`  | files, tools/dev                 |

Rows of different files are matched by id, never by position. Every file is written under a temporary name and then
renamed, so a file that exists is complete. Files from other people are not trusted: npz files are read without
unpickling, weights are safetensors, and resume.pt and PyTorch checkpoints are opened with `weights_only=True`, so that
no code in these files is run.
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
    """Return the path of one of the blend's files. name: weights.json, oof.npz or test.npz."""
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
    """Return the path of an HTML page. name: eda, board, report or look."""
    return outputs / f"{name}.html"


def looks_folder(outputs: Path) -> Path:
    return outputs / "looks"


def export_folder(outputs: Path) -> Path:
    return outputs / "export"
