"""Scaled Schoenfeld residuals of the arm with their smooth: the log hazard ratio over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from twoarm.figures.kaplan_meier_plot import time_ticks
from twoarm.figures.log_log_plot import constancy_of, mark_logarithms, write_above
from twoarm.figures.marks import mark_x, new_axes
from twoarm.figures.theme import FAINT, INK, RULE, TREATED, legend_label, new_figure
from twoarm.results.curve import MOST_EVENTS, Curve
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, quote

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_APART = 0.055  # of the axis, at least, between two marks


def schoenfeld_plot(scope: Scope, adjustment: str, endpoint: str) -> Figure | None:
    """Return the figure; None where there is no smooth. Points are missing where single events may not be shown."""
    here = {"adjustment": adjustment, "endpoint": endpoint}
    smooth, points = (scope.curve(kind=kind, **here) for kind in ("schoenfeld_smooth", "schoenfeld"))
    if smooth is None or not smooth.columns["time"]:
        return None
    figure = new_figure(6.2, 4.2)
    axes = new_axes(figure, (0.12, 0.13, 0.84, 0.72))
    if points is not None:
        scale, values = (_array(points.sampled(MOST_EVENTS), name) for name in ("scale", "log_hazard_ratio"))
        all_of_them = scale.size == smooth.columns["events"][-1]
        axes.plot(scale, values, linestyle="", marker="o", markersize=2.4, color=FAINT, alpha=0.45,
                  markeredgewidth=0, label="Events" if all_of_them else "Events (a selection)")  # fmt: skip
    scale = _array(smooth, "scale")
    axes.fill_between(scale, _array(smooth, "lower"), _array(smooth, "upper"), color=TREATED, alpha=0.16, linewidth=0)
    axes.plot(scale, _array(smooth, "log_hazard_ratio"), color=TREATED, linewidth=1.7,
              label=f"Smooth with {scope.confidence} limits")  # fmt: skip
    _average(axes, scope, adjustment, endpoint)
    axes.axhline(0, color=RULE, linewidth=0.8, zorder=0)
    _frame(axes, scope, smooth, endpoint)
    write_above(figure, constancy_of(scope, adjustment, endpoint))
    return figure


def _array(curve: Curve, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in curve.columns[name]], dtype=np.float64)


def _average(axes: Axes, scope: Scope, adjustment: str, endpoint: str) -> None:
    found = average_of(scope, adjustment, endpoint)
    if found is not None:
        axes.axhline(found[0], color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label=found[1].text)


def average_of(scope: Scope, adjustment: str, endpoint: str) -> tuple[float, Cell] | None:
    """Return the model's log hazard ratio, and the hazard ratio as text; None where it was not estimated."""
    here = {"adjustment": adjustment, "analysis": "hazard_ratio", "endpoint": endpoint, "arm": scope.contrast}
    height, ratio = (scope.first(**here, variable="", statistic=s) for s in ("log_hazard_ratio", "hazard_ratio"))
    if height is None or height.value is None or ratio is None:
        return None
    return float(height.value), quote(f"Average HR {scope.numbers.hazard(ratio)}", height, ratio)


def _frame(axes: Axes, scope: Scope, smooth: Curve, endpoint: str) -> None:
    scale, time = (_array(smooth, name) for name in ("scale", "time"))
    width = max(float(scale[-1] - scale[0]), 1e-9)
    axes.set_xlim(scale[0] - 0.02 * width, scale[-1] + 0.02 * width)
    ticks = scale_ticks(scale.tolist(), (time / scope.protocol.unit_days).tolist(), scope.protocol.time_unit)
    mark_x(axes, [place for place, _ in ticks], [scope.numbers.general(mark) for _, mark in ticks])
    mark_logarithms(axes, scope)
    axes.set_xlabel(f"Time ({scope.protocol.time_unit}), Kaplan-Meier scale")
    axes.set_ylabel("Log hazard ratio, " + legend_label(scope.population.endpoints[endpoint].label, 2.0))
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, frameon=False, fontsize=8.5, borderaxespad=0.1,
        handlelength=2.2,
    )  # fmt: skip


def scale_ticks(scale: Sequence[float], time: Sequence[float], unit: str) -> list[tuple[float, float]]:
    """Return (place, time) of the marks of a time axis that is stretched where events are many.

    >>> scale_ticks([0.0, 0.5, 1.0], [0.0, 12.0, 108.0], "months")[:4]
    [(0.0, 0.0), (0.25, 6.0), (0.5, 12.0), (0.5625, 24.0)]
    """
    width = max(scale[-1] - scale[0], 1e-9)
    fine = [*time_ticks(time[-1] / 3, unit), *time_ticks(time[-1], unit)]
    shown: list[tuple[float, float]] = []
    for mark in sorted(set(fine)):
        place = float(np.interp(mark, time, scale))
        inside = time[0] <= mark <= time[-1]
        if inside and (not shown or place - shown[-1][0] >= _APART * width):
            shown.append((place, mark))
    return shown
