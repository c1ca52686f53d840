"""What was taken down of a figure -> SVG and PDF, without the time of day."""

from __future__ import annotations

import io

from twoarm.figures.outlines import OUTLINES
from twoarm.figures.recording import DPI, Player, Recording


def encode_svg(recording: Recording) -> bytes:
    """Return a figure as SVG, its letters as outlines."""
    from matplotlib.backends.backend_svg import RendererSVG

    out = io.StringIO()
    renderer = RendererSVG(recording.width, recording.height, out, metadata={"Date": None})
    renderer._text2path = OUTLINES
    Player(renderer, recording.height).play(recording)
    renderer.finalize()
    return out.getvalue().encode("utf-8")


def encode_pdf(recording: Recording) -> bytes:
    """Return a figure as PDF, with the glyphs that it uses."""
    from matplotlib.backends.backend_pdf import PdfFile, RendererPdf

    out = io.BytesIO()
    file = PdfFile(out, metadata={"CreationDate": None, "ModDate": None})
    width, height = recording.inches
    file.newPage(width, height)
    renderer = RendererPdf(file, DPI, height, width)
    Player(renderer, recording.height).play(recording)
    renderer.finalize()
    file.finalize()
    file.close()
    return out.getvalue()
