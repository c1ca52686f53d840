"""How a PDF gets its glyphs: as the library works them out, but each once for all figures."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, cast

from matplotlib.backends import backend_pdf
from matplotlib.backends.backend_pdf import PdfFile, _get_pdf_charprocs
from matplotlib.font_manager import get_font
from matplotlib.ft2font import LoadFlags

_MOST = 4096  # glyphs that are kept


class KeptGlyphs(PdfFile):
    """A PDF whose glyphs are kept for the next one."""

    def writeFonts(self) -> None:  # noqa: N802  # the library's name for it
        """Write the fonts that are used; meanwhile the library asks here for outlines and widths."""
        library = cast("Any", backend_pdf)
        library._get_pdf_charprocs, library.get_font = _outlines, _Measured
        try:
            super().writeFonts()  # type: ignore[no-untyped-call]
        finally:
            library._get_pdf_charprocs, library.get_font = _get_pdf_charprocs, get_font


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
