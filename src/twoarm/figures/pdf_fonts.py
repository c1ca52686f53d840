"""How a PDF gets its glyphs: as the library works them out, but each once for all figures."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, cast

import numpy as np
from matplotlib.backends import backend_pdf
from matplotlib.backends.backend_pdf import Op, PdfFile, _fill, _get_pdf_charprocs, pdfRepr
from matplotlib.font_manager import get_font
from matplotlib.ft2font import LoadFlags

_MOST = 4096  # glyphs that are kept
_STREAM = b"%d 0 obj\n<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream\nendobj\n"
_LINE = 75  # characters; the library begins a new line after them
_NUMBERS = (float, np.float64)


class KeptGlyphs(PdfFile):
    """A PDF whose glyphs are kept for the next one, and whose operations take no search for what each value is."""

    def output(self, *data: Any) -> None:
        """Write operations and what they take, as the library does."""
        parts = [_written(value) for value in data]
        line = b" ".join(parts)
        self.write((line if len(line) < _LINE else _fill(parts)) + b"\n")  # type: ignore[no-untyped-call]

    def outputStream(self, ref: Any, data: bytes, *, extra: dict[str, Any] | None = None) -> None:  # noqa: N802
        """Write a stream that nothing is said of, as those of glyphs are, packed once for all figures."""
        if extra:
            super().outputStream(ref, data, extra=extra)  # type: ignore[no-untyped-call]
            return
        self.recordXref(ref.id)  # type: ignore[no-untyped-call]
        packed = _packed(data)
        self.fh.write(_STREAM % (ref.id, len(packed), packed))

    def writeFonts(self) -> None:  # noqa: N802  # the library's name for it
        """Write the fonts that are used; meanwhile the library asks here for outlines and widths."""
        library = cast("Any", backend_pdf)
        library._get_pdf_charprocs, library.get_font = _outlines, _Measured
        try:
            super().writeFonts()  # type: ignore[no-untyped-call]
        finally:
            library._get_pdf_charprocs, library.get_font = _get_pdf_charprocs, get_font


@lru_cache(_MOST)
def _packed(data: bytes) -> bytes:
    return zlib.compress(data)


def _written(value: Any) -> bytes:
    """Return what stands for a value; the library asks for each kind in turn, and these are nearly all."""
    kind = type(value)
    if kind is Op:
        name: bytes = value._value_
        return name
    if kind in _NUMBERS and math.isfinite(value):
        return (b"%.10f" % value).rstrip(b"0").rstrip(b".")
    other: bytes = pdfRepr(value)  # type: ignore[no-untyped-call]
    return other


class _Measured:
    """A font whose widths are kept; in all else it is the font itself."""

    def __init__(self, path: Any) -> None:
        self._font: Any = get_font(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._font, name)

    def load_glyph(self, index: int, flags: LoadFlags) -> Any:
        """Return what a glyph measures: for widths without hints, else for outlines, which the font then holds."""
        measured = _measures if flags & LoadFlags.NO_HINTING else type(self._font).load_glyph
        return measured(self._font, index, flags=flags)


@lru_cache(_MOST)
def _measures(font: Any, index: int, *, flags: LoadFlags) -> Any:
    return font.load_glyph(index, flags=flags)


def _outlines(path: Any, indices: Iterable[int]) -> dict[str, bytes]:
    return {name: outline for index in indices for name, outline in _outline(path, index).items()}


@lru_cache(_MOST)
def _outline(path: Any, index: int) -> dict[str, bytes]:
    outline: dict[str, bytes] = _get_pdf_charprocs(path, [index])  # type: ignore[no-untyped-call]
    return outline
