"""The text of the code stays plain: no house words, and no words of the home competition outside its own files."""

import re

import pytest
from conftest import ROOT

HOME = ("comp/inputs/mask_gender_age.py", "comp/recipes/named/")
DEMOS = ("tools/dev/drawing/", "tools/dev/benchmarks/", "tools/dev/make_demo.py")

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
ALLOWED = {  # file: text in it that is meant
    "comp/inputs/guess_competition.py": '"person"',  # names of columns in other competitions
    "comp/inputs/guess_columns.py": '"age"',
    "comp/metrics/formulas.py": "Macro F1",  # the metric of that name
    "comp/training/losses.py": "macro F1",
}


def sources(exempt: tuple[str, ...]) -> list[str]:
    """Python files of comp/ and tools/, relative to the repository, without the exempt files and folders."""
    files = [file for folder in ("comp", "tools") for file in (ROOT / folder).rglob("*.py")]
    paths = (file.relative_to(ROOT).as_posix() for file in files)
    return sorted(path for path in paths if not path.startswith(exempt))


def found_in(path: str, pattern: str) -> list[str]:
    """path:line: text, for each line with the pattern."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    meant = ALLOWED.get(path)
    return [
        f"{path}:{number}: {line.strip()}"
        for number, line in enumerate(lines, 1)
        if re.search(pattern, line.replace(meant, "") if meant else line, re.IGNORECASE)
    ]


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
    assert all(text in (ROOT / path).read_text(encoding="utf-8") for path, text in ALLOWED.items())
