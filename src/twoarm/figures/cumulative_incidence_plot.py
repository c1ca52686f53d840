"""Cumulative incidence of the event and of what competes with it, side by side, with the numbers at risk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from twoarm.figures.kaplan_meier_plot import mark_time_and_shares, thinned, time_ticks, write_at_risk
from twoarm.figures.marks import new_axes
from twoarm.figures.theme import COMPARATOR, DASHES, TREATED, legend_label, new_figure, shortened
from twoarm.results.curve import Curve
from twoarm.tables.cumulative_incidence_table import CAUSES, comparison
from twoarm.tables.journal_styles import PLAIN
from twoarm.tables.scope import Scope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _BOTTOM, _HEIGHT = 0.40, 0.30, 0.545  # of a panel, as shares of the figure
_LEFT = (0.09, 0.58)
_INCHES = 7.4
HEADROOM = 1.3  # above the highest curve, for the comparison in words
SCALES = {5: 1, 10: 2, 20: 5, 40: 10, 60: 20, 80: 20, 100: 20}  # top of the axis in per cent -> step of its marks
_MOST_TICKS = 5
_ARMS = ((TREATED, "treated"), (COMPARATOR, "comparator"))


def cumulative_incidence_plot(scope: Scope, adjustment: str, endpoint: str) -> Figure | None:
    """Return the figure, a panel a cause; None where there is no curve."""
    here = {"kind": "cumulative_incidence", "adjustment": adjustment, "endpoint": endpoint}
    curves = [curve for curve in (scope.curve(**here, arm=arm) for arm in scope.arms) if curve is not None]
    if len(curves) < 2 or not all(curve.columns["time"] for curve in curves):
        return None
    figure = new_figure(_INCHES, 4.6)
    unit = scope.protocol.unit_days
    last = max(float(curve.columns["time"][-1] or 0) for curve in curves) / unit or 1.0
    ticks = time_ticks(last, scope.protocol.time_unit)
    ticks = ticks[:: -(-len(ticks) // _MOST_TICKS)]
    for left, (prefix, title) in zip(_LEFT, CAUSES.items(), strict=True):
        axes = new_axes(figure, (left, _BOTTOM, _WIDTH, _HEIGHT))
        for curve, (colour, dashes) in zip(curves, _ARMS, strict=True):
            _draw(axes, curve, prefix, unit, colour, dashes)
        _frame(axes, scope, ticks, last, top_of_axis(curves, prefix))
        label = scope.population.endpoints[endpoint].label if not prefix else title
        axes.set_title(shortened(label, _WIDTH * _INCHES, 9), loc="left", fontsize=9)
        said = _said(scope, adjustment, endpoint, prefix)
        axes.text(0.02, 0.98, said, transform=axes.transAxes, va="top", fontsize=8)
        write_at_risk(axes, curves, ticks, scope, points=8, inches=_WIDTH * _INCHES)
    figure.axes[0].set_ylabel("Cumulative incidence (%)")
    handles = figure.axes[0].get_legend_handles_labels()[0]
    labels = [legend_label(curve.arm, 5.8) for curve in curves]
    legend = figure.legend(handles, labels, loc="upper left", frameon=False, fontsize=8.5, borderaxespad=0.1)
    legend.set_bbox_to_anchor((_LEFT[0], 0.995))
    return figure


def top_of_axis(curves: Sequence[Curve], prefix: str) -> int:
    """Return the smallest top of the axis, in per cent, that holds a cause with its limits."""
    highest = max(
        (value or 0.0)
        for curve in curves
        for name in ("incidence", "upper")
        for value in curve.columns[f"{prefix}{name}"]
    )
    return next((top for top in SCALES if 100 * highest <= top), 100)


def _draw(axes: Axes, curve: Curve, prefix: str, unit: float, colour: str, dashes: str) -> None:
    columns = thinned(curve)
    time = np.concatenate(([0.0], columns["time"])) / unit
    incidence, lower, upper = (
        100 * np.concatenate(([0.0], columns[f"{prefix}{name}"])) for name in ("incidence", "lower", "upper")
    )
    before = incidence <= 0
    lower[before], upper[before] = 0.0, 0.0
    axes.step(time, incidence, where="post", color=colour, linestyle=DASHES[dashes], linewidth=1.6, label=dashes)
    axes.fill_between(time, lower, upper, step="post", color=colour, alpha=0.13, linewidth=0)


def _frame(axes: Axes, scope: Scope, ticks: list[float], last: float, top: int) -> None:
    axes.set_ylim(0, top * HEADROOM)
    axes.set_xlim(0, last * 1.02)
    mark_time_and_shares(axes, ticks, range(0, top + 1, SCALES[top]))
    axes.set_xlabel(f"Time ({scope.protocol.time_unit})")


def _said(scope: Scope, adjustment: str, endpoint: str, prefix: str) -> str:
    text = "\n".join(cell.text for cell in comparison(scope, adjustment, endpoint, prefix.removesuffix("_")))
    return text.replace("< ", "<").replace("> ", ">") if scope.numbers.style == PLAIN else text
