"""How an SVG shows a line of text: as the library writes it, but what is the same in the next figure is kept."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import numpy as np
from matplotlib.backends.backend_svg import RendererSVG, _generate_css, _generate_transform, _short_float_fmt
from matplotlib.colors import rgb2hex
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path

from twoarm.figures.outlines import OUTLINES, PARTS

_MOST = 4096  # texts and outlines that are kept


class TextRenderer(RendererSVG):
    """Renders to SVG with the glyphs of kept lines."""

    def __init__(self, width: float, height: float, out: io.StringIO, *, metadata: Any) -> None:
        self._out = out
        super().__init__(width, height, out, metadata=metadata)  # type: ignore[no-untyped-call]

    def _draw_text_as_path(self, gc: Any, x: float, y: float, s: str, prop: FontProperties, angle: float,
                           *_: Any) -> None:  # fmt: skip
        """Show a line of text."""
        writer: Any = self.writer
        line = OUTLINES.line(s, prop)
        size = prop.get_size_in_points() / OUTLINES.FONT_SCALE
        place = _moved(("translate", (x, y)), ("rotate", (-angle,)), ("scale", (size, -size)))
        writer.comment(s)
        depth = writer.start("g", style=_look(gc), transform=place)
        self._define({name: outline for name, outline in line.outlines.items() if name not in self._glyph_map})
        if line.places:
            writer.element("use", attrib=_use(line.places[0]))
            self._out.write(_further_uses(line.font, s, depth + 1))
        writer.end("g")

    def _define(self, outlines: Mapping[str, tuple[Any, Any]]) -> None:
        """Write outlines that are not in this file yet."""
        if not outlines:
            return
        writer: Any = self.writer
        writer.start("defs")
        for name, (points, codes) in outlines.items():
            data = _path_data(points.tobytes(), codes.tobytes())
            writer.element("path", id=self._adjust_glyph_repr(name), d=data, transform=_moved(("scale", (1 / PARTS,))))  # type: ignore[no-untyped-call]
        writer.end("defs")
        self._glyph_map.update(outlines)


def _look(gc: Any) -> str:
    style = {}
    colour = rgb2hex(gc.get_rgb())
    if colour != "#000000":
        style["fill"] = colour
    alpha = gc.get_alpha() if gc.get_forced_alpha() else gc.get_rgb()[3]
    if alpha != 1:
        style["opacity"] = _short_float_fmt(alpha)  # type: ignore[no-untyped-call]
    return str(_generate_css(style))  # type: ignore[no-untyped-call]


def _moved(*steps: tuple[str, tuple[float, ...]]) -> str:
    return str(_generate_transform(steps))  # type: ignore[no-untyped-call]


def _use(place: tuple[str, float, float, float]) -> dict[str, str]:
    name, x, y, size = place
    return {"xlink:href": f"#{name}", "transform": _moved(("translate", (x, y)), ("scale", (size,)))}


@lru_cache(_MOST)
def _further_uses(font: Any, text: str, depth: int) -> str:
    """Return the elements for all glyphs of a line but the first."""
    places, _, _ = OUTLINES.get_glyphs_with_font(font, text)
    uses = ({name: said for name, said in _use(place).items() if said} for place in places[1:])
    lines = ("".join(f' {name}="{said}"' for name, said in use.items()) for use in uses)
    return "".join(f"{' ' * depth}<use{line}/>\n" for line in lines)


@lru_cache(_MOST)
def _path_data(points: bytes, codes: bytes) -> str:
    outline = Path(np.frombuffer(points).reshape(-1, 2) * PARTS, np.frombuffer(codes, Path.code_type))
    return str(cast("Any", RendererSVG)._convert_path(None, outline, simplify=False))  # needs nothing of a file
