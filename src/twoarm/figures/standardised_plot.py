"""Standardised survival curves: all patients as if all had been in one arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twoarm.figures.kaplan_meier_plot import frame, time_ticks
from twoarm.figures.marks import new_axes
from twoarm.figures.theme import COMPARATOR, DASHES, TREATED, legend_label, new_figure
from twoarm.tables.scope import Scope

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def standardised_plot(scope: Scope, adjustment: str, endpoint: str) -> Figure | None:
    """Return the figure; None where there is no curve."""
    curves = [scope.curve(kind="standardised", adjustment=adjustment, endpoint=endpoint, arm=arm) for arm in scope.arms]
    if any(curve is None or not curve.columns["time"] for curve in curves):
        return None
    figure = new_figure(6.6, 4.0)
    axes = new_axes(figure, (0.14, 0.13, 0.82, 0.75))
    last = 0.0
    for curve, colour, dashes in zip(curves, (TREATED, COMPARATOR), ("treated", "comparator"), strict=True):
        assert curve is not None, "both arms have a curve"
        columns = {name: np.array([np.nan if v is None else v for v in vs]) for name, vs in curve.columns.items()}
        time = np.concatenate(([0.0], columns["time"])) / scope.protocol.unit_days
        survival, lower, upper = (
            100 * np.concatenate(([1.0], columns[name])) for name in ("survival", "lower", "upper")
        )
        label = legend_label(curve.arm, 5.0)
        axes.step(time, survival, where="post", color=colour, linestyle=DASHES[dashes], linewidth=1.6, label=label)
        axes.fill_between(time, lower, upper, step="post", color=colour, alpha=0.13, linewidth=0)
        last = max(last, float(time[-1]))
    frame(axes, scope, endpoint, time_ticks(last, scope.protocol.time_unit), last)
    return figure
