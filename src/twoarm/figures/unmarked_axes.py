"""Axes that have no marks of the drawing library's own; see ``marks``."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis


class _Unmarked:
    """Begins without a mark; the library makes two for each axis, to remember how marks look."""

    def reset_ticks(self) -> None:
        self.majorTicks: list[Any] = []
        self.minorTicks: list[Any] = []


class _Below(_Unmarked, XAxis):
    pass


class _Left(_Unmarked, YAxis):
    pass


class UnmarkedAxes(Axes):
    """Axes as the library makes them, but for the marks: half of what it takes to make them."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        for spine in self.spines.values():
            spine.get_spine_transform()  # a mark would have asked: it puts them in place

    def _init_axis(self) -> None:
        self.xaxis, self.yaxis = _Below(self, clear=False), _Left(self, clear=False)
        spines: Any = self.spines
        for axis, sides in ((self.xaxis, ("bottom", "top")), (self.yaxis, ("left", "right"))):
            for side in sides:
                spines[side].register_axis(axis)
