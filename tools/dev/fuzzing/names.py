"""Make names of classes, ids, columns, folders and groups that are odd, but that real competitions have."""

import random
import unicodedata
from collections.abc import Sequence

ODD_NAMES = {  # kind: how a word is made odd
    "blank": lambda word: f"{word} {word}",
    "blanks around": lambda word: f" {word} ",
    "two blanks": lambda word: f"{word}  x",
    "capital": str.upper,
    "NFC": lambda word: unicodedata.normalize("NFC", f"é{word}"),
    "NFD": lambda word: unicodedata.normalize("NFD", f"é{word}"),
    "zeros": lambda word: f"00{len(word)}",
    "whole number": lambda word: f"{len(word)}",
    "decimal": lambda word: f"{len(word)}.0",
    "exponent": lambda word: f"{len(word)}e5",
    "long number": lambda word: f"1234567890123456789{len(word)}",
    "negative": lambda word: f"-{len(word)}",
    "NA": lambda word: "NA",
    "None": lambda word: "None",
    "null": lambda word: "null",
    "nan": lambda word: "nan",
    "inf": lambda word: "inf",
    "truth": lambda word: "True",
    "quotes": lambda word: f'{word} "x"',
    "first quote": lambda word: f'"{word}',
    "apostrophe": lambda word: f"{word}'s",
    "comma": lambda word: f"{word}, x",
    "semicolon": lambda word: f"{word};x",
    "tab": lambda word: f"{word}\tx",
    "brackets": lambda word: f"[{word}]",
    "markup": lambda word: f"[red]{word}[/red]",
    "closing markup": lambda word: f"{word}[/]",
    "parentheses": lambda word: f"{word} (x)",
    "braces": lambda word: f"{{{word}}}",
    "line break": lambda word: f"{word}\nx",
    "hash": lambda word: f"{word}#1",
    "equals": lambda word: f"={word}",
    "percent": lambda word: f"{word}%s 50%",
    "dollar": lambda word: f"${word} `x`",
    "star": lambda word: f"{word}*?",
    "angle": lambda word: f"<b>{word}&amp;",
    "backslash": lambda word: f"{word}\\n",
    "slash": lambda word: f"{word}/x",
    "dash": lambda word: f"-{word}",
    "tilde": lambda word: f"~{word}",
    "dot": lambda word: f"{word}.v1",
    "extension": lambda word: f"{word}.jpg.x",
    "test": lambda word: f"test_{word}",
    "train": lambda word: f"train_{word}",
    "only test": lambda word: "test",
    "only train": lambda word: "train",
    "id": lambda word: "id",
    "label": lambda word: "label",
    "fold": lambda word: "fold",
    "image": lambda word: "image",
    "group": lambda word: "group",
    "value": lambda word: "value",
    "index": lambda word: "index",
    "long": lambda word: (word * 40)[:200],
    "CJK": lambda word: f"猫{word}",
    "Korean": lambda word: f"고양이{word}",
    "emoji": lambda word: f"{word}🐈",
    "right to left": lambda word: f"קת{word}",
    "no-break blank": lambda word: f"{word}\u00a0x",
    "zero width": lambda word: f"{word}\u200bx",
    "line separator": lambda word: f"{word}\u2028x",
}
TWINS = {  # kind: how a second name is made that some program may take for the first one
    "other case": str.swapcase,
    "blank after": lambda name: f"{name} ",
    "point zero": lambda name: f"{name}.0",
    "zero before": lambda name: f"0{name}",
    "accent": lambda name: f"{name}\u0301",
}
REFUSABLE = {  # kind: uses of such a name with which a competition may be refused; with all others it must be accepted
    "other case": ("class",),
    "blank after": ("class", "id", "column"),
    "zero before": ("class",),
    "line break": ("id", "folder", "group"),
    "braces": ("column", "folder"),
    "backslash": ("id", "folder", "class"),
    "tab": ("id", "folder", "column"),
    "semicolon": ("column",),
    "blanks around": ("class", "id", "folder"),
    "slash": ("id", "column", "folder"),
    "only test": ("class", "folder"),
    "only train": ("class", "folder"),
    "test": ("folder",),
    "id": ("column",),
    "label": ("column",),
    "fold": ("column",),
    "image": ("column",),
    "group": ("column",),
    "extension": ("id",),
    "zero width": ("class", "column", "id", "folder"),
    "line separator": ("class", "column", "id", "folder"),
    "no-break blank": ("class", "column", "id", "folder"),
}


def odd_names(
    names: list[str], chance: random.Random, without: Sequence[str] = (), twins: Sequence[str] = ()
) -> tuple[str, list[str]]:
    """Return a kind of odd names, and the names with some of them made odd in this way. They stay different.

    without: texts that no odd name may contain; twins: the kinds of TWINS that are possible.
    """
    kinds = [*ODD_NAMES, *(twins if len(names) > 1 else ())]
    for kind in chance.sample(kinds, len(kinds)):
        odd = list(names)
        if kind in TWINS:
            odd[-1] = TWINS[kind](names[0])
        else:
            for place in chance.sample(range(len(names)), chance.randint(1, len(names))):
                odd[place] = ODD_NAMES[kind](names[place])
        if odd != names and len({*odd}) == len(odd) and not any(text in name for text in without for name in odd):
            return kind, odd
    return "", names
