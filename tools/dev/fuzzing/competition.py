"""Draw small random competitions with odd names, tables, layouts and values.

The same seed always gives the same competition. A few dimensions of it, such as the names of the classes or the
encoding of the tables, are odd. If all that is odd is harmless, all stages must accept the competition.
"""

import io
import random
import unicodedata

import numpy as np
from fuzzing.drawn import Drawn, Photo, Table, nfc, same
from fuzzing.names import REFUSABLE, TWINS, odd_names
from PIL import Image

WORDS = ("cat", "dog", "bird", "mouse", "horse", "sheep", "goat", "fox", "wolf", "bear", "seal", "hare", "newt", "crow")
SEPARATORS = (" ", ",", ";", "|", ", ", "; ", " | ", "/", "-", "_", "+")
FORMATS = {".png": "PNG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF", ".gif": "GIF"}  # all others are JPEG
COMMON, RARE = (".png", ".jpg", ".JPG", ".jpeg"), (".webp", ".bmp", ".tif", ".gif", ".jfif", ".jpe", ".PNG", ".Jpeg")
METRICS = {
    "label": "accuracy", "probability": "auc", "probabilities": "log_loss", "labels": "micro_f1", "number": "rmse",
    "ranking": "map@3",
}  # fmt: skip
DIMENSIONS = (
    *("class", "class", "class", "class", "id", "id", "id", "column", "column", "folder", "group", "encoding"),
    "missing",
    *("sizes", "extension", "place", "junk", "tables", "number", "twice", "long table", "sample", "forms", "disk"),
)
PLACES = (  # names of the folders of INPUTS and OUTPUTS
    *("my data", "in (1)", "a=b", "50%", "it's", "in#1", "[x]", "$HOME", "データ", "-in", " in ", "a&b", "x;y", '"q"'),
)


def draw(seed: int) -> Drawn:
    """Return the competition of a seed."""
    return _Drawer(seed).draw()


class _Drawer:
    """Draws one competition. `dimensions` are those of DIMENSIONS that are odd in it."""

    def __init__(self, seed: int):
        self.chance = random.Random(seed)
        self.drawn = Drawn(seed)
        wanted = self.chance.choice((0, 1, 1, 2, 3, 4, 6))
        self.dimensions = self.chance.sample(DIMENSIONS, wanted)
        self.names: list[str] = []  # the names of the photos of the tables

    def draw(self) -> Drawn:
        drawn, chance = self.drawn, self.chance
        self._target()
        self._answer()
        self.extensions = [chance.choice(COMMON)]
        if self._is_odd("extension"):
            self.extensions = chance.sample((*COMMON, *RARE), chance.choice((1, 2, 3)))
            self._mark("extension", " ".join(self.extensions))
        labels = self._labels()
        in_paths = drawn.target in ("multiclass", "binary") and not self._regrouped() and chance.random() < 0.25
        (self._in_folders if in_paths else self._in_tables)(labels)
        self._junk()
        if self._is_odd("place"):
            drawn.inputs, drawn.outputs = (chance.choice(("", "x/")) + chance.choice(PLACES) + end for end in "io")
            self._mark("place", f"{drawn.inputs} and {drawn.outputs}")
        return drawn

    # ---- what is odd

    def _is_odd(self, dimension: str) -> bool:
        return dimension in self.dimensions

    def _regrouped(self) -> bool:
        return bool({"group", "tables", "encoding", "missing", "twice", "forms", "disk"} & {*self.dimensions})

    def _mark(self, dimension: str, what: str, refusable: bool = False) -> None:
        self.drawn.odd.append(f"{dimension}: {what}")
        if refusable:
            self.drawn.refusable.append(f"{dimension}: {what}")

    def _odd_names(self, names: list[str], use: str, without: tuple[str, ...] = ()) -> list[str]:
        """Return the names, some of them made odd in one way. They stay different, and without the texts `without`."""
        twins = [kind for kind in TWINS if use != "class" or kind != "point zero"]  # 1.0 is another spelling of class 1
        kind, odd = odd_names(names, self.chance, without, twins)
        self._mark(use, kind, use in REFUSABLE.get(kind, ()))
        return odd

    # ---- labels

    def _target(self) -> None:
        drawn, chance = self.drawn, self.chance
        kinds = ("multiclass", "binary", "ordinal", "multilabel", "columns", "one-hot", "regression")
        self.kind = chance.choices(kinds, (5, 3, 2, 3, 1, 1, 3))[0]
        drawn.target = {"columns": "multilabel", "one-hot": "multiclass"}.get(self.kind, self.kind)
        if self.kind == "regression":
            drawn.classes = ["value"]
        elif self.kind == "ordinal":
            first = chance.choice((0, 0, 1, 1, 3, -2))
            drawn.classes = [str(first + i) for i in range(chance.randint(3, 6))]
            self._mark("grades", f"from {first}") if first else None
        else:
            self._names_of_classes()
        if self.kind == "multilabel":
            drawn.separator = chance.choice(SEPARATORS)
            self._mark("separator", repr(drawn.separator), refusable=drawn.separator not in " ,;|")

    def _names_of_classes(self) -> None:
        drawn, chance = self.drawn, self.chance
        count = 2 if self.kind == "binary" else chance.randint(2, 6)
        if chance.random() < 0.25 and self.kind != "multilabel":
            drawn.classes = [str(i) for i in range(count)]
        else:
            drawn.classes = chance.sample(WORDS, count)
        if self._is_odd("class"):
            without = tuple("\n") if self.kind in ("columns", "one-hot") else ()
            without += tuple(" ,;|/-_+\u00a0\u2028") if self.kind == "multilabel" else ()
            drawn.classes = self._odd_names(drawn.classes, "class", without)
        if self._is_odd("forms"):
            if not drawn.classes[0].isdigit():
                drawn.classes[0] = nfc(drawn.classes[0] + "é")
            self._mark("forms", f"two spellings of {drawn.classes[0]}", refusable=drawn.classes[0].isdigit())

    def _answer(self) -> None:
        drawn, several = self.drawn, len(self.drawn.classes)
        forms = {
            "multiclass": ("label", "label", "probabilities", "ranking"),
            "binary": ("probability", "probability", "label", "probabilities"),
            "ordinal": ("label", "number", "probabilities"),
            "multilabel": ("labels", "labels", "probabilities"),
            "columns": ("probabilities",),
            "one-hot": ("probabilities",),
            "regression": ("number",),
        }
        drawn.answer = self.chance.choice(forms[self.kind])
        blank = any(len(name.split()) != 1 for name in drawn.classes)
        if drawn.answer == "ranking" and (several < 3 or blank):
            drawn.answer = "label"

    def _labels(self) -> list[tuple[str, ...]]:
        """Return the labels of each training photo. Each class has at least four photos, unless the sizes are odd."""
        drawn, chance = self.drawn, self.chance
        if self.kind == "regression":
            return [(text,) for text in self._numbers(chance.randint(8, 40))]
        names = drawn.classes
        sizes = [chance.randint(4, max(4, 36 // len(names))) for _ in names]
        if self._is_odd("sizes"):
            sizes[0] = chance.choice((1, 2, 3))
            sizes[-1] = 40 - len(names) * 4 if chance.random() < 0.5 else sizes[-1]
            self._mark("sizes", str(sizes), refusable=sizes[0] == 1)
        labels = [(name,) for name, size in zip(names, sizes, strict=True) for _ in range(size)]
        if drawn.target == "multilabel":
            more = [chance.sample(names, chance.choice((0, 0, 1, min(2, len(names))))) for _ in labels]
            labels = [tuple(dict.fromkeys((*own, *others))) for own, others in zip(labels, more, strict=True)]
            if self._is_odd("missing"):
                labels[-1] = ()
                self._mark("missing", "a photo without labels")
        return chance.sample(labels, len(labels))

    def _numbers(self, count: int) -> list[str]:
        chance, kind = self.chance, "usual"
        if self._is_odd("number"):
            kind = chance.choice(("tiny", "huge", "negative", "whole", "comma", "constant", "thousands"))
            self._mark("number", kind, refusable=kind in ("comma", "constant", "thousands"))
        write = {
            "usual": lambda: f"{chance.uniform(1, 99):.3f}",
            "tiny": lambda: f"{chance.uniform(1, 99) * 1e-10:.4e}",
            "huge": lambda: f"{chance.uniform(1, 99) * 1e12:.1f}",
            "negative": lambda: f"{chance.uniform(-99, 9):.2f}",
            "whole": lambda: str(chance.randint(1, 999)),
            "comma": lambda: f"{chance.uniform(1, 99):.2f}".replace(".", ","),
            "constant": lambda: "5.5",
            "thousands": lambda: f"{chance.randint(1000, 9999):,}",
        }[kind]
        return [write() for _ in range(count)]

    # ---- photos

    def _photo(self, path: str, shade: int) -> None:
        """Draw a photo: coarse random squares, so that no two photos are alike, brighter for a higher shade."""
        rng = np.random.default_rng(self.chance.randrange(1 << 32))
        size = self.chance.randint(24, 40), self.chance.randint(24, 40)
        coarse = rng.integers(0, 200, (6, 6, 3)) + min(shade, 5) * 10
        photo = Image.fromarray(coarse.astype(np.uint8)).resize(size, Image.BILINEAR)
        data = io.BytesIO()
        photo.save(data, FORMATS.get("." + path.rsplit(".", 1)[-1].lower(), "JPEG"))
        self.drawn.files[path] = data.getvalue()

    def _ids(self, count: int, without: tuple[str, ...] = ("/",)) -> list[str]:
        """Return `count` different ids, which are also file names."""
        chance, style = self.chance, self.chance.choice(("number", "hex", "zeros", "word"))
        make = {
            "number": lambda i: str(i + 1),
            "hex": lambda i: f"{chance.randrange(1 << 40):010x}",
            "zeros": lambda i: f"{i:05d}",
            "word": lambda i: f"img_{i}",
        }[style]
        ids = [make(i) for i in range(count)]
        if self._is_odd("id"):
            ids = self._odd_names(ids, "id", without)
        return ids

    def _folder(self, name: str) -> str:
        return self._odd_names([name], "folder", ("/",))[0] if self._is_odd("folder") else name

    def _in_folders(self, labels: list[tuple[str, ...]]) -> None:
        """Draw a competition whose labels are folder names, such as train/cat/1.jpg."""
        drawn, chance = self.drawn, self.chance
        start = self._folder(chance.choice(("train", "train", "images/train", "data")))
        split = chance.random() < 0.15
        names = self._ids(len(labels) + 8)
        for (label,), name in zip(labels, names, strict=False):
            safe = label.replace("/", "_").strip(".") or "x"
            drawn.classes = [safe if known == label else known for known in drawn.classes]
            part = chance.choice(("train", "valid")) if split else start
            path = f"{part}/{safe}/{name}{chance.choice(self.extensions)}"
            drawn.photos.append(Photo(path, (safe,), path, path))
            self._photo(path, drawn.classes.index(safe))
        if split:
            self._mark("folder", "train and valid")
        drawn.keys |= {"train_images": f"{'{split}' if split else start}/{{label}}/{{file}}"}
        self._test_photos(names[len(labels) :][: chance.randint(1, 8)], "test")
        self._sample("id", "label")

    def _in_tables(self, labels: list[tuple[str, ...]]) -> None:
        """Draw a competition with a training table, and with or without a test table."""
        drawn, chance = self.drawn, self.chance
        self._columns_of_tables()
        combined = drawn.target != "regression" and chance.random() < 0.1
        self._training_photos(labels, combined)
        drawn.keys |= {"train": "train.csv", "label": self._label_key()}
        if drawn.target == "multilabel" and self.kind == "multilabel" and drawn.separator != " ":
            drawn.keys["separator"] = drawn.separator
        self._training_table()
        count = chance.randint(1, 8)
        self._test_photos(self.names[len(labels) :][:count], self.test_folder, combined)
        self._sample(self.case_column if combined else self.id_column, self.label_column)
        if self._is_odd("tables"):
            self._more_tables()

    def _columns_of_tables(self) -> None:
        chance = self.chance
        label = {"ordinal": ("diagnosis", "grade", "level"), "regression": ("price", "weight", "target")}
        names = [
            chance.choice(("id", "image_id", "Image", "filename", "ID")),
            chance.choice(label.get(self.kind, ("label", "target", "breed", "Class"))),
            chance.choice(("patient_id", "site", "camera", "group")),
        ]
        if self._is_odd("column"):
            names = self._odd_names(names, "column", ())
        self.id_column, self.label_column, self.group_column = names
        self.case_column = "case"

    def _label_key(self):
        if self.kind in ("columns", "one-hot"):
            return [self._key(name) for name in self.drawn.classes]
        return self._key(self.label_column)

    @staticmethod
    def _key(column: str) -> str:
        """Return a column's name as a user sees it: without blanks around it."""
        return nfc(column.strip())

    def _training_photos(self, labels: list[tuple[str, ...]], combined: bool) -> None:
        """Draw the training photos, with their groups, and the template of their paths."""
        drawn, chance = self.drawn, self.chance
        drawn.grouped = not combined and (self._is_odd("group") or chance.random() < 0.2)
        groups = [f"g{i}" for i in range(max(4, len(labels) // 3))]
        if drawn.grouped and self._is_odd("group"):
            groups = self._odd_names(groups, "group")
        self.names = self._ids(len(labels) + 8)
        if self._is_odd("disk"):
            self.names = [f"{name}é" for name in self.names]
            self._mark("disk", "names of files in NFD, in the table in NFC")
        shared = chance.random() < 0.2
        usual = ("images", "photos") if shared else ("train", "train_images", "data/train")
        folder = self._folder(chance.choice(usual))
        self.test_folder = folder if shared else folder.replace("train", "test") if "train" in folder else "test"
        self.deep, self.whole = chance.random() < 0.15, chance.random() < 0.4  # whole: the id has the extension
        self.whole |= len({*self.extensions}) > 1 and chance.random() < 0.5
        labels = [tuple(map(self._other_form, own)) if i % 2 else own for i, own in enumerate(labels)]
        for i, (own, name) in enumerate(zip(labels, self.names, strict=False)):
            deep = f"{'ab'[i % 2]}/" if self.deep else ""
            path = f"{folder}/{deep}{self._on_disk(name)}{self.extensions[i % len(self.extensions)]}"
            case = f"case {'+'.join(own)} {i // 3}" if combined else path
            photo = Photo(path, own, groups[i % len(groups)] if drawn.grouped else case, case)
            drawn.photos.append(photo)
            self._photo(path, drawn.classes.index(own[0]) if own and own[0] in drawn.classes else 0)
        if self._is_odd("missing") and drawn.grouped:
            drawn.photos[0].group = ""
            self._mark("missing", "a photo without a group")
        deep, end = "{folder}/" * self.deep, "" if self.whole or len(self.extensions) > 1 else self.extensions[0]
        drawn.keys["train_images"] = f"{folder}/{deep}{{{self._key(self.id_column)}}}{end}"
        drawn.keys["test_images"] = f"{self.test_folder}/{deep}{{{self._key(self.id_column)}}}{end}"
        if drawn.grouped:
            drawn.keys["group"] = self._key(self.group_column)

    def _other_form(self, label: str) -> str:
        """Return another spelling of a label, if the labels are to have two: 1.0 for 1, or the Unicode form NFD."""
        if not self._is_odd("forms"):
            return label
        return f"{label}.0" if label.isdigit() else unicodedata.normalize("NFD", label)

    def _on_disk(self, name: str) -> str:
        return unicodedata.normalize("NFD", name) if self._is_odd("disk") else name

    def _name_in_table(self, path: str) -> str:
        name = path.rsplit("/", 1)[-1]
        name = nfc(name) if self._is_odd("disk") else name
        return name if self.whole else name[: name.rindex(".")]

    def _training_table(self) -> None:
        drawn, chance = self.drawn, self.chance
        own = self.kind in ("columns", "one-hot")
        columns = [self.id_column, *(drawn.classes if own else [self.label_column])]
        columns += [self.group_column] * drawn.grouped + ["width"]
        combined = any(photo.id != photo.path for photo in drawn.photos)
        columns += [self.case_column] * combined
        rows = []
        for photo in drawn.photos:
            values = [drawn.separator.join(photo.labels)]
            if own:
                values = [str(int(same(name) in map(same, photo.labels))) for name in drawn.classes]
            values += [photo.group] * drawn.grouped
            width = "" if self._is_odd("missing") and chance.random() < 0.3 else str(chance.randint(1, 99))
            rows.append([self._name_in_table(photo.path), *values, width, *[photo.id] * combined])
        if self._is_odd("twice"):
            rows.append(list(rows[0]))
            self._mark("twice", "a row of the training table")
        if self._is_odd("missing") and chance.random() < 0.2 and not own and self.kind != "multilabel":
            rows[-1][1] = chance.choice(("", " "))
            self._mark("missing", "a label", refusable=True)
        self._write("train.csv", Table(columns, rows))

    def _test_photos(self, names: list[str], folder: str, combined: bool = False) -> None:
        """Draw the test photos and, if they are needed or by chance, a test table."""
        drawn, chance = self.drawn, self.chance
        in_folders = not self.names
        whole, deep = (chance.random() < 0.5, False) if in_folders else (self.whole, self.deep)
        rows = []
        for i, name in enumerate(names):
            end = self.extensions[i % len(self.extensions)]
            path = f"{folder}/{'ab'[i % 2] + '/' if deep else ''}{self._on_disk(name)}{end}"
            self._photo(path, i % 5)
            row_id = name + end if whole else name
            case = f"test {i // 3}" if combined else row_id
            drawn.test.setdefault(case, []).append(path)
            rows.append([row_id, str(chance.randint(1, 99)), *[case] * combined])
        if in_folders:
            end = "" if whole or len(self.extensions) > 1 else self.extensions[0]
            drawn.keys["test_images"] = f"{folder}/{{id}}{end}"
            return
        if combined:
            drawn.keys |= {"id": self.case_column, "combine": "mean"}
            self._mark("layout", "several photos of an id")
        if combined or chance.random() < 0.4:
            drawn.keys["test"] = "test.csv"
            self._write("test.csv", Table([self.id_column, "width", *[self.case_column] * combined], rows))

    # ---- the sample submission and other files

    def _sample(self, id_column: str, label_column: str) -> None:
        drawn, chance = self.drawn, self.chance
        drawn.id = id_column
        drawn.keys |= {"target": drawn.target, "metric": METRICS[drawn.answer]}
        if drawn.answer == "probabilities":
            drawn.columns = {name: name for name in drawn.classes}
            blank = [chance.choice(("0", "0.5"))] * len(drawn.classes)
        else:
            name = chance.choice((label_column, label_column, "prediction"))
            drawn.columns = {name: ""}
            words = drawn.separator.join(drawn.classes[:2]) if drawn.answer == "labels" else drawn.classes[0]
            ranking = " ".join(drawn.classes[:3])
            blank = [{"number": "0", "probability": "0.5", "ranking": ranking}.get(drawn.answer, words)]
        if drawn.target == "binary":
            self._positive()
        if drawn.target == "ordinal" and drawn.answer == "label":
            drawn.keys["metric"] = chance.choice(("accuracy", "quadratic_kappa"))
        if drawn.target in ("multiclass", "ordinal") and drawn.answer == "label":
            drawn.keys["answer"] = "label"
        ids = list(drawn.test)
        if self._is_odd("sample"):
            chance.shuffle(ids)
            drawn.test = {name: drawn.test[name] for name in ids}
        table = Table([id_column, *drawn.columns], [[name, *blank] for name in ids])
        if self._is_odd("sample") and len(ids) > 1:
            table = Table(["usage", *table.columns], [["Public", *row] for row in table.rows])
            self._mark("sample", "another column")
            drawn.keys["fill"] = [self._key(name) for name in drawn.columns]
            drawn.keys["id"] = self._key(id_column)
        if self._is_odd("long table") and drawn.answer == "probabilities":
            rows = [[f"{name}_{column}", "0"] for name in ids for column in drawn.columns]
            table = Table([id_column, "probability"], rows)
            self._mark("long table", "a row for each photo and class", refusable=True)
            drawn.columns = {"probability": ""}
        drawn.sample = table
        drawn.keys["sample"] = "sample_submission.csv"
        self._write("sample_submission.csv", table)

    def _positive(self) -> None:
        """Choose the positive class of a binary target: the second class, or by chance the first one, by its key."""
        drawn = self.drawn
        if {*drawn.classes} != {"0", "1"} and drawn.answer != "label":
            drawn.keys["positive"] = drawn.classes[1]

    def _write(self, path: str, table: Table) -> None:
        if self._is_odd("encoding"):
            table.encoding = self.chance.choice(("utf-8-sig", "cp1252", "utf-16", "utf-8"))
            table.separator = self.chance.choice((",", ";", "\t", "|"))
            table.line_end = self.chance.choice(("\n", "\r\n"))
            self._mark("encoding", f"{path} {table.encoding} {table.separator!r} {table.line_end!r}")
        if "number: comma" in self.drawn.odd:
            table.separator = ";"
        self.drawn.files[path] = table.bytes()

    def _more_tables(self) -> None:
        """Add tables that are not needed: names of classes, boxes, an older training table."""
        drawn, chance = self.drawn, self.chance
        kind = chance.choice(("classes", "boxes", "old", "folder"))
        if kind == "classes":
            table = Table(["number", "name"], [[str(i), name] for i, name in enumerate(drawn.classes)])
        elif kind == "boxes":
            names = [self._name_in_table(photo.path) for photo in drawn.photos]
            table = Table([self.id_column, "x", "y"], [[name, "1", str(i)] for i, name in enumerate(names)])
        else:
            table = Table(["a", "b"], [["1", "x"], ["2", "y"]])
        paths = {"classes": "classes.csv", "boxes": "boxes.csv", "old": "train_old.csv", "folder": "notes/more.csv"}
        path = paths[kind]
        drawn.files[path] = table.bytes()
        self._mark("tables", path)

    def _junk(self) -> None:
        if self._is_odd("junk"):
            photo = self.drawn.photos[0].path
            folder = photo.rpartition("/")[0]
            junk = (f"{folder}/.DS_Store", f"{folder}/Thumbs.db", f"{folder}/._a.jpg", "README.md")
            self.drawn.files |= dict.fromkeys(junk, b"x")
            self._mark("junk", "files of other programs")
