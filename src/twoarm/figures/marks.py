"""Marks of an axis with their texts: one path, and a text each.

The drawing library makes five artists of each mark and lays them out one by one, which took a fifth of a figure's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twoarm.figures.theme import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

POINTS = 8.5  # size of the texts
LENGTH, GAP, BESIDE = 3.5, 3.5, 4.0  # points: of a mark, from there to its text, from there to the axis's label
_LINE = 1.0  # height of a line of text as a share of its size


def new_axes(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    """Return axes without marks in a box: left, bottom, width and height as shares of the figure's."""
    from twoarm.figures.library import is_known

    if not is_known():
        return figure.add_axes(box)
    from twoarm.figures.unmarked_axes import UnmarkedAxes

    return figure.add_axes(box, axes_class=UnmarkedAxes)


def mark_x(axes: Axes, places: Sequence[float], texts: Sequence[str]) -> None:
    """Mark the axis below; it has its limits already."""
    figure = figure_of(axes)
    point = figure.dpi / 72 / axes.bbox.height  # as a share of the axes' height
    across = axes.get_xaxis_transform()
    _draw(axes, [((place, 0.0), (place, -LENGTH * point)) for place in places], across)
    for place, text in zip(places, texts, strict=True):
        where = place, -(LENGTH + GAP) * point
        figure.text(*where, text, transform=across, ha="center", va="top", fontsize=POINTS)
    _without_marks(axes.xaxis, LENGTH + GAP + _LINE * POINTS)


def mark_y(
    axes: Axes, places: Sequence[float], texts: Sequence[str], points: float = POINTS, length: float = LENGTH
) -> None:
    """Mark the axis on the left; it has its limits already."""
    from twoarm.figures.outlines import OUTLINES

    figure = figure_of(axes)
    point = figure.dpi / 72 / axes.bbox.width
    across = axes.get_yaxis_transform()
    if length:
        _draw(axes, [((0.0, place), (-length * point, place)) for place in places], across)
    widest = 0.0
    for place, text in zip(places, texts, strict=True):
        where = -(length + GAP) * point, place
        made = figure.text(*where, text, transform=across, ha="right", va="center_baseline", fontsize=points)
        widest = max(widest, OUTLINES.get_text_width_height_descent(text, made.get_fontproperties(), False)[0])
    _without_marks(axes.yaxis, length + GAP + widest)


def unmarked(axis: Axis) -> None:
    """Take an axis' own marks away."""
    from matplotlib.ticker import NullLocator

    axis.set_major_locator(NullLocator())
    axis.set_minor_locator(NullLocator())


def usual_places(axis: Axis) -> list[float]:
    """Return where the drawing library would mark an axis that has its limits."""
    low, high = sorted(axis.get_view_interval())
    room = (high - low) * 1e-9
    return [float(place) for place in axis.get_majorticklocs() if low - room <= place <= high + room]


def figure_of(axes: Axes) -> Figure:
    """Return the figure that axes stand in."""
    figure = axes.get_figure(root=True)
    assert figure is not None, "new axes have one"
    return figure


def _draw(axes: Axes, marks: Sequence[tuple[tuple[float, float], tuple[float, float]]], across: Transform) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    ends = [end for mark in marks for end in mark]
    if ends:
        path = Path(ends, [Path.MOVETO, Path.LINETO] * len(marks))
        axes.add_artist(PathPatch(path, transform=across, color=INK, linewidth=0.8, fill=False, clip_on=False))


def _without_marks(axis: Axis, room: float) -> None:
    """Take an axis' own marks away, and keep the room of others from its label."""
    unmarked(axis)
    axis.labelpad = room + BESIDE
