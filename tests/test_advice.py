"""The advice of an error leads further: its commands are complete, and followed, they do not end in the same error.

Every command that a message prints is checked: targets, variables, models, runs, folds and files exist, and a shell
reads its paths as they are. Commands that a test can run (no training) are run in the state of the error. Of all others
it is checked that they are not the command that has just failed. All homes have a blank in their path.
"""

import ast
import functools
import itertools
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from drawn_runs import draw_run, drawn_home, run
from test_bad_competitions import BAD_FILES, drawn
from test_bad_input import BAD, home  # noqa: F401  a fixture
from test_options import VARIABLES

from comp import files
from comp.recipes import catalog
from comp.store import runs
from comp.store.runs import Run
from comp.text import split_names

TARGETS = {
    "make_folds": "folds",
    "blend": "blend",
    "make_sub": "sub",
    "train_fold": "train",
    "predict_fold": "predict",
    "vote": "vote",
    "init_competition": "init",
    "compare": "compare",
    "leaderboard": "lb",
    "embed": "embed",
    "stack": "stack",
    "look": "look",
    "export": "export",
    "scores": "scores",
    "status": "status",
}
SCRIPTS = {
    "folds": ["make_folds"],
    "blend": ["blend", "make_sub"],
    "sub": ["make_sub"],
    "init": ["init_competition"],
    "compare": ["compare"],
    "lb": ["leaderboard"],
    "stack": ["stack"],
    "look": ["look"],
    "export": ["export"],
}
MAKEFILE = (ROOT / "Makefile").read_text()
KNOWN_TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.M))
KNOWN_VARIABLES = set(VARIABLES)
VALUE = r"""(?:"[^"]*"|'[^']*'|<[^>]*>|[^\s,;:)&"'])*"""
PATH = r"""(?:'/[^']*'|/[^\s,;:)&"']+)"""
COMMAND = re.compile(rf"make [a-z-]+(?: [A-Z_]+={VALUE})*|rm (?:-r )?{PATH}(?: {PATH})*")
QUOTING = ("quote", "quoted")  # functions that make one word of a path


# ---- what a command says


def commands(text: str) -> list[list[str]]:
    """The commands in a text, as the words that a shell makes of them; a <placeholder> is one word."""
    return [shlex.split(re.sub("<[^>]*>", r"\\<\\>", command)) for command in COMMAND.findall(text)]


def check_commands(text: str, place: Path, typed=()) -> None:
    """Fail unless all commands of a printed text can be typed in this place. typed: words of the user's own command."""
    assert not re.search(r"make [a-z-]+[^,;\n]*=\S*(\.\.\.|…)", text), f"not a complete command: {text}"
    for name in re.findall(r"\b([A-Z_]+)=", text):
        assert name in KNOWN_VARIABLES, f"no variable {name}: {text}"
    for words in commands(text):
        if words[0] == "rm":
            check_removal(words, place)
        else:
            pairs = (word.split("=", 1) for word in words[2:])
            check_make(words[1], {name: value for name, value in pairs if value not in typed}, place)


def check_removal(words: list[str], place: Path) -> None:
    """What is deleted exists, and lies below the outputs folder."""
    for path in map(Path, words[1 + (words[1] == "-r") :]):
        assert path.exists(), f"{path} does not exist: {words}"
        assert path.resolve().is_relative_to((place / "out").resolve()), f"{path} was not generated: {words}"


def check_make(target: str, given: dict[str, str], place: Path) -> None:
    """Target and variables are known, and the values name what exists."""
    assert target in KNOWN_TARGETS, f"make {target}"
    given = {name: value for name, value in given.items() if not re.search("<.*>", value)}
    if "MODEL" in given:
        catalog.check_model_name(catalog.get_recipe(given["MODEL"]).model, catalog.recipe_names())
    if target in ("train", "predict"):
        check_run_of_model(target, given, place / "out")
    names = runs.run_names(place / "out")
    if target in ("sub", "look", "pseudo"):
        assert given.get("RUN", "blend") in (*names, "blend"), given
    for name in ("RUNS", "A", "B"):
        for value in split_names(given.get(name, ""), names.__contains__):
            assert value in (*names, *["blend"] * (name != "RUNS")), given
    if given.get("FOLD") not in (None, "all", "all_data"):
        assert int(given["FOLD"]) in set(pd.read_csv(place / "out/folds.csv")["fold"]), given
    check_files(given, place)


def check_run_of_model(target: str, given: dict[str, str], out: Path) -> None:
    """MODEL is the model that RUN was trained with, and `make predict` names a run that was trained."""
    if "MODEL" not in given:  # a <placeholder>
        return
    recipe = out / given.get("RUN", given["MODEL"]) / "recipe.json"
    assert recipe.is_file() or target == "train", f"make predict of no trained run: {given}"
    try:
        content = json.loads(recipe.read_text()) if recipe.is_file() else {}
    except ValueError:  # damaged
        return
    assert content.get("kind", "trained") == "trained", f"make {target} of a run that is not trained: {given}"
    assert content.get("recipe", {}).get("name", given["MODEL"]) == given["MODEL"], f"another model: {given}"


def check_files(given: dict[str, str], place: Path) -> None:
    """Files, submissions and photos that a command names exist."""
    for name in split_names(given.get("FILES", ""), lambda name: Path(name).is_file()):
        assert Path(name).is_file(), given
    if given.get("FILE"):
        kept = [path.name for path in (place / "out/submissions").glob("*.csv")]
        assert Path(given["FILE"]).is_file() or any(name.startswith(given["FILE"]) for name in kept), given
    if given.get("IMAGE"):
        assert (place / "in" / given["IMAGE"]).is_file(), given


# ---- a command that is followed


def error_of(printed: str) -> tuple[str, str]:
    """The problem (its first line), and the advice."""
    assert "error: " in printed, printed
    return printed.partition("error: ")[2].splitlines()[0], printed.partition("run:      ")[2].strip()


def first_alternative(advice: str) -> list[list[str]]:
    """The commands of the first alternative of an advice; those with a <placeholder> cannot be run."""
    return [words for words in commands(re.split(r"[;,] or ", advice)[0]) if not re.search("<.*>", " ".join(words))]


def options(words: list[str]) -> list[str]:
    """Variables of make as options of a script."""
    pairs = (word.split("=", 1) for word in words)
    return [part for name, value in pairs for part in (f"--{name.lower().replace('_', '-')}", value)]


def carried_out(place: Path, words: list[str]) -> tuple[int, str] | None:
    """Exit code and output of a command; None for a command that a test does not run."""
    if words[0] == "rm":
        return subprocess.run(words, check=True).returncode, ""
    if words[1] not in SCRIPTS:
        return None
    printed = ""
    for script in SCRIPTS[words[1]]:
        code, output = run(place, script, *options(words[2:]))
        printed += output
        if code:
            return code, printed
    return 0, printed


def check_advice(place: Path, script: str, *more) -> None:
    """Fail unless the error of a stage has advice that is complete and leads further."""
    problem, advice = error_of(run(place, script, *more)[1])
    assert advice, f"no advice: {problem}"
    check_commands(advice, place, typed=more if script == "leaderboard" else ())
    first = first_alternative(advice)
    given = {(words[1], *options(words[2:])) for words in first if words[0] == "make"}
    assert (TARGETS[script], *map(str, more)) not in given, f"the advice is what has just failed: {advice}"
    done = [carried_out(place, words) for words in first]
    if not done or None in done:
        return
    assert not any(problem in printed for _, printed in done)
    repaired = TARGETS[script] not in {name for name, *_ in given}  # else it was the same stage, with other words
    if repaired and not any(code for code, _ in done):  # a command that ended in another error has led further, too
        assert problem not in run(place, script, *more)[1]


@pytest.mark.parametrize("kind", BAD)
def test_advice_that_is_followed_does_not_end_in_the_same_error(home, tmp_path, kind):  # noqa: F811
    damage, (script, *more), _ = BAD[kind]
    copy = shutil.copytree(home, tmp_path / "my home")
    damage(copy)
    check_advice(copy, script, *more)


@pytest.mark.parametrize("kind", BAD_FILES)
def test_advice_about_files_that_is_followed_does_not_end_in_the_same_error(tmp_path, kind):
    copy = tmp_path / "my home"
    copy.mkdir()
    BAD_FILES[kind][0](drawn(copy))
    check_advice(copy, "make_folds", "--folds", 3)


# ---- runs of every kind whose predictions are missing or damaged

KINDS = ("a", "second", "features")  # a run named otherwise than its model, a stack, a classifier on features
DAMAGE = {
    "missing": lambda run: run.oof(1).unlink(),
    "damaged": lambda run: run.oof(1).write_bytes(run.oof(1).read_bytes()[:200]),
    "recipe damaged": lambda run: run.recipe.write_bytes(run.recipe.read_bytes()[:-9]),
}
STAGES = {
    "predict": lambda name: ("predict_fold", "--model", "resnet18", "--run", name),
    "blend": lambda name: ("blend", "--runs", f"{name} b"),
    "scores": lambda name: ("scores",),
    "compare": lambda name: ("compare", "--a", name, "--b", "b"),
    "status": lambda name: ("status",),
}


@pytest.fixture(scope="module")
def three_kinds(tmp_path_factory) -> Path:
    """A place with the trained runs a and b, the stack `second`, and `features`, which `make embed` would have made."""
    place = drawn_home(tmp_path_factory.mktemp("advice") / "my home")
    code, printed = run(place, "stack", "--run", "second", "--runs", "a b", "--set", "grid=0.1")
    assert code == 0, printed
    features, command = draw_run(place, "features", 7), "make embed MODEL=test_resnet RUN=features"
    content = files.read_json(features.recipe, "", "")
    files.write_json(features.recipe, content | {"kind": "features", "command": command})
    for path in features.folder.glob("fold*/*.npz"):
        arrays = files.read_arrays(path, ("ids", "probs", "classes", "meta"))
        meta = json.loads(str(arrays["meta"])) | {"recipe": files.digest(features.recipe)}
        files.write_arrays(path, **{**arrays, "meta": np.asarray(json.dumps(meta))})
    return place


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", KINDS)
def test_advice_about_predictions_fits_the_kind_of_the_run(three_kinds, tmp_path, name, damage, stage):
    copy = shutil.copytree(three_kinds, tmp_path / "my home")
    DAMAGE[damage](Run(copy / "out", name))
    code, printed = run(copy, *STAGES[stage](name))
    assert code in (0, 2), printed
    check_commands(printed, copy)
    wrong_command = stage == "predict" and name != "a"  # also after the predictions were made again
    if wrong_command and damage != "recipe damaged":
        assert first_alternative(error_of(printed)[1])[0] == shlex.split(Run(copy / "out", name).command)
    elif code:
        check_advice(copy, *STAGES[stage](name))


# ---- advice that no test triggers


@functools.cache
def sources() -> list[tuple[Path, ast.AST]]:
    """Every node of the Python files of comp/ and tools/."""
    paths = sorted([*(ROOT / "comp").rglob("*.py"), *(ROOT / "tools").rglob("*.py")])
    trees = [(path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]
    return [(path, node) for path, tree in trees for node in ast.walk(tree)]


def test_every_error_has_advice():
    for path, call in sources():
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "InputError" and path.parts[0] == "comp":
            unpacked = any(isinstance(argument, ast.Starred) for argument in call.args)
            named = {keyword.arg for keyword in call.keywords}
            assert len(call.args) >= 3 or unpacked or "run" in named, f"{path} line {call.lineno}"


def test_no_command_in_the_code_has_an_ellipsis_or_names_an_unknown_target_or_variable():
    problems = []
    for path, node in sources():
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        for target, given in re.findall(rf"\bmake ([a-z-]+)((?: [A-Z_]+={VALUE})+)", node.value):
            unknown = set(re.findall(r" ([A-Z_]+)=", re.sub(r"\"[^\"]*\"", "", given))) - KNOWN_VARIABLES
            if target not in KNOWN_TARGETS or unknown or re.search(r"\.\.\.|=…", given):
                problems.append(f"{path} line {node.lineno}: make {target}{given}")
    assert not problems, "\n".join(problems)


SHELL = "rm|ls|mv|cd|cp|cat|chmod|df|head"
AWKWARD = "my results (1) $x 'q'"


def advised_to_delete(advice: str) -> list[Path]:
    """The paths after `rm -r` in an advice, as a shell reads them."""
    command = re.split(r", then |; or | && ", advice.partition("rm -r ")[2])[0]
    return [Path(word) for word in shlex.split(command)]


def test_what_is_deleted_for_other_folds_are_the_runs_alone(home, tmp_path):  # noqa: F811
    """Files of other people and the submissions stay, and the shell reads each path as one word."""
    copy = shutil.copytree(home, tmp_path / AWKWARD)
    (copy / "out/mate").mkdir()
    kept = {"folds.csv", "submission.csv", "submissions", "mate"}
    code, printed = run(copy, "make_folds", "--folds", 4)
    problem, advice = error_of(printed)
    assert code == 2
    assert advice.startswith("the same command with OUTPUTS=<another folder>; or")
    assert advised_to_delete(advice) == [copy / "out" / name for name in ("a", "b", "blend")]
    for path in advised_to_delete(advice):
        shutil.rmtree(path)
    assert kept <= {path.name for path in (copy / "out").iterdir()}
    assert problem not in run(copy, "make_folds", "--folds", 4)[1]


def test_a_shell_reads_the_paths_of_an_awkward_folder_as_they_are(tmp_path):
    one = Run(tmp_path / AWKWARD, "a")
    assert advised_to_delete(one.restart_command(1)) == [one.fold(1)]
    assert shlex.split(runs.make_command("train", MODEL="m", SET="loss='0.4 f1' $x")) == [
        "make",
        "train",
        "MODEL=m",
        "SET=loss='0.4 f1' $x",
    ]
    error = files.cannot_write(one.fold(1) / "x", OSError(13, "Permission denied"))
    assert shlex.split(error.run) == ["ls", "-ld", str(one.fold(1))]


def test_every_path_in_a_command_of_the_shell_is_quoted():
    """A command f"rm {path}" is cut in two where the path has a blank."""
    problems = []
    for path, node in sources():
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for before, value in itertools.pairwise(parts):
            if isinstance(before, ast.Constant) and re.search(rf"\b({SHELL})( -\w+)* $", before.value):
                call = value.value if isinstance(value, ast.FormattedValue) else None
                name = getattr(call.func, "attr", getattr(call.func, "id", "")) if isinstance(call, ast.Call) else ""
                if name not in QUOTING:
                    problems.append(f"{path} line {node.lineno}: {ast.unparse(node)}")
    assert not problems, "\n".join(problems)
