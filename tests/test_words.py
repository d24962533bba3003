"""The text of the code stays plain: no house words, and no words of the home competition outside its own files."""

import functools
import re

import pytest
from conftest import ROOT

HOME = ("comp/inputs/mask_gender_age.py", "comp/recipes/named/")
DEMOS = (
    "tools/dev/drawing/",
    "tools/dev/benchmarks/",
    "tools/dev/make_demo.py",
    "tools/dev/demo.py",
    "tools/dev/suite.py",  # names the columns of the data that it measures
)

HOUSE_WORDS = {  # pattern: what to write instead
    r"\bhonest(ly)?\b": "cross-validated score",
    r"\bguests?\b": "external predictions",
    r"\bbags?\b": "subsample of groups",
    r"\bone a (?!b\b)\w+": "one per …",
    r"\b(is|are) said (of|to)\b": "name the subject: 'the message says …'",
    r"\bwhat is said\b": "the message, or the report",
    r"\blie(s)? there\b": "current, or existing",
    r"\bof now\b": "current",
    r"\bno (TOML|JSON)\b": "not TOML, not JSON",
    r"\bas it stands\b": "unchanged",
}
HOME_WORDS = {  # pattern: what to write instead
    r"\bmask(s|ed)?\b": "attribute",
    r"\bgenders?\b": "attribute",
    r"\bfaces?\b": "photo",
    r"\bpersons?\b": "group",
    r"\bages?\b": "range, or a neutral column such as size",
    r"\byears\b": "a neutral column such as height",
    r"\bMacro F1\b": "the name of the competition's metric",
}
ALLOWED = {  # file: texts in it that are meant
    "comp/inputs/guess_columns.py": ('"person"', '"age"'),  # names of columns in other competitions
    "comp/metrics/formulas.py": ("Macro F1",),  # the metric of that name
    "comp/training/losses.py": ("macro F1",),
    "tools/dev/suite.py": ('"person"', '"years"'),  # columns and files of the data that it reads
    "tools/options.py": ('"faces"', "faces, or digits"),  # the demo of that name
}


def sources(exempt: tuple[str, ...]) -> list[str]:
    """Python files of comp/ and tools/, relative to the repository, without the exempt files and folders."""
    files = [file for folder in ("comp", "tools") for file in (ROOT / folder).rglob("*.py")]
    paths = (file.relative_to(ROOT).as_posix() for file in files)
    return sorted(path for path in paths if not path.startswith(exempt))


def found_in(path: str, pattern: str) -> list[str]:
    """path:line: text, for each line with the pattern."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        rest = functools.reduce(lambda text, meant: text.replace(meant, ""), ALLOWED.get(path, ()), line)
        if re.search(pattern, rest, re.IGNORECASE):
            found.append(f"{path}:{number}: {line.strip()}")
    return found


def check(pattern: str, instead: str, exempt: tuple[str, ...]) -> None:
    found = [line for path in sources(exempt) for line in found_in(path, pattern)]
    assert not found, f"{len(found)} line(s) with {pattern}; write instead: {instead}\n" + "\n".join(found)


@pytest.mark.parametrize("pattern", HOUSE_WORDS)
def test_no_house_words(pattern):
    check(pattern, HOUSE_WORDS[pattern], DEMOS)


@pytest.mark.parametrize("pattern", HOME_WORDS)
def test_words_of_the_home_competition_stay_in_its_files(pattern):
    check(pattern, HOME_WORDS[pattern], (*HOME, *DEMOS))


def test_there_are_files_to_read():
    assert len(sources(())) > 100


def test_what_is_exempt_and_allowed_exists():
    assert all((ROOT / path).exists() for path in (*HOME, *DEMOS))
    for path, texts in ALLOWED.items():
        content = (ROOT / path).read_text(encoding="utf-8")
        assert all(text in content for text in texts), path
