"""How every figure looks: readable in print, told apart without colour."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from twoarm.figures.fonts import USUAL, Fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TREATED, COMPARATOR = "#0072B2", "#D55E00"  # Okabe and Ito (2008): distinct for the colour-blind, and in grey
INK, FAINT, RULE = "#1a1a1a", "#595959", "#bfbfbf"
DASHES = {"treated": "-", "comparator": (0, (5, 2))}

SETTINGS: dict[Any, Any] = {
    "font.family": USUAL,
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.facecolor": "none",  # the figure is white already
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "text.color": INK,
    "text.parse_math": False,
    "text.hinting": "none",
    "svg.hashsalt": "twoarm",
    "svg.fonttype": "path",
    "pdf.fonttype": 3,
    "pdf.compression": 6,
    "savefig.facecolor": "white",
}


@contextmanager
def style(fonts: Fonts | None = None) -> Iterator[None]:
    """Apply the settings while a figure is drawn or saved."""
    import matplotlib as mpl

    families = [USUAL, *fonts.families] if fonts else USUAL
    with mpl.rc_context({**SETTINGS, "font.family": families}):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def wide(letter: str) -> bool:
    """Whether a character is as wide as it is high, as Chinese ones are."""
    return ord(letter) > 0x2E7F


def shortened(text: str, inches: float, points: float = 8.5) -> str:
    """Cut a label to what fits into a width; letters are some 0.6 of their size wide, Chinese characters all of it."""
    room = inches * 72 / points
    for end, letter in enumerate(text):
        room -= 1.0 if wide(letter) else 0.6
        if room < 0:
            return text[: max(end - 1, 1)].rstrip() + "…"
    return text


def legend_label(text: str, inches: float) -> str:
    """Cut a label for a legend, which would leave out one that starts with an underscore."""
    return " " * text.startswith("_") + shortened(text, inches)


def bare(axes: Axes) -> Axes:
    """Take an axes' frame and ticks away."""
    axes.set_axis_off()
    return axes
