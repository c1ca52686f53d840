"""Both survival curves with the area between them up to tau: the difference of the restricted means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twoarm.figures.kaplan_meier_plot import frame, thinned, time_ticks
from twoarm.figures.log_log_plot import write_above
from twoarm.figures.marks import new_axes
from twoarm.figures.theme import COMPARATOR, DASHES, FAINT, TREATED, legend_label, new_figure
from twoarm.results.curve import Curve
from twoarm.results.estimate import Estimate
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, quote

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ENDS = ("", "_lower", "_upper")


def restricted_mean_plot(scope: Scope, adjustment: str, endpoint: str) -> Figure | None:
    """Return the figure; None where there is no difference of restricted means, or no curve."""
    here = {"adjustment": adjustment, "endpoint": endpoint}
    curves = [scope.curve(kind="survival", **here, arm=arm) for arm in scope.arms]
    tau = scope.first(**here, analysis="restricted_mean", statistic="tau")
    if tau is None or tau.value is None or any(curve is None or not curve.columns["time"] for curve in curves):
        return None
    figure = new_figure(6.2, 4.2)
    axes = new_axes(figure, (0.12, 0.13, 0.84, 0.68))
    unit, end = scope.protocol.unit_days, float(tau.value)
    treated, comparator = (_steps(curve) for curve in curves if curve is not None)
    _shade(axes, treated, comparator, end, unit)
    last = end
    for curve, (time, survival), colour, dashes in zip(
        curves, (treated, comparator), (TREATED, COMPARATOR), ("treated", "comparator"), strict=True
    ):
        assert curve is not None, "both arms have a curve"
        label = f"{legend_label(curve.arm, 3.2)}: {mean_of(scope, adjustment, endpoint, curve.arm).text}"
        axes.step(
            time / unit, survival, where="post", color=colour, linestyle=DASHES[dashes], linewidth=1.6, label=label
        )
        last = max(last, float(time[-1]))
    axes.axvline(end / unit, color=FAINT, linewidth=0.9, linestyle=(0, (2, 2)))
    frame(axes, scope, endpoint, time_ticks(last / unit, scope.protocol.time_unit), last / unit)
    axes.set_ylabel(legend_label(scope.population.endpoints[endpoint].label, 2.6) + " (%)")
    write_above(figure, difference_of(scope, adjustment, endpoint))
    return figure


Steps = tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]


def _steps(curve: Curve) -> Steps:
    columns = thinned(curve)
    return np.concatenate(([0.0], columns["time"])), np.concatenate(([100.0], columns["survival"] * 100))


def _shade(axes: Axes, treated: Steps, comparator: Steps, tau: float, unit: float) -> None:
    """Fill between the curves up to tau, or to where both are shown, in the colour of the arm that is ahead."""
    end = min(tau, *(float(time[-1]) if survival[-1] > 0 else tau for time, survival in (treated, comparator)))
    time = np.unique(np.concatenate([treated[0], comparator[0], [end]]))
    time = time[time <= end]
    heights = [survival[np.searchsorted(times, time, side="right") - 1] for times, survival in (treated, comparator)]
    for ahead, colour in ((heights[0] > heights[1], TREATED), (heights[0] < heights[1], COMPARATOR)):
        upper = np.where(ahead, np.maximum(*heights), np.minimum(*heights))
        axes.fill_between(time / unit, np.minimum(*heights), upper, step="post", color=colour, alpha=0.22, linewidth=0)


def mean_of(scope: Scope, adjustment: str, endpoint: str, arm: str) -> Cell:
    """Return an arm's restricted mean with its unit."""
    row = scope.first(adjustment=adjustment, analysis="restricted_mean", endpoint=endpoint, arm=arm,
                      statistic="restricted_mean")  # fmt: skip
    return quote(f"mean {scope.numbers.duration(row)} {scope.protocol.time_unit}", row)


def difference_of(scope: Scope, adjustment: str, endpoint: str) -> Cell:
    """Return the difference of the restricted means with tau, its limits and its p-value."""
    here = {"adjustment": adjustment, "analysis": "restricted_mean", "endpoint": endpoint}
    numbers, unit = scope.numbers, scope.protocol.time_unit
    tau = scope.first(**here, statistic="tau")
    gap: list[Estimate | None] = [scope.first(**here, statistic=f"restricted_mean_difference{end}") for end in _ENDS]
    p = scope.first(**here, statistic="p_value")
    text = numbers.with_interval(*(numbers.duration(part) for part in gap))
    tested = f", {numbers.p_text(float(p.value))}" if p is not None and p.value is not None else ""
    return quote(f"Difference up to {numbers.duration(tau)} {unit}: {text}{tested}", tau, *gap, p)
