"""The options: declared once, taken alike by make and by the scripts, and refused when nobody knows them."""

import ast
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from drawn_runs import drawn_home, run

from comp.errors import InputError
from comp.hardware import launch

MODULE = runpy.run_path(str(ROOT / "tools/options.py"))
OPTIONS, MAKE_ONLY, parse = MODULE["OPTIONS"], MODULE["MAKE_ONLY"], MODULE["parse"]
VARIABLES = [name.upper().replace("-", "_") for name in (*OPTIONS, *MAKE_ONLY)]
PLACES = ("INPUTS", "OUTPUTS", "COMPETITION")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return drawn_home(tmp_path_factory.mktemp("options"))


def make(*words, shell=None) -> tuple[int, str]:
    """make with the Python of the tests; shell: variables of the environment. Its exit code, and what it printed."""
    command = ["make", "-f", ROOT / "Makefile", "-o", ".venv/ready", f"PY={sys.executable}", *words]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False, env=kept | (shell or {})
    )
    return done.returncode, done.stdout + done.stderr


def in_home(home) -> list[str]:
    return [f"INPUTS={home}/in", f"OUTPUTS={home}/out"]


# ---- words


def test_a_variable_and_an_option_are_the_same():
    names = ("run", "folds", "share", "no-predict", "most-per-class")
    as_variables = ["RUN=it's a (run)", "FOLDS=3", "SHARE=0.5", "NO_PREDICT=1", "MOST_PER_CLASS=7"]
    as_options = ["--run", "it's a (run)", "--folds=3", "--share", "0.5", "--no-predict", "--most-per-class", "7"]
    assert parse("", *names, words=as_variables) == parse("", *names, words=as_options)
    assert parse("", *names, words=[]).folds == OPTIONS["folds"].default


def test_home_stands_for_the_home_folder_in_paths_alone(monkeypatch):
    monkeypatch.setenv("HOME", "/home/my self")
    for path in ("~/a b", "$HOME/a b", "${HOME}/a b"):
        assert parse("", "outputs", words=[f"OUTPUTS={path}"]).outputs == "/home/my self/a b"
    assert parse("", "files", words=["FILES=~/a.csv ~/b.csv,c~/d.csv"]).files == (
        "/home/my self/a.csv /home/my self/b.csv,c~/d.csv"
    )
    for path in ("x/~/a", "~else/a", "./~", "x/$HOME"):
        assert parse("", "inputs", words=["--inputs", path]).inputs == path
    assert parse("", "run", words=["RUN=~/a"]).run == "~/a"
    with pytest.raises(InputError, match="not UTF-8"):
        parse("", "inputs", words=["INPUTS=caf\udce9"])


def test_a_value_may_hold_an_equals_sign_and_be_empty():
    given = parse("", "set", "run", words=["SET=lr=3e-4 epochs=2", "RUN="])
    assert (given.set, given.run) == ("lr=3e-4 epochs=2", "")


@pytest.mark.parametrize(
    ("word", "expected"), [("NO_PREDICT=1", True), ("NO_PREDICT=0", False), ("NO_PREDICT=", False)]
)
def test_1_says_yes_to_a_switch(word, expected):
    assert parse("", "no-predict", words=[word]).no_predict is expected


def test_a_variable_of_another_target_is_ignored_and_an_option_of_another_script_is_not():
    assert parse("", "run", words=["FOLDS=3", "GPUS=2", "RUN=x"]).run == "x"
    with pytest.raises(SystemExit):
        parse("", "run", words=["--folds", "3"])


NUMBERS = [name for name, option in OPTIONS.items() if type(option.default) in (int, float)]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_cannot_be_is_refused_with_its_limits(name):
    option, variable = OPTIONS[name], name.upper().replace("-", "_")
    bad = ["two", "", "nan", "inf", "-inf", "1e999", *(["1.5", "2e0"] if type(option.default) is int else [])]
    bad += [] if option.least is None else [str(option.least - 1), "-9999999999"]
    bad += [] if option.most is None else [str(option.most + 1), str(20261129200159)]
    for text in bad:
        with pytest.raises(InputError) as error:
            parse("", name, words=[f"{variable}={text}"])
        assert error.value.found == f"{variable}={text} is not allowed"
        assert all(str(limit) in error.value.expected for limit in (option.least, option.most) if limit is not None)
        assert parse("", name, words=[error.value.run.split()[-1]]) == parse("", name, words=[])
    good = [option.default, *(limit for limit in (option.least, option.most) if limit is not None)]
    assert [vars(parse("", name, words=[f"{variable}={value}"])).popitem()[1] for value in good] == good


@pytest.mark.parametrize("count", ["0", "-1", "two", "1.5", "²", " 2", "$x"])
def test_a_number_of_gpus_that_cannot_be_is_one_clear_error(count):
    with pytest.raises(InputError) as error:
        launch.process_count(count)
    assert error.value.found == f"GPUS={count} is not allowed"
    assert launch.process_count("2") == 2


def test_an_error_of_several_processes_is_printed_once_without_the_report_of_torchrun(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from comp import console\nfrom comp.errors import InputError\n"
        "def main():\n    raise InputError('a problem', 'another', 'a command')\nconsole.run_stage(main)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "comp.hardware.launch", "2", str(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: a problem\nexpected: another\nrun:      a command\n"


@pytest.mark.parametrize(("word", "nearest"), [("MODLE=x", "MODEL"), ("METHD=x", "METHOD"), ("RUM=x", "RUN")])
def test_an_unknown_variable_is_refused_with_the_nearest_name(word, nearest):
    with pytest.raises(InputError) as error:
        parse("", "model", words=[word])
    assert error.value.found.startswith(word.split("=")[0] + "=")
    assert f"{nearest}=" in error.value.run


@pytest.mark.parametrize("target", ["train", "status", "blend", "demo", "bench", "init"])
def test_make_refuses_an_unknown_variable_too(home, target):
    before = {path: path.read_bytes() for path in (home / "out").rglob("*") if path.is_file()}
    code, printed = make(target, *in_home(home), "MODLE=resnet18")
    assert code == 2
    assert "MODLE=" in printed
    assert "MODEL=" in printed
    assert "Traceback" not in printed
    assert {path: path.read_bytes() for path in (home / "out").rglob("*") if path.is_file()} == before


def test_a_switch_goes_through_make():
    for word, expected in (("ADVERSARIAL=1", "ADVERSARIAL"), ("NO_PREDICT=1", "NO_PREDICT")):
        printed = make("-n", "folds", word)[1]
        assert f'{expected}="${expected}"' in printed


# ---- variables of the shell


SHELL = {"MODEL": "resnet34", "SEED": "7", "FILE": "x.csv", "OUTPUTS": "elsewhere", "RUN": "x", "FOLD": "1", "A": "b"}


@pytest.mark.parametrize("target", ["train", "predict"])
def test_several_gpus_are_one_torchrun_with_a_process_for_each(target):
    _, one = make("-n", target, "MODEL=resnet34")
    _, two = make("-n", target, "MODEL=resnet34", "GPUS=2")
    assert "comp.hardware.launch" not in one
    launch = '-m comp.hardware.launch "$GPUS" tools/'
    assert two.strip() == one.strip().replace("tools/", launch, 1)


def test_variables_of_the_shell_change_no_command():
    for target in ("train", "folds", "blend", "status", "lb", "clean-cache"):
        assert make("-n", target, shell=SHELL) == make("-n", target)


def test_variables_of_the_shell_change_no_status(home, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    shutil.copytree(home / "in", place / "inputs")
    shutil.copytree(home / "out", place / "outputs")
    for link in ("tools", "comp", "Makefile"):
        (place / link).symlink_to(ROOT / link)
    before = make("-C", place, "status")
    assert before[0] == 0, before[1]
    assert "a fold 0" in before[1]
    assert make("-C", place, "status", shell=SHELL) == before
    assert not (place / "elsewhere").exists()


# ---- help


def test_make_help_lists_every_option_and_every_target():
    code, printed = make("help")
    assert code == 0
    for name in VARIABLES:
        assert re.search(rf"^  {name}=\S* +\S", printed, re.M), name
    for target in re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M):
        assert f"\n  {target} " in printed


def test_the_help_of_a_script_has_the_options_that_it_takes(home):
    for path in sorted((ROOT / "tools").glob("*.py")):
        if path.name != "options.py":
            code, printed = run(home, path.stem, "--help")
            assert code == 0, printed
            names = {part[2:] for part in re.findall(r"--[a-z-]+", printed)}
            assert {"inputs", "outputs"} <= names, path.name


# ---- declared once


def test_only_one_module_declares_the_options_of_make():
    """The scripts in tools/dev/ that no target runs have options of their own."""
    of_make = {ROOT / name for name in re.findall(r"tools/[a-z_/]+\.py", (ROOT / "Makefile").read_text())}
    scripts = {*of_make, *(ROOT / "tools").glob("*.py"), *(ROOT / "comp").rglob("*.py")}
    words = ("add_argument", "ArgumentParser")
    declaring = [
        str(path.relative_to(ROOT))
        for path in sorted(scripts)
        if any(isinstance(node, ast.Attribute) and node.attr in words for node in nodes(path))
    ]
    assert declaring == ["tools/options.py"]


def nodes(path):
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def test_the_makefile_names_no_option_but_where_things_are_and_how_python_is_started():
    lines = [line for line in (ROOT / "Makefile").read_text().splitlines() if not line.lstrip().startswith("#")]
    code = "\n".join(line.partition("## ")[0] for line in lines)
    used = {name for name in VARIABLES if re.search(rf"(?<![A-Za-z_]){name}(?![A-Za-z_])", code)}
    assert used <= {*PLACES, *(name.upper() for name in MAKE_ONLY)}


def test_every_option_is_used_by_a_script():
    asked = {
        node.value
        for path in (ROOT / "tools").rglob("*.py")
        if path.name != "options.py"
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(OPTIONS) - asked <= {"inputs", "outputs", "competition"}


def test_no_two_options_have_the_same_variable():
    assert len(set(VARIABLES)) == len(VARIABLES)
    assert all(shlex.quote(name) == name for name in VARIABLES)
