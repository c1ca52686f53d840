"""Figures -> files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

from matplotlib.figure import Figure
from matplotlib.text import Text

from twoarm.figures.all_figures import NamedFigure
from twoarm.figures.fonts import Fonts
from twoarm.figures.pixels import Pixels, opaque_pixels
from twoarm.figures.png import encode_png
from twoarm.figures.recording import Recording
from twoarm.figures.theme import new_figure, style
from twoarm.figures.tiff import encode_tiff
from twoarm.figures.vectors import encode_pdf, encode_svg
from twoarm.protocol.choices import FigureFormat

PRINT_DPI = 300
_VECTORS: dict[FigureFormat, Callable[[Recording], bytes]] = {"svg": encode_svg, "pdf": encode_pdf}
_ENCODERS: dict[FigureFormat, Callable[[Pixels, int], bytes]] = {
    "png": encode_png,
    "tiff": encode_tiff,
}


def render(figure: Figure, kinds: Sequence[FigureFormat]) -> dict[FigureFormat, bytes]:
    """Return a figure's files; the same figure gives the same bytes."""
    recording = Recording(figure)
    files = {kind: _VECTORS[kind](recording) for kind in kinds if kind in _VECTORS}
    if len(files) < len(kinds):
        pixels = opaque_pixels(recording, PRINT_DPI)  # once, for all that are made of pixels
        files |= {kind: encode(pixels, PRINT_DPI) for kind, encode in _ENCODERS.items() if kind in kinds}
    return files


def draw(named: NamedFigure, kinds: tuple[FigureFormat, ...], fonts: Fonts | None = None) -> dict[FigureFormat, bytes]:
    """Draw a figure and return its files; nothing where there is nothing to show."""
    with style(fonts), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a figure lacks is seen in the figure; a warning would quote its labels
        figure = named.draw()
        if figure is None:
            return {}
        if fonts and fonts.missing:
            _without(figure, fonts)
        return render(figure, kinds)


def _without(figure: Figure, fonts: Fonts) -> None:
    """Put a question mark in the place of each character that no font has."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            labels = [label.get_text() for label in axis.get_ticklabels()]
            if any(fonts.shown(label) != label for label in labels):
                axis.set_ticks(axis.get_ticklocs(), [fonts.shown(label) for label in labels])
    for text in figure.findobj(Text):
        assert isinstance(text, Text), "only texts were asked for"
        text.set_text(fonts.shown(text.get_text()))


def warm_up() -> None:
    """Draw a figure that nobody sees: fonts are open then, and what is kept between figures is there."""
    with style():
        figure = new_figure(1, 1)
        axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
        axes.plot([0, 1], [0, 1], marker="o", label="0")
        axes.legend()
        figure.text(0, 0, "0", fontweight="bold")
        render(figure, (*_VECTORS, *_ENCODERS))
