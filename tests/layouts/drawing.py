"""Small photos whose lit cells show the label, and tables about them; everything comes from one seed."""

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

CELL = 8  # pixels: a photo is 3 x 3 cells, each with three colour channels


class Pen:
    """Draws into one folder. `rng` is the source of everything that is random."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.rng = Path(folder), np.random.default_rng(seed)

    def photo(self, path: str, *lit: int, level: int = 0, kind: str = "RGB", quality: int = 95) -> None:
        """A noisy photo of 24 x 24 pixels with one lit cell for each label of `lit` (0 to 26), all brighter by `level`.

        kind: RGB, L (grey), P (palette), RGBA (with alpha), I;16 (grey of 16 bits).
        """
        pixels = self.rng.integers(0, 70, (3 * CELL, 3 * CELL, 3)) + level
        for label in lit:
            row, column = divmod(label % 9, 3)
            pixels[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL, label // 9] += 120
        image = _of_kind(pixels.astype(np.uint8), kind)
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        more = {"quality": quality} if target.suffix.lower() in (".jpg", ".jpeg") else {}
        image.save(target, **more)

    def again(self, path: str, copy: str, quality: int = 80) -> None:
        """The same photo, saved once more with another quality."""
        with Image.open(self.folder / path) as image:
            image.save(self.folder / copy, quality=quality)

    def table(self, path: str, header, rows) -> None:
        """A CSV file; every value is written as str() gives it."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])

    def json(self, path: str, value) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(value), encoding="utf-8")

    def names(self, count: int, digits: int = 10) -> list[str]:
        """Different hexadecimal names, in random order; the first is of decimal digits alone and starts with zeros."""
        names = {"".join(self.rng.choice(list("0123456789abcdef"), digits)) for _ in range(count * 2)}
        return ["0" * (digits - 4) + "4711", *sorted(names)[: count - 1]]

    def spread(self, count: int, classes: int) -> list[int]:
        """`count` class numbers, evenly of all classes, in random order."""
        return self.rng.permutation(np.arange(count) % classes).tolist()


def _of_kind(pixels: np.ndarray, kind: str) -> Image.Image:
    image = Image.fromarray(pixels)
    if kind == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    if kind == "P":
        return image.quantize(64)
    return image.convert(kind)
