"""Overlap of the propensity scores: treated above, comparator below, the matched, or the weighted, filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twoarm.figures.marks import mark_x, mark_y, new_axes, usual_places
from twoarm.figures.theme import COMPARATOR, INK, TREATED, legend_label, new_figure
from twoarm.tables.scope import Scope

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def propensity_plot(scope: Scope, adjustment: str) -> Figure | None:
    """Return mirrored histograms; None where there are no scores."""
    curves = [scope.curve(kind="histogram", adjustment=adjustment, arm=arm) for arm in scope.arms]
    if any(curve is None for curve in curves):
        return None
    figure = new_figure(6.2, 3.6)
    axes = new_axes(figure, (0.12, 0.15, 0.84, 0.70))
    reach = [0.0, 0.0]
    for side, (curve, colour, sign) in enumerate(zip(curves, (TREATED, COMPARATOR), (1, -1), strict=True)):
        assert curve is not None, "both arms have scores"
        after = "matched" if "matched" in curve.columns else "weighted"
        columns = {name: np.nan_to_num(np.array(values, dtype=float)) for name, values in curve.columns.items()}
        edges = np.append(columns["left"], columns["right"][-1])
        percent = 100 / max(columns["all"].sum(), 1)
        axes.stairs(
            sign * percent * columns["all"],
            edges,
            fill=True,
            facecolor=colour,
            alpha=0.28,
            linewidth=0,
            label=f"{legend_label(curve.arm, 2.0)}, all",
        )
        share = percent if after == "matched" else 100 / max(columns[after].sum(), 1e-300)
        axes.stairs(
            sign * share * columns[after],
            edges,
            fill=after == "matched",
            color=colour,
            linewidth=0 if after == "matched" else 0.9,
            label=f"{legend_label(curve.arm, 2.0)}, {after}",
        )
        reach[side] = max(float(columns["all"].max()) * percent, float(columns[after].max()) * share) * 1.08
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlim(0, 1)
    axes.set_ylim(-max(reach[1], 1.0), max(reach[0], 1.0))
    scores, shares = usual_places(axes.xaxis), usual_places(axes.yaxis)
    mark_x(axes, scores, [scope.numbers.fixed(score, 1) for score in scores])
    mark_y(axes, shares, [scope.numbers.general(abs(share)) for share in shares])
    axes.set_xlabel("Propensity score")
    axes.set_ylabel("Patients of the arm (%)")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False, fontsize=8, borderaxespad=0.2)
    return figure
