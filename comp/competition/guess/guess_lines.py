"""Lines of competition.toml with a reason beside each."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A key with its value and the reason for it.

    check: the value is likely, but the files cannot prove it; value None: undecided, the line becomes a comment.
    """

    key: str
    value: object
    reason: str
    check: bool = False

    @property
    def undecided(self) -> bool:
        return self.value is None

    @property
    def text(self) -> str:
        if self.undecided:
            return f"# {self.key} = …  # TO DECIDE: {self.reason}"
        mark = "CHECK: " if self.check else ""
        return f"{self.key} = {json.dumps(self.value, ensure_ascii=False)}  # {mark}{self.reason}"


def undecided(key: str, what: str) -> Line:
    """A key whose value cannot be known from the files."""
    return Line(key, None, what)


def some(names, limit: int = 6) -> str:
    """The first names, and how many more there are."""
    names = ["(no name)" if str(name).startswith("Unnamed: ") else str(name) for name in names]
    return ", ".join(names[:limit]) + (f", … ({len(names)} in all)" if len(names) > limit else "")
