"""README and help stay true: their commands, targets, settings and tree exist."""

import ast
import re
import subprocess

import pytest
from conftest import ROOT, tool

from comp.recipes import catalog, recipe_settings
from comp.recipes.recipe_settings import Recipe

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
        recipe_settings.override_settings(catalog.get_recipe(model), text)


def test_every_target_and_every_stage_is_in_the_readme():
    for target in TARGETS - {"setup", "clean", "clean-cache", "lint", "help"}:
        assert f"make {target}" in README, target
    for script in (ROOT / "tools").glob("*.py"):
        if script.name not in ("options.py", "make_demo.py"):
            assert f"tools/{script.name}" in README, script.name


def test_the_tree_is_there_and_whole():
    """Every room and every top-level folder stands in the README's tree, below the folder that it lies in."""
    lines = README.split("## The tree")[1].split("\n\n")[1].splitlines()
    parents, named = [], set()
    for line in lines:
        indent = len(line) - len(line.lstrip())
        parents = [(depth, name) for depth, name in parents if depth < indent]
        for word in re.findall(r"[\w.]+(?:/|\.py\b)|Makefile", line.split("  ")[indent // 2]):
            path = "".join(name for _, name in parents) + word
            assert path == "outputs/" or (ROOT / path).exists(), path
            named.add(path)
            if word.endswith("/"):
                parents.append((indent, word))
    rooms = {f"{path.parent.relative_to(ROOT)}/" for path in (ROOT / "comp").rglob("__init__.py")}
    assert rooms - named == {"comp/recipes/named/"}


def test_every_room_says_at_its_door_what_lives_there_and_holds_no_code():
    for path in (ROOT / "comp").rglob("__init__.py"):
        body = ast.parse(path.read_text()).body
        assert isinstance(body[0], ast.Expr), path
        assert len(body) == 1 + (path.parent.name == "comp"), path  # comp itself has its version


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
    assert all(name in text for name in catalog.recipe_names())


def test_nothing_committed_names_a_host_or_a_machines_path():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert " @ " not in lock
    for name in files:
        text = (ROOT / name).read_text(errors="ignore")
        assert "/ro" + "ot/" not in text, name
        assert "/wo" + "rk/" not in text, name
