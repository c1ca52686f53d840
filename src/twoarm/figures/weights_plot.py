"""How the weights are spread: treated above, comparator below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twoarm.figures.marks import mark_x, mark_y, new_axes, usual_places
from twoarm.figures.theme import COMPARATOR, INK, TREATED, legend_label, new_figure
from twoarm.tables.scope import Scope

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def weights_plot(scope: Scope, adjustment: str) -> Figure | None:
    """Return mirrored histograms of the weights; None where there are none."""
    curves = [scope.curve(kind="weights", adjustment=adjustment, arm=arm) for arm in scope.arms]
    if any(curve is None for curve in curves):
        return None
    figure = new_figure(6.2, 3.2)
    axes = new_axes(figure, (0.12, 0.17, 0.84, 0.70))
    reach = [1.0, 1.0]
    for side, (curve, colour, sign) in enumerate(zip(curves, (TREATED, COMPARATOR), (1, -1), strict=True)):
        assert curve is not None, "both arms have weights"
        left, right, counts = (np.array(curve.columns[name], dtype=float) for name in ("left", "right", "all"))
        height = 100 * counts / max(counts.sum(), 1)
        label = legend_label(curve.arm, 2.5)
        edges = np.append(left, right[-1])
        axes.stairs(sign * height, edges, fill=True, facecolor=colour, linewidth=0, label=label)
        axes.set_xlim(0, right[-1])
        reach[side] = max(float(height.max()) * 1.08, 1.0)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_ylim(-reach[1], reach[0])
    weights, shares = usual_places(axes.xaxis), usual_places(axes.yaxis)
    mark_x(axes, weights, [scope.numbers.general(weight) for weight in weights])
    mark_y(axes, shares, [scope.numbers.general(abs(share)) for share in shares])
    axes.set_xlabel("Weight")
    axes.set_ylabel("Patients of the arm (%)")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False, fontsize=8, borderaxespad=0.2)
    return figure
