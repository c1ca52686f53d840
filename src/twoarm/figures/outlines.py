"""Texts as outlines, each worked out once: the figures of a study say the same words often, in every format."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple
from unicodedata import category

import numpy as np
from matplotlib.font_manager import FontProperties, fontManager, get_font
from matplotlib.ft2font import LoadFlags
from matplotlib.path import Path
from matplotlib.textpath import TextToPath

from twoarm.figures.library import is_known

KNOWN = is_known()
_MOST = 4096  # texts that are kept
PARTS = 64  # of a point, in which the font library counts
_HEIGHTS: dict[Any, tuple[str, ...]] = {  # tables of a font, the one that the library asks first first
    "OS/2": ("sTypoAscender", "sTypoDescender", "sTypoLineGap"),
    "hhea": ("ascent", "descent", "lineGap"),
}


class Glyph(NamedTuple):
    """A glyph of a line, in hundredths of the font's size."""

    font: Any
    characters: str
    glyph_index: int
    x: float
    y: float
    kern: float  # how far it is moved from where the glyph before it ends


class Line(NamedTuple):
    """A line of text at a hundred points."""

    font: Any
    places: list[Any]  # name, x, y and scale of each glyph
    outlines: dict[str, Any]  # by the names of glyphs
    glyphs: list[Glyph]  # none where the library's version is not known


class Outlines(TextToPath):
    """What the drawing library works out of texts, kept."""

    def __init__(self) -> None:
        super().__init__()
        self._fonts = lru_cache(_MOST)(fontManager._find_fonts_by_props)
        self._size = lru_cache(_MOST)(self._size_of)
        self._reach = lru_cache(_MOST)(self._reach_of)
        self.path_of = lru_cache(_MOST)(self._path_of)
        self.line = lru_cache(_MOST)(self._line)
        self._shaped = lru_cache(_MOST)(self._shape)
        self._outline = lru_cache(_MOST)(self._outline_of)
        self.heights = lru_cache(_MOST)(self._heights)

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        """Return what a text takes, in points."""
        return self._size(s, prop, ismath)

    def _get_font(self, prop: FontProperties) -> Any:
        font = get_font(self._fonts(prop))  # others share it: upright and of one size again
        font.set_size(self.FONT_SCALE, self.DPI)
        return font

    def get_glyphs_with_font(self, font: Any, s: str, glyph_map: Any = None, return_new_glyphs_only: bool = False,
                             **more: Any) -> tuple[Any, Any, Any]:  # fmt: skip
        """Return the glyphs of a text with their places, and the outlines of those that are not known."""
        asked = {name: value for name, value in more.items() if value is not None}
        _, places, outlines, _ = self._shaped(font, s, **asked)
        known = glyph_map or {}
        new = {name: outline for name, outline in outlines.items() if name not in known}
        return places, new if return_new_glyphs_only else {**known, **new}, []

    def _line(self, s: str, prop: FontProperties) -> Line:
        return self._shaped(self._get_font(prop), s)

    def _shape(self, font: Any, s: str, **more: Any) -> Line:
        if not KNOWN:
            places, outlines, _ = super().get_glyphs_with_font(font, s, **more)
            return Line(font, places, outlines, [])
        places, outlines, glyphs = [], {}, []
        for item in font._layout(s, LoadFlags.NO_HINTING, **more):
            name, outlines[name] = self._outline(item.ft_object, item.glyph_index)
            places.append((name, item.x, item.y, 1.0))
            glyphs.append(Glyph(item.ft_object, item.char, item.glyph_index, item.x, item.y, item.prev_kern))
        return Line(font, places, outlines, glyphs)

    def _size_of(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        """Work out what a text takes from its glyphs; the library, asked for it, loads them all again."""
        other = any(category(letter)[0] in "MC" for letter in s)  # marks above letters, and what is not seen
        line = [] if ismath or other or not KNOWN else self.line(s, prop).glyphs
        if not line:
            return super().get_text_width_height_descent(s, prop, ismath)
        reach = [self._reach(glyph.font, glyph.glyph_index) for glyph in line]
        low, high = min(ends[0] for ends in reach), max(ends[1] for ends in reach)
        scale = prop.get_size_in_points() / self.FONT_SCALE
        return (line[-1].x + reach[-1][2]) * scale, (high - low) * scale, (0.0 - low) * scale

    def _reach_of(self, font: Any, glyph_index: int) -> tuple[float, float, float]:
        """Return how low and how high a glyph's outline reaches, and its advance, at a hundred points."""
        advance = font.load_glyph(glyph_index, flags=LoadFlags.NO_HINTING).horiAdvance / PARTS
        points, codes = font.get_path()
        heights = points[codes != Path.CLOSEPOLY, 1]
        return (float(heights.min()), float(heights.max()), advance) if heights.size else (0.0, 0.0, advance)

    def _outline_of(self, font: Any, glyph_index: int) -> tuple[str, Any]:
        """Return the name of a glyph and its outline at a hundred points."""
        font.load_glyph(glyph_index, flags=LoadFlags.NO_HINTING)
        return self._get_glyph_repr(font, glyph_index), font.get_path()  # type: ignore[attr-defined]

    def _heights(self, prop: FontProperties) -> tuple[float | None, float | None, float | None]:
        """Return how far a font says that its lines rise and fall, and what it leaves between them, in points."""
        font: Any = get_font(self._fonts(prop))
        for table, names in _HEIGHTS.items():
            found = font.get_sfnt_table(table)
            if found is not None:
                size = 1 / font.get_sfnt_table("head")["unitsPerEm"] * prop.get_size_in_points() * self.DPI / 72
                rise, fall, between = (found[name] for name in names)
                return rise * size, -fall * size, between * size
        return None, None, None

    def _path_of(self, s: str, prop: FontProperties) -> Path:
        """Return a text as one outline, in points, from the left end of its base line."""
        line = self.line(s, prop)
        if not line.places:
            return Path(np.empty((0, 2)))
        scale = prop.get_size_in_points() / self.FONT_SCALE
        vertices = [(line.outlines[name][0] * size + (x, y)) * scale for name, x, y, size in line.places]
        return Path(np.concatenate(vertices), np.concatenate([line.outlines[name][1] for name, *_ in line.places]))


OUTLINES = Outlines()
