"""README and help stay true: their commands, targets, settings and tree exist."""

import re
import subprocess

import pytest
from conftest import ROOT, tool

from comp.recipes import catalog, settings
from comp.recipes.recipe import Recipe

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.M))


def test_every_make_command_of_the_readme_is_a_target_with_known_variables():
    commands = re.findall(r"(?:^    |`)make ([a-z-]+)((?: [A-Z]+=(?:\"[^\"]*\"|[^\s`]+))*)", README, re.M)
    assert len(commands) > 8
    for target, given in commands:
        assert target in TARGETS
        for variable in re.findall(r" ([A-Z]+)=", given):
            assert re.search(rf"^{variable}\s*\?=", MAKEFILE, re.M), variable


def test_every_overriding_command_of_the_readme_is_understood():
    for model, text in re.findall(r"make train MODEL=(\S+) RUN=\S+ SET=\"(.*)\"", README):
        settings.override(catalog.get(model), text)


def test_every_target_and_every_stage_is_in_the_readme():
    for target in TARGETS - {"setup", "clean", "clean-cache", "lint", "help"}:
        assert f"make {target}" in README, target
    for script in (ROOT / "tools").glob("*.py"):
        if script.name not in ("options.py", "make_demo.py"):
            assert f"tools/{script.name}" in README, script.name


def test_the_tree_is_there_and_whole():
    tree = README.split("## The tree")[1].split("\n\n")[1]
    named = {
        word for line in tree.splitlines() for word in re.findall(r"^\s+((?:[a-zA-Z_]+(?:\.py|/)?\s)+)", line + " ")
    }
    names = {name for words in named for name in words.split() if name.endswith((".py", "/")) or name == "Makefile"}
    for name in names - {"outputs/"}:
        assert any((ROOT / folder / name).exists() for folder in ("", "comp", "tools")), name
    for module in (ROOT / "comp").glob("*.py"):
        assert module.name in names | {"__init__.py"}, module.name


def test_links_of_the_readme_lead_somewhere():
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "tools").glob("*.py") if p.stem != "options"))
def test_every_script_has_help(name):
    done = tool(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "writes " in done.stdout


def test_the_help_of_training_shows_every_setting_and_recipe():
    text = tool("train_fold", "--help").stdout
    for setting in vars(Recipe()):
        assert setting in ("name", "model") or f"{setting}=" in text
    assert all(name in text for name in catalog.names())


def test_nothing_committed_names_a_host_or_a_machines_path():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert " @ " not in lock
    for name in files:
        text = (ROOT / name).read_text(errors="ignore")
        assert "/ro" + "ot/" not in text, name
        assert "/wo" + "rk/" not in text, name
