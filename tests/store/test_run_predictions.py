import numpy as np
import pandas as pd
import pytest

from comp.errors import InputError
from comp.io import files
from comp.store import artifacts, runs
from comp.store.artifacts import Run

CLASSES = ("a", "b", "c")


def random_probs(n, seed=0):
    return np.random.default_rng(seed).dirichlet([1, 1, 1], n).astype(np.float32)


@pytest.fixture
def folds(tmp_path):
    table = pd.DataFrame(
        {
            "image": [f"i{i}" for i in range(8)],
            "group": list("aabbccdd"),
            "label": [0, 1] * 4,
            "fold": [0, 0, 1, 1, 0, 0, 1, 1],
        }
    )
    artifacts.save_folds(artifacts.folds_file(tmp_path), table)
    return artifacts.load_folds(artifacts.folds_file(tmp_path), 3)


def save_run(outputs, folds, name="run", **meta):
    run = Run(outputs, name)
    digest = files.digest(artifacts.folds_file(outputs))
    for k in range(2):
        ids = folds["image"][folds["fold"] == k].to_numpy()[::-1]  # order on disk is nobody's business
        artifacts.save_predictions(
            run.oof(k), ids, random_probs(len(ids), k), CLASSES, {"folds": digest, "run": name} | meta
        )
        artifacts.save_predictions(
            run.test(k), ["t1", "t0"][:: 1 - 2 * k], random_probs(2, k), CLASSES, {"folds": digest} | meta
        )
    files.write_json(run.recipe, {})
    for k in range(2):  # the recipe's hash, as predict_fold writes it
        for path in (run.oof(k), run.test(k)):
            made = artifacts.load_predictions(path, CLASSES)
            artifacts.save_predictions(
                path, made.ids, made.probs, CLASSES, {"recipe": files.digest(run.recipe)} | made.meta
            )
    return run, digest


def test_a_guests_ids_keep_their_leading_zeros(tmp_path):
    (tmp_path / "oof.csv").write_text("id,a,b,c\n007,1,0,0\n08,0,1,0\n")
    assert runs.read_csv(tmp_path / "oof.csv", CLASSES).ids.tolist() == ["007", "08"]


def test_predictions_survive_the_disk(tmp_path):
    probs = random_probs(5)
    artifacts.save_predictions(tmp_path / "x.npz", list("vwxyz"), probs, CLASSES, {"run": "r", "fold": 2})
    made = artifacts.load_predictions(tmp_path / "x.npz", CLASSES)
    np.testing.assert_array_equal(made.at(["z", "v"]), probs[[4, 0]])
    assert made.meta["fold"] == 2
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


@pytest.mark.parametrize(
    ("ids", "change", "message"),
    [
        (["a", "a"], lambda p: p, "id a twice"),
        (["a", "b"], lambda p: p * 1.5, "sums to"),
        (["a", "b"], lambda p: p * np.nan, "not finite"),
        (["a", "b"], lambda p: p - 2, "negative"),
        (["a"], lambda p: p, "ids"),
    ],
)
def test_what_breaks_the_contract_is_not_written(tmp_path, ids, change, message):
    with pytest.raises(InputError, match=message):
        artifacts.save_predictions(tmp_path / "x.npz", ids, change(random_probs(2)), CLASSES, {})
    assert not list(tmp_path.iterdir())


def test_other_classes_are_refused(tmp_path):
    artifacts.save_predictions(tmp_path / "x.npz", ["i"], random_probs(1), ("c", "b", "a"), {})
    with pytest.raises(InputError, match="has classes"):
        artifacts.load_predictions(tmp_path / "x.npz", CLASSES)


def test_a_pickle_in_an_npz_is_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    np.savez(tmp_path / "x.npz", ids=np.array([Bomb()], object), probs=random_probs(1), classes=CLASSES, meta="{}")
    with pytest.raises(InputError, match="not readable"):
        artifacts.load_predictions(tmp_path / "x.npz", CLASSES)
    assert not (tmp_path / "exploded").exists()


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.txt"
    files.write_text(path, "old")

    def fail():
        with files.replacing(path) as temporary:
            temporary.write_text("half of the ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_run_is_joined_by_id_and_averaged_over_folds(tmp_path, folds):
    run, digest = save_run(tmp_path, folds)
    oof, test = runs.load(run, folds, digest, CLASSES)
    for k in range(2):
        made = artifacts.load_predictions(run.oof(k), CLASSES)
        np.testing.assert_array_equal(oof[(folds["fold"] == k).to_numpy()], made.at(folds["image"][folds["fold"] == k]))
    mean = np.mean([artifacts.load_predictions(run.test(k), CLASSES).at(["t0"]) for k in range(2)], axis=0)
    np.testing.assert_allclose(test.at(["t0"]), mean, atol=1e-6)


def test_a_missing_fold_is_refused_with_its_command(tmp_path, folds):
    run, digest = save_run(tmp_path, folds)
    run.oof(1).unlink()
    with pytest.raises(InputError, match=r"has folds \[0\][\s\S]*FOLD=1"):
        runs.load(run, folds, digest, CLASSES)


def test_other_folds_another_recipe_and_other_weights_are_refused(tmp_path, folds):
    run, digest = save_run(tmp_path, folds)
    with pytest.raises(InputError, match="made with folds"):
        runs.load(run, folds, "0" * 16, CLASSES)
    run.weights(0).write_bytes(b"other weights")
    with pytest.raises(InputError, match="made by weights"):
        runs.load(run, folds, digest, CLASSES)
    run.weights(0).unlink()
    files.write_json(run.recipe, {"changed": 1})
    with pytest.raises(InputError, match="made by recipe"):
        runs.load(run, folds, digest, CLASSES)


def test_an_oof_of_the_wrong_photos_is_refused(tmp_path, folds):
    run, digest = save_run(tmp_path, folds)
    run.oof(0).write_bytes(run.oof(1).read_bytes())
    with pytest.raises(InputError, match="4 id"):
        runs.load(run, folds, digest, CLASSES)


@pytest.mark.parametrize("name", ["../x", "a b", "", ".hidden", "blend", "cache", "a/b", "a\nb"])
def test_a_run_name_is_a_plain_folder_name(name):
    with pytest.raises(InputError, match="RUN="):
        artifacts.check_run_name(name)
    artifacts.check_run_name("vit_small_r26_s32_224.augreg_in21k")


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.drop(columns="fold"),
        lambda t: t.assign(fold=0.5),
        lambda t: t.assign(label=7),
        lambda t: t[:0],
        lambda t: pd.concat([t, t[:1]]),
        lambda t: t.assign(fold=[0] * 7 + [5]),
    ],
)
def test_a_broken_folds_csv_is_refused(tmp_path, folds, change):
    artifacts.save_folds(tmp_path / "folds.csv", change(folds))
    with pytest.raises(InputError, match="make folds"):
        artifacts.load_folds(tmp_path / "folds.csv", 3)
