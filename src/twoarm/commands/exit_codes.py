"""What every command shares: exit codes, messages without a traceback or a patient's value, progress."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from twoarm.errors import OutputError, ProtocolError, RecordsError

OK, DIFFERS, PROTOCOL_INVALID, DATA_REFUSED, NOT_ESTIMABLE, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
MOST_PROBLEMS = 100  # shown; all are counted


@contextlib.contextmanager
def exit_codes(study: Path) -> Iterator[None]:
    """Turn errors into messages and exit codes: no traceback, no patient's value."""
    try:
        yield
    except ProtocolError as error:
        lines = study.read_text("utf-8-sig", errors="replace").splitlines() if study.is_file() else []
        for problem in error.problems[:MOST_PROBLEMS]:
            click.echo(visible(str(problem)), err=True)
            _caret(lines, problem.where)
        click.echo(f"{_counted(len(error.problems))} in the protocol; nothing was run.", err=True)
        sys.exit(PROTOCOL_INVALID)
    except RecordsError as error:
        for problem in error.problems[:MOST_PROBLEMS]:
            click.echo(visible(str(problem)), err=True)
        click.echo(f"{_counted(len(error.problems))} in the data; nothing was written.", err=True)
        sys.exit(DATA_REFUSED)
    except BrokenPipeError:
        sys.exit(OK)  # whoever read the output has seen enough
    except OutputError as error:
        click.echo(visible(str(error)), err=True)
        sys.exit(PROTOCOL_INVALID)
    except KeyboardInterrupt:
        click.echo("interrupted; nothing was written.", err=True)
        sys.exit(INTERRUPTED)
    except Exception as error:  # the message of a foreign exception may quote data, so only places are shown
        frames = traceback.extract_tb(error.__traceback__)[-4:]
        places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
        click.echo(f"internal error: {type(error).__name__} at {places}; nothing was written.", err=True)
        sys.exit(INTERNAL)


def progress(quiet: bool) -> Callable[[str], None]:
    """Return a function that tells the stage and the seconds so far on standard error."""
    start = time.monotonic()

    def say(stage: str) -> None:
        if not quiet:
            click.echo(f"[{time.monotonic() - start:5.1f} s] {stage}", err=True)

    return say


def visible(text: str) -> str:
    """Return a message without characters that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _caret(lines: list[str], where: str) -> None:
    """Show the line of the protocol with a caret under the place."""
    parts = where.rsplit(":", 2)
    if len(parts) < 3:
        return
    line, column = int(parts[1]), int(parts[2])
    if line <= len(lines):
        click.echo(f"    {visible(lines[line - 1])}\n    {' ' * (column - 1)}^", err=True)


def _counted(n: int) -> str:
    return "1 problem" if n == 1 else f"{n} problems"
