"""The interface: make decides by content, its words reach the scripts as they are typed, and its stages agree."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from drawn_runs import draw_guest, draw_run, drawn_home, run

from comp import files
from comp.inputs import mask_gender_age as competition
from comp.metrics import named_metrics
from comp.store import frozen_competition

QUICK = ("--method", "equal", "--rule", "argmax")
NAMES = ["-it's (a) [1] %d \\n *", '$HOME "q" `id` 한글 é; & #']


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A home with a blend of two drawn runs, and its submission."""
    home = drawn_home(tmp_path_factory.mktemp("make"))
    draw_guest(home, "mate", 2)
    blend(home)
    return home


@pytest.fixture
def home(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "home", copy_function=shutil.copy2)


def make(*words, inputs, outputs, cwd=ROOT):
    """make, with the environment that the tests run in standing for .venv."""
    command = ["make", "-f", ROOT / "Makefile", "-o", ".venv/ready", f"PY={sys.executable}", f"INPUTS={inputs}"]
    command = [*command, f"OUTPUTS={outputs}", *words]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False, env=variables)
    return done.returncode, done.stdout + done.stderr


def make_in(home, *words):
    return make(*words, inputs=home / "in", outputs=home / "out")


def blend(home, *more) -> str:
    """What `make blend` does: both stages; what they print."""
    printed = ""
    for stage, words in (("blend", (*QUICK, *more)), ("make_sub", ())):
        code, said = run(home, stage, *words)
        assert code == 0, said
        printed += said
    return printed


def rows_of_status(home) -> dict[str, str]:
    code, printed = run(home, "status")
    assert code == 0, printed
    return {line.strip().split("  ")[0]: line for line in printed.splitlines()}


def blended(home) -> list[str]:
    return json.loads((home / "out/blend/weights.json").read_text())["runs"]


def everything(home) -> dict:
    """Every file with its content and the moment when it was written."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (home / "out").rglob("*") if path.is_file()}


# A stage that finds nothing changed does nothing ---------------------------------------------------------------------


def test_what_is_made_of_the_same_content_is_left_alone_whatever_the_times_are(home):
    for i, path in enumerate(sorted((home / "out").rglob("*"))):
        os.utime(path, (i * 1_000_003 % 2_000_000_000,) * 2)
    before = everything(home)
    code, printed = make_in(home, "blend", "METHOD=equal", "RULE=argmax")
    assert code == 0, printed
    assert printed.count("is up to date") == 2
    assert everything(home) == before
    status = rows_of_status(home)
    assert "complete" in status["blend"]
    assert "complete" in status["submission.csv"]


@pytest.mark.parametrize(("name", "more"), [("blend", QUICK), ("make_sub", ())])
def test_finding_that_out_imports_no_large_library(home, name, more):
    argv = [name, "--inputs", str(home / "in"), "--outputs", str(home / "out"), *more]
    code = (
        f"import runpy, sys; sys.path.insert(0, 'tools'); sys.argv = {argv!r}\n"
        f"runpy.run_path('tools/{name}.py', run_name='__main__')\n"
        "print(*{'torch', 'scipy', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "up to date" in done.stdout
    assert done.stdout.splitlines()[-1] == ""


# A stage that finds a change does it again, and make blend, make sub and make status agree on it ---------------------


def older(path: Path) -> None:
    os.utime(path, (0, 0))


def new_run(home):
    draw_run(home, "c", 7)


def new_guest(home):
    draw_guest(home, "kim mate", 7)


def guest_again(home):
    for path in draw_guest(home, "mate", 8):
        older(path)


def run_again(home):
    for path in draw_run(home, "b", 9).folder.rglob("*"):
        older(path)


def run_gone(home):
    shutil.rmtree(home / "out/b")


def fold_gone(home):
    (home / "out/b/fold1/test.npz").unlink()


def competition_changed(home):
    frozen_competition.save(home / "out", replace(competition.competition(), metric=named_metrics.get("accuracy")))


def sample_changed(home):
    table = pd.read_csv(home / "in/eval/info.csv")
    table[::-1].to_csv(home / "in/eval/info.csv", index=False)


def damage(name):
    def cut(home):
        path = home / "out/blend" / name
        path.write_bytes(path.read_bytes()[:-9])
        os.utime(path, (2_000_000_000,) * 2)

    return cut


def remove(name):
    return lambda home: (home / "out/blend" / name).unlink()


CHANGES = {
    "a new run": new_run,
    "a new guest whose name has a blank": new_guest,
    "a guest's second files, with older times": guest_again,
    "a run predicted again, with older times": run_again,
    "a run that is gone": run_gone,
    "a fold that is gone": fold_gone,
    "another metric": competition_changed,
    "another order of the sample": sample_changed,
    "weights.json of another version": lambda h: files.write_json(h / "out/blend/weights.json", {"runs": ["a"]}),
    **{f"a damaged {name}": damage(name) for name in ("weights.json", "oof.npz", "test.npz")},
    **{f"no {name}": remove(name) for name in ("weights.json", "oof.npz", "test.npz")},
}


@pytest.mark.parametrize("kind", CHANGES)
def test_make_blend_make_sub_and_make_status_agree_on_what_has_changed(home, kind):
    CHANGES[kind](home)
    status = rows_of_status(home)
    assert "complete" not in status["blend"]
    assert "stale" in status["submission.csv"]
    before = everything(home)
    code, printed = run(home, "make_sub")
    assert code == 2
    assert "make blend" in printed
    assert everything(home) == before
    assert f"wrote {home}/out/blend" in blend(home)
    status = rows_of_status(home)
    assert "complete" in status["blend"]
    assert "complete" in status["submission.csv"]
    assert blend(home).count("is up to date") == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--runs", "a"),
        ("--runs", "b,a"),
        ("--method", "geometric"),
        ("--rule", "expected"),
    ],
)
def test_other_words_make_another_blend_and_back(home, words):
    first = (home / "out/blend/weights.json").read_bytes()
    assert "wrote" in blend(home, *words)
    assert blend(home, *words).count("is up to date") == 2
    assert "complete" in rows_of_status(home)["blend"]  # it is the blend that was asked for
    assert run(home, "make_sub")[0] == 0
    assert "wrote" in blend(home)
    assert (home / "out/blend/weights.json").read_bytes() == first


def test_the_advice_of_a_stale_blend_leads_to_one_that_is_not(home):
    blend(home, "--runs", "b")
    assert "RUNS=b" in rows_of_status(home)["blend"]
    draw_run(home, "b", 30)
    assert "make blend RUNS=b" in run(home, "make_sub")[1]
    blend(home, "--runs", "b")
    run_gone(home)
    assert "RUNS" not in run(home, "make_sub")[1]  # a run that is gone cannot be asked for
    blend(home)
    assert "up to date" in run(home, "make_sub")[1]


def test_a_run_that_is_made_before_make_blend_in_one_command_is_blended(home):
    """make must not look at files before the stages of the same command have made them."""
    for path in draw_guest(home, "late", 5):
        path.rename(home / path.name)
    stage = f"late:\n\tmkdir -p '{home}/out/late'; mv '{home}/oof.csv' '{home}/test.csv' '{home}/out/late'\n"
    (home / "late.mk").write_text(stage)
    code, printed = make_in(home, "-f", home / "late.mk", "-j4", "late", "blend", "METHOD=equal", "RULE=argmax")
    assert code == 0, printed
    assert blended(home) == ["a", "b", "late", "mate"]


def test_the_stages_of_one_command_run_one_after_another(home):
    for name in ("a", "b", "blend"):
        shutil.rmtree(home / "out" / name)
    for name in ("folds.csv", "folds.json", "competition.json", "submission.csv"):
        (home / "out" / name).unlink()
    code, printed = make_in(home, "-j4", "folds", "blend", "status", "FOLDS=3", "METHOD=equal", "RULE=argmax")
    assert code == 0, printed
    assert blended(home) == ["mate"]


# submission.csv ------------------------------------------------------------------------------------------------------


def sub_of_a_run(home):
    assert run(home, "make_sub", "--run", "a")[0] == 0
    assert "of run a" in rows_of_status(home)["submission.csv"]


def a_vote(home):
    for i in range(2):
        pd.read_csv(home / "in/eval/info.csv").assign(ans=i).to_csv(home / f"{i}.csv", index=False)
    words = ("vote", "--files", f"{home}/0.csv, {home}/1.csv")
    assert "wrote" in run(home, *words)[1]
    assert "up to date" in run(home, *words)[1]
    assert "of a vote" in rows_of_status(home)["submission.csv"]


def other_file(name, data):
    def write(home):
        (home / "out" / name).write_bytes(data)
        assert "stale" in rows_of_status(home)["submission.csv"]

    return write


BETWEEN = {
    "make sub RUN=a": sub_of_a_run,
    "make vote": a_vote,
    "an editor": other_file("submission.csv", b"ImageID,ans\n"),
    "a damaged submission.json": other_file("submission.json", b"{}"),
    "rm": lambda home: (home / "out/submission.csv").unlink(),
    "rm -r submissions": lambda home: shutil.rmtree(home / "out/submissions"),
}


@pytest.mark.parametrize("kind", BETWEEN)
def test_make_blend_always_ends_with_the_blends_submission(home, kind):
    expected = (home / "out/submission.csv").read_bytes()
    BETWEEN[kind](home)
    printed = blend(home)
    assert printed.count("is up to date") == 1  # the blend
    assert (home / "out/submission.csv").read_bytes() == expected
    assert "of the blend" in rows_of_status(home)["submission.csv"]


def test_a_submission_of_a_run_follows_that_run(home):
    sub_of_a_run(home)
    assert "up to date" in run(home, "make_sub", "--run", "a")[1]
    draw_run(home, "a", 11)
    assert "stale" in rows_of_status(home)["submission.csv"]
    assert "wrote" in run(home, "make_sub", "--run", "a")[1]


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "absolute"), [(NAMES[0], False), (NAMES[1], False), (NAMES[1], True)])
def test_any_name_of_a_folder_reaches_the_stages_as_it_is_typed(home, tmp_path, name, absolute):
    (home / "in").rename(tmp_path / f"{name} in")
    (home / "out").rename(tmp_path / name)
    shutil.rmtree(tmp_path / name / "a")
    for link in ("tools", "comp", "Makefile"):
        (tmp_path / link).symlink_to(ROOT / link)
    before = sorted(path.name for path in tmp_path.iterdir())
    where = {"inputs": f"{name} in", "outputs": name}
    if absolute:
        where = {role: tmp_path / path for role, path in where.items()}
    code, printed = make("blend", "METHOD=equal", "RULE=argmax", cwd=tmp_path, **where)
    assert code == 0, printed
    made = json.loads((tmp_path / name / "blend/weights.json").read_text())
    assert made["runs"] == ["b", "mate"]
    assert sorted(path.name for path in tmp_path.iterdir()) == before  # no folder of half a name


def test_runs_and_files_may_have_such_names_too(home):
    for seed, name in enumerate(NAMES):
        draw_guest(home, name, 20 + seed)
    code, printed = make_in(home, "blend", f"RUNS={' '.join(NAMES)}", "METHOD=equal", "RULE=argmax")
    assert code == 0, printed
    assert blended(home) == NAMES
    for name in NAMES:
        shutil.copy(home / "out/submission.csv", home / f"{name}.csv")
    paths = [f"{home}/{name}.csv" for name in NAMES]
    for code, printed in (
        make_in(home, "vote", f"FILES={', '.join(paths)}"),
        run(home, "vote", "--files", "\n".join(paths)),
    ):
        assert code == 0, printed
    assert "of a vote" in rows_of_status(home)["submission.csv"]


def test_files_of_a_vote_may_be_a_pattern_and_those_that_are_not_there_are_named(home):
    for i in range(3):
        shutil.copy(home / "out/submission.csv", home / f"output ({i}).csv")
    code, printed = make_in(home, "vote", f"FILES={home}/output*.csv")
    assert code == 0, printed
    assert "vote of 3 files" in printed
    code, printed = make_in(home, "vote", f"FILES={home}/output (1).csv {home}/nothing.csv")
    assert code == 2
    assert "nothing.csv" in printed


@pytest.mark.parametrize("words", [("OUTPUTS=", "status"), ("INPUTS=", "status"), ("COMP=a b", "demo"), ("train",)])
def test_words_that_cannot_be_are_refused_in_one_clear_error(home, words):
    code, printed = make_in(home, *words)
    assert code == 2
    assert "expected" in printed
    assert "Traceback" not in printed


def test_make_without_a_model_says_which_there_are(home):
    code, printed = make_in(home, "train")
    assert code == 2
    assert "vit_small_r26" in printed


def test_help_is_the_default_goal_and_names_every_variable(home):
    code, printed = make_in(home)
    assert code == 0
    for variable in ("MODEL", "FOLD", "RUN", "INPUTS", "OUTPUTS", "DEVICE", "SEED", "SET", "TTA", "FILES"):
        assert f"  {variable}=" in printed


# ---- which Python makes .venv

FAKE = """#!/bin/sh
case $1 in
--version) echo "Python {0}" ;;
-c) exec "{1}" -c 'import sys; sys.version_info = (*map(int, "{0}".split(".")), "final", 0); exec(sys.argv[1])' "$2" ;;
*) echo "would run $*"; exit 7 ;;
esac
"""


@pytest.mark.parametrize(
    ("version", "fits"),
    [("2.7.18", 0), ("3.10.4", 0), ("3.11.0", 1), ("3.12.7", 1), ("3.13.5", 1), ("3.14.0", 0), ("4.11.0", 0)],
)
def test_a_python_that_is_not_supported_is_refused_before_venv_is_made(tmp_path, version, fits):
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    (tmp_path / "bin").mkdir()
    for name in ("my python", "python3.12"):
        (tmp_path / "bin" / name).write_text(FAKE.format(version, sys.executable))
        (tmp_path / "bin" / name).chmod(0o755)
    given = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    command = ["make", "-f", ROOT / "Makefile", "setup", f"PYTHON={tmp_path / 'bin/my python'}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=given)
    assert done.returncode == 2
    assert ("would run -m venv .venv" in done.stdout) == bool(fits)
    refusal = f"error: Python {version} found; expected: Python 3.11, 3.12 or 3.13; run: make setup PYTHON=python3."
    assert (refusal in done.stdout) == (not fits)


def test_the_supported_versions_of_python_are_the_same_everywhere():
    versions = re.search(r"^PYTHONS = (.*)", (ROOT / "Makefile").read_text(), re.M)[1].split()
    oldest, newest = versions[-1], versions[0]
    after = f"3.{int(newest.split('.')[1]) + 1}"
    listed = f"{', '.join(versions[:0:-1])} or {newest}"
    assert f'requires-python = ">={oldest},<{after}"' in (ROOT / "pyproject.toml").read_text()
    for file in ("Makefile", "README.md", "tools/options.py"):
        assert listed in (ROOT / file).read_text(), file
