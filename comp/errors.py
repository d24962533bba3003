"""Define InputError, the error for mistakes in the user's files or arguments, and helpers for the texts of errors."""

import shlex


class InputError(Exception):
    """An error in the user's files or arguments. The scripts print its text without a traceback and exit with status 2.

    The text has one line for each argument. found: the problem; expected: what is needed instead; run: the command or
    the edit that solves the problem. `expected` and `run` may be "", and then have no line.
    """

    def __init__(self, found: str, expected: str = "", run: str = ""):
        self.found, self.expected, self.run = found, expected, run
        lines = [found]
        if expected:
            lines.append(f"expected: {expected}")
        if run:
            lines.append(f"run:      {run}")
        super().__init__("\n".join(lines))

    @property
    def summary(self) -> str:
        """The first line of the problem (`found`), without a colon at its end."""
        return self.found.splitlines()[0].rstrip(":")


def listed(items, limit: int = 20) -> str:
    """Return `items` as a text with one indented line for each item, but at most for the first `limit` items.

    The text begins with a line break. If items are left out, its last line is "… and n more".
    """
    items = [str(item) for item in items]
    more = [f"… and {len(items) - limit} more"] if len(items) > limit else []
    return "".join(f"\n  {item}" for item in items[:limit] + more)


def first_line(error: Exception, limit: int = 200) -> str:
    """Describe an error in one line: its type and the first line of its text, such as "ValueError: wrong shape".

    The text of the error is cut after `limit` characters.
    """
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:limit]}" if lines else type(error).__name__


def quoted(*paths: object) -> str:
    """Return each path as one word of a shell command, in quotes if it has spaces or other special characters."""
    return " ".join(shlex.quote(str(path)) for path in paths)
