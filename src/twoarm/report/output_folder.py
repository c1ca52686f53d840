"""Which folder may be written, and how a finished one takes its place; imports nothing heavy."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from twoarm.errors import OutputError


def check_output(out: str | Path, *, replace: bool = False) -> Path:
    """Return the folder to write, or say why it cannot be written.

    Raises:
        OutputError: it exists and is not to be replaced, is no earlier output, or its parent is missing.
    """
    folder = Path(os.path.abspath(out))  # ".." is taken out by name, so that every rename means the same folder
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"{out}: not a folder")
    if not folder.name or not folder.parent.is_dir():
        raise OutputError(f"{out}: the folder around it does not exist")
    _sweep(folder)
    if folder.exists() and not replace:
        raise OutputError(f"{out} exists already; name another folder, or replace it with --replace")
    if folder.exists():
        foreign = foreign_files(folder)
        if foreign:
            raise OutputError(f"{out} is not replaced: it holds what is no earlier output, such as {foreign[0]}")
    return folder


def foreign_files(folder: Path) -> list[str]:
    """Return the files that the folder's own manifest does not list; everything, if it is no manifest of ours."""
    found = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()
    }
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        listed = {"manifest.json", *manifest["outputs"]} if "twoarm" in manifest else set()
    except (OSError, ValueError, KeyError, TypeError):
        listed = set()
    return sorted(found - listed)


def _sweep(folder: Path) -> None:
    """Clear up after a run that was killed: half-made folders go, and an old output that was moved aside comes back."""
    for kind in ("partial", "old"):
        for left in folder.parent.glob(f".{folder.name}.{kind}-*"):
            owner = left.name.rpartition("-")[2]
            if not owner.isdigit() or _alive(int(owner)):
                continue
            if kind == "old" and not folder.exists():
                os.replace(left, folder)
            else:
                shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def publish(partial: Path, folder: Path, *, replace: bool) -> None:
    """Rename into place; an earlier output is moved aside first and goes last."""
    if folder.exists() and not (replace and not foreign_files(folder)):
        raise OutputError(f"{folder}: was made by somebody else in the meantime; nothing was replaced")
    old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    if folder.exists():
        os.replace(folder, old)
    try:
        os.replace(partial, folder)
    except OSError:
        if old.exists():
            os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
