"""How a PDF shows a line of text: in one operation, where the library writes it glyph by glyph."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.backends.backend_pdf import Op, RendererPdf
from matplotlib.font_manager import FontPath, FontProperties

from twoarm.figures.outlines import OUTLINES, Glyph

_SEEN = 0.1  # thousandths of the font's size; less is what comes of rounding places


class TextRenderer(RendererPdf):
    """Renders to PDF with the glyphs of kept lines."""

    def __init__(self, file: Any, image_dpi: float, height: float, width: float) -> None:
        super().__init__(file, image_dpi, height, width)  # type: ignore[no-untyped-call]
        self._codes: dict[tuple[Any, str, int], tuple[Any, int]] = {}

    def draw_text(self, gc: Any, x: float, y: float, s: str, prop: FontProperties, angle: float, ismath: Any = False,
                  mtext: Any = None) -> None:  # fmt: skip
        """Show a line of text."""
        line = OUTLINES.line(s, prop).glyphs
        if any(glyph.y for glyph in line):  # marks above letters
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)  # type: ignore[no-untyped-call]
            return
        self.check_gc(gc, gc._rgb)  # type: ignore[no-untyped-call]
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        turned = (Op.gsave, cos, sin, -sin, cos, x, y, Op.concat_matrix)
        shown = self._shown(line, prop.get_size_in_points())
        self.file.output(*turned, Op.begin_text, *shown, Op.end_text, Op.grestore)

    def _shown(self, line: list[Glyph], size: float) -> list[Any]:
        """Return what shows a line: a string with kerns for every font that it changes to."""
        shown: list[Any] = []
        parts: list[Any] = []
        codes, now, start = bytearray(), None, 0.0
        for glyph in line:
            name, code = self._code(glyph)
            if name != now:
                if now is not None:
                    shown += [[*parts, bytes(codes)], Op.showkern]
                x = glyph.x * size / OUTLINES.FONT_SCALE
                shown += [name, size, Op.selectfont, x - start, 0, Op.textpos]
                parts, codes, now, start = [], bytearray(), name, x
            kern = -1000 * glyph.kern / OUTLINES.FONT_SCALE
            if abs(kern) >= _SEEN:
                parts += [bytes(codes), kern] if codes else [kern]
                codes.clear()
            codes.append(code)
        return [*shown, [*parts, bytes(codes)], Op.showkern] if line else shown

    def _code(self, glyph: Glyph) -> tuple[Any, int]:
        """Return the font and the code of a glyph in this file."""
        key = glyph[:3]
        if key not in self._codes:
            subset, code = self.file._character_tracker.track_glyph(*key)
            path = FontPath(glyph.font.fname, glyph.font.face_index)
            self._codes[key] = self.file.fontName(path, subset), code
        return self._codes[key]
