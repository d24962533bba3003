"""Write the handwritten digits of scikit-learn (Alpaydin and Kaynak 1998) as a competition with PNG files.

There are 1,797 digits of 8 x 8 pixels, enlarged to 32 x 32. One half is the training set, the other half the test set.
"""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

SIDE = 32  # pixels of the side of a picture
TOML = """\
target = "multiclass"
metric = "accuracy"
train = "train.csv"
train_images = "train/{id}.png"
test_images = "test/{id}.png"
label = "digit"
sample = "sample_submission.csv"
defaults = "augment=moves tta=none"   # a mirrored digit is another sign
"""


def draw(folder: Path, seed: int) -> None:
    """Write the competition into a new folder: tables, images, competition.toml, and answers.csv with the true answers.

    seed: the random seed that decides which digits are in the test set.
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    table = pd.DataFrame({"id": [f"{i:04d}" for i in range(len(labels))], "digit": labels[order]})
    half = len(table) // 2
    for name, rows in (("train", slice(half)), ("test", slice(half, None))):
        (folder / name).mkdir(parents=True)
        for i, digit in zip(table["id"][rows], pixels[order][rows], strict=True):
            cv2.imwrite(str(folder / name / f"{i}.png"), enlarged(digit.reshape(8, 8)))
    test = table[half:]
    table[:half].to_csv(folder / "train.csv", index=False)
    test.to_csv(folder / "answers.csv", index=False)
    test.assign(digit=0).to_csv(folder / "sample_submission.csv", index=False)
    (folder / "competition.toml").write_text(TOML)


def enlarged(digit: np.ndarray) -> np.ndarray:
    """Enlarge a digit of 8 x 8 pixels with values from 0 to 16 to an image (SIDE, SIDE) uint8, and return it."""
    return cv2.resize((digit * 255 / 16).astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
