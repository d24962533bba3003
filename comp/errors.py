"""The error that users see. It says what was found, what was expected, and what to run."""

import shlex


class InputError(Exception):
    """An error in the input. The scripts print the error without a traceback and exit with status 2.

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
    """A text with an indented line for each of the first `limit` items, and a line with the number of further items."""
    items = [str(item) for item in items]
    more = [f"… and {len(items) - limit} more"] if len(items) > limit else []
    return "".join(f"\n  {item}" for item in items[:limit] + more)


def quoted(path: object) -> str:
    """The path as one word of a shell command, even if the path has spaces or quotes."""
    return shlex.quote(str(path))
