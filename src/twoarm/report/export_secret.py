"""The secret under which patient keys are hashed before they leave; it is read, used, and written nowhere."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from twoarm.errors import OutputError
from twoarm.protocol.output import Output

SHORTEST = 16  # bytes; fewer could be tried out one by one


def read_export_secret(output: Output, folder: Path) -> bytes | None:
    """Return the secret that a protocol names, without the end of its line; None where none is needed.

    Raises:
        OutputError: it is not there, too short, or its file can be read by others.
    """
    if output.patient_keys != "keyed_hash":
        return None
    if output.key_file is not None:
        place, secret = output.key_file, _of_file(folder, output.key_file)
    else:
        place = f"${output.key_variable}"
        secret = os.environ.get(output.key_variable or "", "").encode("utf-8", "surrogateescape")
    secret = secret.rstrip(b"\r\n")
    if len(secret) < SHORTEST:
        raise OutputError(f"{place}: expected a secret of at least {SHORTEST} bytes, such as 32 random ones")
    return secret


def _of_file(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise OutputError(f"{name}: expected a file below the protocol's folder that holds the secret")
        if sys.platform != "win32" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise OutputError(f"{name}: others can read the secret; let its owner alone (chmod 600)")
        return path.read_bytes()
    except OSError as error:
        raise OutputError(f"{name}: cannot be read ({error.strerror or type(error).__name__})") from None
