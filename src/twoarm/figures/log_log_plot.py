"""log(-log S) of both arms against the logarithm of time: parallel lines under proportional hazards."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from twoarm.figures.kaplan_meier_plot import thinned
from twoarm.figures.marks import mark_x, mark_y, new_axes, usual_places
from twoarm.figures.theme import COMPARATOR, DASHES, TREATED, legend_label, new_figure
from twoarm.results.curve import Curve
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, quote

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = (1, 2, 5)  # within each power of ten
_MOST_TICKS = 9


def log_log_plot(scope: Scope, adjustment: str, endpoint: str) -> Figure | None:
    """Return the figure; None where an arm has no curve, or none between 0 and 1."""
    curves = [scope.curve(kind="survival", adjustment=adjustment, endpoint=endpoint, arm=arm) for arm in scope.arms]
    figure = new_figure(6.2, 4.2)
    axes = new_axes(figure, (0.12, 0.13, 0.84, 0.68))
    reach: list[float] = []
    for curve, colour, dashes in zip(curves, (TREATED, COMPARATOR), ("treated", "comparator"), strict=True):
        drawn = None if curve is None else _draw(axes, curve, scope.protocol.unit_days, colour, dashes)
        if drawn is None:
            return None
        reach += drawn
    _frame(axes, scope, endpoint, min(reach), max(reach))
    write_above(figure, constancy_of(scope, adjustment, endpoint))
    return figure


def write_above(figure: Figure, cell: Cell | None) -> None:
    """Write a line above the legend, where no curve can be."""
    if cell is not None:
        figure.text(0.125, 0.985, cell.text, ha="left", va="top", fontsize=8.5)


def _draw(axes: Axes, curve: Curve, unit: float, colour: str, dashes: str) -> tuple[float, float] | None:
    """Draw the steps between S = 1 and S = 0; return the first and last time, None where there are none."""
    columns = thinned(curve)
    inside = (columns["survival"] > 0) & (columns["survival"] < 1) & (columns["time"] > 0)
    if not inside.any():
        return None
    time = columns["time"][inside] / unit
    height = np.log(-np.log(columns["survival"][inside]))
    label = legend_label(curve.arm, 5.4)
    axes.step(time, height, where="post", color=colour, linestyle=DASHES[dashes], linewidth=1.6, label=label)
    return float(time[0]), float(time[-1])


def _frame(axes: Axes, scope: Scope, endpoint: str, first: float, last: float) -> None:
    low, high = first * 0.9, max(last, first * 1.01) * 1.1
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = log_ticks(low, high)
    mark_x(axes, ticks, [scope.numbers.general(tick) for tick in ticks])
    mark_logarithms(axes, scope)
    axes.set_xlabel(f"Time ({scope.protocol.time_unit}), logarithmic scale")
    axes.set_ylabel("log(−log S), " + legend_label(scope.population.endpoints[endpoint].label, 2.2))
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=8.5, borderaxespad=0.1, handlelength=2.6
    )


def mark_logarithms(axes: Axes, scope: Scope) -> None:
    """Mark the axis on the left where the drawing library would."""
    places = usual_places(axes.yaxis)
    mark_y(axes, places, [scope.numbers.general(round(place, 10)).replace("-", "−") for place in places])


def log_ticks(low: float, high: float) -> list[float]:
    """Return marks at 1, 2 and 5 of every power of ten within the axis, or fewer where these are many.

    >>> log_ticks(0.9, 60)
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0]
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for marks in (_MARKS, (1, 3), (1,)):
        ticks = [float(f"{mark * 10.0**power:.6g}") for power in powers for mark in marks]
        shown = [tick for tick in ticks if low <= tick <= high]
        if len(shown) <= _MOST_TICKS:
            return shown
    return shown


def constancy_of(scope: Scope, adjustment: str, endpoint: str) -> Cell | None:
    """Return the arm's test of proportional hazards as the ledger has it; None where there is none."""
    p = scope.first(
        adjustment=adjustment,
        analysis="proportional_hazards",
        endpoint=endpoint,
        arm=scope.contrast,
        variable="",
        statistic="p_value",
    )
    if p is None or p.value is None:
        return None
    return quote(f"Proportional hazards: {scope.numbers.p_text(float(p.value))}", p)
