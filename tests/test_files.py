"""Whole or not there, damaged or edited and said so, one process at a time, and nothing believed or executed."""

import ast
import contextlib
import errno
import json
import os
import pickle
import resource
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT, Forked
from hypothesis import given, settings
from hypothesis import strategies as st

from comp import files
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.metrics import named_metrics
from comp.models import weights_file
from comp.store import fold_table, grad_cam_files
from comp.store.predictions import load_predictions, save_predictions
from comp.training.loop import save_resume

FLIPS = 1000
CLASSES = ("a", "b", "c")
COMPETITION = Competition("multiclass", CLASSES, named_metrics.get("macro_f1"))


def make_npz(path):
    probs = np.random.default_rng(0).dirichlet([1, 1, 1], 20).astype(np.float32)
    save_predictions(path, [f"photo{i}" for i in range(20)], probs, COMPETITION, {"run": "r", "fold": 1})


def load_npz(path):
    predictions = load_predictions(path, COMPETITION, "")
    meta = {name: value for name, value in predictions.meta.items() if name != "file"}
    return predictions.ids.tolist(), predictions.probs.tolist(), predictions.classes, meta


def make_weights(path):
    torch.manual_seed(0)
    weights_file.save_weights(path, torch.nn.Linear(3, 4).state_dict(), {"fold": 1, "epoch": 7})


def load_weights(path):
    model = torch.nn.Linear(3, 4)
    weights_file.load_weights(model, path, "")
    state = {name: value.tolist() for name, value in model.state_dict().items()}
    return state, weights_file.weights_metadata(path, "")


def make_resume(path):
    save_resume(path, {"fold": 1}, {"weights": torch.nn.Linear(3, 4).state_dict(), "history": []})


def make_json(path):
    files.write_json(path, {"recipe": {"lr": 0.1, "name": "x"}, "classes": ["ä", "b"], "n": [1, 2.5, None, True]})


def load_json(path):
    return files.read_json(path, "", "")


def make_folds(path):
    rows = {
        "image": [f"i{i}" for i in range(12)],
        "group": list("aabbccddeeff"),
        "label": [0, 1] * 6,
        "fold": [0, 0, 1, 1] * 3,
    }
    fold_table.save_folds(path, pd.DataFrame(rows), {"seed": 0})


def load_folds(path):
    return fold_table.load_folds(path, COMPETITION).to_dict("list")


def make_scores(path):
    files.write_json(path, {"scores": {"0123456789abcdef": {"public": 0.7377, "private": None, "noted": "2026"}}})


def make_look(path):
    heats = [grad_cam_files.Heat("truth: ä", 0.25, np.array([[0.0, 1.0], [0.5, 0.25]]))]
    look = grad_cam_files.GradCam("a", "train/ä.png", (1,), False, "ä", "b", {"folds": "0", "recipe": "1"}, heats)
    kept = grad_cam_files.save_grad_cam(path.parent, look, [np.zeros((8, 8, 3), np.uint8)] * 2)
    kept.pictures[0].parent.joinpath(f"{kept.pictures[0].name.split('.')[0]}.json").replace(path)


def load_look(path):
    look = grad_cam_files.load_grad_cam(path).grad_cam
    return {**vars(look), "heats": [(heat.title, heat.value, heat.cells.tolist()) for heat in look.heats]}


KINDS = {
    "oof.npz": (make_npz, load_npz),
    "model.safetensors": (make_weights, load_weights),
    "recipe.json": (make_json, load_json),
    "folds.csv": (make_folds, load_folds),
    "leaderboard.json": (make_scores, load_json),
    "look.json": (make_look, load_look),
}


@pytest.mark.parametrize("name", KINDS)
def test_of_a_thousand_flipped_bytes_none_changes_what_is_read(tmp_path, name):
    make, load = KINDS[name]
    path, rng = tmp_path / name, np.random.default_rng(0)
    make(path)
    whole, original = path.read_bytes(), load(path)
    refused = 0
    for _ in range(FLIPS):
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        try:
            assert load(path) == original
        except InputError:
            refused += 1
    # what is left are bytes that mean nothing, such as a blank of JSON or the time in a zip
    assert refused > 0.6 * FLIPS


@pytest.mark.parametrize("name", KINDS)
def test_no_beginning_of_a_file_is_taken_for_the_whole(tmp_path, name):
    make, load = KINDS[name]
    path = tmp_path / name
    make(path)
    whole = path.read_bytes()
    for share in np.linspace(0, 0.99, 25):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError):
            load(path)


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


def test_pickles_are_never_run(tmp_path):
    path = tmp_path / "oof.npz"
    np.savez(path, ids=np.array([Bomb()], dtype=object), probs=np.ones((1, 3)), classes=np.array(CLASSES), meta="{}")
    with pytest.raises(InputError, match="Python objects"):
        load_predictions(path, COMPETITION, "")
    path.write_bytes(pickle.dumps(Bomb()))
    for load in (load_npz, load_weights, load_json):
        with pytest.raises(InputError):
            load(path)


def npy(shape, dtype="<f4", data=b""):
    """A .npy file that claims a shape that it does not have."""
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize("shape", [(10**12, 18), (2**62, 2**62), (-1, 3), (5, 3)])
def test_no_claim_of_rows_is_believed(tmp_path, shape):
    path = tmp_path / "oof.npz"
    make_npz(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["probs.npy"] = npy(shape, data=b"\0" * 24)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(InputError, match="claims"):
        load_npz(path)


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "oof.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("ids", "probs", "classes", "meta"):
            archive.writestr(f"{name}.npy", npy((50_000_000,), data=b"\0" * 200_000_000) if name == "ids" else b"")
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InputError, match="claims"):
        load_npz(path)


def test_compressed_files_of_others_are_read(tmp_path):
    path = tmp_path / "oof.npz"
    probs = np.random.default_rng(0).dirichlet([1, 1, 1], 5)  # float64, as sklearn gives
    meta = np.array(json.dumps({"target": "multiclass"}))
    np.savez_compressed(path, ids=np.array(list("abcde")), probs=probs, classes=np.array(CLASSES), meta=meta)
    np.testing.assert_allclose(load_predictions(path, COMPETITION, "").probs, probs, atol=1e-6)


def test_an_edited_json_is_refused_and_an_unedited_one_read(tmp_path):
    path = tmp_path / "recipe.json"
    make_json(path)
    value = json.loads(path.read_text())
    path.write_text(json.dumps(value))  # the same values in another layout
    assert load_json(path)["recipe"]["lr"] == 0.1
    value["recipe"]["lr"] = 0.2
    path.write_text(json.dumps(value))
    with pytest.raises(InputError, match="damaged or edited"):
        load_json(path)


def test_what_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "x.txt"
    files.write_text(path, "old")
    with contextlib.suppress(ZeroDivisionError), files.replacing(path) as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x.txt", "old")]


def test_too_little_room_is_said_before_anything_is_written(tmp_path):
    path = tmp_path / "x.txt"
    files.write_text(path, "old")
    with pytest.raises(InputError, match=r"MB free[\s\S]*1,000,000,000.0 MB of free disk space"):
        files.replacing(path, 10**15).__enter__()
    assert path.read_text() == "old"


@pytest.mark.parametrize("make", [make_npz, make_weights, make_resume])
def test_a_disk_that_fills_while_writing_keeps_what_was_there(tmp_path, make):
    """A limit on the size of files stands for the full disk: the system refuses the write in the same way."""
    path = tmp_path / "file"
    make(path)
    before = path.read_bytes()

    def written_again():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        with pytest.raises(InputError, match=r"cannot write[\s\S]*MB free"):
            make(path)

    Forked(written_again).result()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "outputs").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="cannot write"):
        files.write_text(tmp_path / "outputs/run/x.txt", "")
    with pytest.raises(InputError, match="cannot write"), files.lock(tmp_path / "outputs/locks/x", "x"):
        pass


def test_the_second_process_hears_who_holds_the_lock(tmp_path):
    code = f"""
import sys
from pathlib import Path
from comp import files
with files.lock(Path({str(tmp_path / "lock")!r}), "fold 1 of r"):
    print("held", flush=True); sys.stdin.readline()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(InputError, match=f"fold 1 of r is in use by process {holder.pid}"):  # noqa: SIM117
        with files.lock(tmp_path / "lock", "fold 1 of r"):
            pass
    holder.kill()  # however it ends, the lock is free
    holder.wait()
    with files.lock(tmp_path / "lock", "fold 1 of r"):
        pass


def test_what_a_killed_process_left_is_swept(tmp_path):
    left = tmp_path / ".x.txt.999999999.tmp"
    left.write_text("half")
    files.write_text(tmp_path / "x.txt", "whole")
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


# Arrays ---------------------------------------------------------------------------------------------------------------

SHAPES = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@settings(deadline=None, max_examples=60)
@given(SHAPES, st.sampled_from(["C", "F"]), st.sampled_from(["<f4", "<f8", "<i8", "<U3", "?"]))
def test_arrays_of_any_shape_type_and_order_are_read_in_c_order(tmp_path_factory, shape, order, dtype):
    path = tmp_path_factory.mktemp("arrays") / "x.npz"
    values = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    np.savez(path, x=np.asarray(values, order=order))
    values_read = files.read_arrays(path, ("x",))["x"]
    np.testing.assert_array_equal(values_read, values)
    assert values_read.shape == shape
    assert values_read.flags.c_contiguous


def test_a_missing_array_is_named_and_an_optional_one_may_be_missing(tmp_path):
    np.savez(tmp_path / "x.npz", ids=np.array(["a"]))
    assert list(files.read_arrays(tmp_path / "x.npz", ("ids",), optional=("meta",))) == ["ids"]
    with pytest.raises(ValueError, match=r"no array probs; it has ids\.npy"):
        files.read_arrays(tmp_path / "x.npz", ("ids", "probs"))


def test_objects_are_refused_with_what_to_do(tmp_path):
    np.savez(tmp_path / "x.npz", ids=np.array(["a"], object))
    with pytest.raises(ValueError, match=r"save ids.astype\(str\)"):
        files.read_arrays(tmp_path / "x.npz", ("ids",))


# ---- disks that lack something


@pytest.mark.parametrize("number", files.NO_LOCKS)
def test_on_a_disk_without_locks_the_work_goes_on_with_one_warning(tmp_path, monkeypatch, capsys, number):
    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.fcntl, "flock", refused)
    for _ in range(2):
        with files.lock(tmp_path / "locks/x", "x"):
            files.write_text(tmp_path / "made", "whole")
    assert (tmp_path / "made").read_text(encoding="utf-8") == "whole"
    assert capsys.readouterr().err.count("has no file locks") == 1


def test_a_lock_that_fails_otherwise_is_one_clear_error(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(files.fcntl, "flock", refused)
    with pytest.raises(InputError, match="cannot write"), files.lock(tmp_path / "x", "x"):
        pass


@pytest.mark.parametrize("number", files.UNSUPPORTED)
def test_a_disk_without_fsync_gets_its_files(tmp_path, monkeypatch, number):
    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", refused)
    files.write_text(tmp_path / "made", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_every_text_file_is_opened_with_its_encoding():
    """Without it, Python uses the encoding of the terminal, which is not UTF-8 everywhere."""
    problems = []
    for path in [*(ROOT / "comp").rglob("*.py"), *(ROOT / "tools").glob("*.py")]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            method = isinstance(call, ast.Call) and getattr(call.func, "attr", "")
            named = {keyword.arg for keyword in call.keywords} if isinstance(call, ast.Call) else set()
            writes = method == "write_text" and getattr(call.func.value, "id", "") != "files"
            if (method == "read_text" or writes) and "encoding" not in named:
                problems.append(f"{path} line {call.lineno}")
    assert not problems, problems
