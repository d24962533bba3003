"""InputError, which is the error that users see, and helpers for its text."""

import shlex


class InputError(Exception):
    """An error in the user's files or arguments. The scripts print its text without a traceback and exit with status 2.

    The text has up to three lines. found: the problem; expected: what is needed instead; run: the command or the edit
    that solves the problem. `expected` and `run` may be empty.
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
        """The first line of `found`, without a colon at its end."""
        return self.found.splitlines()[0].rstrip(":")


def listed(items, limit: int = 20) -> str:
    """Return a text with one indented line for each of the first `limit` items.

    If there are more items, the last line is "… and n more".
    """
    items = [str(item) for item in items]
    more = [f"… and {len(items) - limit} more"] if len(items) > limit else []
    return "".join(f"\n  {item}" for item in items[:limit] + more)


def first_line(error: Exception, limit: int = 200) -> str:
    """Return the type of any error and the first line of its text, such as "ValueError: wrong shape".

    The text is cut after `limit` characters.
    """
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:limit]}" if lines else type(error).__name__


def quoted(path: object) -> str:
    """Return `path` as one word of a shell command, in quotes if the path has spaces or other special characters."""
    return shlex.quote(str(path))
