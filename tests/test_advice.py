"""The advice of an error leads further: followed in the state of the error, it does not end in the same error.

Commands that a test can run (no training) are run. Of all others, and of advice to edit or unpack something, it is
checked that they are not what has just failed.
"""

import ast
import re
import shlex
import shutil
import subprocess

import pytest
from conftest import ROOT
from drawn_runs import run
from test_bad_competitions import BAD_FILES, drawn
from test_bad_input import BAD, home  # noqa: F401  a fixture

TARGETS = {
    "make_folds": "folds",
    "blend": "blend",
    "make_sub": "sub",
    "train_fold": "train",
    "vote": "vote",
    "init_competition": "init",
    "compare": "compare",
    "leaderboard": "lb",
    "embed": "embed",
    "stack": "stack",
    "look": "look",
    "export": "export",
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
WORD = r"""(?:"[^"]*"|'[^']*'|[^\s,;:)&]+)"""
COMMAND = re.compile(rf"make [a-z-]+(?: [A-Z]+={WORD})*|rm (?:-r )?{WORD}")


def error_of(printed: str) -> tuple[str, str]:
    """What was found (its first line), and the advice."""
    assert "error: " in printed, printed
    return printed.partition("error: ")[2].splitlines()[0], printed.partition("run:      ")[2].strip()


def commands(advice: str) -> list[list[str]]:
    """The commands of an advice, each as words, of its first alternative; those with a <placeholder> cannot be run."""
    found = COMMAND.findall(re.split(r"[;,] or ", advice)[0])
    return [shlex.split(one) for one in found if not re.search("[<…]", one)]


def options(words: list[str]) -> list[str]:
    """Variables of make as options of a script."""
    pairs = (word.split("=", 1) for word in words)
    return [part for name, value in pairs for part in (f"--{name.lower()}", value)]


def carried_out(copy, words: list[str]) -> tuple[int, str] | None:
    """Exit code and text of a command; None for one that a test does not run."""
    if words[0] == "rm":
        assert words[-1].startswith(str(copy / "out")), "advice to delete what was not generated"
        return subprocess.run(words, check=True).returncode, ""
    if words[1] not in SCRIPTS:
        return None
    printed = ""
    for script in SCRIPTS[words[1]]:
        code, said = run(copy, script, *options(words[2:]))
        printed += said
        if code:
            return code, printed
    return 0, printed


@pytest.mark.parametrize("kind", BAD)
def test_advice_that_is_followed_does_not_end_in_the_same_error(home, tmp_path, kind):  # noqa: F811
    damage, (script, *more), _ = BAD[kind]
    copy = shutil.copytree(home, tmp_path / "home")
    damage(copy)
    check_advice(copy, script, *more)


@pytest.mark.parametrize("kind", BAD_FILES)
def test_advice_about_files_that_is_followed_does_not_end_in_the_same_error(tmp_path, kind):
    BAD_FILES[kind][0](drawn(tmp_path))
    check_advice(tmp_path, "make_folds", "--folds", 3)


def check_advice(copy, script, *more):
    found, advice = error_of(run(copy, script, *more)[1])
    assert advice, f"no advice: {found}"
    given = {(words[1], *options(words[2:])) for words in commands(advice) if words[0] == "make"}
    assert (TARGETS[script], *map(str, more)) not in given, f"the advice is what has just failed: {advice}"
    done = [carried_out(copy, words) for words in commands(advice)]
    if not done or None in done:
        return
    assert not any(found in printed for _, printed in done)
    repaired = TARGETS[script] not in {name for name, *_ in given}  # else it was the same stage, with other words
    if repaired and not any(code for code, _ in done):  # a command that ended in another error has led further, too
        assert found not in run(copy, script, *more)[1]


def test_every_error_has_advice():
    for path in sorted((ROOT / "comp").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "InputError":
                unpacked = any(isinstance(argument, ast.Starred) for argument in call.args)
                named = {keyword.arg for keyword in call.keywords}
                assert len(call.args) >= 3 or unpacked or "run" in named, f"{path} line {call.lineno}"
