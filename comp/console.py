"""Print lines, tables, progress bars, warnings and errors. No other module of the library prints.

On a terminal, the package rich draws the tables and bars. If the output goes to a file or a pipe, plain lines are
printed instead. If several processes train together, only process 0 prints lines, tables, bars and warnings, but each
process prints its own errors.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from comp.errors import InputError, quoted

_RANK = os.environ.get("RANK", "0")  # the number of this process, which torchrun sets
_out = Console(highlight=False, soft_wrap=True, quiet=_RANK != "0")
_err = Console(stderr=True, highlight=False, soft_wrap=True, quiet=_RANK != "0")
_errors = Console(stderr=True, highlight=False, soft_wrap=True)
SMALL = 0.001  # four decimals show too little of a number below it
PLAIN_SECONDS = 30  # seconds between two progress lines if there is no terminal
# A process other than process 0 waits this long before it prints an error. If the input is bad, all processes raise the
# same error. Process 0 then prints the error and exits, and torchrun ends the other processes while they wait. If only
# one other process raises an error, such as for a full disk of its machine, the error is printed after the wait.
SECONDS_FOR_FIRST = 3


def say(text: str, style: str = "") -> None:
    """Print one line. Square brackets in `text` are printed unchanged, and not read as the markup of rich.

    style: a style of rich, such as "bold", or "" for plain text.
    """
    _out.print(Text(text, style=style))


def warn(text: str, run: str = "") -> None:
    """Print one line to the error stream, with "warning: " in front.

    run: the command that helps, which is printed at the end of the line, or "".
    """
    advised = f"{text.rstrip('.')}; run: {run}" if run else text
    _err.print(Text(f"warning: {advised}", style="yellow"))


def score_text(value: float, beside: float = 0.0, sign: str = "") -> str:
    """Return a number as text with four decimals or, if it is small, with four significant digits, such as 1.234e-13.

    beside: a number to which the value belongs, such as the score of which `value` is a difference. If this number is
    not small, the value has four decimals. sign: "+" if a positive number is written with its sign.
    """
    is_small = 0 < max(abs(value), abs(beside)) < SMALL
    return f"{value:{sign}.4g}" if is_small else f"{value:{sign}.4f}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence]) -> None:
    """Print a table with a title.

    columns: the heading of each column; rows: the cells of each row, which may have any type. Floats are printed as
    `score_text` writes them. The first column is aligned left, and columns of numbers are aligned right.
    """
    cells = [
        [cell if isinstance(cell, str) else score_text(cell) if isinstance(cell, float) else str(cell) for cell in row]
        for row in rows
    ]
    if _out.is_terminal:
        _out.print(_rich_table(title, columns, cells))
    else:
        _say_table(title, columns, cells)


def _rich_table(title: str, columns: Sequence[str], cells: list[list[str]]) -> Table:
    drawn = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        # if the terminal is narrow, cells with words are wrapped, but numbers stay whole
        words = any(" " in row[i].strip() for row in cells)
        width = None if words else max(len(text) for text in (column, *(row[i] for row in cells)))
        drawn.add_column(column, justify="left" if i == 0 or words else "right", overflow="fold", min_width=width)
    for row in cells:
        drawn.add_row(*[Text(cell) for cell in row])
    return drawn


def _say_table(title: str, columns: Sequence[str], cells: list[list[str]]) -> None:
    """Print a table as plain lines, because without a terminal rich would break long lines at 80 characters."""
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
    """Show a progress bar while the block of the `with` statement runs.

    If there is no terminal, a line is printed every PLAIN_SECONDS seconds instead. label: the text before the bar;
    total: how many items there are in all; unit: what an item is, in the plural. Yields a function `advance(count)`,
    which the block calls each time `count` more items are finished.
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
    """Run `main`, the main function of a script, and print its errors.

    If `main` raises an InputError, or an OSError that names a file, the error is printed without a traceback, and the
    script exits with status 2. But if the environment variable DEBUG is 1, Python prints the error with its traceback.
    After Ctrl-C, the script exits with status 130.
    """
    print_any_text()
    try:
        main()
    except (InputError, OSError, UnicodeEncodeError) as error:
        # an OSError without a file name is a bug: raise it with its traceback
        is_bug = not (_is_of_ascii_paths(error) or isinstance(error, InputError) or getattr(error, "filename", None))
        if is_bug or os.environ.get("DEBUG") == "1":
            _let_first_print()
            raise
        _print_error(_as_input_error(error))
        sys.exit(2)
    except KeyboardInterrupt:
        _err.print("stopped: all files written so far are complete; to continue, run the same command again")
        sys.exit(130)
    except Exception:
        _let_first_print()
        raise


def print_any_text() -> None:
    """Print "?" for each character that the terminal or log file cannot show, because its encoding is not UTF-8.

    Without this, Python stops with a UnicodeEncodeError, for example after hours of training.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a stream that replaces stdout may lack it
            stream.reconfigure(errors="replace")


def _is_of_ascii_paths(error: Exception) -> bool:
    """Return whether Python cannot name a file because its encoding of file names is not UTF-8 (LC_ALL=C)."""
    return isinstance(error, UnicodeEncodeError) and sys.getfilesystemencoding().lower() not in ("utf-8", "utf8")


def _let_first_print() -> None:
    """In a process other than process 0, wait until process 0 has printed its error and torchrun ends this process.

    If process 0 fails, the others lose the connection to it. Their errors would hide the one that matters.
    """
    if _RANK != "0":
        time.sleep(SECONDS_FOR_FIRST)


def _print_error(error: InputError) -> None:
    _let_first_print()
    process = f" (process {_RANK})" if _RANK != "0" else ""
    _errors.print(Text(f"error{process}: {error}", style="bold red" if _errors.is_terminal else ""))


def _as_input_error(error: InputError | OSError | UnicodeEncodeError) -> InputError:
    """Turn an OSError into an InputError that names the file. An InputError is returned unchanged."""
    if isinstance(error, InputError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return InputError(
            f"Python cannot name a file with {error.object!a}, because it encodes file names as {error.encoding}",
            "UTF-8 for the names of files",
            "export PYTHONUTF8=1, then the same command",
        )
    look = f"ls -ld {quoted(error.filename)}"
    expected = "a file or folder that exists and that this user may read and write"
    return InputError(f"{error.filename}: {error.strerror}", expected, look)
