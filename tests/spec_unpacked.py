"""Everything that is in a folder, unpacked: archives, the streams and texts of PDF files, names of files."""

from __future__ import annotations

import html
import io
import re
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)


def unpacked(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of every file and of every part in it, with its content as text in every way that it could be."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        yield name, name
        if path.is_file() and not path.is_symlink():
            for part, content in _parts(name, path.read_bytes()):
                yield part, _readable(content)
            if path.suffix == ".pdf" and shutil.which("pdftotext"):
                said = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, check=True).stdout
                yield f"{name}:text", said.decode("utf-8", "replace")


def _parts(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, content
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            yield f"{name}:comment", book.comment
            for entry in book.infolist():
                yield f"{name}:{entry.filename}", entry.filename.encode() + entry.comment + entry.extra
                yield from _parts(f"{name}:{entry.filename}", book.read(entry))
    if content.startswith(b"%PDF"):
        for number, found in enumerate(_STREAM.findall(content)):
            yield f"{name}:{number}", _inflated(found)
    if content.startswith(b"\x89PNG"):
        yield f"{name}:pixels", b"".join(_inflated(part) for part in _chunks(content))


def _chunks(png: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] != b"IDAT":  # texts stand in all the others
            yield png[at + 4 : at + 8 + size]
        at += 12 + size


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompress(content)
    except zlib.error:
        return content


def _readable(content: bytes) -> str:
    """As bytes that are letters, without the escapes of HTML, XML and JSON, and as UTF-16, which PDF has for titles."""
    text = content.decode("utf-8", "replace")
    wide = content.decode("utf-16-be", "ignore") if b"\xfe\xff" in content else ""
    plain = html.unescape(text)
    return "\n".join((text, plain, re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), plain), wide))
