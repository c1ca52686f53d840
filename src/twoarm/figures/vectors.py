"""What was taken down of a figure -> SVG and PDF, without the time of day."""

from __future__ import annotations

import io
from collections.abc import Callable

from matplotlib.backends.backend_pdf import PdfFile, RendererPdf
from matplotlib.backends.backend_svg import RendererSVG

from twoarm.figures.outlines import KNOWN, OUTLINES
from twoarm.figures.recording import DPI, Player, Recording


def encode_svg(recording: Recording) -> bytes:
    """Return a figure as SVG, its letters as outlines."""
    out = io.StringIO()
    renderer = _svg_renderer()(recording.width, recording.height, out, metadata={"Date": None})
    renderer._text2path = OUTLINES
    Player(renderer, recording.height).play(recording)
    renderer.finalize()  # type: ignore[no-untyped-call]
    return out.getvalue().encode("utf-8")


def encode_pdf(recording: Recording) -> bytes:
    """Return a figure as PDF, with the glyphs that it uses."""
    out = io.BytesIO()
    file = _pdf_file()(out, metadata={"CreationDate": None, "ModDate": None})
    width, height = recording.inches
    file.newPage(width, height)  # type: ignore[no-untyped-call]
    renderer = _pdf_renderer()(file, DPI, height, width)
    Player(renderer, recording.height).play(recording)
    renderer.finalize()  # type: ignore[no-untyped-call]
    file.finalize()  # type: ignore[no-untyped-call]
    file.close()  # type: ignore[no-untyped-call]
    return out.getvalue()


def _svg_renderer() -> Callable[..., RendererSVG]:
    if not KNOWN:
        return RendererSVG
    from twoarm.figures.svg_text import TextRenderer

    return TextRenderer


def _pdf_file() -> Callable[..., PdfFile]:
    if not KNOWN:
        return PdfFile
    from twoarm.figures.pdf_fonts import KeptGlyphs

    return KeptGlyphs


def _pdf_renderer() -> Callable[[PdfFile, float, float, float], RendererPdf]:
    if not KNOWN:
        return RendererPdf
    from twoarm.figures.pdf_text import TextRenderer

    return TextRenderer
