"""Which folder may be written, and how a finished one takes its place; imports nothing heavy."""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from twoarm.errors import OutputError


def check_output(out: str | Path, *, replace: bool = False) -> Path:
    """Return the folder to write, or say why it cannot be written.

    Raises:
        OutputError: it exists and is not to be replaced, is no earlier output, its parent is missing or cannot be
            written, or another run is writing it.
    """
    with reserved(out, replace=replace) as folder:
        return folder


@contextlib.contextmanager
def reserved(out: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """Keep every other run away from a folder that is to be written; yield it.

    Raises:
        OutputError: as ``check_output``, and for whatever cannot be written meanwhile.
    """
    folder = Path(os.path.abspath(out))  # ".." is taken out by name, so that every rename means the same folder
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"{out}: not a folder")
    if not folder.name or not folder.parent.is_dir():
        raise OutputError(f"{out}: the folder around it does not exist")
    with locked(folder):
        _refuse(folder, out, replace=replace)
        yield folder


def _refuse(folder: Path, out: str | Path, *, replace: bool) -> None:
    if folder.exists() and not replace:
        raise OutputError(f"{out} exists already; name another folder, or replace it with --replace")
    if folder.exists():
        foreign = foreign_files(folder)
        if foreign:
            raise OutputError(f"{out} is not replaced: it holds what is no earlier output, such as {foreign[0]}")


def foreign_files(folder: Path) -> list[str]:
    """Return the files that the folder's own manifest does not list; everything, if it is no manifest of ours."""
    found = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()
    }
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        listed = {"manifest.json", *manifest["outputs"]} if "twoarm" in manifest else set()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        listed = set()
    return sorted(found - listed)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of an output folder, and clear up what a killed run left there.

    The system lets go of the lock when its process ends, however it ends, so that a lock file is never in the way.

    Raises:
        OutputError: another run holds it, or something cannot be written meanwhile.
    """
    try:
        with _held(folder.with_name(f".{folder.name}.lock"), folder.name):
            _sweep(folder)
            yield
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or type(error).__name__})") from None


@contextlib.contextmanager
def _held(path: Path, name: str) -> Iterator[None]:
    while True:
        with contextlib.ExitStack() as opened:
            file = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600)
            opened.callback(os.close, file)
            if not _free(file):
                raise OutputError(f"{name}: another run is writing it; wait for it, or name another folder")
            if not _is_at(file, path):  # its holder took it away between our opening and our locking it
                continue
            try:
                yield
            finally:
                with contextlib.suppress(OSError):  # a system that keeps open files leaves it; it does no harm
                    path.unlink()
            return


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _free(file: int) -> bool:
    """Lock a file unless somebody else has; where the file system knows no locks, nobody has."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
    return True


def replace_file(path: Path, text: str) -> None:
    """Write a text file so that it is there whole, or as it was before.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        replace_bytes(path, text.encode("utf-8"))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or type(error).__name__})") from None


def replace_bytes(path: Path, content: bytes) -> None:
    """Write a file for its owner alone, whole or not at all, and wait until it is on the disk.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    old_mask = os.umask(0o077)
    try:
        partial.write_bytes(content)
        _store_file(partial)
        os.replace(partial, path)
        _store_names(path.parent)
    finally:
        os.umask(old_mask)
        partial.unlink(missing_ok=True)


def partial_folder(folder: Path) -> Path:
    """Return where an output is made before it takes its place."""
    return folder.with_name(f".{folder.name}.partial-{os.getpid()}")


def _sweep(folder: Path) -> None:
    """Clear up after a run that was killed: half-made folders go, and an old output that was moved aside comes back.

    Whoever holds the lock is the only run here, so what is found is left over.
    """
    for kind in ("partial", "old"):
        for left in sorted(folder.parent.glob(f".{glob.escape(folder.name)}.{kind}-*")):
            if not left.name.rpartition("-")[2].isdigit():
                continue
            if kind == "old" and not folder.exists():
                os.replace(left, folder)
            else:
                _discard(left, partial_folder(folder))


def _discard(folder: Path, name: Path) -> None:
    """Delete a folder under another name, so that one that is half deleted is never taken for an output."""
    with contextlib.suppress(OSError):
        os.replace(folder, name)
        folder = name
    shutil.rmtree(folder, ignore_errors=True)


def publish(partial: Path, folder: Path, storing: Storing, *, replace: bool) -> None:
    """Rename into place what is on the disk; an earlier output is moved aside first and goes last."""
    if folder.exists() and not (replace and not foreign_files(folder)):
        raise OutputError(f"{folder}: was made by somebody else in the meantime; nothing was replaced")
    storing.finish(partial)
    old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    try:
        if folder.exists():
            os.replace(folder, old)
        os.replace(partial, folder)
    except BaseException:  # an interruption, too
        if old.exists() and not folder.exists():
            os.replace(old, folder)
        raise
    _store_names(folder.parent)
    if old.exists():
        _discard(old, partial)


class Storing:
    """Waits until files are on the disk: a rename must not outlive their content when the power fails.

    It waits on threads of its own, so that what is written first can be stored while the rest is made.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(8)  # the disk stores many at once in the time of one
        self._begun: dict[Path, Future[None]] = {}

    def __enter__(self) -> Storing:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()

    def begin(self, files: Iterable[Path]) -> None:
        """Begin with files that are whole, and stay as they are."""
        for path in files:
            if path not in self._begun:
                self._begun[path] = self._threads.submit(_store_file, path)

    def finish(self, folder: Path) -> None:
        """Wait until everything in a folder is on the disk.

        Raises:
            OSError: something cannot be stored.
        """
        inside = list(folder.rglob("*"))
        folders = [folder, *(path for path in inside if path.is_dir())]
        self.begin(path for path in inside if path not in folders)
        for stored in self._begun.values():
            stored.result()
        for path in folders:
            _store_names(path)


def _store_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _store_names(folder: Path) -> None:
    if sys.platform == "win32":  # folders cannot be opened there
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems do not know it
            os.fsync(file)
    finally:
        os.close(file)
