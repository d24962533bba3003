"""The only module that writes to the terminal: bars and tables of rich, or plain lines if there is no terminal."""

import contextlib
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from comp.errors import InputError

_RANK = os.environ.get("RANK", "0")  # if several processes train together, only the first one prints
_out = Console(highlight=False, soft_wrap=True, quiet=_RANK != "0")
_err = Console(stderr=True, highlight=False, soft_wrap=True)
PLAIN_SECONDS = 30  # without a terminal, a long stage prints a line this often


def say(text: str, style: str = "") -> None:
    """Print one line without markup, so that brackets in a path stay."""
    _out.print(Text(text, style=style))


def warn(text: str) -> None:
    _err.print(Text(f"warning: {text}", style="yellow"))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence]) -> None:
    """Print a table with the first column aligned left and the others right; plain text if there is no terminal."""
    cells = [
        [cell if isinstance(cell, str) else f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
        for row in rows
    ]
    if _out.is_terminal:
        drawn = Table(title=title, title_justify="left", title_style="bold")
        for i, column in enumerate(columns):
            # in a narrow terminal words are wrapped, but numbers are never cut
            words = any(" " in row[i].strip() for row in cells)
            width = None if words else max(len(text) for text in (column, *(row[i] for row in cells)))
            drawn.add_column(column, justify="left" if i == 0 or words else "right", overflow="fold", min_width=width)
        for row in cells:
            drawn.add_row(*[Text(cell) for cell in row])
        _out.print(drawn)
        return
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]
    say(title)
    for line in [list(columns), *cells]:
        pairs = enumerate(zip(line, widths, strict=True))
        say("  " + "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in pairs))


class _Rate(ProgressColumn):
    def render(self, task):
        return Text(f"{task.speed or 0:,.0f} {task.fields['unit']}/s")


@contextlib.contextmanager
def progress(label: str, total: int, unit: str = "images") -> Iterator[Callable[[int], None]]:
    """Yield a function that advances the bar by a count. Shows rate and time left; the bar vanishes at the end."""
    if _out.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
        with Progress(*columns, console=_out, transient=True) as bar:
            task = bar.add_task(label, total=total, unit=unit)
            yield lambda count: bar.advance(task, count)
        return
    start = last = time.monotonic()
    done = 0

    def advance(count: int) -> None:
        nonlocal done, last
        done += count
        now = time.monotonic()
        if now - last >= PLAIN_SECONDS:
            last, rate = now, done / (now - start)
            say(f"{label}: {done}/{total}, {rate:,.0f} {unit}/s, {(total - done) / max(rate, 1e-9):,.0f} s left")

    yield advance


def run_stage(main: Callable[[], None]) -> None:
    """Run a script's main: InputError prints without a traceback and exits 2; DEBUG=1 shows the traceback too."""
    try:
        main()
    except (InputError, OSError) as error:
        # an OSError without a file name is a bug: raise it with its traceback
        is_bug = isinstance(error, OSError) and error.filename is None
        if is_bug or os.environ.get("DEBUG") == "1":
            raise
        if _RANK != "0":
            time.sleep(3)  # if all processes fail, the first one prints the error and ends the others
        _err.print(Text(f"error: {_told(error)}", style="bold red" if _err.is_terminal else ""))
        sys.exit(2)
    except KeyboardInterrupt:
        _err.print("stopped; all written files are complete, the same command continues from there")
        sys.exit(130)


def _told(error: InputError | OSError) -> InputError:
    """The error as InputError. Permissions, a full disk or a missing folder are problems that the user can solve."""
    if isinstance(error, InputError):
        return error
    look = f"ls -ld {shlex.quote(str(error.filename))}"
    return InputError(f"{error.filename}: {error.strerror}", "a file or folder that can be used", look)
