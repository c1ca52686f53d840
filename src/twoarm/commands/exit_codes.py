"""What every command shares: exit codes, messages without a traceback or a patient's value."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click

from twoarm.errors import OutputError, ProtocolError, RecordsError

OK, DIFFERS, PROTOCOL_INVALID, DATA_REFUSED, NOT_ESTIMABLE, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
MOST_PROBLEMS = 100  # shown; all are counted


class Ended(KeyboardInterrupt):
    """A signal that asks to end; cleared up after like Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def tell(text: str, *, err: bool = False) -> None:
    """Write a line for the reader. One who has seen enough and left does not stop the work, or change its exit code.

    Raises:
        OutputError: standard output cannot be written for another reason, such as a full disk.
    """
    try:
        click.echo(text, err=err)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, (sys.stderr if err else sys.stdout).fileno())  # what is still in the stream goes there at exit
        os.close(nowhere)
    except OSError as error:
        if not err:
            raise OutputError(f"standard output cannot be written ({error.strerror})") from None


@contextlib.contextmanager
def exit_codes(study: Path) -> Iterator[None]:
    """Turn errors into messages and exit codes: no traceback, no patient's value."""
    _keep_memory_to_itself()
    try:
        with _ending_in_order():
            yield
    except ProtocolError as error:
        lines = study.read_text("utf-8-sig", errors="replace").splitlines() if study.is_file() else []
        for problem in error.problems[:MOST_PROBLEMS]:
            tell(visible(str(problem)), err=True)
            _caret(lines, problem.where)
        tell(f"{_counted(len(error.problems))} in the protocol; nothing was run.", err=True)
        sys.exit(PROTOCOL_INVALID)
    except RecordsError as error:
        for problem in error.problems[:MOST_PROBLEMS]:
            tell(visible(str(problem)), err=True)
        tell(f"{_counted(len(error.problems))} in the data; nothing was written.", err=True)
        sys.exit(DATA_REFUSED)
    except OutputError as error:
        tell(visible(str(error)), err=True)
        sys.exit(PROTOCOL_INVALID)
    except KeyboardInterrupt as error:
        tell("interrupted; nothing was written.", err=True)
        sys.exit(128 + error.number if isinstance(error, Ended) else INTERRUPTED)
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of a library is no Exception
        # the message of a foreign exception may quote data, so only places are shown
        frames = traceback.extract_tb(error.__traceback__)[-4:]
        places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
        tell(f"internal error: {type(error).__name__} at {places}; nothing was written.", err=True)
        sys.exit(INTERNAL)


def _keep_memory_to_itself() -> None:
    """Let a crash write no copy of the memory, in which patients are, to the disk."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))


@contextlib.contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let the signals that end a process raise, so that nothing half-made is left; one that is ignored stays so."""
    wanted = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    here = threading.current_thread() is threading.main_thread()
    taken = [number for number in wanted if here and signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _: FrameType | None) -> None:
    raise Ended(number)


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
        tell(f"    {visible(lines[line - 1])}\n    {' ' * (column - 1)}^", err=True)


def _counted(n: int) -> str:
    return "1 problem" if n == 1 else f"{n} problems"
