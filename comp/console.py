"""Write to the terminal: bars and tables of rich, or plain lines if there is no terminal. No other module does this.

If several processes train together, only process 0 prints lines, bars and warnings. An error is printed by the process
that raises it.
"""

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

_RANK = os.environ.get("RANK", "0")  # the number of this process, which torchrun sets
_out = Console(highlight=False, soft_wrap=True, quiet=_RANK != "0")
_err = Console(stderr=True, highlight=False, soft_wrap=True, quiet=_RANK != "0")
_errors = Console(stderr=True, highlight=False, soft_wrap=True)
PLAIN_SECONDS = 30  # between two lines of progress if there is no terminal
# All processes find the same bad input. While the other processes wait this long, process 0 prints the error and exits,
# and torchrun then ends all processes. An error that only another process finds, such as a full disk of its machine, is
# printed after the wait.
SECONDS_FOR_FIRST = 3


def say(text: str, style: str = "") -> None:
    """Print one line. Brackets are printed too, although rich would read them as markup."""
    _out.print(Text(text, style=style))


def warn(text: str) -> None:
    """Print one line to the error stream, marked as a warning."""
    _err.print(Text(f"warning: {text}", style="yellow"))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence]) -> None:
    """Print a table whose first column is aligned left and whose numbers are aligned right."""
    cells = [
        [cell if isinstance(cell, str) else f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
        for row in rows
    ]
    if _out.is_terminal:
        _out.print(_rich_table(title, columns, cells))
    else:
        _say_table(title, columns, cells)


def _rich_table(title: str, columns: Sequence[str], cells: list[list[str]]) -> Table:
    drawn = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        # in a narrow terminal words are wrapped, but numbers are never cut
        words = any(" " in row[i].strip() for row in cells)
        width = None if words else max(len(text) for text in (column, *(row[i] for row in cells)))
        drawn.add_column(column, justify="left" if i == 0 or words else "right", overflow="fold", min_width=width)
    for row in cells:
        drawn.add_row(*[Text(cell) for cell in row])
    return drawn


def _say_table(title: str, columns: Sequence[str], cells: list[list[str]]) -> None:
    """Print a table as plain lines, for when there is no terminal: rich would then fold lines at 80 characters."""
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
    """Show a progress bar while the block runs, or print a line now and then if there is no terminal.

    Yields a function that advances the bar by a count. total: the count at the end; unit: what is counted.
    """
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
    """Run the main function of a script.

    An InputError is printed without its traceback, and the script exits with status 2. If the environment has DEBUG=1,
    the traceback is printed too.
    """
    try:
        main()
    except (InputError, OSError) as error:
        # an OSError without a file name is a bug: raise it with its traceback
        is_bug = isinstance(error, OSError) and error.filename is None
        if is_bug or os.environ.get("DEBUG") == "1":
            raise
        _print_error(_as_input_error(error))
        sys.exit(2)
    except KeyboardInterrupt:
        _err.print("stopped; all files written so far are complete, and the same command continues from them")
        sys.exit(130)


def _print_error(error: InputError) -> None:
    process = ""
    if _RANK != "0":
        time.sleep(SECONDS_FOR_FIRST)
        process = f" (process {_RANK})"
    _errors.print(Text(f"error{process}: {error}", style="bold red" if _errors.is_terminal else ""))


def _as_input_error(error: InputError | OSError) -> InputError:
    """Return `error` as an InputError. The user can solve an OSError such as a full disk or a missing folder."""
    if isinstance(error, InputError):
        return error
    look = f"ls -ld {shlex.quote(str(error.filename))}"
    return InputError(f"{error.filename}: {error.strerror}", "a file or folder that can be used", look)
