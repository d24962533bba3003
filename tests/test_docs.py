"""README, CONTRIBUTING, docs/ and help stay true: commands, targets, settings, files, links and the tree exist."""

import ast
import functools
import re
import subprocess
import sys

import pytest
from conftest import ROOT, tool

from comp.recipes import catalog, recipe_settings
from comp.recipes.recipe_settings import Recipe
from comp.tabular import classifiers

sys.path.append(str(ROOT / "tools"))
import options

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
SCRIPT_OF_MAKE = re.compile(r"^\t.*tools/([\w/]+)\.py \$\((?:WORDS|PLACES)\)", re.M)
MAKE_SCRIPTS = SCRIPT_OF_MAKE.findall(MAKEFILE)
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.M))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "inputs/README.md", *sorted((ROOT / "docs").glob("*.md"))]
VALUE = r"(?:\"[^\"]*\"|[^\s`\"]+)"
COMMAND = re.compile(rf"(?:^    |`|  )make ([a-z-]+)((?: [A-Z_]+={VALUE})*)", re.M)
FOLDERS = (ROOT / "tools", ROOT / "tools/dev")
FILES = sorted(file.relative_to(ROOT / "tools").with_suffix("") for folder in FOLDERS for file in folder.glob("*.py"))
SCRIPTS = [file.as_posix() for file in FILES if file.name != "options"]
TYPES = {name: type(value) for name, value in vars(Recipe()).items()} | classifiers.setting_types()
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def variables(given: str) -> dict[str, str]:
    """The variables of a command, without the quotes around their values."""
    return {name: value.strip('"') for name, value in re.findall(rf" ([A-Z_]+)=({VALUE})", given)}


@functools.cache
def options_of(script: str) -> set[str]:
    """The options that the help of a script lists."""
    return set(re.findall(r"^  --([a-z-]+)", tool(script, "--help").stdout, re.M))


def options_of_target(target: str) -> set[str]:
    """The variables that the scripts of a target use, and those that the Makefile itself uses for it."""
    rule = re.search(rf"^{target}:.*\n((?:\t.*\n)*)", MAKEFILE, re.M)[1]
    names = set().union(*map(options_of, SCRIPT_OF_MAKE.findall(rule)))
    names |= {"gpus"} if "$(LAUNCH)" in rule else set()
    names |= {"outputs"} if "$(FOLDER)" in rule else set()
    return {name.upper().replace("-", "_") for name in names | {"python", "py"}}


@every_page
def test_every_make_command_is_a_target_with_variables_that_it_uses(page):
    for target, given in COMMAND.findall(page.read_text()):
        assert target in TARGETS, target
        assert variables(given).keys() <= options_of_target(target), f"make {target}{given}"


def test_every_option_is_declared_and_some_script_uses_it():
    used = set().union(*map(options_of, MAKE_SCRIPTS))
    assert used == set(options.OPTIONS)
    assert not used & set(options.MAKE_ONLY)


def test_make_help_lists_every_target_and_every_option():
    text = tool("options").stdout
    assert all(re.search(rf"^  {target} ", text, re.M) for target in TARGETS)
    for name, option in options.OPTIONS.items():
        assert f"  {name.upper().replace('-', '_')}=" in text
        assert option.help in text
    assert all(f"  {name.upper()}=" in text for name in options.MAKE_ONLY)


def test_the_commands_of_the_pages_are_seen():
    assert len(COMMAND.findall(README)) > 20
    assert sum(len(COMMAND.findall(page.read_text())) for page in PAGES) > 60


@every_page
def test_every_model_and_every_setting_of_a_command_is_understood(page):
    for target, given in COMMAND.findall(page.read_text()):
        named = variables(given)
        if target in ("train", "predict", "embed") and "<" not in named.get("MODEL", "<"):
            recipe = catalog.get_recipe(named["MODEL"])
            catalog.check_model_name(recipe.model, catalog.recipe_names())
            if target == "train":
                recipe_settings.override_settings(recipe, named.get("SET", ""))
        if target in ("embed", "stack"):
            recipe_settings.parsed_settings(named.get("SET", ""), TYPES, "")


@every_page
def test_every_setting_that_is_named_alone_exists(page):
    """As in `SET=pretrained=false`, outside of a command."""
    for text in re.findall(rf"\bSET=({VALUE})", page.read_text()):
        for name in re.findall(r"(?:^|\s)([a-z_]+)=", text.strip('"')):
            assert name in TYPES, f"{name} in SET={text}"


@every_page
def test_every_file_that_is_named_exists(page):
    """Such as `comp/models/heads.py`; a * stands for any name, and so does a <name>."""
    for name in re.findall(r"\b(?:comp|tools|tests|docs|inputs|\.ci)/[\w./*<>-]*[\w>/]", page.read_text()):
        if not name.startswith(("inputs/", "docs/")) or name.endswith(".md"):
            assert list(ROOT.glob(re.sub("<[^>]*>", "*", name.rstrip("/")))), name


@every_page
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_every_target_and_every_stage_is_in_the_readme():
    for target in TARGETS - {"setup", "clean", "clean-cache", "lint", "help"}:
        assert f"make {target}" in README, target
    for name in SCRIPTS:
        assert f"tools/{name}.py" in README + (ROOT / "CONTRIBUTING.md").read_text(), name


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


@pytest.mark.parametrize("name", SCRIPTS)
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
