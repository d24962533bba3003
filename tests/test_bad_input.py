"""Every kind of bad input that we could think of: one clear error, exit code 2, and what was there stays as it was."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_runs import drawn_home, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comp import files
from comp.errors import InputError
from comp.inputs import mask_gender_age as competition
from comp.recipes import catalog
from comp.store import external_predictions, fold_table


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Inputs, folds and two runs whose predictions are drawn, not learned: no stage that is tested here trains."""
    home = drawn_home(tmp_path_factory.mktemp("bad"))
    for stage in ("blend", "make_sub"):
        code, printed = run(home, stage)
        assert code == 0, printed
    return home


# Each damages a copy of `home` and returns nothing; `T` is the training table, `S` the sample, `F` folds.csv, `G` what
# a teammate sends.

T, S, F, G = "in/train/train.csv", "in/eval/info.csv", "out/folds.csv", "out/mate/oof.csv"


def edit(name, change):
    def damage(home):
        table = pd.read_csv(home / name, dtype=str)
        change(table).to_csv(home / name, index=False)

    return damage


def ragged(name):
    """The rows of a table with two fields more each than its header."""

    def rows(home):
        header, *lines = (home / name).read_text().splitlines()
        return "\n".join([header, *[f"{line},0,0" for line in lines]]).encode()

    return rows


def another_fold(table):
    return table.assign(fold=[str((int(table["fold"][0]) + 1) % 3), *table["fold"][1:]])


def write(name, data):
    return lambda home: (home / name).write_bytes(data(home) if callable(data) else data)


def remove(name):
    return lambda home: shutil.rmtree(home / name) if (home / name).is_dir() else (home / name).unlink()


def photo(home):
    return home / "in" / pd.read_csv(home / "out/folds.csv")["image"][0]


def first(column, value):
    return lambda table: table.assign(**{column: [value, *table[column][1:]]})


def own_folds(change):
    """A folds.csv of the user's own: without the hash beside it, so that the other checks have to find it."""

    def damage(home):
        edit(F, change)(home)
        (home / "out/folds.json").unlink()

    return damage


def predictions(name, change):
    """An npz of the contract with one array changed, and whole as a file."""

    def damage(home):
        made = files.read_arrays(home / name, ("ids", "probs", "classes", "meta"))
        files.write_arrays(home / name, **{**made, **change(made)})

    return damage


def meta(name, **changes):
    return predictions(name, lambda a: {"meta": np.asarray(json.dumps(json.loads(str(a["meta"])) | changes))})


def recipe_of(model):
    """The run a has a whole recipe of that model."""

    def damage(home):
        recipe = dataclasses.asdict(catalog.get_recipe(model))
        files.write_json(home / "out/a/recipe.json", {"recipe": recipe, "classes": list(competition.CLASSES)})

    return damage


def mate(oof, test=lambda table: table):
    """External predictions of a teammate, changed by two functions."""

    def damage(home):
        ids = pd.read_csv(home / F)["image"]
        table = pd.DataFrame(np.full((len(ids), 18), 1 / 18), columns=competition.CLASSES)
        table.insert(0, "id", ids)
        (home / "out/mate").mkdir()
        oof(table).to_csv(home / "out/mate/oof.csv", index=False)
        test(table[:20].assign(id=pd.read_csv(home / S)["ImageID"])).to_csv(home / "out/mate/test.csv", index=False)

    return damage


def bomb(home):
    """A PNG that claims 60,000 x 60,000 pixels."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    photo(home).write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


nothing = lambda home: None  # noqa: E731
FOLDS, BLEND, SUB = ("make_folds", "--folds", 3), ("blend",), ("make_sub",)
EMBED = ("embed", "--model", "test_resnet", "--run")
COMPARE, LB, LOOK = ("compare",), ("leaderboard",), ("look", "--run", "a")

BAD = {
    # tables
    "no inputs": (remove("in/train"), FOLDS, ("train.csv", "make demo")),
    "no sample": (remove(S), FOLDS, ("info.csv", "INPUTS=")),
    "empty table": (write(T, b""), FOLDS, ("train.csv", "is empty")),
    "table of a header alone": (write(T, b"id,gender,race,age,path\n"), FOLDS, ("no rows",)),
    "missing column": (edit(T, lambda t: t.drop(columns="gender")), FOLDS, ("not gender", "age,path")),
    "other encoding": (write(T, "id,gender\n1,männlich\n".encode("utf-16")), FOLDS, ("not race,age,path", "correct ")),
    "ragged table": (write(T, b"id,gender,race,age,path\n1,2,3,4,5,6,7,8\n"), FOLDS, ("train.csv",)),
    "binary table": (write(T, bytes(range(256)) * 9), FOLDS, ("train.csv",)),
    "age in words": (edit(T, first("age", "old")), FOLDS, ("line 2", "age 'old'")),
    "no age": (edit(T, first("age", "")), FOLDS, ("line 2", "age ''")),
    "age below 0": (edit(T, first("age", "-3")), FOLDS, ("line 2", "age '-3'")),
    "gender unknown": (edit(T, first("gender", "f")), FOLDS, ("line 2", "male or female")),
    "path that leaves inputs": (edit(T, first("path", "../../etc")), FOLDS, ("line 2", "'../../etc'")),
    "absolute path": (edit(T, first("path", "/etc")), FOLDS, ("line 2", "'/etc'")),
    "path twice": (edit(T, lambda t: pd.concat([t, t[:1]])), FOLDS, ("twice",)),
    "row without its folder": (edit(T, first("path", "nobody")), FOLDS, ("no folder train/images/nobody",)),
    "ragged sample": (write(S, ragged(S)), FOLDS, ("info.csv has rows with more fields",)),
    "sample id twice": (edit(S, lambda t: pd.concat([t, t[:1]])), FOLDS, ("1 repeated id",)),
    "sample id with a path": (edit(S, first("ImageID", "../x.jpg")), FOLDS, ("not file names", "../x.jpg")),
    "sample id without photo": (edit(S, first("ImageID", "x.jpg")), FOLDS, ("without a photo", "x.jpg")),
    # photos
    "photo missing": (lambda h: photo(h).unlink(), FOLDS, ("no photo",)),
    "photo empty": (lambda h: photo(h).write_bytes(b""), FOLDS, ("1 photo(s) cannot be read",)),
    "photo cut off": (lambda h: photo(h).write_bytes(photo(h).read_bytes()[:400]), FOLDS, ("cannot be read",)),
    "photo that is text": (lambda h: photo(h).write_text("hello"), FOLDS, ("cannot be read",)),
    "decompression bomb": (bomb, FOLDS, ("cannot be read", "bomb")),
    "shot twice": (lambda h: shutil.copy(photo(h), photo(h).with_suffix(".jpeg")), FOLDS, ("two photos",)),
    # words
    "one fold": (nothing, ("make_folds", "--folds", 1), ("FOLDS=1 does not fit", "FOLDS=5")),
    "more folds than persons": (nothing, ("make_folds", "--folds", 99), ("FOLDS=99 does not fit", "20 group(s)")),
    "other folds under runs": (nothing, ("make_folds", "--folds", 4), ("a, b", "OUTPUTS=")),
    "unknown run": (nothing, ("blend", "--runs", "a zz"), ("no run zz", "a, b")),
    "prediction of an unknown run": (
        nothing,
        ("predict_fold", "--model", "resnet18", "--run", "nix"),
        ("no trained run nix", "a, b", "make predict"),
    ),
    "prediction of an unknown model": (nothing, ("predict_fold", "--model", "nix"), ("no trained run nix", "RUN=nix")),
    "seed too large": (nothing, ("make_folds", "--folds", 3, "--seed", 2**32), ("SEED=4294967296", "4294967295")),
    "seed below 0": (nothing, ("stack", "--runs", "a b", "--seed", -1), ("SEED=-1", "from 0 to")),
    "number in words": (nothing, ("make_folds", "--folds", "three"), ("FOLDS=three", "a whole number")),
    "unknown method": (nothing, ("blend", "--method", "vote"), ("METHOD=vote", "search")),
    "unknown rule": (nothing, ("blend", "--rule", "vote"), ("RULE=vote", "expected")),
    "submission of no run": (nothing, ("make_sub", "--run", "zz"), ("zz", "make train")),
    "vote of one": (nothing, ("vote", "--files", "x.csv"), ("1 file(s)", "make vote")),
    "vote of a missing file": (nothing, ("vote", "--files", "x.csv y.csv"), ("no file x.csv", "ImageID,ans")),
    "blend as a run's name": (nothing, ("train_fold", "--model", "resnet18", "--run", "blend"), ("RUN=blend",)),
    "path as a run's name": (nothing, ("train_fold", "--model", "resnet18", "--run", "../x"), ("RUN=../x",)),
    "setting unknown": (nothing, ("train_fold", "--model", "resnet18", "--run", "x", "--set", "lrr=1"), ("'lrr'",)),
    "setting mistyped": (nothing, ("train_fold", "--model", "resnet18", "--run", "x", "--set", "lr=up"), ("lr=up",)),
    "setting unquoted": (nothing, ("train_fold", "--model", "resnet18", "--run", "x", "--set", "loss='f1"), ("SET=",)),
    "init of no run": (
        nothing,
        ("train_fold", "--model", "resnet18", "--run", "x", "--init", "zz"),
        ("no trained run zz", "a, b"),
    ),
    "init of itself": (
        nothing,
        ("train_fold", "--model", "resnet18", "--run", "x", "--init", "x"),
        ("the run itself",),
    ),
    "init of a run whose recipe has no settings": (
        nothing,
        ("train_fold", "--model", "resnet18", "--run", "x", "--init", "a"),
        ("INIT=a", "recipe.json", "another INIT"),
    ),
    "init of another model": (
        recipe_of("resnet34"),
        ("train_fold", "--model", "resnet18", "--run", "x", "--init", "a"),
        ("INIT=a is a run of the model resnet34", "trains the model resnet18"),
    ),
    "all rows without folds": (
        nothing,
        ("train_fold", "--model", "resnet18", "--run", "x", "--fold", "all_data"),
        ("folds of x, but these are not trained: 0, 1, 2", "FOLD=all"),
    ),
    "embed unknown classifier": (nothing, (*EMBED, "x", "--set", "classifier=svm"), ("svm", "one of logistic, knn")),
    "embed unfit classifier": (nothing, (*EMBED, "x", "--set", "classifier=ridge"), ("ridge", "target is multiclass")),
    "embed setting of training": (nothing, (*EMBED, "x", "--set", "lr=1"), ("'lr'", "one of ", "classifier")),
    "embed grid of no number": (nothing, (*EMBED, "x", "--set", "grid=few"), ("grid=few",)),
    "embed column of no table": (
        nothing,
        (*EMBED, "x", "--set", "columns=size"),
        ("columns=size names no column", "both tables"),
    ),
    "embed unknown TTA": (nothing, (*EMBED, "x", "--set", "tta=all"), ("TTA=all",)),
    "embed unknown model": (nothing, ("embed", "--model", "resnet1", "--run", "x"), ("unknown MODEL=resnet1",)),
    "embed under a trained run's name": (nothing, (*EMBED, "a"), ("run a was trained", "RUN=")),
    "stack of itself": (nothing, ("stack", "--run", "a", "--runs", "a b"), ("contains a,",)),
    "stack of an unknown run": (nothing, ("stack", "--runs", "a zz"), ("no run zz",)),
    "stack under a trained run's name": (nothing, ("stack", "--run", "a", "--runs", "b"), ("run a was trained",)),
    "stack unknown classifier": (nothing, ("stack", "--set", "classifier=svm"), ("one of logistic, knn",)),
    "stack column of no table": (
        nothing,
        ("stack", "--set", "columns=size"),
        ("columns=size names no column", "both tables"),
    ),
    "stack without a complete run": (
        lambda h: [remove(f"out/{run}/fold0/oof.npz")(h) for run in "ab"],
        ("stack",),
        ("no run is complete", "make train"),
    ),
    "photos changed under runs": (
        lambda h: photo(h).write_bytes(photo(h).with_name("normal.jpg").read_bytes()),
        FOLDS,
        ("photos have changed", "OUTPUTS="),
    ),
    # folds.csv
    "no folds": (remove(F), BLEND, ("no ", "make folds")),
    "folds edited": (edit(F, another_fold), BLEND, ("was changed since it was made", "make folds")),
    "folds without a column": (own_folds(lambda t: t.drop(columns="group")), BLEND, ("not group", "make folds")),
    "ragged folds": (
        lambda h: (remove("out/folds.json")(h), write(F, ragged(F))(h)),
        BLEND,
        ("folds.csv has rows with more fields",),
    ),
    "folds that leave inputs": (own_folds(first("image", "../../etc/passwd")), BLEND, ("outside of inputs/",)),
    "folds with a photo twice": (own_folds(lambda t: pd.concat([t, t[:1]])), BLEND, ("twice",)),
    "folds with another class": (own_folds(first("label", "18")), BLEND, ("column label has a value that is not",)),
    "folds with a gap": (
        own_folds(lambda t: t.assign(fold=t["fold"].replace("1", "7"))),
        BLEND,
        ("numbered from 0 without a gap",),
    ),
    "folds of another time": (
        own_folds(lambda t: t.assign(fold=t["fold"].map({"0": 1, "1": 0, "2": 2}))),
        BLEND,
        ("was made with another version of folds.csv", "leak"),
    ),
    # predictions
    "fold missing": (
        remove("out/b/fold2/oof.npz"),
        ("blend", "--runs", "a b"),
        ("no ", "b/fold2/oof.npz", "FOLD=2"),
    ),
    "npz cut off": (
        lambda h: write("out/a/fold0/oof.npz", (h / "out/a/fold0/oof.npz").read_bytes()[:900])(h),
        BLEND,
        ("not readable",),
    ),
    "npz that is text": (write("out/a/fold0/test.npz", b"hello"), BLEND, ("not readable", "make")),
    "other classes": (
        predictions("out/a/fold0/oof.npz", lambda a: {"classes": a["classes"][::-1]}),
        BLEND,
        ("has classes",),
    ),
    "rows that do not sum to 1": (
        predictions("out/a/fold0/oof.npz", lambda a: {"probs": a["probs"] * 2}),
        BLEND,
        ("sums to",),
    ),
    "NaN": (predictions("out/a/fold0/oof.npz", lambda a: {"probs": a["probs"] * np.nan}), BLEND, ("not finite",)),
    "id twice": (
        predictions("out/a/fold0/oof.npz", lambda a: {"ids": np.append(a["ids"][:-1], a["ids"][0])}),
        BLEND,
        ("twice",),
    ),
    "ids of another fold": (
        lambda h: shutil.copy(h / "out/a/fold1/oof.npz", h / "out/a/fold0/oof.npz"),
        BLEND,
        ("id(s) missing",),
    ),
    "stale recipe": (meta("out/a/fold0/oof.npz", recipe="0" * 16), BLEND, ("other version of the recipe (hash 0000",)),
    "stale folds": (meta("out/a/fold0/oof.npz", folds="0" * 16), BLEND, ("another version of folds.csv (hash 0000",)),
    "meta that is no object": (
        predictions("out/a/fold0/oof.npz", lambda a: {"meta": np.asarray("[]")}),
        BLEND,
        ("oof.npz",),
    ),
    "run and its copy": (lambda h: shutil.copytree(h / "out/a", h / "out/copy"), BLEND, ("a and copy", "RUNS=")),
    "external predictions without a class": (
        mate(lambda t: t.drop(columns=competition.CLASSES[3])),
        BLEND,
        ("mate/oof.csv",),
    ),
    "ragged external predictions": (
        lambda h: (mate(lambda t: t)(h), write(G, ragged(G))(h)),
        BLEND,
        ("mate/oof.csv has rows with more fields",),
    ),
    "external predictions without a row": (mate(lambda t: t[1:]), BLEND, ("1 id(s) missing",)),
    "external predictions with words": (
        mate(lambda t: t.astype(object).assign(**{competition.CLASSES[0]: "x"})),
        BLEND,
        ("mate/oof.csv has a field that is not a number",),
    ),
    "external predictions with a fold of zeros": (
        mate(lambda t: t.assign(**dict.fromkeys(competition.CLASSES, 0.0))),
        BLEND,
        ("140 of 140 rows (the first: id ", "the first row sums to 0"),
    ),
    "external test without an id": (
        mate(lambda t: t, lambda t: t[1:]),
        BLEND,
        ("mate/test.csv: 1 id(s) missing", "correct ", "mate/test.csv, or move"),
    ),
    "external test with an id too many": (
        mate(lambda t: t, lambda t: pd.concat([t, t[:1].assign(id="zz.jpg")])),
        BLEND,
        ("mate/test.csv: 0 id(s) missing, 1 too many", "zz.jpg", "correct "),
    ),
    "external predictions that are not read": (
        lambda h: (mate(lambda t: t)(h), (h / G).rename(h / "out/mate/oof.npy")),
        ("blend", "--runs", "a mate"),
        ("no run mate", "oof.npy, test.csv"),
    ),
    # comparison
    "compare without B": (nothing, (*COMPARE, "--a", "b"), ("option B is missing", "make compare A=b B=")),
    "compare a run with itself": (
        nothing,
        (*COMPARE, "--a", "a", "--b", "b a"),
        ("named twice in A=a B=b a: a", "make compare A=a B=b"),
    ),
    "compare an unknown run": (nothing, (*COMPARE, "--a", "a", "--b", "zz"), ("no run zz", "a, b")),
    "compare a run with its copy": (
        lambda h: shutil.copytree(h / "out/a", h / "out/copy"),
        (*COMPARE, "--a", "a", "--b", "copy"),
        ("a and copy hold the same",),
    ),
    "compare without a common fold": (
        lambda h: (remove("out/a/fold0")(h), remove("out/a/fold2")(h), remove("out/b/fold1")(h)),
        (*COMPARE, "--a", "a", "--b", "b"),
        ("a has folds [1]; b has folds [0, 2]", "FOLD=0"),
    ),
    "compare runs of other folds": (
        meta("out/b/fold1/oof.npz", folds="0" * 16),
        (*COMPARE, "--a", "a", "--b", "b"),
        ("was made with another version of folds.csv (hash 0000", "FOLD=1"),
    ),
    # where models look, and other tools
    "look without a run": (nothing, ("look", "--image", "x"), ("no RUN", "make train MODEL=")),
    "look of no photo": (nothing, LOOK, ("no IMAGE", "make look RUN=a IMAGE=")),
    "look at an unknown photo": (nothing, (*LOOK, "--image", "train/x.jpg"), ("no photo train/x.jpg", "make look")),
    "look without weights": (
        nothing,
        (*LOOK, "--image", "train/images/000000_male_Asian_20/normal.jpg"),
        ("model.safetensors", "did not train on this photo", "make train MODEL=resnet18 RUN=a"),
    ),
    "export to nothing": (nothing, ("export",), ("TO is missing", "make export TO=tensorboard")),
    "export to an unknown tool": (nothing, ("export", "--to", "excel"), ("TO=excel", "mlflow, fiftyone")),
    # the submission
    "weights edited": (
        lambda h: write(
            "out/blend/weights.json", (h / "out/blend/weights.json").read_bytes().replace(b'"runs"', b'"ruins"')
        )(h),
        SUB,
        ("damaged or edited", "make blend"),
    ),
    "blend of other weights": (meta("out/blend/test.npz", weights=[9]), SUB, ("has weights [9]", "make blend")),
    "no blend": (remove("out/blend/test.npz"), SUB, ("no ", "make blend")),
    "sample with another id": (
        lambda h: (
            (h / "in/eval/images/x.jpg").write_bytes(photo(h).read_bytes()),
            edit(S, first("ImageID", "x.jpg"))(h),
        ),
        SUB,
        ("1 id(s) missing, 1 too many", "x.jpg"),
    ),
    "no submission to note a score of": (
        lambda h: (remove("out/submissions")(h), remove("out/submission.csv")(h)),
        (*LB, "--score", "0.5"),
        ("no submission in ", "make blend"),
    ),
    "score of a submission that is not there": (
        nothing,
        (*LB, "--score", "0.5", "--file", "zz.csv"),
        ("no submission zz.csv", "make lb"),
    ),
    "score of an edited submission": (
        write("out/submission.csv", b"ImageID,ans"),
        (*LB, "--score", "0.5"),
        ("submission.csv was edited", "FILE="),
    ),
    "score that is no number": (nothing, (*LB, "--score", "high"), ("SCORE=high is not a number", "from 0 to 1")),
    "score in percent": (nothing, (*LB, "--private", "73.77"), ("not a possible value of macro_f1", "PRIVATE=0.7377")),
    "file without its score": (nothing, (*LB, "--file", "it's.csv"), ("without a score", "SCORE=")),
    "noted scores edited": (
        write("out/submissions/leaderboard.json", b'{"scores": {}}'),
        LB,
        ("leaderboard.json was damaged or edited", "rm "),
    ),
    "earlier submission edited": (
        lambda h: next((h / "out/submissions").glob("*.csv")).write_text("x"),
        SUB,
        ("missing or was changed",),
    ),
}


def fingerprints(folder: Path) -> dict:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and "locks" not in p.parts}


def test_there_are_at_least_forty_kinds():
    assert len(BAD) >= 40


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_clear_error_and_changes_nothing(home, tmp_path, kind):
    damage, (name, *more), words = BAD[kind]
    copy = shutil.copytree(home, tmp_path / "home")
    damage(copy)
    before = fingerprints(copy / "out")
    code, printed = run(copy, name, *more)
    assert code == 2, printed
    assert [line[:7] for line in printed.splitlines()].count("error: ") == 1
    assert "Traceback" not in printed
    for word in words:
        assert word in printed
    assert fingerprints(copy / "out") == before


def test_debug_shows_where_an_error_comes_from(home, monkeypatch):
    monkeypatch.setenv("DEBUG", "1")
    code, printed = run(home, "blend", "--runs", "zz")
    assert code == 1
    assert "Traceback" in printed


# The states of runs ---------------------------------------------------------------------------------------------------


def test_status_names_what_is_complete_missing_stale_and_why(home, tmp_path):
    copy = shutil.copytree(home, tmp_path / "home")
    code, printed = run(copy, "status")
    assert code == 0
    assert printed.count("complete") == 8  # two runs of three folds, the blend, submission.csv
    (copy / "out/a/fold1/oof.npz").unlink()
    meta("out/b/fold0/test.npz", folds="0" * 16)(copy)
    code, printed = run(copy, "status")
    assert code == 0
    lines = {line.strip().split("  ")[0]: line for line in printed.splitlines()}
    assert "missing" in lines["a fold 1"]
    assert "stale" in lines["b fold 0"]
    assert "0000" in lines["b fold 0"]
    assert "stale" in lines["blend"]
    assert "complete" in lines["b fold 2"]


def test_predictions_that_are_not_used_are_named_by_every_stage_that_would_use_them(home, tmp_path):
    copy = shutil.copytree(home, tmp_path / "home")
    mate(lambda table: table)(copy)
    (copy / "out/mate/test.csv").rename(copy / "out/mate/test.csv.zip")
    for stage in ("blend", "status", "scores"):
        code, printed = run(copy, stage)
        assert code == 0, printed
        assert "out/mate has oof.csv, test.csv.zip and is not used, because it needs files oof and test" in printed


def test_a_submission_is_kept_once_with_what_made_it_and_compared_with_the_next(home, tmp_path):
    copy = shutil.copytree(home, tmp_path / "home")
    kept = list((copy / "out/submissions").glob("*.json"))
    assert len(kept) == 1
    record = files.read_json(kept[0], "", "")
    assert record["runs"] == ["a", "b"]
    assert 0 < record["cross_fitted"] <= 1
    assert kept[0].with_suffix(".csv").read_bytes() == (copy / "out/submission.csv").read_bytes()
    (copy / "out/submission.csv").unlink()
    code, printed = run(copy, "make_sub")
    assert code == 0
    assert "100.0%" in printed
    code, printed = run(copy, "make_sub", "--run", "b")
    assert code == 0
    assert len(list((copy / "out/submissions").glob("*.json"))) == 2
    assert "agreement with earlier submissions" in printed


# Tables that nobody has checked ---------------------------------------------------------------------------------------

NAMES = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)
FIELDS = st.one_of(NAMES, st.integers(-5, 200).map(str), st.sampled_from(["male", "female", '"', ",", "\r\n", ""]))


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(FIELDS, min_size=5, max_size=5), max_size=6),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_table_is_read_rightly_or_refused_clearly(tmp_path, rows, encoding, end):
    path = tmp_path / "train/train.csv"
    path.parent.mkdir(exist_ok=True)
    text = end.join(["id,gender,race,age,path", *(",".join(row) for row in rows)])
    path.write_bytes(text.encode(encoding, errors="replace"))
    with pytest.raises(InputError):  # no such person has a folder with seven photos
        competition.read_train(tmp_path)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_for_a_table_are_refused_clearly(tmp_path, data):
    for name in ("train/train.csv", "eval/info.csv", "folds.csv", "oof.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    for read in (
        lambda: competition.read_train(tmp_path),
        lambda: competition.read_test(tmp_path),
        lambda: fold_table.load_folds(tmp_path / "folds.csv", competition.competition()),
        lambda: external_predictions.read_external_file(tmp_path / "oof.csv", competition.competition()),
    ):
        with pytest.raises(InputError):
            read()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_with_a_mark_windows_line_ends_and_quotes_is_the_same_table(home, tmp_path, encoding, end):
    copy = shutil.copytree(home / "in", tmp_path / "in")
    expected = competition.read_train(copy)
    for name in ("train/train.csv", "eval/info.csv"):
        table = pd.read_csv(copy / name, dtype=str)
        text = table.to_csv(index=False, lineterminator=end, quoting=1)
        (copy / name).write_bytes(text.encode(encoding))
    pd.testing.assert_frame_equal(competition.read_train(copy), expected)
    assert len(competition.read_test(copy)) == 20


def test_people_may_have_names_of_any_alphabet(home, tmp_path):
    copy = shutil.copytree(home / "in", tmp_path / "in")
    table = pd.read_csv(copy / "train/train.csv", dtype=str)
    name = '홍길동, 2 "é" ü'
    (copy / "train/images" / table["path"][0]).rename(copy / "train/images" / name)
    table.assign(path=[name, *table["path"][1:]]).to_csv(copy / "train/train.csv", index=False)
    assert name in set(competition.read_train(copy)["group"])


def test_many_rows_of_folds_are_read():
    rows = 200_000
    table = pd.DataFrame(
        {
            "image": np.char.add("photo", np.arange(rows).astype(str)),
            "group": np.arange(rows) // 7,
            "label": np.arange(rows) % 18,
            "fold": np.arange(rows) // 7 % 5,
        }
    )
    assert fold_table.folds_problem(table, competition.competition()) == ""
