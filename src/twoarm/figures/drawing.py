"""Figures -> files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from matplotlib.figure import Figure
from matplotlib.text import Text

from twoarm.figures.all_figures import NamedFigure
from twoarm.figures.fonts import Fonts
from twoarm.figures.marks import new_axes
from twoarm.figures.pixels import Pixels, opaque_pixels
from twoarm.figures.png import encode_png
from twoarm.figures.recording import Recording
from twoarm.figures.theme import new_figure, style
from twoarm.figures.tiff import encode_tiff
from twoarm.figures.vectors import encode_pdf, encode_svg
from twoarm.protocol.choices import FigureFormat

Files = dict[FigureFormat, bytes]
PRINT_DPI = 300
_LETTERS = "".join(map(chr, range(0x20, 0x7F))) + "–≤≥"  # that nearly every figure has
_VECTORS: dict[FigureFormat, Callable[[Recording], bytes]] = {"svg": encode_svg, "pdf": encode_pdf}
_ENCODERS: dict[FigureFormat, Callable[[Pixels, int], bytes]] = {
    "png": encode_png,
    "tiff": encode_tiff,
}


def render(figure: Figure, kinds: Sequence[FigureFormat]) -> Files:
    """Return a figure's files; the same figure gives the same bytes."""
    recording = Recording(figure)
    return _vectors(recording, kinds) | _pixels(recording, kinds)


def draw(named: NamedFigure, kinds: tuple[FigureFormat, ...], fonts: Fonts | None = None) -> Files:
    """Draw a figure and return its files; nothing where there is nothing to show."""
    return {kind: content for files in draw_parts(named, kinds, fonts) for kind, content in files.items()}


def draw_parts(named: NamedFigure, kinds: tuple[FigureFormat, ...], fonts: Fonts | None = None) -> Iterator[Files]:
    """Draw a figure and yield its vector files, and then, when asked again, those of pixels."""
    with _drawing(fonts):
        figure = named.draw()
        if figure is not None and fonts and fonts.missing:
            _without(figure, fonts)
        recording = None if figure is None else Recording(figure)
        files = {} if recording is None else _vectors(recording, kinds)
    yield files
    if recording is not None:
        with _drawing(fonts):
            files = _pixels(recording, kinds)
        yield files


@contextmanager
def _drawing(fonts: Fonts | None) -> Iterator[None]:
    with style(fonts), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a figure lacks is seen in the figure; a warning would quote its labels
        yield


def _vectors(recording: Recording, kinds: Sequence[FigureFormat]) -> Files:
    return {kind: _VECTORS[kind](recording) for kind in kinds if kind in _VECTORS}


def _pixels(recording: Recording, kinds: Sequence[FigureFormat]) -> Files:
    if not any(kind in _ENCODERS for kind in kinds):
        return {}
    pixels = opaque_pixels(recording, PRINT_DPI)  # once, for all that are made of pixels
    return {kind: encode(pixels, PRINT_DPI) for kind, encode in _ENCODERS.items() if kind in kinds}


def _without(figure: Figure, fonts: Fonts) -> None:
    """Put a question mark in the place of each character that no font has."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text), "only texts were asked for"
        text.set_text(fonts.shown(text.get_text()))


def warm_up() -> None:
    """Draw a small figure that nobody sees: fonts are open then, and what is kept between figures is there."""
    with style():
        figure = new_figure(1.0, 1.0)
        axes = new_axes(figure, (0.2, 0.2, 0.7, 0.7))
        axes.plot([0, 1], [0, 1], marker="o", color="red", label="0")
        axes.legend(loc="lower left")
        for weight in ("normal", "bold"):
            figure.text(0, 0, _LETTERS, fontweight=weight)
        render(figure, (*_VECTORS, *_ENCODERS))
