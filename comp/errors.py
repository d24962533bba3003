"""The error type for users: what was found, what was expected, and what to run."""

import shlex


class InputError(Exception):
    """Bad input. The scripts print it without a traceback and exit with status 2.

    found: the problem; expected: what is needed instead; run: the command or edit that helps (may be empty).
    """

    def __init__(self, found: str, expected: str = "", run: str = ""):
        self.found, self.expected, self.run = found, expected, run
        lines = [found]
        if expected:
            lines.append(f"expected: {expected}")
        if run:
            lines.append(f"run:      {run}")
        super().__init__("\n".join(lines))


def listed(items, limit: int = 20) -> str:
    """Join the items, one indented line per item: up to `limit` items, then how many more there are."""
    items = [str(item) for item in items]
    more = [f"… and {len(items) - limit} more"] if len(items) > limit else []
    return "".join(f"\n  {item}" for item in items[:limit] + more)


def quoted(path: object) -> str:
    """A path as one word of a shell command, whatever blanks or quotes it has."""
    return shlex.quote(str(path))
